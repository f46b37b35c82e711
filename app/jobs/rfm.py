"""Work on RFM scores."""

from datetime import datetime

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import ANALYTICS_QUEUE, job
from app.jobs.nights import nightly
from app.usecases.rfm import opening, work


@job(opening.SCORE, queue=ANALYTICS_QUEUE)
async def score(uow: UnitOfWork, run: Row) -> Progress:
    """Score customers and find what there is to find in the scores."""
    return await work.score_batch(uow, run)


@nightly(opening.SCORE)
async def score_night(uow: UnitOfWork, midnight: datetime) -> None:
    """Score them by the usual rules as of the beginning of the day."""
    await opening.score_night(uow, midnight)
