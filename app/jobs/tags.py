"""Work on tags."""

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.domain.tags import RENAME
from app.jobs.base import job
from app.usecases import tags


@job(RENAME)
async def rename(uow: UnitOfWork, run: Row) -> Progress:
    """Bring a tag's new name to the records that carry the old one."""
    return await tags.rename_batch(uow, run)
