"""Work on imports."""

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import FILES_QUEUE, job
from app.usecases.imports import undo, work


@job(work.IMPORT, queue=FILES_QUEUE)
async def import_(uow: UnitOfWork, run: Row) -> Progress:
    """Make a file into records."""
    return await work.import_batch(uow, run)


@job(work.TRIAL, queue=FILES_QUEUE)
async def try_(uow: UnitOfWork, run: Row) -> Progress:
    """See what a file would become."""
    return await work.import_batch(uow, run)


@job(undo.UNDO, queue=FILES_QUEUE)
async def undo_(uow: UnitOfWork, run: Row) -> Progress:
    """Take back what an import did."""
    return await undo.undo_batch(uow, run)
