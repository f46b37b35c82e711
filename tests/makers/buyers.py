"""Customers with their orders, for tests of what is made of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.makers.organisations import Organisation

Sale = tuple[datetime, Decimal | str]
"""When, and for how much; below zero is a return."""


def order(
    number: str, contact: str | None, at: datetime, amount: Decimal | str, **more: Any
) -> dict[str, Any]:
    """A paid order of one line."""
    exact = Decimal(amount)
    line = {"description": "x", "quantity": "-1" if exact < 0 else "1", "unit_price": str(abs(exact))}
    stood = {"number": number, "contact_id": contact, "currency": "CNY", "placed_at": at.isoformat()}
    return {**stood, "paid_at": at.isoformat(), "lines": [line], **more}


async def buyers(org: Organisation, bought: Mapping[str, Sequence[Sale]], **more: Any) -> dict[str, str]:
    """Contacts of these names who bought so; their ids by name."""
    contacts = [{"name": name, **more} for name in bought]
    made = (await org.admin.post("/v1/contacts/bulk", json={"items": contacts}, timeout=60)).json()
    assert made["failed"] == 0, made
    ids = {one["name"]: item["id"] for one, item in zip(contacts, made["items"], strict=True)}
    await ordered(
        org,
        [
            order(f"{name} {n}", ids[name], at, amount)
            for name, sales in bought.items()
            for n, (at, amount) in enumerate(sales)
        ],
    )
    return ids


async def ordered(org: Organisation, orders: Sequence[Mapping[str, Any]]) -> None:
    """Orders as they are told."""
    if orders:
        made = (await org.admin.post("/v1/orders/bulk", json={"items": list(orders)}, timeout=60)).json()
        assert made["failed"] == 0, made


def scores(values: Sequence[Any]) -> list[int]:
    """1 to 5 for each value, by how many of all are smaller: the rule, as plainly as it can be said."""
    return [1 + 5 * sum(other < value for other in values) // len(values) for value in values]
