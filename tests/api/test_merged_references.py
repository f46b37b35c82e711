"""What is written under the old id of a merged contact goes to the survivor, by every way in which it can be named."""

import asyncio
from typing import Any
from uuid import UUID

import httpx

from app.db.contacts import CONTACTS
from app.usecases.duplicates import merging
from tests.makers.merging import ANY, BOTH, Body, add, contacts, fresh, merged
from tests.makers.organisations import Organisation


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
    await merged(org, b, a)
    await merged(org, c, b)
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
    await merged(org, b, a)
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
    await merged(org, b, a)
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
    await merged(org, hidden, seen)

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
    done = await merged(org, b, a)
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
    await merged(org, b, a)

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
    await merged(org, hidden, seen)
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
    await merged(org, b, a)
    for client, code in ((org.admin, "merged"), (blind, "archived")):
        refused = await client.patch(f"/v1/contacts/{a['id']}", json={"name": "c"}, headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        [item] = (
            await client.post("/v1/contacts/bulk", json={"items": [{"id": a["id"], "name": "c"}]})
        ).json()["items"]
        assert code in str(item)
