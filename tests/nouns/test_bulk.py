"""Bulk upserts: each item has its own outcome, and none harms another."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import (
    ALL,
    Body,
    Plain,
    each_bulk_noun,
    history,
    holdings,
    made,
    problem,
    puts,
    shown,
    touched,
)

REFERENCES = {
    "contact": "company_id",
    "company": "parent_id",
    "order": "contact_id",
    "interaction": "contact_id",
    "task": "contact_id",
    "user": "team_id",
    "team": "parent_id",
}
CLASHES = {
    "tag": "field_fixed",
    "custom_field": "field_fixed",
    "exchange_rate": "field_fixed",
    "role": "name_taken",
    "preset": "key_taken",
}
"""What is said where one record is to have the key of another; external ids where a noun has them."""


async def upsert(org: Organisation, plain: Plain, items: list[Any]) -> Body:
    """What came of a batch; the counts add up."""
    answer = await org.admin.post(f"{plain.path}/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [item["index"] for item in body["items"]] == list(range(len(items)))
    for outcome in ("created", "updated", "unchanged", "failed"):
        assert body[outcome] == sum(item["status"] == outcome for item in body["items"])
    assert all(("problem" in item) == (item["status"] == "failed") for item in body["items"])
    assert all(("id" in item) == (item["status"] != "failed") for item in body["items"])
    return body


def has(record: Body, values: Body) -> bool:
    """Whether the record holds the values; amounts are shown with all their places."""
    return all(str(record[name]).rstrip("0") == str(value).rstrip("0") for name, value in values.items())


@each_bulk_noun
async def test_every_item_has_its_own_outcome(org: Organisation, plain: Plain):
    known, by_id, same, other = [await made(org, plain, n) for n in range(4)]
    mark = plain.mark
    cases: list[tuple[Any, str]] = [
        (plain.make(10), "created"),
        (plain.key(0) | touched(plain, 20), "updated"),
        ({"id": by_id["id"]} | touched(plain, 21), "updated"),
        (plain.make(2), "unchanged"),
        ({"id": same["id"]}, "unchanged"),
        (plain.make(11) | {"no_such_field": 1}, "request_invalid"),
        (plain.make(12) | {mark: 5}, "request_invalid"),
        (plain.make(13) | {mark: "\x00"}, "request_invalid"),
        (
            plain.make(14) | {"custom": {"no_such_key": 1}},
            "custom_field_unknown" if plain.noun.custom else "request_invalid",
        ),
        ({}, "incomplete"),
        ({"id": str(uuid4())} | touched(plain, 22), f"{plain.noun.name}_not_found"),
        ({"id": by_id["id"]} | plain.key(3), CLASHES.get(plain.noun.name, "external_id_taken")),
        (plain.make(10), "unchanged"),
        (plain.key(10) | touched(plain, 23), "updated"),
        (None, "request_invalid"),
        ([], "request_invalid"),
        ("text", "request_invalid"),
        (plain.make(15), "created"),
    ]
    if plain.noun.name in REFERENCES:
        cases.append((plain.make(16) | {REFERENCES[plain.noun.name]: str(uuid4())}, "reference_unknown"))
        cases.append((plain.make(17), "created"))
    before = await holdings(org)
    body = await upsert(org, plain, [item for item, _ in cases])
    told = [item["problem"]["code"] if "problem" in item else item["status"] for item in body["items"]]
    assert told == [expected for _, expected in cases]
    after = await holdings(org)
    assert after[plain.noun.plural] == before[plain.noun.plural] + body["created"]
    assert after["events"] == before["events"] + body["created"] + body["updated"]
    assert has(await shown(org, plain, known["id"]), touched(plain, 20))
    assert has(await shown(org, plain, by_id["id"]), touched(plain, 21))
    assert await shown(org, plain, same["id"]) == same
    assert await shown(org, plain, other["id"]) == other
    tenth = body["items"][0]["id"]
    assert [body["items"][n]["id"] for n in (12, 13)] == [tenth, tenth]
    assert has(await shown(org, plain, tenth), touched(plain, 23))
    if puts(plain):
        [(system, external)] = plain.key(10)["external_ids"].items()
        assert (await org.admin.get(f"{plain.path}/by/{system}/{external}")).json()["id"] == tenth
    assert [event["version"] for event in await history(org, plain, tenth)] == [1, 2]


@each_bulk_noun
async def test_the_same_batch_twice_changes_nothing(org: Organisation, plain: Plain):
    full = {**plain.spread, **plain.edits_only}
    items = [
        plain.make(n)
        | {name: values[n % len(values)] for name, values in full.items() if name not in plain.alone}
        for n in range(12)
    ]
    assert (await upsert(org, plain, items))["created"] == 12
    before = await holdings(org)
    assert (await upsert(org, plain, items))["unchanged"] == 12
    one_by_one = [
        await org.admin.put(f"{plain.path}/by/{s}/{e}", json=item)
        for item in items
        for s, e in item.get("external_ids", {}).items()
    ]
    assert {answer.status_code for answer in one_by_one} == ({200} if puts(plain) else set())
    assert await holdings(org) == before


@each_bulk_noun
async def test_a_record_sent_again_as_it_was_made_is_unchanged(org: Organisation, plain: Plain):
    full = {**plain.spread, **plain.edits_only}
    for n in range(3):
        values = {name: values[n % len(values)] for name, values in full.items() if name not in plain.alone}
        record = await made(org, plain, n, **values)
        assert (await upsert(org, plain, [plain.make(n) | values]))["unchanged"] == 1
        fixed = plain.noun.guarded if plain.noun.name in CLASHES else ()
        body = {name: value for name, value in (plain.make(n) | values).items() if name not in fixed}
        here = f"{plain.path}/{record['id']}"
        edited = await org.admin.patch(here, json=body, headers={"If-Match": '"1"'})
        assert edited.json() == record


@each_bulk_noun
async def test_parallel_upserts_of_the_same_keys_make_one_record_each(org: Organisation, plain: Plain):
    async def bulk(turn: int) -> list[str]:
        items = [plain.make(n) | touched(plain, turn, n) for n in range(8)]
        body = await upsert(org, plain, items[turn % 2 :: 1] if turn % 3 else items[::-1])
        return [item["status"] + item.get("problem", {}).get("code", "") for item in body["items"]]

    async def put(turn: int) -> list[str]:
        [(system, external)] = plain.key(0)["external_ids"].items()
        body = plain.make(0) | touched(plain, turn)
        answer = await org.admin.put(f"{plain.path}/by/{system}/{external}", json=body)
        return [str(answer.status_code)]

    before = await holdings(org)
    outcomes = await asyncio.gather(
        *(bulk(turn) for turn in range(6)), *(put(turn) for turn in range(6 * puts(plain)))
    )
    flat = [status for told in outcomes for status in told]
    assert set(flat) <= {"created", "updated", "unchanged", "200", "201"}, flat
    after = await holdings(org)
    assert after[plain.noun.plural] == before[plain.noun.plural] + 8
    assert after["events"] - before["events"] == sum(
        status in {"created", "updated", "201"} for status in flat
    ) + flat.count("200") - unchanged_puts(flat, after, before)


def unchanged_puts(flat: list[str], after: dict[str, int], before: dict[str, int]) -> int:
    """A single upsert answers 200 whether it changed the record or not; versions tell."""
    versions = {name: after[name] - before[name] for name in after if name.endswith("_versions")}
    written = sum(status in {"created", "updated", "201"} for status in flat)
    return written + flat.count("200") - sum(versions.values())


async def test_ten_thousand_items_are_taken_and_one_more_is_not(org: Organisation):
    plain = ALL["contact"]
    items = [{"name": f"n{n}", "external_ids": {"erp": f"{n}"}} for n in range(10_000)]
    items[5_000]["company_id"] = str(uuid4())
    items[7_000]["name"] = ""
    body = await upsert(org, plain, items)
    assert (body["created"], body["failed"]) == (9_998, 2)
    assert [item["index"] for item in body["items"] if item["status"] == "failed"] == [5_000, 7_000]
    del items[7_000], items[5_000]
    before = await holdings(org)
    assert (await upsert(org, plain, items))["unchanged"] == 9_998
    assert await holdings(org) == before
    refused = await org.admin.post(f"{plain.path}/bulk", json={"items": [{"name": "n"}] * 10_001})
    assert problem(refused)["code"] == "items_invalid"


@each_bulk_noun
@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"items": {}}', b'{"items": []}', b'{"items": [{}], "x": 1}', b"\xff", b""]
)
async def test_a_bulk_body_of_another_form_is_refused(org: Organisation, plain: Plain, body: bytes):
    before = await holdings(org)
    refused = await org.admin.post(f"{plain.path}/bulk", content=body)
    assert problem(refused)["code"] in {"json_invalid", "items_invalid"}
    assert await holdings(org) == before
