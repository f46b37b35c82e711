"""Acquisition: what a new customer costs."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from hashlib import blake2s
from typing import Any

from app.db import acquisition, behind
from app.db.reads import Reads
from app.domain.acquisition import Acquisition, Reason
from app.domain.deals.cohorts import MOST_GROUPS
from app.domain.orders import rounded

_NOTHING: Mapping[str, Any] = {"costs": 0, "valued": 0, "total": None}


async def get_acquisition(door: Reads, asked: Acquisition) -> dict[str, Any]:
    """Costs of a window over the customers who are new in it, by groups if so asked. Raises Forbidden."""
    row = await acquisition.counted(door, asked)
    money, apart = acquisition.tells_money(door.actor), asked.tells_apart()
    costs = {one["key"]: one for one in row["costs"] or ()}
    customers = {one["key"]: one["customers"] for one in row["customers"] or ()}
    spent = {
        name: sum(Decimal(one[name] or 0) for one in costs.values()) for name in ("costs", "valued", "total")
    }
    groups = [
        _told(key, costs.get(key, _NOTHING), customers.get(key, 0) if apart else None, money=money)
        for key in (costs.keys() | customers.keys() if apart else costs)
    ]
    groups.sort(
        key=lambda group: (-Decimal(group["spent"] or 0), -(group["customers"] or 0), group["key"] or "")
    )
    grouped = asked.group_by is not None
    return {
        "currency": row["currency"],
        "since": asked.since,
        "before": asked.before,
        "as_of": asked.as_of,
        "over": "all" if acquisition.sees_all(door.actor, asked) else "seen",
        "new_by": asked.customers,
        "group_by": asked.group_by,
        "total": _told(None, spent, sum(customers.values()), money=money),
        "groups": groups[:MOST_GROUPS] if grouped else [],
        "groups_in_all": len(groups) if grouped else 0,
    }


async def list_acquisition(
    door: Reads, asked: Acquisition, key: str | None, limit: int, cursor: str | None, *, costs: bool
) -> bytes:
    """A page of the costs or the customers behind a number, all pages as of one moment. Raises as get_acquisition."""
    whole = (asked.since, asked.before, asked.customers, asked.group_by, asked.kind, asked.channel)
    said = repr((*whole, asked.campaign, key, costs)).encode()
    context, last = f"acquisition:{blake2s(said, digest_size=8).hexdigest()}", None
    if cursor:
        as_of, last = behind.place(context, cursor)
        asked = replace(asked, as_of=as_of)
    grouped = asked.group_by is not None and (costs or asked.tells_apart())
    chosen = {"grouped": grouped, "key": key, "last": last}
    return await acquisition.page(door, asked, chosen, limit, context, costs=costs)


def _told(key: str | None, spent: Mapping[str, Any], customers: int | None, *, money: bool) -> dict[str, Any]:
    total = Decimal(spent["total"] or 0)
    reason = _reason(spent, customers, money=money)
    return {
        "key": key,
        "costs": int(spent["costs"]),
        "spent": f"{rounded(total):f}" if money else None,
        "left_out": int(spent["costs"] - spent["valued"]) if money else None,
        "customers": customers,
        "cost_per_customer": None if reason or not customers else f"{rounded(total / customers):f}",
        "reason": reason,
    }


def _reason(spent: Mapping[str, Any], customers: int | None, *, money: bool) -> Reason | None:
    """Why nothing can be divided."""
    if customers is None:
        return Reason.NOT_TOLD_APART
    if not money:
        return Reason.HIDDEN
    if not customers:
        return Reason.NO_NEW_CUSTOMERS
    return None if spent["valued"] else Reason.NO_COSTS
