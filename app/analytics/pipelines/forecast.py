"""What a pipeline will win in a period, how surely, and how good such forecasts have been.

Deals are won or not by their own chances; what is apart from that by a shock that all share, which is as wide as past
forecasts erred. Of deals that are closed now, none is reopened in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.analytics.pipelines.expected import Expected, expect
from app.analytics.pipelines.history import Day, History, Ints, Period, Stage, facts, won_between
from app.analytics.pipelines.past import INTERVAL, Past, again, shock

COMMIT, BEST_CASE = 0.7, 0.3
"""The least chance of a deal that belongs to the commitment, and to the best case; the rest is pipeline."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the open deals: how many, what they are worth, and what is expected of that."""

    deals: int
    amount: float
    expected: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """A period's sum. Amounts are in the currency of the history, and estimates: not for the books."""

    deal: Ints
    """The open deals, in the order of their chances in `open`."""
    open: Expected
    won: float
    """Within the period before now."""
    expected: float
    """What was won, and what open and new deals are expected to come to."""
    low: float
    """The tenth percentile of the sum."""
    middle: float
    high: float
    """The ninetieth."""
    commit: Part
    best_case: Part
    pipeline: Part
    shock: float
    """Deviation of what all deals share, in parts of the sum."""
    gap: float | None
    """What the expected falls short of the target by; below 0, it is more."""
    chance_of_target: float | None
    past: tuple[Past, ...]


def forecast(
    history: History,
    stages: Sequence[Stage],
    now: Day,
    period: Period,
    *,
    past: Sequence[Period] = (),
    target: float | None = None,
) -> Forecast:
    """What will be won in a period, as of the morning of a day; `past` are periods to forecast again, to learn from."""
    known = facts(history, stages, now)
    before = again(history, stages, known, past)
    wide = shock(before)
    ahead = expect(known, stages, history.owner, period)
    won = won_between(known, *period)
    sums = won + ahead.sums(wide)
    low, middle, high = np.quantile(sums, (INTERVAL[0], 0.5, INTERVAL[1]))
    expected = won + ahead.of_open + ahead.of_new
    return Forecast(
        known.standing.deal,
        ahead,
        won,
        expected,
        float(low),
        float(middle),
        float(high),
        _part(ahead, COMMIT, np.inf),
        _part(ahead, BEST_CASE, COMMIT),
        _part(ahead, 0.0, BEST_CASE),
        wide,
        None if target is None else target - expected,
        None if target is None else float((sums >= target).mean()),
        tuple(before),
    )


def _part(ahead: Expected, least: float, below: float) -> Part:
    own = (ahead.chance >= least) & (ahead.chance < below)
    amount = ahead.amount[own]
    return Part(int(own.sum()), float(amount.sum()), float(ahead.chance[own] @ amount))
