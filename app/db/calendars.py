"""Calendars, and the one by which an organisation counts business time."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import reads
from app.db.base import Record, field, newest_first
from app.db.constraints import unknown_reference
from app.db.nouns import Noun
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain import calendars
from app.domain.calendars import Calendar
from app.domain.errors import RuleBroken
from app.kit import json


class CalendarRow(Record):
    """When a business is open."""

    __tablename__ = "calendars"
    __table_args__ = (
        UniqueConstraint("org_id", "name", name="uq_calendars_name"),
        newest_first("calendars"),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    time_zone: Mapped[str] = mapped_column(info=field("basic"))
    """IANA name."""
    week: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Weekday to hours as they are written, all seven."""
    special_days: Mapped[list[dict[str, Any]]] = mapped_column(info=field("basic"))
    """Dates with their names and hours, ascending."""


_PARTS = ("name", "time_zone", "week", "special_days")

CALENDARS = Noun(
    name="calendar",
    plural="calendars",
    model=CalendarRow,
    custom=False,
    keys=(("name",),),
    derive=lambda row, _, __: calendars.write(calendar_of(row)),
    sources=frozenset(_PARTS),
)


def calendar_of(row: Mapping[str, Any]) -> Calendar:
    """The calendar that a row holds. Raises InvalidInput for values, not stored yet, that are none's."""
    return calendars.read({name: row[name] for name in _PARTS})


async def of_organisation(uow: UnitOfWork) -> Calendar:
    """The calendar that the organisation has chosen; the standard week in its time zone where it has none."""
    rows = await uow.fetch(
        "select o.time_zone as own_zone, c.id, c.name, c.time_zone, c.week, c.special_days from organisations o"
        " left join calendars c on c.org_id = o.id and c.id = o.calendar_id where o.id = $1",
        uow.org_id,
    )
    return calendars.standard(rows[0]["own_zone"]) if rows[0]["id"] is None else calendar_of(rows[0])


async def business_time(uow: UnitOfWork) -> Callable[[datetime, datetime], int]:
    """What counts the seconds between two moments that lie in the organisation's opening hours."""
    calendar = await of_organisation(uow)
    return lambda begin, end: calendars.between(calendar, begin, end) // timedelta(seconds=1)


async def seen(door: Reads, calendar: UUID) -> Calendar:
    """A calendar to be counted by. Raises NotFound, and Forbidden when the reader may not see all of it."""
    row = reads.must_exist(CALENDARS, await door.row(reads.one(CALENDARS, calendar, _PARTS)))
    return calendar_of(json.loads(row[1]))


async def must_be_live(uow: UnitOfWork, calendar: UUID) -> None:
    """Raise InvalidInput when there is no such calendar, and RuleBroken when it is archived."""
    rows = await uow.fetch(
        "select archived_at from calendars where org_id = $1 and id = $2", uow.org_id, calendar
    )
    if not rows:
        raise unknown_reference("calendar_id", calendar)
    if rows[0]["archived_at"] is not None:
        raise RuleBroken("calendar_archived", "This calendar is archived; restore it or choose another one.")
