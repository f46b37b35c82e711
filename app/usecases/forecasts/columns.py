"""The pasts of a pipeline's deals as the columns that the models know, in the base currency."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from app.analytics.pipelines.history import History, Stage
from app.db import facts
from app.db.facts import Rates
from app.domain.deals.moves import Verb
from app.domain.deals.pasts import Known, Past
from app.domain.pipelines.stages import StageKind

_OF_VERB = {Verb.WIN: StageKind.WON, Verb.LOSE: StageKind.LOST}


@dataclass(frozen=True, slots=True)
class Columns:
    """What the models are given, and what its numbers stand for."""

    history: History
    stages: list[Stage]
    deals: list[UUID]
    owners: list[UUID | None]
    """Of each deal."""
    worth: list[Decimal | None]
    """The latest of each deal, in the base currency."""
    without_amount: int
    """Deals of which no amount is known."""
    without_rate: int
    """Deals of which one is, in a currency without an exchange rate of the day."""


class Line:
    """Where the stages of a pipeline stand in the columns.

    All that are won are one, so that a deal which is put from one into another is not won again; so are all that are lost.
    """

    def __init__(self, standing: Sequence[facts.Stage], gone: Sequence[facts.Stage]) -> None:
        opening = [stage for stage in standing if stage["kind"] == StageKind.OPEN]
        left = [stage for stage in gone if stage["kind"] == StageKind.OPEN]
        self._kinds = {stage["key"]: StageKind(stage["kind"]) for stage in (*gone, *standing)}
        # Each stage that is gone is a line of its own: none of the others follows it.
        self.stages = [
            *(Stage(0, StageKind.OPEN, float(stage["probability"])) for stage in opening),
            Stage(0, StageKind.WON, 1.0),
            Stage(0, StageKind.LOST, 0.0),
            *(Stage(n, StageKind.OPEN, float(stage["probability"])) for n, stage in enumerate(left, 1)),
        ]
        self._closed = {StageKind.WON: len(opening), StageKind.LOST: len(opening) + 1}
        self._open = {stage["key"]: place for place, stage in enumerate(opening)}
        self._open |= {stage["key"]: place for place, stage in enumerate(left, len(opening) + 2)}

    def kind(self, known: Known) -> StageKind:
        """Of the stage that a deal stands in."""
        if known.verb == Verb.RELOCATE:
            return self._kinds[known.stage]
        return _OF_VERB.get(Verb(known.verb), StageKind.OPEN)

    def place(self, known: Known) -> int:
        """Of the stage that a deal stands in."""
        kind = self.kind(known)
        return self._open[known.stage] if kind is StageKind.OPEN else self._closed[kind]


def columns(pasts: Mapping[UUID, Past], line: Line, rates: Rates, base: str, as_of: datetime) -> Columns:
    """The columns, as of a moment whose zone is the organisation's.

    Deals that are archived are left out. Money goes by the rate of the day on which it became known; what an open deal is
    worth in another currency is told once more as of the moment itself.
    """
    kept = {deal: one for deal, one in pasts.items() if one.known and not one.archived}
    entries: list[tuple[int, int, datetime, float, Any]] = []
    worth: list[Decimal | None] = []
    for number, one in enumerate(kept.values()):
        latest, told = one.known[-1], [(known, known.at.astimezone(as_of.tzinfo)) for known in one.known]
        if latest.currency != base and line.kind(latest) is StageKind.OPEN:
            told.append((latest, as_of))
        amount = None
        for known, at in told:
            amount = converted(known, at.date(), rates, base)
            entries.append((number, line.place(known), at, _number(amount), known.closes or "NaT"))
        worth.append(amount)
    owners = {owner: place for place, owner in enumerate({one.owner: None for one in kept.values()})}
    return Columns(
        History(
            np.array([entry[0] for entry in entries], np.int64),
            np.array([entry[1] for entry in entries], np.int64),
            np.array([entry[2].replace(tzinfo=None) for entry in entries], "datetime64[s]"),
            np.array([entry[3] for entry in entries], np.float64),
            np.array([entry[4] for entry in entries], "datetime64[s]"),
            np.array([owners[one.owner] for one in kept.values()], np.int64),
        ),
        line.stages,
        list(kept),
        [one.owner for one in kept.values()],
        worth,
        sum(one.known[-1].amount is None for one in kept.values()),
        sum(
            one.known[-1].amount is not None and amount is None
            for one, amount in zip(kept.values(), worth, strict=True)
        ),
    )


def converted(known: Known, day: date, rates: Rates, base: str) -> Decimal | None:
    """What a deal is worth in the base currency by the latest rate up to a day; None where there is none."""
    if known.amount is None or known.currency == base:
        return known.amount
    dated = rates.get(known.currency, ())
    place = bisect_right(dated, day, key=lambda one: one[0])
    return known.amount * dated[place - 1][1] if place else None


def _number(amount: Decimal | None) -> float:
    return np.nan if amount is None else float(amount)
