"""Revenue of orders: how much of it is of new customers, and how much of those who return."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import blake2s
from typing import Any

from app.db import behind, revenue, sight
from app.db.orders import ORDERS
from app.db.reads import Reads
from app.domain.deals.cohorts import MOST_GROUPS
from app.domain.orders import rounded
from app.domain.revenue import Buyer, Revenue

_NOTHING = {"customers": 0, "orders": 0, "revenue": "0", "left_out": 0}


async def get_revenue(door: Reads, asked: Revenue, now: datetime) -> dict[str, Any]:
    """Revenue of a window, by groups if so asked. Raises Forbidden, and InvalidInput for a condition that makes no sense."""
    row = await revenue.counted(door, asked, now)
    parts = {(one["key"], one["buyer"]): one for one in row["parts"] or ()}
    groups = [_group(parts, key) for key in {key for key, _ in parts} or {None}]
    groups.sort(key=lambda group: (-Decimal(group["all"]["revenue"]), group["key"] or ""))
    return {
        "currency": row["currency"],
        "since": asked.since,
        "before": asked.before,
        "as_of": asked.as_of,
        "over": "all" if sight.sees_all(door.actor, ORDERS) else "seen",
        "group_by": asked.group_by,
        "total": None if asked.group_by else groups[0],
        "groups": groups[:MOST_GROUPS] if asked.group_by and parts else [],
        "groups_in_all": len(groups) if asked.group_by and parts else 0,
    }


async def list_revenue_orders(
    door: Reads,
    asked: Revenue,
    buyer: Buyer | None,
    key: str | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the orders behind a number, all pages as of one moment. Raises as get_revenue."""
    whole = (asked.since, asked.before, asked.where, asked.lapsed_after, asked.group_by, buyer, key)
    context, last = f"revenue:{blake2s(repr(whole).encode(), digest_size=8).hexdigest()}", None
    if cursor:
        as_of, last = behind.place(context, cursor)
        asked = replace(asked, as_of=as_of)
    chosen = {"buyer": buyer, "grouped": asked.group_by is not None, "key": key, "last": last}
    return await revenue.page(door, asked, chosen, limit, context, now)


def _group(parts: Mapping[tuple[str | None, str], Mapping[str, Any]], key: str | None) -> dict[str, Any]:
    told = {buyer.value: parts.get((key, buyer.value), _NOTHING) for buyer in Buyer}
    counts = {name: sum(one[name] for one in told.values()) for name in ("customers", "orders", "left_out")}
    whole = counts | {"revenue": sum((Decimal(one["revenue"]) for one in told.values()), Decimal(0))}
    return {"key": key, "all": _part(whole), **{name: _part(one) for name, one in told.items()}}


def _part(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in _NOTHING} | {"revenue": f"{rounded(one['revenue']):f}"}
