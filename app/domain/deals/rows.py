"""What a row of another system's export tells of the way of a deal, as the steps that it takes."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.deals.steps import Step
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.pipelines.stages import Pipeline, Stage, StageKind


@dataclass(slots=True)
class Way:
    """The cells of a row that tell it, each moment with its offset."""

    stage: str | None = None
    """Where the deal stands, by the key or the name of the stage, as the other system writes it."""
    opened_at: datetime | None = None
    entered: Mapping[str, datetime] = field(default_factory=dict)
    """Stage, as that is written, to when it came there."""
    closed_at: datetime | None = None
    lost_reason: str | None = None

    def says(self) -> bool:
        """Whether the row tells anything of it."""
        return bool(self.stage or self.entered or self.opened_at)


def closes_later(way: Way, pipeline: Pipeline) -> bool:
    """Whether the day of closing is yet to come: exports have one column for that and for the day that it was."""
    if way.stage is not None:
        return named(pipeline, way.stage).kind is StageKind.OPEN
    return all(named(pipeline, stage).kind is StageKind.OPEN for stage in way.entered)


def steps_of(way: Way, pipeline: Pipeline, *, undated: datetime | None, time_zone: str) -> list[Step]:
    """The steps that a row tells of; none where it tells nothing.

    A deal is opened at the first moment that is told, in the first stage that is told if deals are opened there, and
    else in the first stage that they are opened in. It came to the open stage in which it stands, where no column says
    when, at the last moment that is told; an open stage beside a closed one with a later moment is where it was closed.
    undated is the moment of rows without any.

    Raises InvalidInput for a stage that the pipeline has not, and RuleBroken for what has no moment.
    """
    stages = list(pipeline.stages)
    came = [(named(pipeline, stage), at) for stage, at in way.entered.items()]
    came.sort(key=lambda one: (one[1], stages.index(one[0])))
    moments = [at for _, at in came] + ([way.opened_at] if way.opened_at else [])
    if way.stage is not None:
        here = named(pipeline, way.stage)
        if came and here.kind is StageKind.OPEN and came[-1][0].kind is not StageKind.OPEN:
            # Where a closed deal's stage is the one that it was closed in.
            if here not in [stage for stage, _ in came]:
                end = came[-1][1]
                before = [at for _, at in came[:-1]] + ([way.opened_at] if way.opened_at else [])
                came.insert(-1, (here, max((at for at in before if at <= end), default=end)))
        elif here not in [stage for stage, _ in came]:
            at = _came_last(way, here, moments, undated, time_zone)
            came.append((here, at))
            moments = moments or [at]
        elif here != came[-1][0]:
            raise RuleBroken(
                "stage_differs",
                f"It stands in {here.name}, and came to {came[-1][0].name} later; map one of both.",
            )
    if not moments:
        return [] if undated is None else [Step(pipeline.entries()[0].key, undated)]
    first, opening = min(moments), pipeline.entries()
    if came and came[0][0] in opening and (came[0][0] == opening[0] or came[0][1] == first):
        came[0] = (came[0][0], first)
    else:
        came.insert(0, (opening[0], first))
    return [Step(stage.key, at, reason=_reason(way, stage)) for stage, at in came]


def named(pipeline: Pipeline, written: str) -> Stage:
    """The stage of a key or a name, whatever its width and its capitals. Raises InvalidInput."""
    for stage in pipeline.stages:
        if folded(written) in {folded(stage.key), folded(stage.name)}:
            return stage
    raise InvalidInput(
        "stage_unknown",
        f"The pipeline {pipeline.name} has no stage called {written[:80]!r}; it has"
        f" {', '.join(stage.name for stage in pipeline.stages)}.",
    )


def folded(text: str) -> str:
    """A name as names of stages are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _came_last(
    way: Way, here: Stage, moments: list[datetime], undated: datetime | None, time_zone: str
) -> datetime:
    last = max(moments, default=None)
    if here.kind is StageKind.OPEN:
        at = last or undated
    elif way.closed_at is None:
        at = undated if last is None else None
    else:
        # A day without a time of day begins before what happened on it.
        zone, at = ZoneInfo(time_zone), way.closed_at
        if last is not None and last.astimezone(zone).date() == at.astimezone(zone).date():
            at = max(last, at)
    if at is None:
        raise undated_deal()
    return at


def undated_deal() -> RuleBroken:
    """The refusal of a deal of which no column says since when it stands where it stands."""
    return RuleBroken(
        "deal_undated",
        "No column of this row says when; map one, or state the moment of rows without any as the option undated.",
    )


def _reason(way: Way, stage: Stage) -> str | None:
    return way.lost_reason if stage.kind is StageKind.LOST else None
