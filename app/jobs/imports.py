"""Work on imports."""

from datetime import timedelta

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import FILES_QUEUE, job
from app.usecases.imports import undo, work

WHOLE = timedelta(minutes=20)
"""Within which the fullest sheet is read; a dead worker's is taken over after it."""


@job(work.IMPORT, queue=FILES_QUEUE)
async def import_(uow: UnitOfWork, run: Row) -> Progress:
    """Make a file into records."""
    return await work.import_batch(uow, run)


@job(work.TRIAL, queue=FILES_QUEUE)
async def try_(uow: UnitOfWork, run: Row) -> Progress:
    """See what a file would become."""
    return await work.import_batch(uow, run)


@job(work.IMPORT_WORKBOOK, queue=FILES_QUEUE, lease=WHOLE)
async def import_workbook(uow: UnitOfWork, run: Row) -> Progress:
    """Make a workbook into records."""
    return await work.import_batch(uow, run)


@job(work.TRIAL_WORKBOOK, queue=FILES_QUEUE, lease=WHOLE)
async def try_workbook(uow: UnitOfWork, run: Row) -> Progress:
    """See what a workbook would become."""
    return await work.import_batch(uow, run)


@job(undo.UNDO, queue=FILES_QUEUE)
async def undo_(uow: UnitOfWork, run: Row) -> Progress:
    """Take back what an import did."""
    return await undo.undo_batch(uow, run)
