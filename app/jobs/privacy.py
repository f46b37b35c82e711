"""Work on privacy."""

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.jobs.base import job
from app.usecases import privacy


@job(privacy.ERASE)
async def erase(uow: UnitOfWork, run: Row) -> Progress:
    """Erase a person."""
    return await privacy.erase_batch(uow, run)
