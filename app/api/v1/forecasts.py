"""Forecasts of sales."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import Id, reads, writes
from app.api.routing import Router
from app.db import foreseen
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.forecasts import STEPS_AHEAD, Span, Subject, check_kind
from app.kit import clock
from app.schemas.forecasts import (
    ForecastAsk,
    ForecastDeal,
    ForecastDealQuery,
    ForecastListed,
    ForecastOut,
    ForecastQuery,
    RevenueForecastOut,
)
from app.usecases.forecasts import look, opening, revenue

router = Router(tags=["forecasts"])
Reading = Annotated[Reads, reads(Scope.analytics_read)]
Writing = Annotated[UnitOfWork, writes(Scope.analytics_write)]


@router.post("/analytics/sales/forecasts", **docs.accepted())
async def start_forecast(body: ForecastAsk, uow: Writing) -> Response:
    """Have sales forecast; for every pipeline with enough history this happens by itself once a night."""
    usual = Span.QUARTER if body.kind is Subject.PIPELINE else Span.DAY
    check_kind(body.kind, body.unit or usual, body.given())
    if body.kind is Subject.PIPELINE:
        run = await opening.start_pipeline_forecast(
            uow, pipeline=body.pipeline_id, unit=body.unit or usual, day=body.day, as_of=body.as_of
        )
    else:
        run = await revenue.start_revenue_forecast(
            uow,
            unit=body.unit or usual,
            ahead=body.ahead or STEPS_AHEAD,
            as_of=body.as_of,
            channel=body.channel,
            region=body.region,
            promotions=[one.told() for one in body.promotions or ()],
        )
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/analytics/sales/forecasts", **docs.page(ForecastListed))
async def list_forecasts(query: Annotated[ForecastQuery, Query()], door: Reading) -> Response:
    """List forecasts that were made, the latest first, each beside what came of its period."""
    tests = query.model_dump(include={"kind", "pipeline_id", "unit", "day"})
    return answers.body(await foreseen.listed(door, tests, query.limit, query.cursor, clock.now()))


@router.get(
    "/analytics/sales/forecasts/{id:uuid}",
    **docs.answer(ForecastOut | RevenueForecastOut, problems=[404, 409]),
)
async def get_forecast(id_: Id, door: Reading) -> Response:
    """See a forecast: what is expected, how it may vary, and how good such forecasts have been."""
    found = await revenue.get_revenue_forecast(door, id_)
    if found is not None:
        return answers.plain(found)
    return answers.plain(await look.get_forecast(door, id_, clock.now()))


@router.get("/analytics/sales/forecasts/{id:uuid}/deals", **docs.page(ForecastDeal, problems=[404, 409]))
async def list_forecast_deals(
    id_: Id, query: Annotated[ForecastDealQuery, Query()], door: Reading
) -> Response:
    """List the deals behind a forecast, each with its chance."""
    tests = query.model_dump(include={"part", "owner_id"})
    return answers.body(
        await look.list_forecast_deals(door, id_, tests, query.limit, query.cursor, clock.now())
    )
