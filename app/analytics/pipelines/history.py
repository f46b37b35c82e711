"""What happened to deals before a moment, in columns: the only place from which the models take their facts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.domain.pipelines.stages import StageKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]
Day = np.datetime64
Period = tuple[Day, Day]
"""The first day, and the one after the last."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of one of the pipelines; stages of a pipeline stand together in their order."""

    pipeline: int
    kind: StageKind
    probability: float
    """That a deal in it is won, as the pipeline has it."""


@dataclass(frozen=True, slots=True)
class History:
    """Entries to stages, in any order, and what was known with each; deals and owners are numbers from 0.

    An entry to the stage that the deal stands in tells a new amount or expected close. Times are on the clock of the
    organisation's wall; amounts are in its currency, NaN where unknown; an expected close is NaT where unknown.
    """

    deal: Ints
    stage: Ints
    at: Days
    amount: Floats
    closes: Days
    owner: Ints
    """Of each deal."""

    def until(self, day: Day) -> "History":
        """The same without any entry of this day or later."""
        kept = self.at < day.astype("datetime64[s]")
        columns = ("deal", "stage", "at", "amount", "closes")
        return replace(self, **{name: getattr(self, name)[kept] for name in columns})


@dataclass(frozen=True, slots=True)
class Visits:
    """Each stay in an open stage, from its day of entry to its day of exit; NEVER, and -1, for who still stands there."""

    deal: Ints
    stage: Ints
    entered: Ints
    left: Ints
    to: Ints
    amount: Floats
    """The latest known while it stood there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The deals that stand in an open stage."""

    deal: Ints
    stage: Ints
    entered: Ints
    amount: Floats
    closes: Ints
    """The day of the expected close; NEVER where unknown."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A history taken apart, as of a day that it does not reach."""

    now: int
    visits: Visits
    standing: Standing
    opened: Ints
    """The day of each first entry, of deals that are known."""
    opened_in: Ints
    opened_deal: Ints
    won: Ints
    """The days on which deals were won, and the amounts."""
    won_amount: Floats
    won_deal: Ints
    kept: float
    """What is left of an amount when its deal is won; 1 where little is known."""


KEPT = 10
"""Won deals as many as which it takes to believe half of what they say of that."""


def days(dates: Days) -> Ints:
    """Days since 1970."""
    return dates.astype("datetime64[D]").astype(np.int64)


def number(day: Day) -> int:
    """The same of one day."""
    return int(day.astype("datetime64[D]").astype(np.int64))


def facts(history: History, stages: Sequence[Stage], now: Day) -> Facts:
    """What is known of it in the morning of a day; nothing of that day or later."""
    known = history.until(now)
    order = np.lexsort((known.at, known.deal))  # stable: of entries at once, the one given later is the later
    deal, stage, day = known.deal[order], known.stage[order], days(known.at[order])
    amount = _carried(deal, known.amount[order])
    closes = known.closes[order]
    first = np.append(True, deal[1:] != deal[:-1])[: len(deal)]
    moved = first | np.append(True, stage[1:] != stage[:-1])[: len(deal)]
    last_known = np.append(np.flatnonzero(moved)[1:] - 1, len(deal) - 1)[: moved.sum()]
    deal, stage, day, opens = deal[moved], stage[moved], day[moved], first[moved]
    amount, closes = amount[last_known], closes[last_known]
    ends = np.append(deal[1:] != deal[:-1], True)[: len(deal)]
    left = np.where(ends, NEVER, np.append(day[1:], NEVER)[: len(deal)])
    to = np.where(ends, -1, np.append(stage[1:], -1)[: len(deal)])
    kinds = np.array([one.kind for one in stages])
    is_open = kinds[stage] == StageKind.OPEN
    is_won = (kinds[stage] == StageKind.WON) & ends  # what was reopened is not won any more
    standing = is_open & ends
    before = np.append(np.nan, amount[:-1])[: len(deal)]
    both = is_won & ~opens & np.isfinite(before) & np.isfinite(amount) & (before > 0)
    sure = both.sum() / (both.sum() + KEPT)
    kept = float(amount[both].sum() / before[both].sum()) if both.any() else 1.0
    return Facts(
        number(now),
        Visits(deal[is_open], stage[is_open], day[is_open], left[is_open], to[is_open], amount[is_open]),
        Standing(
            deal[standing],
            stage[standing],
            day[standing],
            amount[standing],
            np.where(np.isnat(closes[standing]), NEVER, days(closes[standing])),
        ),
        day[opens],
        stage[opens],
        deal[opens],
        day[is_won],
        amount[is_won],
        deal[is_won],
        float(1 + sure * (kept - 1)),
    )


def won_within(known: Facts, start: Day, end: Day) -> NDArray[np.bool_]:
    """Which of the wins were from one day until before another."""
    return (known.won >= number(start)) & (known.won < number(end))


def won_between(known: Facts, start: Day, end: Day, deals: Ints | None = None) -> float:
    """The sum of what was won from one day until before another, of all deals or of these."""
    chosen = won_within(known, start, end)
    if deals is not None:
        chosen &= np.isin(known.won_deal, deals)
    return float(np.nansum(known.won_amount[chosen]))


def _carried(deal: Ints, amount: Floats) -> Floats:
    """Each unknown amount as the deal's latest known one before it."""
    place = np.where(np.isfinite(amount), np.arange(len(deal)), -1)
    latest = np.maximum.accumulate(place) if len(place) else place
    same = (latest >= 0) & (deal[np.maximum(latest, 0)] == deal)
    return np.where(same, amount[np.maximum(latest, 0)], np.nan)
