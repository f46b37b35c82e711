"""Every role, in every seat of the tree of teams, on every route: what it may see comes out and nothing else does."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.domain.access import Sight
from app.domain.roles import BUILTIN
from tests.leaks.calls import DOORLESS, PENDING, ROUTES, calls, routes_of
from tests.leaks.judge import show, trial, where
from tests.leaks.oracle import OWNED, Oracle
from tests.leaks.targets import Targets
from tests.leaks.world import NOUNS, SEATS, World

Values = dict[str, Any]
Others = Mapping[str, Sequence[str]]
_ALL = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
_OWN = {**_ALL, "sight": {}}
_REFUSALS = ("total", "refunded", "placed_at", "paid_at")
"""What the refusals of an order's verbs name, see test_fields."""
_PLURALS = sorted(NOUNS.values())
CUSTOM: dict[str, Values] = {
    **{
        f"sees team {one} and all {other}": {**_OWN, "sight": {one: "team", other: "all"}}
        for one, other in pairwise([*sorted(OWNED), min(OWNED)])
    },
    "sees its own": _OWN,
    **{
        f"without {one} and {other}": {
            **_ALL,
            "scopes": sorted(
                {f"{plural}:read" for plural in {*NOUNS.values()} - {one, other}} | {"events:read"}
            ),
        }
        for one, other in zip_longest(_PLURALS[::2], _PLURALS[1::2], fillvalue=_PLURALS[0])
    },
    "opens one custom field": {
        **_ALL,
        "read": {noun: ["name", "subject", "number", "custom.open", *_REFUSALS] for noun in NOUNS},
    },
    "nothing": {"scopes": [], "sight": {}, "read": {}, "write": {}},
}


def test_every_route_is_tried(service: FastAPI):
    found = routes_of(service)
    assert found - ROUTES.keys() - PENDING == set(), "say in tests/leaks/calls.py how to call these"
    assert (ROUTES.keys() | PENDING) - found == set(), "these are gone; take them out of tests/leaks/calls.py"


def targets(oracle: Oracle, others: Others) -> Targets:
    """Everything to read; to write, one record in sight and one out of it."""
    reading = {plural: oracle.world.of(noun) for noun, plural in NOUNS.items()}
    writing = {}
    for plural, listed in reading.items():
        chosen = [next((one for one in listed if oracle.sees(one) is seen), None) for seen in (True, False)]
        writing[plural] = [one for one in chosen if one]
    return Targets(oracle.world, reading, writing, others)


async def _try_all(world: World, role: str, seats: tuple[str, ...], others: Others) -> None:
    await world.give(seats, role)
    rows = await world.roles()
    faults, missing = [], []
    for seat in seats:
        oracle = Oracle(world, rows[role], seat)
        found, seen = await trial(
            oracle, targets(oracle, others), [route for route in ROUTES if route not in DOORLESS]
        )
        faults += found
        missing += [
            f"{seat}: {value} of {where(world, value)}" for value in sorted(oracle.allowed(whole=True) - seen)
        ]
    assert not faults, show(faults)
    assert not missing, f"{len(missing)} values that may be seen did not come out, such as {missing[:5]}"


async def test_what_is_open_to_everybody_tells_nothing(
    world: World, others: dict[str, list[str]], api: httpx.AsyncClient
):
    everything = targets(Oracle(world, _ALL, "boss"), others)
    for call in calls(everything, DOORLESS):
        answer = await call.send(api)
        assert answer.status_code == 200, call.url
        assert not world.canaries.found(f"{dict(answer.headers)} {answer.text}"), call.url


@pytest.mark.parametrize("role", BUILTIN)
async def test_a_built_in_role_sees_what_is_open_to_it(world: World, others: dict[str, list[str]], role: str):
    await _try_all(world, role, SEATS if BUILTIN[role].sight is not Sight.ALL else SEATS[:1], others)


@pytest.mark.parametrize("role", CUSTOM)
async def test_a_custom_role_sees_what_is_open_to_it(world: World, others: dict[str, list[str]], role: str):
    await world.org.role(role, **CUSTOM[role])
    await _try_all(world, role, ("boss",), dict.fromkeys(others, ()))
