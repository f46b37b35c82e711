"""Which orders revenue is counted of, and whose it is."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from app.domain.deals.cohorts import check_window


class Buyer(StrEnum):
    """What a customer was when they first ordered in a window."""

    NEW = "new"
    """They had bought nothing before."""
    RETURNING = "returning"
    CAME_BACK = "came_back"
    """They had bought nothing for long."""
    UNKNOWN = "unknown"
    """The order names no contact."""


class By(StrEnum):
    """What revenue is taken apart by."""

    CHANNEL = "channel"
    COUNTRY = "country"
    REGION = "region"
    """Of the order's company."""
    MONTH = "month"
    """With customers told apart by their first order in it."""
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Revenue:
    """Orders placed in a window of days of the organisation's time zone, `before` excluded."""

    since: date
    before: date
    as_of: datetime
    where: Any
    """A raw condition over orders."""
    lapsed_after: int
    """Days of 24 hours."""
    group_by: By | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInput for a window without days."""
        check_window(self.since, self.before, "before")
