"""Attainment: how far everybody is with their quotas, and who is ahead."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.db import attainment, behind, sight
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.quotas import QUOTAS
from app.db.reads import Reads, must_see
from app.domain.calendars import Calendar, between
from app.domain.orders import rounded

_PLACES = Decimal("0.0001")


async def get_attainment(
    door: Reads, day: date | None, as_of: datetime | None, now: datetime
) -> dict[str, Any]:
    """Every quota of a day with what has come of it, the best of each measure first. Raises Forbidden."""
    seen_at = as_of or now
    day = day or seen_at.astimezone(ZoneInfo(door.actor.time_zone)).date()
    rows = await attainment.achieved(door, day, seen_at)
    counted = await attainment.calendar(door)
    found = [_attained(row, counted, seen_at) for row in rows]
    _rank(found)
    return {
        "day": day,
        "as_of": seen_at,
        "over": "all" if sight.sees_all(door.actor, DEALS) else "seen",
        "data": sorted(found, key=lambda one: (one["measure"], _whose(one), one["rank"], one["id"])),
    }


async def list_credited_deals(
    door: Reads, quota: UUID, as_of: datetime | None, limit: int, cursor: str | None, now: datetime
) -> bytes:
    """A page of the deals that have been counted toward a quota, all pages as of one moment. Raises NotFound, Forbidden."""
    context = f"attainment:{quota}"
    seen_at, last = behind.place(context, cursor) if cursor else (as_of or now, None)
    await must_see(door, QUOTAS, quota)
    return await attainment.page(door, quota, seen_at, last, limit, context)


def _attained(row: Row, counted: Calendar, as_of: datetime) -> dict[str, Any]:
    amount, achieved = row["amount"], rounded(row["achieved"])
    whole = between(counted, row["since"], row["until"])
    # Of days on which nobody works, all that is asked for is due at their end.
    passed = between(counted, row["since"], max(row["since"], min(as_of, row["until"])))
    part = Decimal(passed // timedelta(seconds=1)) / (whole // timedelta(seconds=1)) if whole else Decimal(0)
    due = amount if as_of >= row["until"] else rounded(amount * part)
    return attainment.told(row) | {
        "amount": f"{amount:f}",
        "achieved": f"{achieved:f}",
        "share": f"{(achieved / amount).quantize(_PLACES):f}",
        "left": f"{max(amount - achieved, Decimal(0)):f}",
        "due": f"{due:f}",
        "ahead": f"{achieved - due:f}",
        "unconverted": row["unconverted"],
    }


def _rank(found: Sequence[dict[str, Any]]) -> None:
    """Places within a measure and its days, of people apart from teams and from all; equal shares have one place."""
    for one in found:
        like = [other for other in found if _like(other) == _like(one)]
        one["rank"] = 1 + sum(Decimal(other["share"]) > Decimal(one["share"]) for other in like)


def _like(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return one["measure"], _whose(one), one["begins_on"], one["ends_on"]


def _whose(one: Mapping[str, Any]) -> str:
    return "user" if one["user_id"] else "team" if one["team_id"] else "all"
