"""Velocity: how fast deals are closed, and what comes of it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.analytics import rates
from app.analytics.velocity import DAY, sales_velocity
from app.db import behind, changes, sight, velocity
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.domain.deals.cohorts import MOST_GROUPS, Cohort
from app.domain.deals.velocity import AGES, Behind, late
from app.domain.orders import rounded
from app.domain.pipelines.stages import StageKind

_NO_COUNTS = {"opened": 0, "won": 0, "lost": 0, "open": 0}
_NO_OUTCOME = {"valued": 0, "total": None, "median": None, "seconds": None, "cycles": (None, None)}
_NO_DEALS = {"deals": 0, "overdue": 0, "ages": (None, None, None)}


async def get_velocity(door: Reads, cohort: Cohort, now: datetime) -> dict[str, Any]:
    """Velocity over a window. Raises NotFound for the pipeline, Forbidden, and InvalidInput as get_funnel."""
    row = await velocity.counted(door, cohort, await _late(door, cohort, now), now)
    if row["id"] is None:
        raise absent(PIPELINES)
    worth = changes.tells_money(door.actor)
    counts = {one["key"]: one for one in row["counts"] or ()}
    keys = sorted(
        counts, key=lambda key: (-counts[key]["won"] - counts[key]["lost"], -counts[key]["open"], key or "")
    )
    groups = [_told(row, key, counts.get(key, _NO_COUNTS), worth=worth) for key in keys or [None]]
    return {
        "pipeline_id": row["id"],
        "pipeline": row["name"],
        "currency": row["currency"],
        "since": cohort.since,
        "before": cohort.before,
        "as_of": cohort.as_of,
        "over": "all" if sight.sees_all(door.actor, DEALS) else "seen",
        "group_by": cohort.group_by,
        "total": None if cohort.group_by else groups[0],
        "groups": groups[: min(len(keys), MOST_GROUPS)] if cohort.group_by else [],
        "groups_in_all": len(keys) if cohort.group_by else 0,
    }


async def list_velocity_deals(
    door: Reads,
    cohort: Cohort,
    part: Behind,
    stage: str | None,
    key: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the deals behind a number, all pages as of one moment. Raises as get_velocity."""
    context, cohort, last = behind.opened("velocity", cohort, (part, stage, key), cursor)
    asked = {"part": part.value, "stage": stage, "grouped": cohort.group_by is not None}
    moments = await _late(door, cohort, now)
    return await velocity.page(door, cohort, moments, asked | {"key": key, "last": last}, limit, context, now)


async def _late(door: Reads, cohort: Cohort, now: datetime) -> dict[str, str]:
    stages, calendar = await velocity.expected(door, cohort, now)
    return late(stages or (), calendar, cohort.as_of)


def _told(row: Row, key: str | None, counts: Mapping[str, Any], *, worth: bool) -> dict[str, Any]:
    outcomes = {one["status"]: one for one in row["outcomes"] or () if one["key"] == key}
    won, lost = (outcomes.get(status, _NO_OUTCOME) for status in ("won", "lost"))
    ageing = {one["stage"]: one for one in row["ageing"] or () if one["key"] == key}
    open_stages = [stage for stage in row["stages"] if stage["kind"] == StageKind.OPEN]
    stages = [_standing(stage, ageing.get(stage["key"], _NO_DEALS)) for stage in open_stages]
    both = _sum(won["total"]) + _sum(lost["total"])
    speed = sales_velocity(
        counts["open"], counts["won"], counts["lost"], _sum(won["total"]), won["valued"], _sum(won["seconds"])
    )
    return {
        "key": key,
        **{name: counts[name] for name in _NO_COUNTS},
        "win_rate": rates.rate(counts["won"], counts["won"] + counts["lost"]),
        "win_rate_by_value": round(float(_sum(won["total"]) / both), 6) if both and worth else None,
        "won_value": _value(won, counts["won"]) if worth else None,
        "lost_value": _value(lost, counts["lost"]) if worth else None,
        "won_by_currency": [
            {"currency": one["currency"], "deals": one["deals"], "total": one["total"]}
            for one in sorted(row["currencies"] or (), key=lambda one: str(one["currency"]))
            if one["key"] == key
        ]
        if worth
        else None,
        "cycle_won": _cycle(won, counts["won"]),
        "cycle_lost": _cycle(lost, counts["lost"]),
        "sales_velocity": None if speed is None or not worth else f"{rounded(speed):f}",
        "open_for": _ages(row, key),
        "stages": stages,
        "elsewhere": counts["open"] - sum(stage["deals"] for stage in stages),
    }


def _sum(text: str | None) -> Decimal:
    return Decimal(text or 0)


def _value(outcome: Mapping[str, Any], deals: int) -> dict[str, Any]:
    total, valued = _sum(outcome["total"]), outcome["valued"]
    return {
        "deals": valued,
        "left_out": deals - valued,
        "total": f"{rounded(total):f}",
        "mean": f"{rounded(total / valued):f}" if valued else None,
        "median": f"{rounded(outcome['median']):f}" if valued else None,
    }


def _cycle(outcome: Mapping[str, Any], deals: int) -> dict[str, float | None]:
    median, p90 = outcome["cycles"]
    mean = _sum(outcome["seconds"]) / deals if deals else None
    return {"mean": _days(mean), "median": _days(median), "p90": _days(p90)}


def _standing(stage: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, Any]:
    expected = stage.get("expected_days")
    return {
        "stage": stage["key"],
        "name": stage["name"],
        "deals": here["deals"],
        "days": dict(zip(("median", "p90", "longest"), map(_days, here["ages"]), strict=True)),
        "expected_days": expected,
        "overdue": None if expected is None else here["overdue"],
    }


def _ages(row: Row, key: str | None) -> list[dict[str, int | None]]:
    deals = {one["age"]: one["deals"] for one in row["ages"] or () if one["key"] == key}
    spans = enumerate(zip((0, *AGES), (*AGES, None), strict=True))
    return [{"from_days": least, "below_days": end, "deals": deals.get(n, 0)} for n, (least, end) in spans]


def _days(seconds: Decimal | float | None) -> float | None:
    return None if seconds is None else round(float(Decimal(str(seconds)) / DAY), 2)
