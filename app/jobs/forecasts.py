"""Work on forecasts."""

from datetime import datetime

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import ANALYTICS_QUEUE, job
from app.jobs.nights import nightly
from app.usecases.forecasts import opening, revenue, work


@job(opening.PIPELINE, queue=ANALYTICS_QUEUE)
async def forecast_pipeline(uow: UnitOfWork, run: Row) -> Progress:
    """Forecast what a pipeline will win in a period."""
    return await work.forecast_batch(uow, run)


@job(revenue.REVENUE, queue=ANALYTICS_QUEUE)
async def forecast_revenue(uow: UnitOfWork, run: Row) -> Progress:
    """Forecast what will be sold."""
    return await revenue.forecast_batch(uow, run)


@nightly(opening.PIPELINE)
async def forecast_night(uow: UnitOfWork, midnight: datetime) -> None:
    """Forecast the month and the quarter under way as of the beginning of the day."""
    await opening.forecast_night(uow, midnight)
