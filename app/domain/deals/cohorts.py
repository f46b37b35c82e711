"""Which deals a number is made of, and by what it is taken apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInput

MOST_GROUPS = 100
"""Told of a number; the largest come first."""


class Group(StrEnum):
    """What deals are taken apart by."""

    OWNER = "owner"
    TEAM = "team"
    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    PRODUCT = "product"
    REGION = "region"
    COUNTRY = "country"
    SEGMENT = "segment"
    """That its contact is in."""
    MONTH = "month"
    QUARTER = "quarter"


class Part(StrEnum):
    """Deals behind a number of a stage; those that entered are told apart by how their last stay there ended."""

    ENTERED = "entered"
    REACHED = "reached"
    """Entered it, or an open stage behind it, or were won: whoever skipped it got as far."""
    MOVED_ON = "moved_on"
    WENT_BACK = "went_back"
    LOST = "lost"
    ELSEWHERE = "elsewhere"
    """To a stage that the pipeline has no more, and no further one since."""
    STANDING = "standing"
    """Has not ended."""


LOOKS_AT: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        Group.OWNER: (("deal", "owner_id"),),
        Group.TEAM: (("deal", "owner_id"), ("user", "team_id")),
        Group.CHANNEL: (("deal", "channel"),),
        Group.CAMPAIGN: (("deal", "campaign"),),
        Group.PRODUCT: (("deal", "lines"),),
        Group.REGION: (("deal", "company_id"), ("company", "region")),
        Group.COUNTRY: (("deal", "company_id"), ("company", "country")),
        Group.SEGMENT: (("deal", "contact_id"),),
        Group.MONTH: (),
        Group.QUARTER: (),
    }
)
"""The fields, each with its noun, that a reader must be able to read to group or filter by something."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Deals of one pipeline in a window of days of the organisation's time zone, `before` excluded."""

    pipeline: UUID | None
    """The oldest when None."""
    since: date
    before: date
    as_of: datetime
    where: Any
    """A raw condition over deals."""
    by: Mapping[str, Any]
    """Other filters: team, product, region, country, segment; those that are None do not filter."""
    group_by: Group | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInput for a window without days."""
        check_window(self.since, self.before, "before")

    def asked(self) -> dict[str, Any]:
        """The filters that filter."""
        return {name: value for name, value in self.by.items() if value is not None}

    def names(self) -> set[str]:
        """What it filters and groups by."""
        return {*self.asked(), *([self.group_by.value] if self.group_by else [])}

    def looks_at(self) -> set[tuple[str, str]]:
        """The fields, each with its noun, that filters and groups look at."""
        return {pair for name in self.names() for pair in LOOKS_AT[name]}


def check_window(since: date, before: date, field: str) -> None:
    """Raise InvalidInput for a window that ends before it begins."""
    if before <= since:
        raise InvalidInput(
            "window_reversed",
            f"The window from {since} is to end after that day; {before} is not, and is itself not counted.",
            field=field,
        )


def midnight(day: date, time_zone: str) -> datetime:
    """When a day begins, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
