"""Conditions that name a merged record find what hangs on the survivor, for who may know where it went."""

import httpx
import pytest
from fastapi import FastAPI

from app.db import actors, lists
from app.db.engine import Database
from app.db.orders import ORDERS
from app.domain.related import MOMENTS
from app.jobs.segments import follow_due
from app.kit import clock
from tests.makers.merging import ANY, BOTH, Body, add, contacts, fresh, merged
from tests.makers.organisations import Organisation
from tests.makers.work import work_off


async def found(client: httpx.AsyncClient, plural: str, where: Body) -> set[str]:
    """The ids that a condition finds, which are as many as it counts."""
    listed = await client.post(f"/v1/{plural}/search", json={"where": where})
    assert listed.status_code == 200, listed.text
    ids = {one["id"] for one in listed.json()["data"]}
    counted = await client.post(f"/v1/{plural}/count", json={"where": where})
    assert counted.json() == {"count": len(ids)}
    return ids


@BOTH
async def test_what_hangs_on_the_survivor_is_found_by_the_id_of_whom_it_was_merged_from(
    org: Organisation, plural: str
):
    a, b, c, d = await contacts(org, *"abcd")
    of_a, of_c, of_d = [(await add(org, plural, fresh(plural, one["name"], one)))["id"] for one in (a, c, d)]
    none = (await add(org, plural, fresh(plural, "none")))["id"]
    await merged(org, b, a)
    await merged(org, c, b)
    theirs = {of_a, of_c}
    for gone in (a, b, c):
        listed = (await org.admin.get(f"/v1/{plural}", params={"contact_id": gone["id"]})).json()["data"]
        assert {one["id"] for one in listed} == theirs
        for op, value, expected in (
            ("eq", gone["id"], theirs),
            ("ne", gone["id"], {of_d, none}),
            ("in", [gone["id"]], theirs),
            ("in", [d["id"], gone["id"], "00000000-0000-7000-8000-000000000000"], theirs | {of_d}),
            ("not_in", [gone["id"], d["id"]], {none}),
            ("in", [], set()),
        ):
            where = {"field": "contact_id", "op": op, "value": value}
            assert await found(org.admin, plural, where) == expected, (op, value)
    if plural in MOMENTS:
        more = {"of": plural, "measure": "count", "op": "gte", "value": 2}
        where = more | {"where": {"field": "contact_id", "op": "eq", "value": a["id"]}}
        assert await found(org.admin, "contacts", where) == {c["id"]}
    gone = {"field": "merged_into_id", "op": "eq", "value": b["id"]}
    listed = await org.admin.post("/v1/contacts/search", json={"where": gone, "archived": True})
    assert [one["id"] for one in listed.json()["data"]] == [a["id"]]


@pytest.mark.parametrize("op", ["eq", "in"])
async def test_an_index_finds_what_hangs_on_whoever_is_named(org: Organisation, owner: Database, op: str):
    [one] = await contacts(org, "a")
    many = {"items": [fresh("orders", str(n), one if n < 5 else None) for n in range(2_000)]}
    assert (await org.admin.post("/v1/orders/bulk", json=many)).json()["created"] == 2_000
    async with owner.connection() as connection:
        await connection.execute("analyze orders")
    raw = {"field": "contact_id", "op": op, "value": one["id"] if op == "eq" else [one["id"]]}
    page = lists.Page(ORDERS, lists.condition(ORDERS, raw, clock.now()))
    question, _ = lists._counting(await actors.system(org.database, org.id), page, None)
    statement = question.statement
    async with org.database.connection(org.id) as connection:
        plan = await connection.fetch(f"explain {statement.sql}", *statement.values(question.binds))
    assert any("Index Cond" in line and "contact_id = " in line for (line,) in plan), plan


async def test_companies_are_followed_likewise_and_so_are_trees_of_them(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    a, b, above = [await add(org, "companies", {"name": f"tea {name}"}) for name in ("a", "b", "above")]
    [one] = await contacts(org, "one", company_id=a["id"])
    [two] = await contacts(org, "two", company_id=b["id"])
    below = await add(org, "companies", {"name": "tea below", "parent_id": a["id"]})
    done = await org.admin.post(f"/v1/companies/{b['id']}/merge", json={"others": [a["id"]]}, headers=ANY)
    assert done.status_code == 200, done.text
    named = {"field": "company_id", "op": "eq", "value": a["id"]}
    assert await found(org.admin, "contacts", named) == {one["id"], two["id"]}
    listed = (await org.admin.get(f"/v1/companies/{a['id']}/contacts")).json()["data"]
    assert {each["id"] for each in listed} == {one["id"], two["id"]}
    standing = {"field": "parent_id", "op": "eq", "value": a["id"]}
    assert await found(org.admin, "companies", standing) == {below["id"]}
    assert await found(org.admin, "contacts", {"company": standing}) == set()
    # Where words are sought, a few records are walked first, among which the one that is named may not be.
    monkeypatch.setattr(lists, "_WALKS", (2, 2))
    others = {"where": {"not": standing}, "q": "tea", "limit": 1}
    newest = await org.admin.post("/v1/companies/search", json=others)
    assert [each["id"] for each in newest.json()["data"]] == [above["id"]]


async def test_whom_a_contact_is_found_by_need_not_be_among_those_walked_first(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    gone, *others, survivor = await contacts(org, "tea gone", "tea b", "tea c", "tea a")
    await add(org, "orders", fresh("orders", "1", gone))
    await merged(org, survivor, gone)
    theirs = {"field": "contact_id", "op": "eq", "value": gone["id"]}
    counted = {"of": "orders", "measure": "count", "where": theirs, "op": "gte", "value": 1}
    said = {"where": {"not": counted}, "q": "tea"}
    for lengths in ((0, 0), (1, 1), (3, 3), (100, 100)):
        monkeypatch.setattr(lists, "_WALKS", lengths)
        for limit in (1, 9):
            listed = await org.admin.post("/v1/contacts/search", json=said | {"limit": limit})
            assert listed.status_code == 200, listed.text
            shown = [each["id"] for each in listed.json()["data"]]
            assert shown == [one["id"] for one in reversed(others)][:limit], (lengths, limit)


async def test_who_may_not_know_where_a_contact_went_finds_nothing_by_its_id(org: Organisation):
    read = {"order": ["*"], "contact": ["name"]}
    for name, scopes, fields in (
        ("unscoped", ["orders:read"], {"*": ["*"]}),
        ("untold", ["orders:read", "contacts:read"], read),
    ):
        await org.role(name, scopes=scopes, sight={"*": "all"}, read=fields)
    me, mine = await org.user("mine", "sales")
    them, theirs = await org.user("them", "sales")
    [seen] = await contacts(org, "a", owner_id=str(me))
    [hidden] = await contacts(org, "b", owner_id=str(them))
    order = await add(org, "orders", fresh("orders", "1", hidden) | {"owner_id": str(me)})
    await merged(org, hidden, seen)
    named = {"field": "contact_id", "op": "in", "value": [seen["id"]]}
    clients = [(await org.user(name, name))[1] for name in ("unscoped", "untold")]
    for client in (mine, theirs, *clients):
        assert await found(client, "orders", {"all": []}) == {order["id"]}
        assert await found(client, "orders", named) == set()
        assert await found(client, "orders", {"not": named}) == {order["id"]}
    assert await found(org.admin, "orders", named) == {order["id"]}


async def test_a_segment_follows_a_merge_and_is_known_from_then_on_to_who_may_be_told_of_it(
    service: FastAPI, org: Organisation
):
    await org.role(
        "narrow",
        scopes=["contacts:read", "segments:read"],
        sight={"*": "all", "company": "own"},
        read={"*": ["*"]},
    )
    _, narrow = await org.user("narrow", "narrow")
    a, b = [await add(org, "companies", {"name": name}) for name in "ab"]
    [one] = await contacts(org, "one", company_id=a["id"])
    [two] = await contacts(org, "two", company_id=b["id"])
    named = {"field": "company_id", "op": "eq", "value": a["id"]}
    made = await add(org, "segments", {"name": "a", "kind": "dynamic", "condition": named})
    nested = {"segment": made["id"], "op": "in"}
    outer = await add(org, "segments", {"name": "of a", "kind": "dynamic", "condition": nested})

    async def inside() -> set[str]:
        for _ in range(9):
            await work_off(service)
            await follow_due(org.database, clock.now())
        listed = (await org.admin.get(f"/v1/segments/{made['id']}/members")).json()["data"]
        return {each["id"] for each in listed}

    async def known() -> list[int]:
        return [(await narrow.get(f"/v1/segments/{each['id']}")).status_code for each in (made, outer)]

    assert await inside() == {one["id"]}
    assert await known() == [200, 200]
    done = await org.admin.post(f"/v1/companies/{b['id']}/merge", json={"others": [a["id"]]}, headers=ANY)
    assert done.status_code == 200, done.text
    assert await inside() == {one["id"], two["id"]}
    assert await known() == [404, 404]
    late = await add(org, "segments", {"name": "late", "kind": "dynamic", "condition": named})
    assert (await narrow.get(f"/v1/segments/{late['id']}")).status_code == 404
    undone = await org.admin.post(f"/v1/merges/{done.json()['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert await inside() == {one["id"]}


@pytest.mark.parametrize(
    ("sight", "fields"), [({"*": "all"}, ["name"]), ({"contact": "all", "company": "own"}, ["*"])]
)
async def test_who_may_not_be_told_of_a_merge_learns_nothing_of_it_by_saving_a_segment(
    service: FastAPI, org: Organisation, sight: Body, fields: list[str]
):
    everything = {"contact": ["*"], "segment": ["*"]}
    scopes = ["contacts:read", "companies:read", "segments:read", "segments:write"]
    read = {**everything, "company": fields}
    await org.role("narrow", scopes=scopes, sight=sight, read=read, write=everything)
    _, narrow = await org.user("narrow", "narrow")
    a, b, other = [await add(org, "companies", {"name": name}) for name in ("a", "b", "other")]
    [one] = await contacts(org, "one", company_id=b["id"])
    done = await org.admin.post(f"/v1/companies/{b['id']}/merge", json={"others": [a["id"]]}, headers=ANY)
    assert done.status_code == 200, done.text
    for named in (a, other):
        condition = {"field": "company_id", "op": "eq", "value": named["id"]}
        said = {"name": named["name"], "kind": "dynamic", "condition": condition}
        made = await narrow.post("/v1/segments", json=said)
        assert made.status_code == 201, made.text
        assert made.json()["condition"] == condition
        here = f"/v1/segments/{made.json()['id']}"
        assert (await narrow.get(here)).status_code == 200
        edited = {"condition": {"all": [condition]}}
        assert (await narrow.patch(here, json=edited, headers=ANY)).status_code == 200
        await work_off(service)
        assert (await narrow.post(f"{here}/rebuild")).is_success
        await work_off(service)
        assert (await narrow.get(f"{here}/members")).json()["data"] == []
    assert await found(org.admin, "contacts", condition | {"value": a["id"]}) == {one["id"]}
