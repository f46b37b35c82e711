"""What a forecast found: over all deals for who sees them all, over those that are seen for everybody else."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from app.analytics.pipelines import findings
from app.analytics.pipelines.expected import Expected
from app.analytics.pipelines.past import INTERVAL
from app.db import foreseen, sight
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.reads import Reads
from app.domain.errors import RuleBroken
from app.domain.forecasts import KEPT_FOR

_TOLD = (
    *("id", "kind", "pipeline_id", "pipeline", "unit", "starts_on", "ends_on", "as_of", "currency", "method"),
    "finished_at",
)
_OF_ALL = (
    "why",
    "of_new",
    "new_deals",
    "shock",
    "chance_of_target",
    "target",
    "made_from",
    "backtest",
    "teams",
)
"""What is said of all deals together, and to nobody who sees fewer."""
_MONEY = frozenset(
    {
        *("won", "of_open", "of_new", "expected", "low", "middle", "high", "amount", "why"),
        *("target", "gap", "chance_of_target", "mae", "bias", "past"),
        *("without_amount", "without_rate"),
    }
)
_TARGETS = frozenset({"target", "gap", "chance_of_target"})


async def get_forecast(door: Reads, forecast: UUID, now: datetime) -> dict[str, Any]:
    """A forecast. Raises NotFound, Forbidden, and RuleBroken where it cannot be counted any more."""
    row = await foreseen.one(door, forecast)
    whole = sight.sees_all(door.actor, DEALS)
    found = row["findings"] if whole else await _counted(door, row, now)
    actor = door.actor
    if not foreseen.tells_teams(actor):
        found = {**found, "teams": None}
    if not foreseen.tells_targets(actor):
        found = _without(found, _TARGETS)
    if not foreseen.tells_money(actor):
        found = _without(found, _MONEY)
    return {name: row[name] for name in _TOLD} | {"over": "all" if whole else "seen", **found}


async def list_forecast_deals(
    door: Reads, forecast: UUID, tests: Mapping[str, Any], limit: int, cursor: str | None, now: datetime
) -> bytes:
    """A page of the deals behind a forecast. Raises as get_forecast."""
    _must_be_kept(await foreseen.one(door, forecast), now)
    return await foreseen.page(door, forecast, tests, limit, cursor)


async def _counted(door: Reads, row: Row, now: datetime) -> dict[str, Any]:
    """The same sums over the deals that are seen; how they vary is simulated again from their chances."""
    _must_be_kept(row, now)
    kept = row["findings"]
    sums = findings.overview(await foreseen.cells(door, row["id"]), {}, {}, {})
    found = findings.summed(kept | dict.fromkeys(_OF_ALL), sums, None) | {"teams": None}
    if kept["shock"] is None:
        return found
    known = await foreseen.chances(door, row["id"])
    chance, amount = (np.array(known[name], np.float64) for name in ("chance", "amount"))
    drawn = await asyncio.to_thread(Expected(chance, amount, 0.0, np.empty(0)).sums, kept["shock"])
    low, middle, high = (
        findings.money(Decimal(found["won"]) + Decimal(float(np.quantile(drawn, part))))
        for part in (INTERVAL[0], 0.5, INTERVAL[1])
    )
    return found | {"low": low, "middle": middle, "high": high}


def _must_be_kept(row: Row, now: datetime) -> None:
    if row["created_at"] + KEPT_FOR <= now:
        raise RuleBroken(
            "chances_let_go",
            f"The chances of this forecast's deals were let go after {KEPT_FOR.days} days; look at a later one.",
        )


def _without(value: Any, names: frozenset[str]) -> Any:
    """The same without what stands under these names."""
    match value:
        case dict():
            return {name: None if name in names else _without(one, names) for name, one in value.items()}
        case list():
            return [_without(one, names) for one in value]
    return value
