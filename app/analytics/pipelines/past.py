"""Past periods as they would have been forecast, beside what came and what could be said without a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.analytics.pipelines.expected import expect
from app.analytics.pipelines.history import (
    Day,
    Facts,
    Floats,
    History,
    Period,
    Stage,
    facts,
    number,
    won_between,
)  # fmt: skip

INTERVAL = (0.1, 0.9)
"""The parts of the simulated sums that lie below and above the limits of an interval."""
SHOCK, PRESUMED = 0.15, 4
"""The deviation that is presumed of the common shock, and the periods as many as which that counts."""
LEAST_SHOCK, MOST_SHOCK = 0.05, 0.6
LEAST_WON = 20
"""Deals that must have been won before a past period; what was forecast from fewer tells nothing of what comes."""


@dataclass(frozen=True, slots=True)
class Past:
    """A past period as forecast in the morning of its first day, and what came."""

    start: Day
    end: Day
    expected: float
    low: float
    high: float
    by_probability: float
    """Amounts times the probabilities of their stages, of deals whose expected close lay before the period's end."""
    naive: float
    """What was won in the same period a year before, or in as many days just before it."""
    actual: float
    expected_of_open: float
    actual_of_open: float
    """From the deals that were open then."""
    deviation: float
    """Of the simulated sums without the common shock."""


def again(history: History, stages: Sequence[Stage], known: Facts, periods: Sequence[Period]) -> list[Past]:
    """Forecast each of the periods that are over from what was known in the morning of its first day.

    What came is what is known now. Of periods with too little before them there is nothing to say.
    """
    found: list[Past] = []
    for start, end in sorted(periods):
        if number(end) > known.now:
            continue
        then = facts(history, stages, start)
        if len(then.won) < LEAST_WON:
            continue
        expected = expect(then, stages, history.owner, (start, end))
        low, high = np.quantile(expected.sums(shock(found)), INTERVAL)
        found.append(
            Past(
                start,
                end,
                expected.of_open + expected.of_new,
                float(low),
                float(high),
                by_probability(then, stages, end),
                naive(then, (start, end)),
                won_between(known, start, end),
                expected.of_open,
                won_between(known, start, end, then.standing.deal),
                float(expected.sums(0.0).std()),
            )
        )
    return found


def by_probability(known: Facts, stages: Sequence[Stage], end: Day) -> float:
    """Amounts times the probabilities of their stages, of open deals whose expected close lies before a day."""
    return float(np.nansum(known.standing.amount * due(known, stages, end)))


def due(known: Facts, stages: Sequence[Stage], end: Day) -> Floats:
    """The probability of the stage of each open deal whose expected close lies before a day; 0 of the others."""
    probability = np.array([stage.probability for stage in stages])
    return np.where(known.standing.closes < number(end), probability[known.standing.stage], 0.0)


def naive(known: Facts, period: Period) -> float:
    """What was won in the same period a year before; where nothing was won yet then, in as many days before it."""
    start, end = period
    year = np.timedelta64(365, "D")
    if len(known.won) and known.won.min() <= number(start - year):
        return won_between(known, start - year, end - year)
    return won_between(known, start - (end - start), start)


def shock(past: Sequence[Past]) -> float:
    """The deviation of what all deals share: how far past forecasts erred beyond what chance explains.

    By moments (DerSimonian and Laird 1986, eq. 8), in parts of what was expected, with what is presumed.
    """
    excess = [
        ((one.actual - one.expected) ** 2 - one.deviation**2) / one.expected**2
        for one in past
        if one.expected > 0
    ]
    variance = (PRESUMED * SHOCK**2 + sum(excess)) / (PRESUMED + len(excess))
    return float(np.clip(np.sqrt(max(variance, 0.0)), LEAST_SHOCK, MOST_SHOCK))


def measured(past: Sequence[Past]) -> dict[str, Any] | None:
    """How good the forecasts were, beside both baselines; None where no period is past.

    Errors are in the currency of the history: mean absolute error, and bias as the mean of forecast less actual.
    """
    if not past:
        return None
    names = ("expected", "by_probability", "naive")
    errors = {name: np.array([getattr(one, name) - one.actual for one in past]) for name in names}
    mae = {name: float(np.abs(errors[name]).mean()) for name in names}
    return {
        "periods": len(past),
        "mae": mae,
        "bias": {name: float(errors[name].mean()) for name in names},
        "coverage": float(np.mean([one.low <= one.actual <= one.high for one in past])),
        "beats_baselines": mae["expected"] < min(mae["by_probability"], mae["naive"]),
    }
