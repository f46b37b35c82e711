"""Changes of the deals of a pipeline between two moments."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.db import behind, changes, sight
from app.db.deals import DEALS
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.domain.access import Actor, hidden
from app.domain.deals.changes import OF_DAYS, OF_MONEY, Change
from app.domain.deals.cohorts import MOST_GROUPS, Cohort, midnight

_LAST = timedelta(microseconds=1)


async def get_changes(door: Reads, cohort: Cohort, limit: int, now: datetime) -> dict[str, Any]:
    """What changed from the beginning of the window to its end, or to `as_of` where that is sooner. Raises as get_funnel."""
    start, end = _moments(door, cohort)
    row = await changes.counted(door, replace(cohort, as_of=end), start, end, limit, now)
    if row["id"] is None:
        raise absent(PIPELINES)
    keys = {one["key"] for one in row["totals"] or ()} if cohort.group_by else {None}
    groups = [
        _group(row, key, _hidden(door.actor))
        for key in sorted(keys, key=lambda key: (key is None, key or ""))
    ]
    return {
        "pipeline_id": row["id"],
        "pipeline": row["name"],
        "start": start,
        "end": end,
        "over": "all" if sight.sees_all(door.actor, DEALS) else "seen",
        "group_by": cohort.group_by,
        "total": None if cohort.group_by else groups[0],
        "groups": groups[:MOST_GROUPS] if cohort.group_by else [],
        "groups_in_all": len(groups) if cohort.group_by else 0,
    }


async def list_changed_deals(
    door: Reads,
    cohort: Cohort,
    change: Change,
    key: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the deals that changed so, all pages as of one moment. Raises as get_changes, and for a hidden change."""
    if change in _hidden(door.actor):
        raise hidden(DEALS.name, "amount" if change in OF_MONEY else "expected_close")
    context, cohort, last = behind.opened("changes", cohort, (change, key), cursor)
    start, end = _moments(door, cohort)
    asked = {"change": change.value, "grouped": cohort.group_by is not None, "key": key, "last": last}
    return await changes.page(door, replace(cohort, as_of=end), start, end, asked, limit, context, now)


def _moments(door: Reads, cohort: Cohort) -> tuple[datetime, datetime]:
    start, end = (midnight(day, door.actor.time_zone) for day in (cohort.since, cohort.before))
    return start, max(start, min(end, cohort.as_of + _LAST))


def _hidden(actor: Actor) -> frozenset[Change]:
    return (frozenset() if changes.tells_money(actor) else OF_MONEY) | (
        frozenset() if changes.tells_days(actor) else OF_DAYS
    )


def _group(row: Mapping[str, Any], key: str | None, untold: frozenset[Change]) -> dict[str, Any]:
    totals, ids = ([one for one in row[name] or () if one["key"] == key] for name in ("totals", "ids"))
    told = {one.value: None if one in untold else _told(one, totals, ids) for one in Change}
    return {"key": key, **told}


def _told(
    change: Change, totals: Iterable[Mapping[str, Any]], ids: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    mine = [one for one in totals if one["change"] == change]
    listed = sorted((one for one in mine if one["currency"]), key=lambda one: str(one["currency"]))
    names = ("currency", "deals", "amount")
    return {
        "deals": sum(one["deals"] for one in mine),
        "totals": [{name: one[name] for name in names} for one in listed],
        "ids": next((one["ids"] for one in ids if one["change"] == change), []),
    }
