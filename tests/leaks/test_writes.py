"""Writing tells no more than reading: answers, replays, dry runs, references, duplicates, items of a bulk."""

from typing import Any

import httpx
import pytest

from app.db.deals import DEALS
from app.kit.ids import new_id
from tests.leaks.world import ANY, NOUNS, World

DRY = {"dry_run": "true"}
_ALL = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}


async def _role(world: World, **columns: Any) -> httpx.AsyncClient:
    """A caller in the stranger's seat, with a role of these columns."""
    name = f"writer {len(world.org.roles)}"
    await world.org.role(name, **{**_ALL, **columns})
    world.org.roles["writer now"] = world.org.roles[name]
    await world.give(("stranger",), name)
    return world.clients["stranger"]


def _without_ids(body: Any, *ids: str) -> str:
    body.pop("request_id", None)
    text = str(body)
    for one in ids:
        text = text.replace(one, "")
    return text


REFERENCES = [
    ("contacts", "company_id", "company", {"name": "x"}),
    ("companies", "parent_id", "company", {"name": "x"}),
    (
        "orders",
        "contact_id",
        "contact",
        {"number": "x", "currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"},
    ),
    (
        "orders",
        "company_id",
        "company",
        {"number": "x", "currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"},
    ),
    ("deals", "contact_id", "contact", {"name": "x", "currency": "CNY"}),
    ("deals", "company_id", "company", {"name": "x", "currency": "CNY"}),
    ("tasks", "contact_id", "contact", {"title": "x"}),
    ("tasks", "company_id", "company", {"title": "x"}),
    ("tasks", "deal_id", "deal", {"title": "x"}),
    ("interactions", "contact_id", "contact", {"kind": "call", "at": "2026-01-01T00:00:00Z"}),
    ("interactions", "company_id", "company", {"kind": "call", "at": "2026-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("plural", "column", "noun", "body"), REFERENCES)
async def test_a_reference_out_of_sight_is_as_unknown_as_one_to_nothing(
    world: World, plural: str, column: str, noun: str, body: dict[str, Any]
):
    client = await _role(world, sight={})
    hidden = next(one for one in world.of(noun) if one.owner == "boss").id
    own = next(
        one for one in world.of(next(n for n in NOUNS if NOUNS[n] == plural)) if one.owner == "stranger"
    ).id
    nobody = str(new_id())
    for dry in ({}, DRY):
        told = []
        for id_ in (hidden, nobody):
            made = await client.post(f"/v1/{plural}", json={**body, column: id_}, params=dry)
            edited = await client.patch(f"/v1/{plural}/{own}", json={column: id_}, params=dry, headers=ANY)
            items = {"items": [{**body, column: id_}, {"id": own, column: id_}]}
            many = await client.post(f"/v1/{plural}/bulk", json=items, params=dry)
            assert (made.status_code, edited.status_code) == (422, 422), (made.text, edited.text)
            assert many.json()["failed"] == 2, many.text
            told.append([_without_ids(answer.json(), hidden, nobody) for answer in (made, edited, many)])
        assert told[0] == told[1]


@pytest.mark.parametrize("noun", ["company", "contact", "order", "deal", "task", "interaction"])
async def test_a_record_out_of_sight_and_none_sound_the_same_to_a_writer(world: World, noun: str):
    client = await _role(world, sight={})
    here = f"/v1/{NOUNS[noun]}"
    hidden = next(
        one for one in world.of(noun) if one.owner == "boss" and "stranger" not in str(one.points)
    ).id
    nobody = str(new_id())
    told = []
    for id_ in (hidden, nobody):
        answers = [
            await client.patch(f"{here}/{id_}", json={"tags": []}, headers=headers)
            for headers in (ANY, {"If-Match": '"0"'})
        ]
        answers += [await client.post(f"{here}/{id_}/{verb}", headers=ANY) for verb in ("archive", "restore")]
        answers.append(await client.post(f"{here}/bulk", json={"items": [{"id": id_, "tags": []}]}))
        if noun == "order":
            answers += [
                await client.post(f"{here}/{id_}/{verb}", json={}, headers=ANY) for verb in ("pay", "refund")
            ]
        if noun == "deal":
            for verb, body in (
                ("move", {"to": "agreed"}),
                ("lose", {"reason": "x"}),
                ("approve", {"to": "agreed"}),
            ):
                answers.append(await client.post(f"{here}/{id_}/{verb}", json=body, headers=ANY))
            answers += [await client.get(f"{here}/{id_}/{part}") for part in ("stages", "targets", "history")]
        told.append([(answer.status_code, _without_ids(answer.json(), hidden, nobody)) for answer in answers])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "field", ["stage", "status", "amount", "entered_at", "closed_at", "approvals", "channel", "custom.open"]
)
async def test_a_move_is_no_way_to_learn_a_hidden_field(world: World, field: str):
    opened = [name for name in DEALS.fields if name not in {field, "custom"}]
    opened += [name for name in ("custom.open", "custom.secret") if name != field]
    client = await _role(world, read={**{noun: ["*"] for noun in NOUNS}, "deal": opened})
    for deal in world.of("deal"):
        here = f"/v1/deals/{deal.id}"
        asked: list[tuple[str, str, dict[str, str] | None]] = [("GET", f"{here}/targets", None)]
        asked += [
            ("POST", f"{here}/{verb}", body)
            for verb, body in (
                ("move", {"to": "agreed"}),
                ("win", {}),
                ("lose", {"reason": "x"}),
                ("reopen", {}),
                ("approve", {"to": "agreed"}),
            )
        ]
        for method, url, body in asked:
            answer = await client.request(
                method, url, json=body, headers=ANY, params=DRY if body is not None else {}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), (url, answer.text)


@pytest.mark.parametrize("field", ["owner_id", "credit"])
async def test_credit_is_no_way_to_guess_a_hidden_owner(world: World, field: str):
    deal = next(one for one in world.of("deal") if one.owner == "boss" and "contact_id" in one.points)
    opened = [name for name in DEALS.fields if name != field]
    client = await _role(world, read={**{noun: ["*"] for noun in NOUNS}, "deal": opened})
    told = []
    for person in ("boss", "child"):
        credit = {"credit": [{"user_id": str(world.people[person]), "share": "100"}]}
        for verb, body in (("reassign", {"owner_id": str(world.people[person])}), ("split", credit)):
            answer = await client.post(f"/v1/deals/{deal.id}/{verb}", json=body, headers=ANY, params=DRY)
            if verb == "reassign" or field == "credit":
                assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), answer.text
            told.append((verb, answer.status_code))
    assert told[:2] == told[2:]


async def test_duplicates_name_no_record_and_no_value(world: World):
    client = await _role(world, sight={})
    order = next(one for one in world.of("order") if one.owner == "boss")
    body = {"number": order.number, "currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"}
    taken = await client.post("/v1/orders", json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "number_taken")
    contact = next(one for one in world.of("contact") if one.owner == "boss")
    named = await client.post("/v1/contacts", json={"name": "x", "external_ids": {"erp": contact.external}})
    assert (named.status_code, named.json()["code"]) == (409, "external_id_taken")
    assert not world.canaries.found(taken.text + named.text)


async def test_conflicts_show_readable_fields_only(world: World):
    contact = world.of("contact")[0]
    client = await _role(world, read={"contact": ["name", "tags"]})
    answer = await client.patch(
        f"/v1/contacts/{contact.id}",
        json={"job_title": "x", "name": "y"},
        headers={"If-Match": '"0"'},
        params=DRY,
    )
    assert answer.status_code == 412
    assert {one["field"] for one in answer.json()["conflicts"]} == {"name", "tags"}


@pytest.mark.parametrize(
    "narrowed",
    [
        pytest.param({"scopes": ["contacts:read"]}, id="scope"),
        pytest.param(
            {"read": {"contact": ["name"]}},
            id="field",
        ),
        pytest.param(
            {"sight": {}},
            id="sight",
        ),
    ],
)
async def test_a_replay_after_access_was_lost_shows_nothing(world: World, narrowed: dict[str, Any]):
    client = await _role(world)
    contact = next(one for one in world.of("contact") if one.owner == "boss")
    asked: dict[str, Any] = {
        "json": {"language": f"zh-{len(world.org.roles)}x"},
        "headers": {**ANY, "Idempotency-Key": "again"},
    }
    asked["headers"]["Idempotency-Key"] = f"again {len(world.org.roles)}"
    first = await client.patch(f"/v1/contacts/{contact.id}", **asked)
    assert first.status_code == 200, first.text
    assert world.canaries.found(first.text)
    await world.redefine("writer now", **narrowed)
    again = await client.patch(f"/v1/contacts/{contact.id}", **asked)
    planted = {h for value in world.canaries.found(again.text) for h in world.canaries.holders[value]}
    assert {field for h in planted if h.record == contact.key for field in h.fields} <= {"name", "id"}
    assert "sight" not in narrowed or not planted - {h for h in planted if h.fields == {"id"}}, again.text


@pytest.mark.parametrize(
    ("noun", "field"), [("contact", "birth_date"), ("product", "cost"), ("contact", "custom")]
)
async def test_a_dry_run_is_no_way_to_guess_a_hidden_value(world: World, noun: str, field: str):
    record = world.of(noun)[0]
    here = f"/v1/{NOUNS[noun]}"
    value = (await world.org.admin.get(f"{here}/{record.id}")).json()[field]
    other = (
        {"custom": {**value, "secret": "x"}}
        if field == "custom"
        else {field: "1950-01-01" if noun == "contact" else "1"}
    )
    client = await _role(world, read={noun: ["name"]})
    told = []
    for body in ({field: value}, other):
        answer = await client.patch(f"{here}/{record.id}", json=body, headers=ANY, params=DRY)
        many = await client.post(f"{here}/bulk", json={"items": [{"id": record.id, **body}]}, params=DRY)
        told.append((answer.status_code, answer.headers["etag"], many.json()["items"][0]["status"]))
    assert told[0] == told[1]


@pytest.mark.parametrize("noun", NOUNS)
async def test_who_may_write_and_not_read_is_shown_nothing(world: World, noun: str):
    client = await _role(world, scopes=[f"{NOUNS[noun]}:write"])
    record = world.of(noun)[0]
    here = f"/v1/{NOUNS[noun]}"
    for headers in (ANY, {"If-Match": '"0"'}):
        answer = await client.patch(f"{here}/{record.id}", json={"tags": []}, headers=headers, params=DRY)
        assert world.canaries.found(answer.text) <= {record.id}
    answer = await client.put(f"{here}/by/erp/{record.external}", json={"tags": []}, params=DRY)
    assert world.canaries.found(answer.text) <= {record.id, record.external}
