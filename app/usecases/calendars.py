"""Calendars: one by which the organisation counts stays at hand."""

from uuid import UUID

from app.db import organisations
from app.db.calendars import CALENDARS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.usecases import plain


async def archive_calendar(uow: UnitOfWork, calendar: UUID, *, version: int | None) -> None:
    """Put a calendar away. Raises RuleBroken for the one that the settings name."""
    # Before the calendar, as for whoever chooses it in the settings: one of the two waits for the other.
    organisation = await organisations.locked(uow)
    row = await plain.get_locked(uow, CALENDARS, calendar, version, {})
    if organisation["calendar_id"] == calendar:
        raise RuleBroken(
            "calendar_in_use",
            "The organisation counts by this calendar; choose another one in the settings before you archive it.",
        )
    await plain.archive_row(uow, CALENDARS, row)
