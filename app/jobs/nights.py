"""@nightly: what each organisation has begun once a night, in its own time zone, however often workers restart.

After a time without workers the last night is made up for, the others are not.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from app.db import actors, nights
from app.db.engine import Database, Row
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.errors import DomainError

Begin = Callable[[UnitOfWork, datetime], Awaitable[None]]
NIGHTLY: dict[str, Begin] = {}
"""By its kind, what begins a night's work as of the midnight before; it only starts runs."""
_log = structlog.get_logger()


def nightly(kind: str) -> Callable[[Begin], Begin]:
    """Have the function called once a night for every organisation, inside a unit of work."""

    def register(begin: Begin) -> Begin:
        NIGHTLY[kind] = begin
        return begin

    return register


async def begin_nights(database: Database, at: datetime) -> int:
    """Begin the nights that have come; how many. Any number may do so at once."""
    begun = 0
    for kind, begin in NIGHTLY.items():
        for night in await nights.due(database, kind, at):
            try:
                begun += await _begin_one(database, kind, begin, night, at)
            except DomainError as fault:  # the others have theirs, and this one is due still
                _log.warning("night not begun", kind=kind, org=str(night["org_id"]), reason=str(fault))
            except Exception as fault:  # noqa: BLE001 - a fault of ours, which is not theirs either
                _log.error("night not begun", kind=kind, org=str(night["org_id"]), exc_info=fault)
    return begun


async def _begin_one(database: Database, kind: str, begin: Begin, night: Row, at: datetime) -> bool:
    async def load() -> Actor:
        return await actors.system(database, night["org_id"])

    async with UnitOfWork(database, await load(), now=at, cause=f"night:{night['day']}", reload=load) as uow:
        taken = await nights.take(uow, kind, night["day"])
        if taken:
            await begin(uow, night["midnight"])
            await uow.commit()
    return taken
