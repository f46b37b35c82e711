"""What may happen to a deal next: every stage of its pipeline, and why a deal cannot go there now."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.domain.deals import moves
from app.domain.deals.moves import Asked, Deal, Verb
from app.domain.errors import RuleBroken
from app.domain.moments import Now
from app.domain.pipelines.stages import Pipeline, Stage, StageKind

_CLOSING = {StageKind.WON: Verb.WIN, StageKind.LOST: Verb.LOSE}
_SOME_REASON = "…"
_SOMEBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Target:
    """A stage, the verb that leads there, and the refusal that it would meet now, if any, with its facts."""

    stage: str
    verb: Verb
    allowed: bool = True
    code: str | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def targets(deal: Deal, pipeline: Pipeline, roles: Set[str], now: Now) -> list[Target]:
    """Every stage in its order, for somebody of these roles; whoever asks must be allowed to read `pipeline.told()`.

    A loss is taken to have a reason and a winner, of which nothing is known.
    """
    asked = Asked(None, roles, now, business_time=lambda _, __: 0)
    return [_target(deal, pipeline, stage, asked) for stage in pipeline.stages]


def _target(deal: Deal, pipeline: Pipeline, stage: Stage, asked: Asked) -> Target:
    is_open = pipeline.stage(deal["stage"]).kind is StageKind.OPEN
    verb = _CLOSING.get(stage.kind, Verb.MOVE if is_open else Verb.REOPEN)
    try:
        match verb:
            case Verb.WIN:
                moves.plan_win(deal, pipeline, asked, stage=stage.key)
            case Verb.LOSE:
                moves.plan_lose(
                    deal, pipeline, asked, reason=_SOME_REASON, lost_to=_SOMEBODY, stage=stage.key
                )
            case Verb.MOVE:
                moves.plan_move(deal, pipeline, stage.key, asked)
            case _:
                moves.plan_reopen(deal, pipeline, asked, to=stage.key)
    except RuleBroken as refusal:
        return Target(stage.key, verb, False, refusal.code, refusal.detail, refusal.facts)
    return Target(stage.key, verb)
