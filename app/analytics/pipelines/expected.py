"""What a pipeline is expected to win in a period, and how its sum may vary.

New deals that are opened and won before the period ends are apart from those that are open: wins of a Poisson process of
arrivals are a Poisson process, too (thinning; Kingman 1993, sec. 5.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.analytics.pipelines.chances import Chances
from app.analytics.pipelines.hazards import Model, learn, months, sizes
from app.analytics.pipelines.history import Facts, Floats, Ints, Period, Stage, number
from app.domain.pipelines.stages import StageKind

DRAWS = 4_000
SEED = 20_261_122
CHUNK = 4_000_000
"""Draws that are made together."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What may come of the deals that are open, and of new ones."""

    chance: Floats
    """Of each open deal, to be won within the period."""
    amount: Floats
    """What it would be won with; where its own is unknown, what deals are won with."""
    new_deals: float
    """Deals that are not opened yet and will be won within the period."""
    won_with: Floats
    """Amounts that deals were won with."""

    @property
    def of_open(self) -> float:
        """The sum that open deals are expected to come to."""
        return float(self.chance @ self.amount)

    @property
    def of_new(self) -> float:
        """The same of deals that are not opened yet."""
        return self.new_deals * _mean(self.won_with)

    def sums(self, shock: float) -> Floats:
        """Simulated sums, the same each time: each deal is won or not, and a shock that all share multiplies them.

        The shock is lognormal with a mean of 1 and this deviation.
        """
        drawn = np.random.default_rng(SEED)
        sums = np.zeros(DRAWS)
        for some in np.array_split(np.arange(DRAWS), 1 + DRAWS * len(self.chance) // CHUNK):
            sums[some] = (drawn.random((len(some), len(self.chance))) < self.chance) @ self.amount
        counts = drawn.poisson(self.new_deals, DRAWS)
        if len(self.won_with):
            amounts = drawn.choice(self.won_with, int(counts.sum()))
            sums += np.bincount(np.repeat(np.arange(DRAWS), counts), amounts, minlength=DRAWS)
        spread = np.sqrt(np.log1p(shock**2))
        return np.asarray(sums * np.exp(drawn.normal(-(spread**2) / 2, spread, DRAWS)))


def expect(known: Facts, stages: Sequence[Stage], owner: Ints, period: Period) -> Expected:
    """What is expected of a period by what is known; owners are those of all deals."""
    model = learn(known, stages, owner)
    chances = Chances(model, known.now, period)
    standing, won_with = known.standing, _won_with(known)
    age = np.maximum(known.now - standing.entered - 1, 0)
    size = sizes(standing.amount, model.edges)
    return Expected(
        chances.of(standing.stage, age, owner[standing.deal], size),
        np.where(np.isfinite(standing.amount), standing.amount * known.kept, _mean(won_with)),
        _new_deals(model, chances, known.now, period),
        won_with,
    )


def _new_deals(model: Model, chances: Chances, now: int, period: Period) -> float:
    places = np.flatnonzero([stage.kind is StageKind.OPEN for stage in model.stages])
    opened = np.arange(now, number(period[1]))
    if not len(opened):
        return 0.0
    rate = model.arriving[months(opened), None] * model.arrivals[places]
    return float((rate * chances.of_new()[1:]).sum())  # opened on a day, it can be won from the next one on


def _won_with(known: Facts) -> Floats:
    """Amounts of the deals won within the last year; of those that are open, where none was won."""
    amounts = known.won_amount[(known.won >= known.now - 365) & np.isfinite(known.won_amount)]
    return amounts if len(amounts) else known.standing.amount[np.isfinite(known.standing.amount)]


def _mean(amounts: Floats) -> float:
    return float(amounts.mean()) if len(amounts) else 0.0
