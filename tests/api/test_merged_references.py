"""What names a merged contact by its old id goes to the survivor, by every way in which it can be named."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.db import actors, lists
from app.db.contacts import CONTACTS
from app.db.engine import Database
from app.db.orders import ORDERS
from app.jobs.segments import follow_due
from app.kit import clock
from app.usecases.duplicates import merging
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
Body = dict[str, Any]
NEW: dict[str, Body] = {
    "orders": {"currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"},
    "interactions": {"kind": "call", "at": "2026-01-01T00:00:00Z"},
}
BOTH = pytest.mark.parametrize("plural", NEW)


def fresh(plural: str, code: str, contact: Body | None = None) -> Body:
    own = {"number": code} if plural == "orders" else {"external_ids": {"pbx": code}}
    return {**NEW[plural], **own, **({"contact_id": contact["id"]} if contact else {})}


async def add(org: Organisation, plural: str, body: Body) -> Body:
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def contacts(org: Organisation, *names: str, **more: Any) -> list[Body]:
    return [await add(org, "contacts", {"name": name, **more}) for name in names]


async def merge(org: Organisation, survivor: Body, other: Body) -> Body:
    said = {"others": [other["id"]]}
    answer = await org.admin.post(f"/v1/contacts/{survivor['id']}/merge", json=said, headers=ANY)
    assert answer.status_code == 200, answer.text
    done: Body = answer.json()
    return done


def refusal(answer: httpx.Response, named: Body) -> str:
    """Without what is each answer's own, and without the id that was sent."""
    told = {name: value for name, value in answer.json().items() if name != "request_id"}
    return str(told).replace(named["id"], "it")


async def whose(org: Organisation, plural: str, one: Body) -> str:
    contact: str = (await org.admin.get(f"/v1/{plural}/{one['id']}")).json()["contact_id"]
    return contact


@BOTH
async def test_what_is_hung_on_a_merged_contact_hangs_on_the_survivor(org: Organisation, plural: str):
    a, b, c, d = await contacts(org, *"abcd")
    old = [await add(org, plural, fresh(plural, code, d)) for code in ("1", "2", "3")]
    await merge(org, b, a)
    await merge(org, c, b)
    for gone in (a, b):
        made = await add(org, plural, fresh(plural, f"new {gone['name']}", gone))
        assert made["contact_id"] == c["id"]
    edited = await org.admin.patch(f"/v1/{plural}/{old[0]['id']}", json={"contact_id": a["id"]}, headers=ANY)
    assert edited.json()["contact_id"] == c["id"]
    items = [
        {"id": old[1]["id"], "contact_id": a["id"]},
        fresh(plural, "3", b) if plural == "orders" else {"id": old[2]["id"], "contact_id": b["id"]},
        fresh(plural, "9", a),
        fresh(plural, "10", d),
    ]
    told = (await org.admin.post(f"/v1/{plural}/bulk", json={"items": items})).json()["items"]
    assert [one["status"] for one in told] == ["updated", "updated", "created", "created"]
    assert [await whose(org, plural, one) for one in told] == [c["id"], c["id"], c["id"], d["id"]]
    past = (await org.admin.get(f"/v1/{plural}/{told[2]['id']}/history")).json()["data"]
    assert past[-1]["after"]["contact_id"] == c["id"]


@BOTH
async def test_the_old_id_of_whom_a_record_is_of_already_changes_nothing(org: Organisation, plural: str):
    a, b = await contacts(org, *"ab")
    one = await add(org, plural, fresh(plural, "1", a))
    await merge(org, b, a)
    before = (await org.admin.get(f"/v1/{plural}/{one['id']}")).json()
    same = {"contact_id": a["id"]}
    edited = await org.admin.patch(f"/v1/{plural}/{one['id']}", json=same, headers=ANY)
    assert edited.json() == before
    items = [{"id": one["id"], **same}, fresh(plural, "2", a)]
    told = (await org.admin.post(f"/v1/{plural}/bulk", json={"items": items})).json()["items"]
    assert [each["status"] for each in told] == ["unchanged", "created"]
    assert (await org.admin.get(f"/v1/{plural}/{one['id']}")).json() == before
    more = {"tags": ["late"], **same}
    edited = await org.admin.patch(f"/v1/{plural}/{one['id']}", json=more, headers=ANY)
    assert (edited.json()["tags"], edited.json()["contact_id"]) == (["late"], b["id"])


async def test_who_may_not_read_whose_an_order_is_learns_nothing_by_naming_a_merged_contact(
    org: Organisation,
):
    await org.role(
        "blind",
        scopes=["orders:read", "orders:write"],
        sight={"*": "all"},
        read={"order": ["number"]},
        write={"order": ["contact_id"]},
    )
    _, blind = await org.user("blind", "blind")
    a, b, c = await contacts(org, *"abc")
    orders = [await add(org, "orders", fresh("orders", code, one)) for code, one in (("1", a), ("2", c))]
    await merge(org, b, a)
    moved = []
    for one in orders:
        before = (await blind.get(f"/v1/orders/{one['id']}")).json()["version"]
        said = {"contact_id": a["id"]}
        after = await blind.patch(f"/v1/orders/{one['id']}", json=said, headers=ANY)
        moved.append(after.json()["version"] - before)
    assert moved == [1, 1]


async def test_who_does_not_see_the_survivor_is_refused_as_for_any_contact_that_they_do_not_see(
    org: Organisation,
):
    me, mine = await org.user("mine", "sales")
    [seen] = await contacts(org, "a", owner_id=str(me))
    them, _ = await org.user("them", "sales")
    hidden, other = await contacts(org, "b", "c", owner_id=str(them))
    order = (await mine.post("/v1/orders", json=fresh("orders", "1"))).json()
    await merge(org, hidden, seen)

    async def refusals(contact: Body) -> list[str]:
        named = {"contact_id": contact["id"]}
        items = {"items": [fresh("orders", "3", contact), {"id": order["id"], **named}]}
        answers = [
            await mine.post("/v1/orders", json=fresh("orders", "2", contact)),
            await mine.patch(f"/v1/orders/{order['id']}", json=named, headers=ANY),
            await mine.post("/v1/orders/bulk", json=items),
        ]
        return [refusal(answer, contact) for answer in answers]

    told = await refusals(seen)
    assert told == await refusals(other)
    assert all("reference_unknown" in each and hidden["id"] not in each for each in told)


async def test_what_came_after_the_merge_stays_with_the_survivor_when_it_is_undone(org: Organisation):
    a, b = await contacts(org, *"ab")
    before = await add(org, "orders", fresh("orders", "before", a))
    done = await merge(org, b, a)
    after = await add(org, "orders", fresh("orders", "after", a))
    undone = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert [await whose(org, "orders", one) for one in (before, after)] == [a["id"], b["id"]]
    again = await add(org, "orders", fresh("orders", "again", a))
    assert again["contact_id"] == a["id"]


@BOTH
async def test_what_is_hung_on_a_contact_while_it_is_being_merged_is_not_left_behind(
    org: Organisation, plural: str
):
    a, b = await contacts(org, *"ab")
    async with await org.work() as uow:
        await merging.merge_records(
            uow, CONTACTS, UUID(b["id"]), [UUID(a["id"])], {}, version=None, versions={}
        )
        adding = asyncio.create_task(add(org, plural, fresh(plural, "1", a)))
        await asyncio.sleep(0.3)
        assert not adding.done()
        await uow.commit()
    assert (await adding)["contact_id"] == b["id"]


async def test_a_merged_contact_enters_and_leaves_a_segment_as_its_survivor(org: Organisation):
    a, b = await contacts(org, *"ab")
    segment = await add(org, "segments", {"name": "x", "kind": "static"})
    await merge(org, b, a)

    async def change(**said: Any) -> httpx.Response:
        return await org.admin.post(f"/v1/segments/{segment['id']}/members", json=said)

    assert (await change(add=[a["id"], b["id"]])).json() == {"entered": 1, "left": 0}
    inside = (await org.admin.get(f"/v1/segments/{segment['id']}/members")).json()["data"]
    assert [one["id"] for one in inside] == [b["id"]]
    assert (await change(add=[b["id"]], remove=[a["id"]])).json()["code"] == "member_twice"
    assert (await change(remove=[a["id"]])).json() == {"entered": 0, "left": 1}


async def test_who_does_not_see_the_survivor_moves_nobody_by_naming_whom_they_see(org: Organisation):
    await org.role(
        "own",
        scopes=["segments:write", "contacts:read"],
        sight={"contact": "own", "segment": "all"},
        read={"*": ["*"]},
        write={"*": ["*"]},
    )
    me, mine = await org.user("own", "own")
    [seen] = await contacts(org, "a", owner_id=str(me))
    them, _ = await org.user("them", "sales")
    hidden, other = await contacts(org, "b", "c", owner_id=str(them))
    segment = await add(org, "segments", {"name": "x", "kind": "static"})
    await merge(org, hidden, seen)
    told = []
    for one in (seen, other):
        for way in ("add", "remove"):
            answer = await mine.post(f"/v1/segments/{segment['id']}/members", json={way: [one["id"]]})
            told.append(refusal(answer, one))
            assert answer.json()["code"] == "contact_unknown"
    assert told[:2] == told[2:]


async def test_who_edits_a_merged_contact_is_told_where_it_went_if_they_may_know(org: Organisation):
    await org.role(
        "blind",
        scopes=["contacts:write"],
        sight={"*": "all"},
        read={"contact": ["name"]},
        write={"contact": ["name"]},
    )
    _, blind = await org.user("blind", "blind")
    a, b = await contacts(org, *"ab")
    await merge(org, b, a)
    for client, code in ((org.admin, "merged"), (blind, "archived")):
        refused = await client.patch(f"/v1/contacts/{a['id']}", json={"name": "c"}, headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        [item] = (
            await client.post("/v1/contacts/bulk", json={"items": [{"id": a["id"], "name": "c"}]})
        ).json()["items"]
        assert code in str(item)


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
    await merge(org, b, a)
    await merge(org, c, b)
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
    await merge(org, survivor, gone)
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
    await merge(org, hidden, seen)
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
