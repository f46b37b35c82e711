"""The stages that a deal has gone through elsewhere, taken one by one by the verbs that they ask for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from app.domain.deals import moves
from app.domain.deals.moves import Asked, Deal, Plan, Verb
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.pipelines.stages import Pipeline, StageKind

MOST_STEPS = 100
"""Steps of one deal that are taken together."""
Known = tuple[str, datetime]
"""A stage that a deal came to, and when, as its history has it."""


@dataclass(frozen=True, slots=True)
class Step:
    """That a deal came to a stage; the reason is why it was lost there, and lost_to_id the competitor that won it."""

    stage: str
    at: datetime
    why: str | None = None
    reason: str | None = None
    lost_to_id: UUID | None = None


def check_order(steps: Sequence[Step]) -> None:
    """Raise InvalidInput unless the steps stand in the order of time."""
    for before, after in pairwise(steps):
        if after.at < before.at:
            raise InvalidInput(
                "steps_out_of_order",
                f"The step to {after.stage} at {after.at:%Y-%m-%d %H:%M} UTC stands after one of"
                f" {before.at:%Y-%m-%d %H:%M} UTC; send steps in the order of time.",
                field="steps",
            )


def not_taken(steps: Sequence[Step], history: Sequence[Known], entered_at: datetime) -> Sequence[Step]:
    """The steps that come after all that a deal's history has; those that it has are nothing new.

    Raises RuleBroken for a step before the deal came to its stage that the history does not have: it is only added to.
    """
    left, known = Counter(history), []
    for step in steps:
        known.append(left[step.stage, step.at] > 0)
        left[step.stage, step.at] -= 1
    if all(known):
        return ()
    new = known.index(False)
    step = steps[new]
    if step.at >= entered_at and not any(known[new:]):
        return steps[new:]
    raise RuleBroken(
        "step_not_in_history",
        f"This deal did not come to the stage {step.stage} at {step.at:%Y-%m-%d %H:%M} UTC, and has gone on from"
        f" there, last at {entered_at:%Y-%m-%d %H:%M} UTC; what came before is not written anew.",
        stage=step.stage,
    )


def verb_to(deal: Deal, pipeline: Pipeline, stage: str) -> Verb:
    """What brings a deal from its stage to another one. Raises InvalidInput for a stage of another pipeline."""
    match pipeline.stage(deal["stage"]).kind, pipeline.stage(stage).kind:
        case _, StageKind.WON:
            return Verb.WIN
        case _, StageKind.LOST:
            return Verb.LOSE
        case StageKind.OPEN, _:
            return Verb.MOVE
    return Verb.REOPEN


def plan_step(deal: Deal, pipeline: Pipeline, step: Step, asked: Asked) -> Plan:
    """The next step of a deal, by the rules of its verb."""
    verb = verb_to(deal, pipeline, step.stage)
    if verb is not Verb.LOSE:
        must_not_be_lost(step)
    match verb:
        case Verb.WIN:
            return moves.plan_win(deal, pipeline, asked, stage=step.stage)
        case Verb.LOSE:
            return moves.plan_lose(
                deal, pipeline, asked, reason=step.reason or "", lost_to=step.lost_to_id, stage=step.stage
            )
        case Verb.MOVE:
            return moves.plan_move(deal, pipeline, step.stage, asked)
    return moves.plan_reopen(deal, pipeline, asked, to=step.stage)


def must_not_be_lost(step: Step) -> None:
    """Raise InvalidInput for a reason, or a winner, of a step at which no deal is lost: it would be kept nowhere."""
    if step.reason is not None:
        raise InvalidInput(
            "reason_not_lost",
            f"No deal is lost in the stage {step.stage}; leave its reason out, or call it why.",
            field="steps",
        )
    if step.lost_to_id is not None:
        raise InvalidInput(
            "lost_to_not_lost",
            f"No deal is lost in the stage {step.stage}; leave lost_to_id out.",
            field="steps",
        )
