"""Calendars."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.calendars import CALENDARS, seen
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.calendars import Calendar, after, between, check_traced, trace
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.calendars import (
    BusinessTime,
    CalendarAdd,
    CalendarEdit,
    CalendarOut,
    CalendarQuery,
    CalendarUpsert,
    Due,
    DueQuery,
    TimeQuery,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import bulk, calendars, plain

router = Router(prefix="/calendars", tags=["calendars"])
Reading = Annotated[Reads, reads(Scope.calendars_read)]
Writing = Annotated[UnitOfWork, writes(Scope.calendars_write)]


@router.get("", **docs.page(CalendarOut))
async def list_calendars(query: Annotated[CalendarQuery, Query()], door: Reading) -> Response:
    """List calendars by simple filters."""
    return await answers.listing(door, CALENDARS, query)


@router.post("/search", **docs.page(CalendarOut))
async def search_calendars(query: Search, door: Reading) -> Response:
    """List calendars by a full condition."""
    return await answers.search(door, CALENDARS, query)


@router.post("/count", **docs.count())
async def count_calendars(query: CountQuery, door: Reading) -> Response:
    """Count calendars by a full condition."""
    return await answers.count(door, CALENDARS, query)


@router.get("/{id:uuid}", **docs.one(CalendarOut))
async def get_calendar(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a calendar."""
    return await answers.record(door, CALENDARS, id_, request, fields)


@router.post("", **docs.made(CalendarOut))
async def add_calendar(body: CalendarAdd, uow: Writing) -> Response:
    """Add a calendar; the organisation counts by it once its settings name it."""
    made = await plain.add(uow, CALENDARS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, CALENDARS, made, 201)


@router.get("/by/{system}/{external_id:text}", **docs.one(CalendarOut))
async def get_calendar_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the calendar that another system calls so."""
    return await answers.by_external_id(door, CALENDARS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(CalendarOut))
async def upsert_calendar(system: Key, external_id: Code, body: CalendarUpsert, uow: Writing) -> Response:
    """Add the calendar that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, CalendarAdd, system, external_id)
    await bulk.upsert(uow, CALENDARS, [item])
    return await answers.upserted(uow, CALENDARS, item)


@router.patch("/{id:uuid}", **docs.changed(CalendarOut))
async def edit_calendar(id_: Id, body: CalendarEdit, version: Version, uow: Writing) -> Response:
    """Edit a calendar; what is left out stays."""
    await plain.edit(uow, CALENDARS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, CALENDARS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CalendarOut))
async def archive_calendar(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a calendar away by which the organisation does not count; it leaves the lists and can be restored."""
    await calendars.archive_calendar(uow, id_, version=version)
    return await answers.changed(uow, CALENDARS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CalendarOut))
async def restore_calendar(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived calendar back."""
    await plain.restore(uow, CALENDARS, id_, version=version)
    return await answers.changed(uow, CALENDARS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_calendar_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a calendar, newest first."""
    return answers.body(await history.of_record(door, CALENDARS, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/time", **docs.answer(BusinessTime))
async def get_calendar_time(id_: Id, query: Annotated[TimeQuery, Query()], door: Reading) -> Response:
    """Count the business time between two moments, and see which intervals count and why the others do not."""
    check_traced(query.begin, query.end)
    calendar = await seen(door, id_)
    counted = between(calendar, query.begin, query.end)
    told = {"begin": query.begin, "end": query.end, "seconds": counted.total_seconds()}
    return answers.plain({**told, "trace": _traced(calendar, query.begin, query.end)})


@router.get("/{id:uuid}/due", **docs.answer(Due, problems=(409,)))
async def get_calendar_due(id_: Id, query: Annotated[DueQuery, Query()], door: Reading) -> Response:
    """See when so much business time will have passed, which intervals count, and why the others do not."""
    calendar = await seen(door, id_)
    due = after(calendar, query.begin, timedelta(seconds=query.seconds))
    assert due is not None, "Nothing is paused."
    check_traced(query.begin, due, "seconds")
    told = {"begin": query.begin, "seconds": query.seconds, "due": due}
    return answers.plain({**told, "trace": _traced(calendar, query.begin, due)})


def _traced(calendar: Calendar, begin: datetime, end: datetime) -> list[dict[str, Any]]:
    return [
        {"begin": one.begin, "end": one.end, "counted": one.counted, "why": one.why, "name": one.name}
        for one in trace(calendar, begin, end)
    ]
