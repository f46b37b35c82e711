"""Runs of a kind that tests count by, and what came of them."""

from datetime import timedelta
from uuid import UUID

from app.db.engine import Row
from app.db.runs import start as start_run
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain.runs import Progress
from app.kit import clock
from app.usecases import plain
from tests.makers.organisations import Organisation
from tests.makers.work import run_row

SHORT = timedelta(seconds=0.4)


async def started(org: Organisation, kind: str, **params: object) -> UUID:
    """A run that is queued."""
    async with await org.work() as uow:
        run = await start_run(uow, kind, params)
        await uow.commit()
    return run


async def count_to(uow: UnitOfWork, run: Row) -> Progress:
    """Adds one tag a batch, so that a batch that counted twice shows."""
    place = (run["checkpoint"] or {"place": 0})["place"] + 1
    values = {"name": f"{run['id']} {place} {clock.monotonic()}", "colour": None, "description": None}
    await plain.add(uow, TAGS, values, set())
    finished = place == run["params"]["to"]
    return Progress(
        {"place": place}, place, finished=finished, result={"places": place} if finished else None
    )


async def tags_of(org: Organisation, run: UUID) -> list[int]:
    """The places that a run has counted."""
    async with org.database.connection(org.id) as connection:
        names = await connection.fetch(
            "select name from tags where org_id = $1 and name like $2", org.id, f"{run} %"
        )
    return sorted(int(row["name"].split()[1]) for row in names)


async def events_of(org: Organisation, record: UUID) -> list[str]:
    """The types of a record's events, oldest first."""
    async with org.database.connection(org.id) as connection:
        rows = await connection.fetch(
            "select type from events where org_id = $1 and noun_id = $2 order by seq", org.id, record
        )
    return [row["type"] for row in rows]


async def taken(org: Organisation, run: UUID) -> bool:
    """Whether somebody holds its lease."""
    return (await run_row(org, run))["lease"] is not None
