"""Moments that move with the clock: "ninety days ago" in a condition, and the boundaries that records cross by it.

A time counts in days of 24 hours back from now; a date counts in days of the organisation's own calendar.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.fields import Kind

MOST_DAYS = 36_500
"""A hundred years, back or ahead."""


@dataclass(frozen=True, slots=True)
class DaysAgo:
    """So many days before now; below zero, ahead of it."""

    days: int


@dataclass(frozen=True, slots=True)
class Now:
    """The moment that a condition is asked at, and the organisation's time zone."""

    at: datetime
    time_zone: str

    def value(self, kind: Kind, value: Any) -> Any:
        """The value with its moments as dates or times, alone or inside a list."""
        match value:
            case tuple():
                return tuple(self.value(kind, one) for one in value)
            case DaysAgo(days) if kind is Kind.DATE:
                return self.at.astimezone(ZoneInfo(self.time_zone)).date() - timedelta(days=days)
            case DaysAgo(days):
                return self.at - timedelta(days=days)
        return value


def read(raw: Any) -> DaysAgo | None:
    """The moment in a JSON value; None when it is no moment. Raises ValueError with a sentence."""
    if not isinstance(raw, dict):
        return None
    days = raw.get("days_ago")
    if set(raw) != {"days_ago"} or not isinstance(days, int) or isinstance(days, bool):
        raise ValueError('A moment is written {"days_ago": 90}, with a whole number.')
    if not -MOST_DAYS <= days <= MOST_DAYS:
        raise ValueError(f"A moment is at most {MOST_DAYS:,} days away.")
    return DaysAgo(days)


def days_in(value: Any) -> list[int]:
    """The days of the moments in a test's value."""
    listed = value if isinstance(value, tuple) else (value,)
    return [one.days for one in listed if isinstance(one, DaysAgo)]


def reversed_range(low: Any, high: Any) -> bool:
    """Whether a range is known to be upside down: of a date and a moment, only the clock can tell."""
    match low, high:
        case DaysAgo(first), DaysAgo(last):
            return first < last
        case (DaysAgo(), _) | (_, DaysAgo()):
            return False
    return bool(low > high)
