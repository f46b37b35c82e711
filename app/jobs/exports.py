"""Work on exports."""

from datetime import timedelta

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import FILES_QUEUE, job
from app.usecases.exports import work
from app.usecases.exports.opening import EXPORT, EXPORT_WHOLE

WHOLE = timedelta(minutes=10)
"""Within which a workbook of a million rows is written; a dead worker's is taken over after it."""


@job(EXPORT, queue=FILES_QUEUE)
async def export(uow: UnitOfWork, run: Row) -> Progress:
    """Make a list into a file that is added to."""
    return await work.export_batch(uow, run)


@job(EXPORT_WHOLE, queue=FILES_QUEUE, lease=WHOLE)
async def export_whole(uow: UnitOfWork, run: Row) -> Progress:
    """Make a list into a file that is written in one go."""
    return await work.export_batch(uow, run)
