"""Activity: what is done for deals that are won, and for those that are lost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.db import activity, sight
from app.db.deals import DEALS
from app.db.interactions import INTERACTIONS
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.db.tasks import TASKS
from app.domain.deals.cohorts import MOST_GROUPS, Cohort

_NOTHING: Mapping[str, Any] = {"deals": 0}


async def get_activity(door: Reads, cohort: Cohort, now: datetime) -> dict[str, Any]:
    """Activity per deal closed in a window. Raises NotFound for the pipeline, Forbidden, and InvalidInput as get_funnel."""
    row = await activity.counted(door, cohort, now)
    if row["id"] is None:
        raise absent(PIPELINES)
    parts = {(one["key"], one["status"]): one for one in row["parts"] or ()}
    groups = [_told(parts, key) for key in {key for key, _ in parts} or {None}]
    groups.sort(key=lambda group: (-group["won"]["deals"] - group["lost"]["deals"], group["key"] or ""))
    grouped = bool(cohort.group_by and parts)
    return {
        "pipeline_id": row["id"],
        "pipeline": row["name"],
        "since": cohort.since,
        "before": cohort.before,
        "as_of": cohort.as_of,
        "over": "all"
        if all(sight.sees_all(door.actor, noun) for noun in (DEALS, INTERACTIONS, TASKS))
        else "seen",
        "group_by": cohort.group_by,
        "total": None if cohort.group_by else groups[0],
        "groups": groups[:MOST_GROUPS] if grouped else [],
        "groups_in_all": len(groups) if grouped else 0,
    }


def _told(parts: Mapping[tuple[str | None, str], Mapping[str, Any]], key: str | None) -> dict[str, Any]:
    return {"key": key} | {status: _outcome(parts.get((key, status), _NOTHING)) for status in ("won", "lost")}


def _outcome(one: Mapping[str, Any]) -> dict[str, Any]:
    deals = one["deals"]
    return {"deals": deals} | {
        name: {
            "in_all": one[name] if deals else 0,
            "mean": round(one[name] / deals, 2) if deals else None,
            "median": one[f"{name}_median"] if deals else None,
        }
        for name in ("interactions", "tasks")
    }
