"""Funnels: what became of the deals that were opened in a window."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.analytics import rates
from app.db import behind, funnel, sight
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.domain.deals.cohorts import MOST_GROUPS, Cohort, Part, check_window
from app.domain.errors import InvalidInput
from app.domain.pipelines.stages import StageKind

_MOST_REASONS = 20
_WON = 1000
"""The place of what is won, as app.db.cohorts counts them."""
_COUNTS = tuple(part for part in Part if part is not Part.REACHED)
Numbers = Mapping[str, Any]


async def get_funnel(
    door: Reads, cohort: Cohort, compare_since: date | None, compare_before: date | None, now: datetime
) -> dict[str, Any]:
    """A funnel. Raises NotFound for the pipeline, Forbidden, and InvalidInput for windows that make no sense."""
    earlier = _earlier(cohort, compare_since, compare_before)
    row = await funnel.counted(door, cohort, earlier, now)
    if row["id"] is None:
        raise absent(PIPELINES)
    found = _read(row)
    shown = DEALS.shows(door.actor, "lost_reason") and DEALS.shows(door.actor, "closed_at")
    listed = sorted(
        (one for one in found if one[0] == 0), key=lambda one: (-found[one]["deals"], one[1] or "")
    )
    groups = [_told(row, found, key, shown=shown, compared=earlier is not None) for _, key in listed]
    if cohort.group_by is None:
        groups = groups or [_told(row, found, None, shown=shown, compared=earlier is not None)]
    return {
        "pipeline_id": row["id"],
        "pipeline": row["name"],
        "since": cohort.since,
        "before": cohort.before,
        "as_of": cohort.as_of,
        "over": "all" if sight.sees_all(door.actor, DEALS) else "seen",
        "group_by": cohort.group_by,
        "total": groups[0] if cohort.group_by is None else None,
        "groups": groups[:MOST_GROUPS] if cohort.group_by else [],
        "groups_in_all": len(groups) if cohort.group_by else 0,
    }


async def list_funnel_deals(
    door: Reads,
    cohort: Cohort,
    stage: str | None,
    part: Part,
    key: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the deals behind a number, all pages as of one moment. Raises as get_funnel."""
    if stage is None and part is not Part.ENTERED:
        raise InvalidInput(
            "stage_missing", f"Say of which stage the deals that {part} are to be.", field="stage"
        )
    context, cohort, last = behind.opened("funnel", cohort, (stage, part, key), cursor)
    grouped = {"grouped": cohort.group_by is not None, "key": key, "last": last}
    chosen = {"stage": stage, "part": "all" if stage is None else part.value}
    return await funnel.page(door, cohort, chosen | grouped, limit, context, now)


def _earlier(cohort: Cohort, since: date | None, before: date | None) -> tuple[date, date] | None:
    if since is None and before is None:
        return None
    if since is None or before is None:
        raise InvalidInput(
            "compare_incomplete", "Give compare_since and compare_before, or neither.", field="compare_since"
        )
    check_window(since, before, "compare_before")
    if before > cohort.since:
        raise InvalidInput(
            "compare_overlaps",
            f"The window to compare with ends on {before}, after this one begins; choose an earlier one.",
            field="compare_before",
        )
    return since, before


def _read(row: Row) -> dict[tuple[int, str | None], dict[str, Any]]:
    """What was counted, by period and group."""
    found: dict[tuple[int, str | None], dict[str, Any]] = {}
    for one in row["cohorts"] or ():
        found[one["period"], one["key"]] = _nothing() | {"deals": one["deals"]}
    for one in row["cells"] or ():
        found[one["period"], one["key"]]["cells"][one["stage"]] = one
    for one in row["reached"] or ():
        found[one["period"], one["key"]]["reached"][one["place"]] = one["deals"]
    for one in row["reasons"] or ():
        found[one["period"], one["key"]]["reasons"][one["stage"]].append(one)
    return found


def _nothing() -> dict[str, Any]:
    return {"deals": 0, "cells": {}, "reached": {}, "reasons": defaultdict(list)}


def _told(
    row: Row,
    found: Mapping[tuple[int, str | None], Numbers],
    key: str | None,
    *,
    shown: bool,
    compared: bool,
) -> dict[str, Any]:
    here, then = (found.get((period, key)) or _nothing() for period in (0, 1))
    opening = sum(stage["kind"] == StageKind.OPEN for stage in row["stages"])
    stages = []
    for place, stage in enumerate(row["stages"], 1):
        told = _stage(stage, here, shown=shown)
        steps = (("next", place + 1 if place < opening else _WON), ("won", _WON))
        is_open = stage["kind"] == StageKind.OPEN
        told["reached"] = here["reached"].get(place, 0) if is_open else told["entered"]
        for name, to in steps:
            now, before = ((one["reached"].get(to, 0), one["reached"].get(place, 0)) for one in (here, then))
            told[name] = rates.rate(*now) if is_open else None
            told[f"{name}_change"] = rates.change(*now, *before) if is_open and compared else None
        stages.append(told)
    return {"key": key, "deals": here["deals"], "stages": stages}


def _stage(stage: Mapping[str, Any], numbers: Numbers, *, shown: bool) -> dict[str, Any]:
    cell = numbers["cells"].get(stage["key"]) or {}
    names = ("stays", "median", "p90", "business_median", "business_p90")
    reasons = sorted(
        numbers["reasons"][stage["key"]],
        key=lambda one: (-one["deals"], one["reason"] is None, one["reason"]),
    )
    return {
        "stage": stage["key"],
        "name": stage["name"],
        "kind": stage["kind"],
        **{part.value: cell.get(part.value, 0) for part in _COUNTS},
        "time": dict(zip(names, cell.get("times") or (0, None, None, None, None), strict=True)),
        "drop_off": [{"reason": one["reason"], "deals": one["deals"]} for one in reasons[:_MOST_REASONS]]
        if shown
        else None,
    }
