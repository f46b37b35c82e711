"""Work on segments: built by runs, and moved on by a sweep of its own whenever the log or the clock has something for them."""

from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from app.db import segments
from app.db.engine import Database, Row
from app.db.uow import UnitOfWork
from app.domain.errors import Busy, InvalidInput
from app.domain.runs import Progress
from app.domain.segments import BUILD
from app.jobs.base import job, step
from app.usecases.segments import following

MOST_DUE = 200
"""Segments moved on in one sweep; the next comes a second later."""
_log = structlog.get_logger()


@job(BUILD)
async def build(uow: UnitOfWork, run: Row) -> Progress:
    """Look at every contact for one segment."""
    return await following.build_batch(uow, run)


async def follow_due(database: Database, at: datetime) -> int:
    """Move every segment on for which there is something; how many. Any number may do so at once."""
    found = await segments.due(database, at, MOST_DUE)
    for one in found:
        try:
            await _follow(database, one["org_id"], one["segment_id"])
        except Busy as fault:  # it is due still
            _log.warning("segment waits", segment=str(one["segment_id"]), reason=str(fault))
    return len(found)


async def _follow(database: Database, org_id: UUID, segment: UUID) -> None:
    do = partial(step, database, org_id, f"segment:{segment}")
    try:
        came = await do(partial(following.follow_segment, segment=segment))
    except InvalidInput as problem:
        await do(partial(following.stop_segment, segment=segment, problem=problem.detail))
        return
    if came.anew:
        await do(partial(following.begin_anew, segment=segment))
