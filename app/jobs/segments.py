"""Work on segments: built by runs, and moved on by a sweep of its own whenever the log or the clock has something for them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog

from app.db import segments
from app.db.engine import Database, Row
from app.db.uow import UnitOfWork
from app.domain.errors import Busy, DomainError, InvalidInput
from app.domain.runs import Progress
from app.domain.segments import BUILD
from app.jobs.base import job, step
from app.usecases.segments import following

MOST_DUE = 200
"""Segments moved on in one sweep; the next comes a second later."""
PAUSE = timedelta(seconds=5)
"""Before a segment is tried again that something stood in the way of."""
_Made = TypeVar("_Made")
_log = structlog.get_logger()


@job(BUILD)
async def build(uow: UnitOfWork, run: Row) -> Progress:
    """Look at every contact for one segment."""
    return await following.build_batch(uow, run)


async def follow_due(database: Database, at: datetime) -> int:
    """Move every segment on for which there is something; how many. Any number may do so at once."""
    found = await segments.due(database, at, MOST_DUE)
    waiting: set[UUID] = set()
    for place, one in enumerate(found, start=1):
        org_id, segment = one["org_id"], one["segment_id"]
        if segment in waiting:
            continue
        try:
            await _follow(database, one)
        except Busy as fault:
            _log.warning("segment waits", segment=str(segment), reason=str(fault))
            others = [other["segment_id"] for other in found[place:] if other["org_id"] == org_id]
            waiting |= await _put_off(database, org_id, segment, others)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is logged, and the other segments move on
            _log.error("segment not moved on", segment=str(segment), org=str(org_id), exc_info=fault)
            await _put_off(database, org_id, segment, [])
    return len(found)


async def _follow(database: Database, one: Mapping[str, Any]) -> None:
    segment = one["segment_id"]
    if one["broken_off"]:
        await _do(database, one, partial(following.tell_broken_off, segment=segment))
        return
    try:
        came = await _do(database, one, partial(following.follow_segment, segment=segment))
    except InvalidInput as problem:
        await _do(database, one, partial(following.stop_segment, segment=segment, problem=problem.detail))
        return
    if came.anew:
        await _do(database, one, partial(following.begin_anew, segment=segment))


async def _do(
    database: Database, one: Mapping[str, Any], work: Callable[[UnitOfWork], Awaitable[_Made]]
) -> _Made:
    """Do a step in which no tenant's locks keep the others waiting."""

    async def briefly(uow: UnitOfWork) -> _Made:
        await segments.wait_briefly(uow)
        return await work(uow)

    return await step(database, one["org_id"], f"segment:{one['segment_id']}", briefly)


async def _put_off(database: Database, org_id: UUID, segment: UUID, others: Sequence[UUID]) -> set[UUID]:
    """Let a segment wait, and before it those of the others that the same is in the way of; these."""

    async def put_off(uow: UnitOfWork) -> set[UUID]:
        alike = await segments.waiting_with(uow, segment, others)
        await segments.put_off(uow, [*alike, segment], uow.now + PAUSE)
        return set(alike)

    try:
        return await step(database, org_id, "segments", put_off)
    except DomainError as fault:  # they are due still
        _log.warning("segments not put off", org=str(org_id), reason=str(fault))
        return set(others)
