"""Asking for a forecast."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.analytics.pipelines.past import LEAST_WON
from app.db import facts, forecasts, pipelines, runs
from app.db.pipelines import PIPELINES
from app.db.reads import absent
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import RuleBroken
from app.domain.forecasts import PERIODS, Span, Subject, around, check_period
from app.domain.rfm import check_as_of

PIPELINE = "forecasts.pipeline"
MOST_WAITING = 5
"""Forecasts that people may have under way in one organisation; each reads all there is."""


async def start_pipeline_forecast(
    uow: UnitOfWork,
    *,
    pipeline: UUID | None = None,
    unit: Span = Span.QUARTER,
    day: date | None = None,
    as_of: datetime | None = None,
) -> UUID:
    """Have the period that a day lies in forecast as of a moment; the id of the run that does it.

    Raises Forbidden, NotFound, InvalidInput or RuleBroken.
    """
    uow.actor.needs(Scope(PIPELINES.reading))
    moment = as_of or uow.now
    check_as_of(moment, now=uow.now)
    chosen = pipeline or await pipelines.oldest(uow)
    if chosen is None or await pipelines.held(uow, chosen) is None:
        raise absent(PIPELINES)
    if len(await runs.alone(uow, PIPELINE)) >= MOST_WAITING:
        raise RuleBroken(
            "runs_under_way",
            f"{MOST_WAITING} forecasts are under way; start another when one of them has ended.",
        )
    return await _start(uow, chosen, unit, day, moment)


async def forecast_night(uow: UnitOfWork, midnight: datetime) -> None:
    """Have the month and the quarter under way forecast for every pipeline in which enough was won to learn from."""
    for pipeline in await facts.ready(uow, midnight, LEAST_WON):
        for unit in PERIODS:
            await _start(uow, pipeline, unit, None, midnight)


async def _start(uow: UnitOfWork, pipeline: UUID, unit: Span, day: date | None, as_of: datetime) -> UUID:
    zone = (await facts.organisation(uow))["time_zone"]
    period = around(unit, day or as_of.astimezone(ZoneInfo(zone)).date())
    check_period(period, as_of, zone)
    told = {"pipeline_id": pipeline, "unit": unit, "starts_on": period[0], "as_of": as_of}
    run = await runs.start(uow, PIPELINE, told)
    asked: dict[str, Any] = told | {"kind": Subject.PIPELINE, "ends_on": period[1], "asked": {}}
    await forecasts.add(uow, run, asked)
    return run
