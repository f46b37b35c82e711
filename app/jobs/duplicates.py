"""Work on duplicates."""

from datetime import datetime

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import ANALYTICS_QUEUE, job
from app.jobs.nights import nightly
from app.usecases.duplicates import asking, finding


@job(asking.FIND, queue=ANALYTICS_QUEUE)
async def find(uow: UnitOfWork, run: Row) -> Progress:
    """Find records that may be one."""
    return await finding.find_batch(uow, run)


@nightly(asking.FIND)
async def find_night(uow: UnitOfWork, _: datetime) -> None:
    """Search among what has changed since the last search."""
    await asking.find_night(uow)
