"""Every field hidden in turn from a role that sees all else: it shows nowhere and cannot be asked about."""

from collections.abc import Iterator
from math import ceil
from typing import Any

import pytest

from app.db.nouns import Noun
from app.db.registry import NOUNS as REGISTRY
from tests.leaks.calls import ROUTES, Route
from tests.leaks.judge import show, trial
from tests.leaks.oracle import ALWAYS, Oracle
from tests.leaks.targets import Targets
from tests.leaks.world import NOUNS, World
from tests.makers.records import WORDS_ONLY

CUSTOM = ("custom.open", "custom.secret")
_PARAMETERS = {
    "tag": "tags",
    "since": "at",
    "before": "at",
    "placed_since": "placed_at",
    "placed_before": "placed_at",
}
_ACROSS = ("/timeline", "/summary", "/contacts", "/events", "/search", "/rfm")


def fields_of(noun: str) -> list[str]:
    """The fields that can be hidden."""
    return [name for name in (*REGISTRY[noun].fields, *CUSTOM) if name not in ALWAYS | {"custom"}]


CASES = [(noun, name) for noun in NOUNS for name in fields_of(noun)]
_AT_ONCE = 3
TOGETHER = [
    (noun, fields_of(noun)[first::step])
    for noun in NOUNS
    for step in [ceil(len(fields_of(noun)) / _AT_ONCE)]
    for first in range(step)
]
"""A few fields of a noun, far from each other."""


def hiding(noun: str, *names: str) -> dict[str, Any]:
    """A role that opens everything but some fields of a noun."""
    rest = [one for one in fields_of(noun) if one not in names]
    read = {**{key: ["*"] for key in NOUNS}, noun: rest}
    return {"scopes": ["*"], "sight": {"*": "all"}, "read": read, "write": {"*": ["*"]}}


def test_every_field_is_planted(world: World):
    planted = {
        (h.noun, name) for holders in world.canaries.holders.values() for h in holders for name in h.fields
    }
    assert set(CASES) - planted - WORDS_ONLY == set(), "plant a value in tests/makers/records.py"


@pytest.fixture(scope="module")
async def masked(world: World) -> World:
    """The world, with a role for one seat that each case defines anew."""
    await world.org.role("masked", **hiding("contact", "name"))
    await world.give(("boss",), "masked")
    return world


def _routes(noun: str) -> list[Route]:
    return [
        (method, template)
        for method, template in ROUTES
        if template.startswith(f"/v1/{NOUNS[noun]}") or template.endswith(_ACROSS)
    ]


def test_every_field_is_hidden_once():
    assert sorted(CASES) == sorted((noun, name) for noun, names in TOGETHER for name in names)


@pytest.mark.parametrize(("noun", "names"), TOGETHER)
async def test_hidden_fields_show_nowhere(masked: World, noun: str, names: list[str]):
    await masked.redefine("masked", **hiding(noun, *names))
    oracle = Oracle(masked, hiding(noun, *names), "boss")
    first = {plural: masked.of(one)[:1] for one, plural in NOUNS.items()}
    faults, seen = await trial(oracle, Targets(masked, first, first, {}), _routes(noun))
    assert not faults, show(faults)
    assert seen, "something must have come out"


def _asked(
    noun: Noun, name: str, value: Any, document: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every way to ask about a field without being shown it."""
    here = f"/v1/{noun.plural}"
    field = noun.fields.get(name)
    if field is None or field.sortable:
        yield "GET", here, {"params": {"sort": name}}
        yield "POST", f"{here}/search", {"json": {"sort": f"-{name}"}}
    if field is None or field.filterable:
        op = "is_empty" if isinstance(value, list) else "is_null"
        test = {"field": name, "op": op, "value": False}
        for where in (test, {"not": {"any": [{"all": [test]}]}}):
            yield "POST", f"{here}/search", {"json": {"where": where}}
            yield "POST", f"{here}/count", {"json": {"where": where}}
    if field is not None:
        yield "GET", here, {"params": {"fields": name}}
        yield "POST", f"{here}/search", {"json": {"fields": ["id", name]}}
    for parameter in document["paths"][here]["get"]["parameters"]:
        if _PARAMETERS.get(parameter["name"], parameter["name"]) == name and value is not None:
            first = value[0] if isinstance(value, list) else value
            yield "GET", here, {"params": {parameter["name"]: first}}


@pytest.mark.parametrize(("noun", "name"), CASES)
async def test_a_hidden_field_cannot_be_asked_about(masked: World, noun: str, name: str):
    await masked.redefine("masked", **hiding(noun, name))
    record = masked.of(noun)[0]
    whole = (await masked.org.admin.get(f"/v1/{NOUNS[noun]}/{record.id}")).json()
    document = masked.org.service.openapi()
    for method, url, asked in _asked(REGISTRY[noun], name, whole.get(name), document):
        answer = await masked.clients["boss"].request(method, url, **asked)
        assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), (url, asked, answer.text)


def _words(world: World, noun: str, name: str, record: str) -> list[str]:
    """The planted values of a field that are in no other field of the record."""
    return [
        value
        for value, holders in world.canaries.holders.items()
        if {h.fields for h in holders if h.record == record} == {frozenset({name})}
        and noun in {h.noun for h in holders}
    ]


@pytest.mark.parametrize(
    ("noun", "name"),
    CASES,
)
async def test_a_hidden_field_does_not_find_its_record(masked: World, noun: str, name: str):
    if not REGISTRY[noun].search:
        return
    await masked.redefine("masked", **hiding(noun, name))
    boss, here = masked.clients["boss"], f"/v1/{NOUNS[noun]}"
    record = masked.of(noun)[0]
    for q in _words(masked, noun, name, record.key)[-2:]:
        listed = (await boss.get(here, params={"q": q})).json()["data"]
        counted = (await boss.post(f"{here}/count", json={"q": q})).json()["count"]
        everywhere = (await boss.get("/v1/search", params={"q": q})).json()["data"]
        assert (listed, counted, everywhere) == ([], 0, []), (q, listed)


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_hidden_external_id_does_not_find_its_record(masked: World, noun: str):
    await masked.redefine("masked", **hiding(noun, "external_ids"))
    boss, record = masked.clients["boss"], masked.of(noun)[0]
    taken = await boss.get(f"/v1/{NOUNS[noun]}/by/erp/{record.external}")
    free = await boss.get(f"/v1/{NOUNS[noun]}/by/erp/nobody")
    assert taken.status_code == free.status_code >= 400
    assert taken.json() | {"request_id": ""} == free.json() | {"request_id": ""}
