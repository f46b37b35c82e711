"""Competition: what came of deals with each competitor in play."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.analytics import rates
from app.db import behind, changes, competition, sight
from app.db.deals import DEALS
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.domain.access import hidden
from app.domain.deals.cohorts import MOST_GROUPS, Cohort
from app.domain.deals.competition import Outcome

_MOST_COMPETITORS = 100
_MONEY = ("won_amount", "lost_amount", "lost_to_amount", "unconverted")
_PLACES = 6


async def get_competition(door: Reads, cohort: Cohort, now: datetime) -> dict[str, Any]:
    """What came of the deals that were closed in a window. Raises NotFound for the pipeline, and Forbidden."""
    row = await competition.counted(door, cohort, now)
    if row["id"] is None:
        raise absent(PIPELINES)
    money, prices = changes.tells_money(door.actor), competition.tells_prices(door.actor)
    found = row["groups"] or ([] if cohort.group_by else [_nothing()])
    listed = sorted(found, key=lambda one: (-one["deals"], one["key"] is None, one["key"]))
    groups = [_group(row, one, money=money, prices=prices) for one in listed[:MOST_GROUPS]]
    return {
        "pipeline_id": row["id"],
        "pipeline": row["name"],
        "since": cohort.since,
        "before": cohort.before,
        "as_of": cohort.as_of,
        "over": "all" if sight.sees_all(door.actor, DEALS) else "seen",
        "currency": row["currency"],
        "group_by": cohort.group_by,
        "total": None if cohort.group_by else groups[0],
        "groups": groups if cohort.group_by else [],
        "groups_in_all": len(found) if cohort.group_by else 0,
    }


async def list_competition_deals(
    door: Reads,
    cohort: Cohort,
    competitor: UUID | None,
    outcome: Outcome,
    key: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the deals behind a number, all pages as of one moment. Raises as get_competition, and for hidden prices."""
    if outcome is Outcome.PRICED and not competition.tells_prices(door.actor):
        raise hidden("competitor_price", "price")
    context, cohort, last = behind.opened("competition", cohort, (competitor, outcome, key), cursor)
    asked: dict[str, Any] = {"rival": competitor, "outcome": outcome.value, "last": last}
    asked |= {"grouped": cohort.group_by is not None, "key": key}
    return await competition.page(door, cohort, asked, limit, context, now)


def _nothing() -> dict[str, Any]:
    return {"key": None, "deals": 0, "won": 0, "lost": 0, "lost_to": 0}


def _group(row: Mapping[str, Any], group: Mapping[str, Any], *, money: bool, prices: bool) -> dict[str, Any]:
    wins = group["won"] + group["lost_to"]
    rivals = [one for one in row["rivals"] or () if one["key"] == group["key"]]
    rivals.sort(key=lambda one: (-one["deals"], one["name"], one["rival"]))
    return {
        **group,
        "share_of_wins": rates.rate(group["won"], wins),
        "competitors": [
            _standing(one, wins, money=money, prices=prices) for one in rivals[:_MOST_COMPETITORS]
        ],
        "competitors_in_all": len(rivals),
    }


def _standing(one: Mapping[str, Any], wins: int, *, money: bool, prices: bool) -> dict[str, Any]:
    counts = {name: one[name] for name in ("name", "deals", "won", "lost", "lost_to")}
    ratio = one["ratio"]
    position = {"pairs": one["pairs"] or 0, "ratio": None if ratio is None else round(ratio, _PLACES)}
    return {
        "competitor_id": one["rival"],
        **counts,
        "win_rate": rates.rate(one["won"], one["deals"]),
        "share_of_wins": rates.rate(one["lost_to"], wins),
        **{name: one[name] if money else None for name in _MONEY},
        "prices": position if prices else None,
    }
