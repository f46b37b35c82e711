"""Pages show every record that was there all along exactly once, in order, whatever happens meanwhile."""

import random
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import cycle
from typing import Any
from uuid import UUID

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.db.registry import NOUNS
from app.domain.fields import Field, Kind
from app.kit.terms import sort_key
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ALL, ANY, Body, Plain, each_noun, problem, run_here

STABLE = 9
CHURN = 3
CUSTOM: dict[str, list[Any]] = {
    "text": [None, "", "a", "北京", "Z" * 10_000],
    "integer": [None, -1, 0, 2**62],
    "number": [None, "0.1", 1.5, 7, "-99999999999999.999999"],
    "boolean": [None, True, False],
    "date": [None, "2026-01-31", "0001-01-01", "9999-12-31"],
    "time": [None, "2026-01-31T08:30:00Z", "2026-01-31T08:30:00.000001+08:00", "9999-12-31T23:59:59.999999Z"],
    "id": [None, "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"],
}
numbers = iter(range(100, 100_000))


def draw(plain: Plain, chance: random.Random) -> Body:
    """A body with values that tie."""
    values = {name: chance.choice(choices) for name, choices in plain.spread.items()}
    if plain.noun.name in {"team", "calendar", "pipeline"}:
        del values["name"]
    body = plain.make(next(numbers)) | values
    if plain.noun.name == "contact":
        body["custom"] = {f"my_{kind}": chance.choice(choices) for kind, choices in CUSTOM.items()}
    return body


async def populate(org: Organisation, plain: Plain, chance: random.Random) -> tuple[set[str], list[str]]:
    """The ids of records that will stay as they are, and of those that will not."""
    if plain.noun.name == "contact":
        for kind in CUSTOM:
            field = {"noun": "contact", "key": f"my_{kind}", "kind": kind, "label": kind}
            assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    ids = []
    for _ in range(STABLE + CHURN):
        answer = await org.admin.post(plain.path, json=draw(plain, chance))
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    chance.shuffle(ids)
    return set(ids[CHURN:]), ids[:CHURN]


def sortable(plain: Plain) -> dict[str, Field]:
    """Every field that a list can be sorted by."""
    fields = {name: field for name, field in plain.noun.fields.items() if field.sortable}
    if plain.noun.name == "contact":
        fields |= {f"custom.my_{kind}": Field(f"custom.my_{kind}", Kind(kind)) for kind in CUSTOM}
    return fields


def comparable(field: Field, record: Body) -> Any:
    """The value as Python orders it like the service."""
    if field.name.startswith("custom."):
        raw = record["custom"].get(field.name.removeprefix("custom."))
    else:
        raw = record[field.name]
    if raw is None:
        return None
    match field.kind:
        case Kind.TEXT if field.name == "name" and {"stage", "domain"} & record.keys():
            return [ord(c) for c in sort_key(raw, person="stage" in record)]
        case Kind.TEXT:
            return [ord(c) for c in raw]
        case Kind.NUMBER:
            return Decimal(str(raw))
        case Kind.TIME:
            return datetime.fromisoformat(raw)
        case Kind.ID:
            return UUID(raw)
    return raw


def ordered(records: Sequence[Body], fields: dict[str, Field], sort: str) -> list[str]:
    """The ids in the order that the sort asks for; what is missing comes last, up or down, and the id decides."""
    parts = sort.split(",")
    if "id" not in [part.removeprefix("-") for part in parts]:
        parts.append("-id" if parts[-1].startswith("-") else "id")
    listed = list(records)
    for part in reversed(parts):
        field = fields[part.removeprefix("-")]
        known = [one for one in listed if comparable(field, one) is not None]
        missing = [one for one in listed if comparable(field, one) is None]
        known.sort(key=partial(comparable, field), reverse=part.startswith("-"))
        listed = known + missing
    return [one["id"] for one in listed]


async def disturb(org: Organisation, plain: Plain, churn: list[str], chance: random.Random) -> None:
    """Insert, edit, archive or restore a record that is not meant to stay as it is."""
    act = chance.choice(["insert", "edit", "archive", "restore"])
    victim = f"{plain.path}/{chance.choice(churn)}"
    if act == "insert":
        answer = await org.admin.post(plain.path, json=draw(plain, chance))
    elif act == "edit":
        name, choices = chance.choice(sorted(plain.spread.items()))
        answer = await org.admin.patch(victim, json={name: chance.choice(choices)}, headers=ANY)
    else:
        answer = await org.admin.post(f"{victim}/{act}", headers=ANY)
    assert answer.status_code < 500, answer.text


async def walk(
    org: Organisation, plain: Plain, sort: str, limit: int, churn: list[str] | None, chance: random.Random
) -> list[Body]:
    """All pages, one after the other, with or without other people's changes between them."""
    seen: list[Body] = []
    cursor = None
    for turn in range(400):
        params: dict[str, Any] = {"limit": limit, "sort": sort} | ({"cursor": cursor} if cursor else {})
        if turn % 2:
            answer = await org.admin.post(f"{plain.path}/search", json=params)
        else:
            answer = await org.admin.get(plain.path, params=params)
        assert answer.status_code == 200, (sort, answer.text)
        page = answer.json()
        assert len(page["data"]) <= limit
        assert page["next"] is None or len(page["data"]) == limit
        seen += page["data"]
        cursor = page["next"]
        if cursor is None:
            return seen
        if churn and turn < 4:  # or pages to which new records are added would never end
            await disturb(org, plain, churn, chance)
    raise AssertionError(f"the pages by {sort} do not end")


@each_noun
async def test_every_sort_shows_every_record_once_and_in_order(org: Organisation, plain: Plain):
    chance = random.Random(plain.noun.name)
    stable, churn = await populate(org, plain, chance)
    fields = sortable(plain)
    limits = cycle(range(2, 7))
    for name in fields:
        for sort in (name, f"-{name}"):
            seen = await walk(org, plain, sort, next(limits), churn, chance)
            kept = [one for one in seen if one["id"] in stable]
            assert [one["id"] for one in kept] == ordered(kept, fields, sort), sort
            assert {one["id"] for one in kept} == stable, sort


@each_noun
async def test_sort_lists_show_every_record_once_and_in_order(org: Organisation, plain: Plain):
    chance = random.Random(plain.noun.name)
    stable, churn = await populate(org, plain, chance)
    fields = sortable(plain)
    part = st.tuples(st.sampled_from(["", "-"]), st.sampled_from(sorted(fields)))
    sorts = st.lists(part, min_size=2, max_size=4, unique_by=lambda one: one[1])

    @settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(sorts, st.integers(1, 7), st.booleans())
    async def any_list(parts: list[tuple[str, str]], limit: int, quiet: bool) -> None:
        sort = ",".join(map("".join, parts))
        seen = await walk(org, plain, sort, limit, None if quiet else churn, chance)
        kept = [one for one in seen if one["id"] in stable]
        assert [one["id"] for one in kept] == ordered(kept, fields, sort)
        assert {one["id"] for one in kept} == stable

    await run_here(any_list)


async def test_a_field_that_is_required_since_yesterday_hides_no_older_record(org: Organisation):
    old = [{"name": f"old {n}"} for n in range(55)]
    assert (await org.admin.post("/v1/contacts/bulk", json={"items": old})).json()["created"] == 55
    field = {"noun": "contact", "key": "size", "kind": "integer", "label": "size", "required": True}
    assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    new = [{"name": f"new {n}", "custom": {"size": n // 2}} for n in range(5)]
    assert (await org.admin.post("/v1/contacts/bulk", json={"items": new})).json()["created"] == 5
    for sort in ("custom.size", "-custom.size", "-custom.size,-name", "custom.size,-name"):
        for limit in (3, 50):
            seen = await walk(org, ALL["contact"], sort, limit, None, random.Random(0))
            fields = {**ALL["contact"].noun.fields, "custom.size": Field("custom.size", Kind.INTEGER)}
            assert [one["id"] for one in seen] == ordered(seen, fields, sort), (sort, limit)
            assert len({one["id"] for one in seen}) == 60, (sort, limit)


async def test_the_longest_values_still_have_a_cursor_that_is_taken(org: Organisation):
    rows = [
        {"name": "张" * 200, "job_title": "\x01" * 500, "occupation": "😀" * 500, "education": "京" * 500}
    ] * 3
    assert (await org.admin.post("/v1/contacts/bulk", json={"items": rows})).json()["created"] == 3
    sort = "name,job_title,occupation,education"
    assert len(await walk(org, ALL["contact"], sort, 1, None, random.Random(0))) == 3


async def test_amounts_of_every_size_have_a_cursor_that_is_taken(org: Organisation):
    line = {"quantity": "9999", "unit_price": "999999999999.9999"}
    for n in range(3):
        order = ALL["order"].make(n) | {"lines": [line]}
        answer = await org.admin.post("/v1/orders", json=order)
        assert answer.status_code == 201, answer.text
    assert len(await walk(org, ALL["order"], "-total", 1, None, random.Random(0))) == 3


async def refused(org: Organisation, path: str, sort: str, cursor: str) -> None:
    """Both ways to list refuse the cursor."""
    params = {"sort": sort, "cursor": cursor}
    for answer in (
        await org.admin.get(path, params=params),
        await org.admin.post(f"{path}/search", json=params),
    ):
        assert answer.status_code == 422, (path, sort, cursor, answer.text)
        assert problem(answer)["code"] == "cursor_invalid"


async def a_cursor(org: Organisation, plain: Plain, sort: str) -> str:
    """The cursor after the first record."""
    answer = await org.admin.get(plain.path, params={"sort": sort, "limit": 1})
    return answer.json()["next"]


@each_noun
async def test_a_cursor_opens_only_the_list_and_sort_that_it_was_made_for(org: Organisation, plain: Plain):
    for n in range(2):
        assert (await org.admin.post(plain.path, json=plain.make(n))).status_code == 201
    cursor = await a_cursor(org, plain, "created_at,updated_at")
    for sort in ("-created_at,-updated_at", "created_at,-updated_at", "updated_at,created_at", "created_at"):
        await refused(org, plain.path, sort, cursor)
    for noun in NOUNS.values():
        other = ALL.get(noun.name)
        if other is not None and other is not plain and (await org.admin.get(other.path)).status_code == 200:
            await refused(org, other.path, "created_at,updated_at", cursor)


async def test_a_cursor_of_a_sort_that_begins_alike_is_refused(org: Organisation):
    plain = ALL["contact"]
    for n in range(2):
        await org.admin.post(plain.path, json=plain.make(n))
    cursor = await a_cursor(org, plain, "-created_at,-updated_at,-job_title")
    await refused(org, plain.path, "-created_at,-updated_at,-occupation", cursor)


async def test_a_changed_cursor_is_refused(org: Organisation):
    plain = ALL["contact"]
    for n in range(2):
        await org.admin.post(plain.path, json=plain.make(n))
    cursor = await a_cursor(org, plain, "name")
    chance = random.Random(1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at in chance.sample(range(len(cursor)), 40):
        other = chance.choice([c for c in alphabet if c != cursor[at]])
        await refused(org, plain.path, "name", cursor[:at] + other + cursor[at + 1 :])
    last = alphabet[alphabet.index(cursor[-1]) ^ 1]
    for wrong in (
        cursor[:-1] + last,
        cursor[:-1],
        cursor[1:],
        cursor + "=",
        cursor + "A",
        "é",
        "\x00",
        "a",
        "=" * 9,
    ):
        await refused(org, plain.path, "name", wrong)
