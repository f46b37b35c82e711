"""What rows of exports tell of the way of a deal."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.deals import rows
from app.domain.deals.rows import Way
from app.domain.deals.steps import check_order
from app.domain.errors import DomainError, RuleBroken
from app.domain.pipelines.stages import Moves, Pipeline, Stage, StageKind
from tests.makers.pipelines import PIPELINE

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KINDS = {"new": "open", "quote": "open", "won": "won", "lost": "lost"}
LINE = Pipeline(
    PIPELINE,
    "Sales",
    tuple(
        Stage(key, f"Stage {key}", StageKind(kind), Decimal("0.5"), None, (), (), (), frozenset())
        for key, kind in KINDS.items()
    ),
    Moves(5, 5, frozenset(), frozenset({"new"}), frozenset({"quote"})),
)


def day(n: float) -> datetime:
    return NOON + timedelta(days=n)


def told(undated: datetime | None = None, **way: Any) -> list[tuple[str, float]]:
    """The steps that a row tells of, by days since noon."""
    found = rows.steps_of(Way(**way), LINE, undated=undated, time_zone="Asia/Shanghai")
    return [(step.stage, (step.at - NOON) / timedelta(days=1)) for step in found]


@pytest.mark.parametrize(
    ("way", "steps"),
    [
        ({}, []),
        ({"opened_at": day(1)}, [("new", 1)]),
        ({"stage": "ｓｔａｇｅ  QUOTE", "opened_at": day(1)}, [("new", 1), ("quote", 1)]),
        ({"stage": "New", "entered": {"new": day(2)}, "opened_at": day(1)}, [("new", 1)]),
        ({"stage": "won", "opened_at": day(1), "closed_at": day(3)}, [("new", 1), ("won", 3)]),
        # Closed on the day on which it was opened, which begins before the hour of that.
        ({"stage": "won", "opened_at": day(1), "closed_at": day(0.9)}, [("new", 1), ("won", 1)]),
        ({"stage": "won", "closed_at": day(3)}, [("new", 3), ("won", 3)]),
        ({"entered": {"quote": day(2), "new": day(1)}}, [("new", 1), ("quote", 2)]),
        ({"entered": {"lost": day(2), "quote": day(1)}}, [("new", 1), ("quote", 1), ("lost", 2)]),
        # The stage of a closed deal is the one that it was closed in.
        (
            {"stage": "quote", "opened_at": day(1), "entered": {"won": day(4)}},
            [("new", 1), ("quote", 1), ("won", 4)],
        ),
    ],
)
def test_the_way_that_a_row_tells(way: dict[str, Any], steps: list[tuple[str, float]]):
    assert told(**way) == steps


def test_a_row_without_a_moment_takes_the_stated_one_and_else_is_told():
    assert told(day(9), stage="new") == [("new", 9)]
    assert told(day(9)) == [("new", 9)]
    assert told(day(9), stage="won") == [("new", 9), ("won", 9)]
    for way in ({"stage": "new"}, {"stage": "won", "opened_at": day(1)}):
        with pytest.raises(DomainError) as refusal:
            told(**way)
        assert refusal.value.code == "deal_undated"


def test_a_stage_that_is_none_or_not_the_last_is_told():
    for way, code in (
        ({"stage": "elsewhere", "opened_at": day(1)}, "stage_unknown"),
        ({"entered": {"elsewhere": day(1)}}, "stage_unknown"),
        ({"stage": "new", "entered": {"new": day(1), "quote": day(2)}}, "stage_differs"),
    ):
        with pytest.raises(DomainError) as refusal:
            told(**way)
        assert refusal.value.code == code


@given(
    st.none() | st.sampled_from(list(KINDS)),
    st.none() | st.integers(0, 9).map(day),
    st.dictionaries(st.sampled_from(list(KINDS)), st.integers(0, 9).map(day)),
    st.none() | st.integers(0, 9).map(day),
)
def test_whatever_is_told_begins_at_the_first_moment_and_ends_where_the_deal_stands(
    stage: str | None, opened: datetime | None, entered: dict[str, datetime], closed: datetime | None
):
    way = Way(stage, opened, entered, closed, "slow")
    try:
        steps = rows.steps_of(way, LINE, undated=None, time_zone="Asia/Shanghai")
    except RuleBroken:  # what a row contradicts or leaves out; see above
        return
    moments = [*entered.values(), *([opened] if opened else [])]
    if not steps:
        assert not moments
        assert stage is None
        return
    assert steps[0].stage == "new"
    assert {step.stage for step in steps} >= set(entered) | ({stage} if stage else set())
    assert all((step.reason == "slow") == (step.stage == "lost") for step in steps)
    if moments:
        assert steps[0].at == min(moments)
    if closed is None or not moments or closed >= max(moments):
        check_order(steps)


def test_a_deal_that_was_closed_before_it_was_opened_is_not_put_right_in_silence():
    assert told(stage="won", opened_at=day(5), closed_at=day(1)) == [("new", 5), ("won", 1)]
