"""The work on a forecast: read what was known, learn from it in a thread, and publish; all in one batch.

What is read is read first, and nothing is written before the numbers are there: whoever follows the log waits for the
oldest transaction that has written something.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from app.analytics.pipelines import findings
from app.analytics.pipelines.forecast import forecast
from app.analytics.pipelines.history import Floats, Ints, Period, won_within
from app.analytics.pipelines.history import facts as facts_of
from app.analytics.pipelines.past import LEAST_WON, due
from app.db import actors, facts, forecasts, foreseen
from app.db.engine import Row
from app.db.exports import Held
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.deals.pasts import Past
from app.domain.forecasts import Days, Likelihood, Span, around, before, morning
from app.domain.runs import Progress
from app.usecases.forecasts.columns import Columns, Line, columns

_CHANCE, _CENT = Decimal("0.000001"), Decimal("0.01")
Target = tuple[Decimal, str] | None
Deal = tuple[UUID, UUID | None, Likelihood, Decimal, Decimal | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the numbers."""

    deals: list[Deal]
    told: dict[str, Any]


async def forecast_batch(uow: UnitOfWork, run: Row) -> Progress:
    """A whole forecast of a pipeline. Neither progress nor result tell how many deals there are, which not all may know."""
    one = await forecasts.of_run(uow, run["id"])
    known: dict[UUID, Past] = {}
    async for some in facts.deals(uow, one["pipeline_id"], one["as_of"]):
        known |= some
    stood = {at.stage for past in known.values() for at in past.known}
    line = Line(*await facts.stages(uow, one["pipeline_id"], one["as_of"], stood))
    rates = await facts.rates(uow)
    as_of = one["as_of"].astimezone(ZoneInfo(one["time_zone"]))
    asked = await facts.targets(uow, one["starts_on"], one["ends_on"], as_of.date())
    team_of, above = await facts.teams(uow)
    target = findings.target(asked, team_of)

    def work() -> Found:
        return _found(one, columns(known, line, rates, one["currency"], as_of), target)

    found = await uow.aside(work)
    await forecasts.add_deals(uow, one["id"], found.deals)

    async def reload() -> Actor:
        return await actors.system(uow.database, uow.org_id, held=uow.connection)

    cells = await foreseen.cells(Held(uow, uow.actor, reload), one["id"])
    told = findings.summed(found.told, findings.overview(cells, asked, team_of, above), target)
    await forecasts.finish(uow, one["id"], told)
    return Progress({}, 1, total=1, finished=True, result={"forecast_id": run["id"]})


def _found(one: Row, given: Columns, target: Target) -> Found:
    unit, period = Span(one["unit"]), (one["starts_on"], one["ends_on"])
    now = morning(one["as_of"], one["time_zone"])
    known = facts_of(given.history, given.stages, np.datetime64(now))
    made_from = findings.made_from(known) | {
        "without_amount": given.without_amount,
        "without_rate": given.without_rate,
    }
    won = known.won_deal[won_within(known, *_period(period))]
    if len(known.won) < LEAST_WON:
        chance, amount = due(known, given.stages, np.datetime64(period[1])), known.standing.amount
        deals = [*_won(given, won), *_open(given, known.standing.deal, chance, amount)]
        return Found(deals, findings.told_plainly(len(known.won)) | {"made_from": made_from})
    first = date.fromisoformat(made_from["first_on"])
    found = forecast(
        given.history,
        given.stages,
        np.datetime64(now),
        _period(period),
        past=[_period(days) for days in before(unit, min(period, around(unit, now)), first)],
        target=None if target is None else float(target[0]),
    )
    deals = [*_won(given, won), *_open(given, found.deal, found.open.chance, found.open.amount)]
    return Found(deals, findings.told(found) | {"made_from": made_from})


def _won(given: Columns, deals: Ints) -> Iterator[Deal]:
    for deal in deals:
        worth = given.worth[deal]
        amount = None if worth is None else worth.quantize(_CENT, ROUND_HALF_UP)
        yield given.deals[deal], given.owners[deal], Likelihood.WON, Decimal(1), amount


def _open(given: Columns, deals: Ints, chances: Floats, amounts: Floats) -> Iterator[Deal]:
    for deal, chance, amount in zip(deals, chances, amounts, strict=True):
        worth = None if np.isnan(amount) else Decimal(float(amount)).quantize(_CENT, ROUND_HALF_UP)
        told = Decimal(float(chance)).quantize(_CHANCE, ROUND_HALF_UP)
        yield given.deals[deal], given.owners[deal], findings.part_of(told), told, worth


def _period(days: Days) -> Period:
    return np.datetime64(days[0]), np.datetime64(days[1])
