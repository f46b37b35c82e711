"""An order: its statuses, the moves between them, and money that adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Protocol

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.transitions import Transitions


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    REFUNDED_IN_PART = "refunded_in_part"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


ALLOWED = Transitions(
    {
        Status.PLACED: {Status.PAID, Status.SHIPPED, Status.CANCELLED},
        Status.PAID: {Status.SHIPPED, Status.REFUNDED_IN_PART, Status.REFUNDED},
        Status.SHIPPED: {Status.REFUNDED_IN_PART, Status.REFUNDED},
        Status.REFUNDED_IN_PART: {Status.REFUNDED_IN_PART, Status.REFUNDED},
        Status.REFUNDED: set(),
        Status.CANCELLED: set(),
    }
)


class OrderLike(Protocol):
    """What the rules need to know of an order."""

    status: str
    total: Decimal
    refunded: Decimal
    paid_at: datetime | None
    placed_at: datetime


CENT = Decimal("0.0001")


def _amount(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Totals:
    """The money of an order, in its currency."""

    subtotal: Decimal
    total: Decimal
    amounts: tuple[Decimal, ...]
    """One per line."""


def totals(lines: Sequence[Mapping[str, Any]], discount: Decimal, tax: Decimal) -> Totals:
    """Line amount = quantity × unit price − discount; total = sum of lines − discount + tax.

    Raises InvalidInput when a line or the order comes out below zero.
    """
    amounts = []
    for number, line in enumerate(lines, start=1):
        amount = _amount(
            Decimal(line["quantity"]) * Decimal(line["unit_price"]) - Decimal(line.get("discount") or 0)
        )
        if amount < 0:
            raise InvalidInput(
                "line_below_zero", f"Line {number} comes to {amount}, below zero; lower its discount."
            )
        amounts.append(amount)
    subtotal = sum(amounts, Decimal(0))
    total = _amount(subtotal - discount + tax)
    if total < 0:
        raise InvalidInput("total_below_zero", f"The order comes to {total}, below zero; lower its discount.")
    return Totals(subtotal, total, tuple(amounts))


def check_total(stated: Decimal | None, total: Decimal) -> None:
    """Raise InvalidInput when the caller's total is not what the lines add up to."""
    if stated is not None and _amount(stated) != total:
        raise InvalidInput(
            "total_differs",
            f"The order states a total of {stated}, but its lines, discount and tax come to {total}.",
        )


def _move(order: OrderLike, to: Status) -> Status:
    ALLOWED.allow("order", Status(order.status), to)
    return to


def plan_pay(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Full payment; an order shipped on credit stays shipped."""
    if order.paid_at is not None:
        raise RuleBroken("already_paid", f"This order was paid on {order.paid_at:%Y-%m-%d}.")
    if order.status == Status.SHIPPED:
        return {"paid_at": at}
    return {"status": _move(order, Status.PAID), "paid_at": at}


def plan_ship(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Goods leave, paid for or on credit."""
    return {"status": _move(order, Status.SHIPPED), "shipped_at": at}


def plan_cancel(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Only what was neither paid nor shipped can be cancelled; the rest is refunded."""
    return {"status": _move(order, Status.CANCELLED), "cancelled_at": at}


def plan_refund(order: OrderLike, *, amount: Decimal | None, at: datetime) -> dict[str, Any]:
    """Give back an amount, or with None all that is left; never more than was paid."""
    if order.paid_at is None:
        raise RuleBroken(
            "not_paid", "This order was never paid, so there is nothing to give back; cancel it instead."
        )
    left = order.total - order.refunded
    amount = left if amount is None else _amount(amount)
    if amount <= 0 or amount > left:
        raise RuleBroken(
            "refund_too_large" if amount > left else "refund_not_positive",
            f"A refund must be above zero and at most the {left} that is left of this order; {amount} is not.",
        )
    to = Status.REFUNDED if amount == left else Status.REFUNDED_IN_PART
    return {"status": _move(order, to), "refunded": order.refunded + amount, "refunded_at": at}
