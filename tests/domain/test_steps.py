"""The steps of a deal: each goes by the verb of its stage's kind, and what the history has is nothing new."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.deals import moves, steps
from app.domain.deals.moves import Asked, Verb
from app.domain.deals.steps import Step
from app.domain.errors import DomainError, InvalidInput, RuleBroken
from app.domain.moments import Now
from app.domain.pipelines.stages import Pipeline, StageKind
from tests.makers.pipelines import NOON, ROLES, SELLER, a_deal, pipelines

VERBS = {
    (StageKind.OPEN, StageKind.OPEN): Verb.MOVE,
    (StageKind.OPEN, StageKind.WON): Verb.WIN,
    (StageKind.OPEN, StageKind.LOST): Verb.LOSE,
    (StageKind.WON, StageKind.OPEN): Verb.REOPEN,
    (StageKind.LOST, StageKind.OPEN): Verb.REOPEN,
}
DAYS = st.integers(0, 5).map(lambda n: NOON + timedelta(days=n))
KNOWN = st.lists(st.tuples(st.sampled_from("abc"), DAYS), max_size=6).map(
    lambda found: sorted(found, key=lambda one: one[1])
)


def asked(day: int) -> Asked:
    return Asked(SELLER, ROLES, Now(NOON + timedelta(days=day), "Asia/Shanghai"), lambda _, __: 0)


def outcome(call: Any) -> Any:
    """What came of it: a plan, or the code of the refusal."""
    try:
        return call()
    except DomainError as refusal:
        return refusal.code


@given(pipelines(), st.data())
def test_a_step_is_planned_by_the_verb_of_the_two_kinds(line: Pipeline, data: st.DataObject):
    start, to = (data.draw(st.sampled_from(line.stages)) for _ in range(2))
    closed = None if start.kind is StageKind.OPEN else NOON
    deal = a_deal(start.key, closed_at=closed, amount=data.draw(st.none() | st.just(500)))
    reason = "价格" if to.kind is StageKind.LOST else None
    step = Step(to.key, NOON + timedelta(days=1), reason=reason)
    planned = outcome(lambda: steps.plan_step(deal, line, step, asked(1)))
    match VERBS.get((start.kind, to.kind)):
        case Verb.MOVE:
            assert planned == outcome(lambda: moves.plan_move(deal, line, to.key, asked(1)))
        case Verb.WIN:
            assert planned == outcome(lambda: moves.plan_win(deal, line, asked(1), stage=to.key))
        case Verb.LOSE:
            assert planned == outcome(
                lambda: moves.plan_lose(deal, line, asked(1), reason="价格", stage=to.key)
            )
        case Verb.REOPEN:
            assert planned == outcome(lambda: moves.plan_reopen(deal, line, asked(1), to=to.key))
        case None:
            assert planned == "deal_closed"


@given(pipelines())
def test_a_deal_is_lost_for_a_reason_and_no_other_step_takes_one(line: Pipeline):
    deal = a_deal(line.stages[0].key, closed_at=None)
    for stage in line.stages:
        lost = stage.kind is StageKind.LOST
        step = Step(stage.key, NOON, reason=None if lost else "x")
        with pytest.raises(InvalidInput) as refusal:
            steps.plan_step(deal, line, step, asked(1))
        assert refusal.value.code == ("lost_reason_missing" if lost else "reason_not_lost")


@given(KNOWN, KNOWN)
def test_what_a_history_has_is_nothing_new_and_what_comes_after_it_is_taken(
    before: list[Any], after: list[Any]
):
    last = max((at for _, at in before), default=NOON)
    further = [(stage, at + (last - NOON)) for stage, at in after]
    listed = [Step(stage, at) for stage, at in (*before, *further)]
    assert [*steps.not_taken(listed, before, last)] == listed[len(before) :]
    assert not steps.not_taken(listed, [*before, *further], NOON + timedelta(days=99))
    if before and before[0] not in further:  # whoever knows the end of a history alone sends that
        assert [*steps.not_taken(listed[1:], before, last)] == listed[len(before) :]


@given(KNOWN.filter(bool), st.data())
def test_a_step_between_those_of_a_history_is_refused_by_name(before: list[Any], data: st.DataObject):
    last = before[-1][1]
    at = data.draw(DAYS) - timedelta(hours=1)
    step = Step("elsewhere", at)
    if at >= last:
        assert [*steps.not_taken([step], before, last)] == [step]
        return
    with pytest.raises(RuleBroken, match="elsewhere") as refusal:
        steps.not_taken([Step(*before[0]), step], before, last)
    assert (refusal.value.code, refusal.value.facts) == ("step_not_in_history", {"stage": "elsewhere"})


def test_a_step_of_the_same_moment_is_new_only_behind_those_of_the_history():
    before = [("a", NOON), ("b", NOON)]
    listed = [Step(stage, NOON) for stage in "abc"]
    assert steps.not_taken(listed, before, NOON) == listed[2:]
    with pytest.raises(RuleBroken, match="stage c"):
        steps.not_taken([listed[0], listed[2], listed[1]], before, NOON)


@given(st.lists(DAYS, max_size=6))
def test_steps_stand_in_the_order_of_time(days: list[Any]):
    listed = [Step("a", at) for at in days]
    if days == sorted(days):
        steps.check_order(listed)
        return
    with pytest.raises(InvalidInput, match="order of time"):
        steps.check_order(listed)
