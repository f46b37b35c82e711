"""How likely a deal is won within a period: exact, backwards through its days (dynamic programming; Bellman 1957)."""

from collections.abc import Iterator

import numpy as np

from app.analytics.pipelines.hazards import BANDS, MOST, Model, months
from app.analytics.pipelines.history import Floats, Ints, Period, number
from app.domain.pipelines.stages import StageKind

GROUPS = 200
"""Kinds of deals, by owner and size, that are looked at together."""


class Chances:
    """How likely deals are won within a period, by stage and days in it."""

    def __init__(self, model: Model, now: int, period: Period) -> None:
        self._model = model
        self._first = now
        self._from, self._until = (number(day) for day in period)
        self._band = np.searchsorted(BANDS, np.arange(BANDS[-1] + 1), side="right") - 1
        self._open = np.flatnonzero([stage.kind is StageKind.OPEN for stage in model.stages])

    def of(self, stage: Ints, age: Ints, owner: Ints, size: Ints) -> Floats:
        """The chance of each deal, as of the first day."""
        chance = np.zeros(len(stage))
        kinds, group = np.unique(np.column_stack((owner, size)), axis=0, return_inverse=True)
        place = np.searchsorted(self._open, stage)
        for first in range(0, len(kinds), GROUPS):
            some = kinds[first : first + GROUPS]
            own = (group >= first) & (group < first + GROUPS)
            effects = self._model.effects
            each = effects["owner"][:, some[:, 0]] * effects["size"][:, some[:, 1]]
            table = np.zeros((len(some), len(self._open), len(self._band)))
            for table in self._backwards(each):  # noqa: B007 - the last one, of the first day, is asked for
                pass
            chance[own] = table[group[own] - first, place[own], np.minimum(age[own], BANDS[-1])]
        return chance

    def of_new(self) -> Floats:
        """The chance of a deal that enters a stage, as of each day and one more, by open stage; the first day first."""
        return np.array([table[0, :, 0] for table in self._backwards(np.ones((3, 1)))])[::-1]

    def _backwards(self, effects: Floats) -> Iterator[Floats]:
        """From the end of the period to the first day: chances by kind of deal, stage and days in it.

        V(t) = won (if the period has begun) + moved V(t + 1, new stage, 0) + stayed V(t + 1, same stage, a day more).
        """
        model, keep = self._model, self._open
        won, lost = model.won[keep][:, self._band], model.lost[keep][:, self._band]
        moved = model.moved[keep][:, self._band][:, :, keep]
        found = np.zeros((effects.shape[1], len(keep), len(self._band)))
        yield found
        for day in range(self._until - 1, self._first - 1, -1):
            month = months(np.array([day]))[0]
            now = effects * model.effects["month"][:, month, None]
            wins, losses, moves = (
                rate * of[:, None, None] for rate, of in zip((won, lost, moved.sum(2)), now, strict=True)
            )
            leaves = wins + losses + moves
            cap = MOST / np.maximum(leaves, MOST)  # effects may come to more than a certainty
            older = np.concatenate((found[:, :, 1:], found[:, :, -1:]), axis=2)
            onward = np.einsum("sad,cd,c->csa", moved, found[:, :, 0], now[2])
            found = cap * (wins * (day >= self._from) + onward) + (1 - cap * leaves) * older
            yield found
