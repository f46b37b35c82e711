"""Pipelines and deals as the tests of both draw them, with what must hold of a deal spelled out a second time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.domain import conditions
from app.domain.fields import Field, Kind
from app.domain.pipelines.stages import Guard, Moves, Pipeline, Stage, StageKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PIPELINE, OWNER, SELLER, BOSS = (UUID(int=n) for n in range(1, 5))
ROLES = frozenset({"sales", "manager", "legal"})
FIELDS = {
    one.name: one
    for one in (
        Field("amount", Kind.NUMBER),
        Field("city", Kind.TEXT),
        Field("expected_close", Kind.DATE),
        Field("company_id", Kind.ID),
        Field("tags", Kind.LABELS),
        Field("lost_reason", Kind.TEXT),
        Field("custom.size", Kind.INTEGER),
    )
}


@dataclass(frozen=True)
class Told:
    """A guard as JSON, and what it means in plain Python."""

    raw: dict[str, Any]
    holds: Callable[[dict[str, Any], datetime], bool]


GUARDS = {
    "A deal this small is not quoted.": Told(
        {"field": "amount", "op": "gte", "value": 100},
        lambda deal, _: deal["amount"] is not None and deal["amount"] >= 100,
    ),
    "Deals in 北京 go another way.": Told(
        {"not": {"field": "city", "op": "eq", "value": "北京"}}, lambda deal, _: deal["city"] != "北京"
    ),
    "The expected close lies in the past.": Told(
        {"field": "expected_close", "op": "gte", "value": {"days_ago": 0}},
        # The time zone of the tests is eight hours ahead.
        lambda deal, at: (
            deal["expected_close"] is not None and deal["expected_close"] >= (at + timedelta(hours=8)).date()
        ),
    ),
    "Only sized deals that are urgent.": Told(
        {
            "all": [
                {"field": "custom.size", "op": "gt", "value": 1},
                {"field": "tags", "op": "has", "value": "urgent"},
            ]
        },
        lambda deal, _: deal["custom"].get("size", 0) > 1 and "urgent" in deal["tags"],
    ),
}


def guard(reason: str) -> Guard:
    return Guard(conditions.parse(GUARDS[reason].raw, FIELDS, moving=True), reason)


def certain(kind: StageKind) -> Decimal:
    return Decimal(kind is StageKind.WON)


REQUIRED = st.lists(st.sampled_from(["amount", "city", "tags", "custom.size"]), max_size=2, unique=True)
ODDS = st.decimals(0, 1, places=4)


@st.composite
def stages(draw: st.DrawFn, key: str, kind: StageKind) -> Stage:
    """A stage that mostly asks for little, so that deals get about."""
    asks = draw(st.booleans())
    return Stage(
        key,
        key.upper(),
        kind,
        draw(ODDS) if kind is StageKind.OPEN else certain(kind),
        draw(st.none() | st.integers(1, 90)) if kind is StageKind.OPEN else None,
        tuple(draw(REQUIRED)) if asks else (),
        tuple(draw(REQUIRED)) if asks else (),
        tuple(guard(one) for one in draw(st.lists(st.sampled_from([*GUARDS]), max_size=2, unique=True)))
        if asks
        else (),
        frozenset(draw(st.sets(st.sampled_from(["manager", "legal"]), max_size=2))) if asks else frozenset(),
    )


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """A pipeline in which everything is well but, it may be, the ways between its stages."""
    keys = {
        StageKind.OPEN: [f"o{n}" for n in range(draw(st.integers(1, 5)))],
        StageKind.WON: [f"w{n}" for n in range(draw(st.integers(1, 2)))],
        StageKind.LOST: [f"l{n}" for n in range(draw(st.integers(1, 2)))],
    }
    listed = tuple(draw(stages(key, kind)) for kind, named in keys.items() for key in named)
    opening, going = keys[StageKind.OPEN], [*keys[StageKind.OPEN], *keys[StageKind.WON]]
    pairs = st.tuples(st.sampled_from(opening), st.sampled_from(going)).filter(lambda one: one[0] != one[1])
    return Pipeline(
        PIPELINE,
        "Sales",
        listed,
        Moves(
            draw(st.integers(0, 5)),
            draw(st.integers(0, 5)),
            frozenset(draw(st.sets(pairs, max_size=3))),
            frozenset(draw(st.sets(st.sampled_from(opening)))),
            frozenset(draw(st.sets(st.sampled_from(opening)))),
        ),
    )


def table(pipeline: Pipeline) -> set[tuple[str, str]]:
    """Every pair of stages of which the second may follow the first, written out."""
    opening = [one.key for one in pipeline.stages if one.kind == "open"]
    won = [one.key for one in pipeline.stages if one.kind == "won"]
    lost = [one.key for one in pipeline.stages if one.kind == "lost"]
    moves = pipeline.moves
    pairs = set(moves.listed)
    for place, key in enumerate(opening):
        pairs |= {(key, to) for to in lost}
        pairs |= {(key, to) for to in opening[place + 1 : place + 1 + moves.forward]}
        pairs |= {(key, to) for to in opening[max(place - moves.back, 0) : place]}
        if place + moves.forward >= len(opening):
            pairs |= {(key, to) for to in won}
    pairs |= {(key, to) for key in (*won, *lost) for to in moves.reopened}
    return pairs


VALUES = st.fixed_dictionaries(
    {
        "amount": st.none() | st.sampled_from([Decimal(0), Decimal(99), Decimal(100), Decimal("12345.6789")]),
        "city": st.sampled_from([None, "", " ", "上海", "北京"]),
        "expected_close": st.none()
        | st.dates(NOON.date() - timedelta(days=2), NOON.date() + timedelta(days=9)),
        "tags": st.sampled_from([[], ["urgent"], ["x"]]),
        "custom": st.sampled_from([{}, {"size": 1}, {"size": 5}]),
    }
)
GOOD = {
    "amount": Decimal(500),
    "currency": "CNY",
    "city": "上海",
    "expected_close": (NOON + timedelta(days=400)).date(),
    "tags": ["urgent"],
    "custom": {"size": 5},
}
"""Fields that no guard and no stage misses anything in."""


def a_deal(stage: str, **over: Any) -> dict[str, Any]:
    """A deal that stands in a stage since noon."""
    return {
        **GOOD,
        "pipeline_id": PIPELINE,
        "stage": stage,
        "probability": None,
        "entered_at": NOON,
        "closed_at": None,
        "closed_from": None,
        "lost_reason": None,
        "archived_at": None,
        "owner_id": OWNER,
        "credit": None,
        "approvals": [],
        **over,
    }


def lacks(deal: dict[str, Any], name: str) -> bool:
    """Whether a required field of the tests is not filled in."""
    match name:
        case "amount":
            return deal["amount"] is None
        case "city":
            return deal["city"] in (None, "", " ")
        case "tags":
            return deal["tags"] == []
        case "custom.size":
            return "size" not in deal["custom"]
    raise AssertionError(name)
