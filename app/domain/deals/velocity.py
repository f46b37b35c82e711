"""What is behind the numbers of velocity, and since when deals that stand somewhere are overdue."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.calendars import Calendar, workdays_back
from app.domain.deals.cohorts import midnight

AGES = (7, 30, 60, 90, 180)
"""Days of 24 hours since they were opened, by which open deals are told apart."""


class Behind(StrEnum):
    """Deals behind a number, as of a moment."""

    OPENED = "opened"
    """In the window."""
    WON = "won"
    """In the window, and not reopened since."""
    LOST = "lost"
    LEFT_OUT = "left_out"
    """Of those won or lost, the ones without an amount or an exchange rate."""
    OPEN = "open"
    OVERDUE = "overdue"
    """Open, and longer in their stage than it expects."""


def late(stages: Iterable[Mapping[str, Any]], calendar: Calendar, as_of: datetime) -> dict[str, str]:
    """Of each stage that expects something, the moment before which an overdue deal came, in UTC as RFC 3339.

    More business days than expected have begun since then; the day on which a deal came is not counted.
    """
    today = as_of.astimezone(ZoneInfo(calendar.time_zone)).date()
    found = {}
    for stage in stages:
        expected = stage.get("expected_days")
        day = None if expected is None else workdays_back(calendar, today, expected)
        if day is not None:
            found[stage["key"]] = midnight(day, calendar.time_zone).isoformat()
    return found
