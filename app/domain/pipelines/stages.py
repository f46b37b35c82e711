"""A pipeline: stages in their order, what each asks of a deal, and which of them may follow which.

Open stages come first. Steps are counted between them, and all won stages come one step after the last open one, so
that a deal may be won from as far away as it may skip. A lost stage may follow every open one: a loss that cannot be
recorded would be kept as an open deal. From a closed stage, the only way is to reopen the deal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from app.domain import conditions
from app.domain.conditions import Condition
from app.domain.errors import InvalidInput

WORTH = "amount"
"""The field that no deal is won without, whatever the stages ask for."""


class StageKind(StrEnum):
    """What it means for a deal to stand in a stage."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Guard:
    """What must hold of a deal before it enters a stage, and the sentence that refuses it otherwise."""

    condition: Condition
    reason: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline."""

    key: str
    name: str
    kind: StageKind
    probability: Decimal
    """That a deal standing here is won, from 0 to 1; a deal may have its own."""
    expected_days: int | None = None
    """Business days that a deal is expected to stand here."""
    on_entry: tuple[str, ...] = ()
    """Fields that must be filled in before a deal enters, from wherever."""
    on_exit: tuple[str, ...] = ()
    """Fields that must be filled in before a deal goes on; not before it goes back or is lost."""
    guards: tuple[Guard, ...] = ()
    approvers: frozenset[str] = frozenset()
    """Roles of which one must bring a deal here, or approve that somebody else does; none, and anybody may."""

    def told(self) -> frozenset[str]:
        """The fields that entering or leaving it looks at."""
        tested = (conditions.fields_of(guard.condition) for guard in self.guards)
        return frozenset((*self.on_entry, *self.on_exit)).union(*tested)


@dataclass(frozen=True, slots=True)
class Moves:
    """Which stages may follow which, beside those that are lost."""

    forward: int = 1
    """Steps that a deal may go on at once; 1 is the next stage, 2 skips one."""
    back: int = 0
    """Steps that it may go back at once."""
    listed: frozenset[tuple[str, str]] = frozenset()
    """Pairs of stages, from and to, that are allowed whatever their distance."""
    entries: frozenset[str] = frozenset()
    """Open stages in which deals are opened; without any, the first."""
    reopened: frozenset[str] = frozenset()
    """Open stages to which closed deals come back; without any, they stay closed."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in their order, and the moves between them; checked by `app.domain.pipelines.definitions`."""

    id: UUID
    name: str
    stages: tuple[Stage, ...]
    moves: Moves = field(default_factory=Moves)

    def of_kind(self, kind: StageKind) -> tuple[Stage, ...]:
        """The stages of a kind, in their order."""
        return tuple(stage for stage in self.stages if stage.kind is kind)

    def by_key(self) -> Mapping[str, Stage]:
        """The stages by their keys."""
        return {stage.key: stage for stage in self.stages}

    def stage(self, key: str) -> Stage:
        """The stage of a key. Raises InvalidInput for a key that is none here, as one of another pipeline."""
        found = self.by_key().get(key)
        if found is None:
            raise InvalidInput(
                "stage_not_in_pipeline",
                f"The pipeline {self.name} has no stage {key!r}; it has {', '.join(self.by_key())}.",
                stages=list(self.by_key()),
            )
        return found

    def entries(self) -> tuple[Stage, ...]:
        """The stages in which deals are opened."""
        opening = self.of_kind(StageKind.OPEN)
        return tuple(stage for stage in opening if stage.key in self.moves.entries) or opening[:1]

    def steps(self, start: Stage, to: Stage) -> int:
        """How far it is from an open stage to another, or to a won one; below zero for the way back."""
        return self._place(to) - self._place(start)

    def allows(self, start: Stage, to: Stage) -> bool:
        """Whether a stage may follow another, by whichever verb."""
        match start.kind, to.kind:
            case ((StageKind.WON | StageKind.LOST), kind):
                return kind is StageKind.OPEN and to.key in self.moves.reopened
            case _, StageKind.LOST:
                return True
        steps = self.steps(start, to)
        near = 0 < steps <= self.moves.forward or 0 < -steps <= self.moves.back
        return near or (start.key, to.key) in self.moves.listed

    def following(self, start: Stage) -> tuple[Stage, ...]:
        """The stages that may follow one, in their order."""
        return tuple(to for to in self.stages if self.allows(start, to))

    def told(self) -> frozenset[str]:
        """The fields that an answer about its moves tells of: whoever asks must be allowed to read every one."""
        return frozenset({WORTH}).union(*(stage.told() for stage in self.stages))

    def _place(self, stage: Stage) -> int:
        opening = self.of_kind(StageKind.OPEN)
        return opening.index(stage) if stage.kind is StageKind.OPEN else len(opening)
