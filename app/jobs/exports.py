"""Work on exports."""

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import FILES_QUEUE, job
from app.usecases.exports import work
from app.usecases.exports.opening import EXPORT


@job(EXPORT, queue=FILES_QUEUE)
async def export(uow: UnitOfWork, run: Row) -> Progress:
    """Make a list into a file."""
    return await work.export_batch(uow, run)
