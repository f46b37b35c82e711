"""Changes of the deals of a pipeline between two moments."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.db import changes, sight
from app.db.deals import DEALS
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.domain.deals.changes import OF_DAYS, OF_MONEY, Change
from app.domain.deals.cohorts import MOST_GROUPS, Cohort, midnight

_LAST = timedelta(microseconds=1)


async def get_changes(door: Reads, cohort: Cohort, limit: int, now: datetime) -> dict[str, Any]:
    """What changed from the beginning of the window to its end, or to `as_of` where that is sooner. Raises as get_funnel."""
    start, end = (midnight(day, door.actor.time_zone) for day in (cohort.since, cohort.before))
    end = max(start, min(end, cohort.as_of + _LAST))
    row = await changes.counted(door, replace(cohort, as_of=end), start, end, limit, now)
    if row["id"] is None:
        raise absent(PIPELINES)
    keys = {one["key"] for one in row["totals"] or ()} if cohort.group_by else {None}
    hidden = (frozenset() if changes.tells_money(door.actor) else OF_MONEY) | (
        frozenset() if changes.tells_days(door.actor) else OF_DAYS
    )
    groups = [_group(row, key, hidden) for key in sorted(keys, key=lambda key: (key is None, key or ""))]
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


def _group(row: Mapping[str, Any], key: str | None, hidden: frozenset[Change]) -> dict[str, Any]:
    totals, ids = ([one for one in row[name] or () if one["key"] == key] for name in ("totals", "ids"))
    told = {one.value: None if one in hidden else _told(one, totals, ids) for one in Change}
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
