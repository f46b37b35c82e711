"""An order: its statuses, the moves between them, and money that adds up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.transitions import Transitions


class OrderStatus(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    REFUNDED_IN_PART = "refunded_in_part"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


ALLOWED = Transitions(
    {
        OrderStatus.PLACED: {OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.CANCELLED},
        OrderStatus.PAID: {OrderStatus.SHIPPED, OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED},
        OrderStatus.SHIPPED: {OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED},
        OrderStatus.REFUNDED_IN_PART: {OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED},
        OrderStatus.REFUNDED: set(),
        OrderStatus.CANCELLED: set(),
    }
)
OPEN = frozenset({OrderStatus.PLACED, OrderStatus.SHIPPED})
"""An order that stands here is open until it is paid: goods may leave on credit."""
BOUGHT = frozenset(
    {OrderStatus.PAID, OrderStatus.SHIPPED, OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED}
)
"""An order that stands here was bought, unless it is open."""


class OrderLike(Protocol):
    """What the rules need to know of an order."""

    status: str
    total: Decimal
    refunded: Decimal
    paid_at: datetime | None
    placed_at: datetime
    archived_at: datetime | None


MOST_LINES = 5_000
"""Lines of one order."""
LONGEST_NUMBER = 100
"""Characters of the number of one."""
SMALLEST = Decimal("0.0001")
"""The step in which amounts are kept."""
MOST = Decimal(10) ** 16
_NOTHING = Decimal("0.0000")


def rounded(value: Any) -> Decimal:
    """An amount as it is kept, half of the smallest step rounded up."""
    exact = value if type(value) is Decimal else Decimal(str(value))
    return exact.quantize(SMALLEST, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Totals:
    """The money of an order, in its currency."""

    subtotal: Decimal
    total: Decimal
    lines: tuple[dict[str, Any], ...]
    """The lines with their amounts, to four decimals."""


def totals(
    lines: Sequence[Mapping[str, Any]], discount: Decimal, tax: Decimal, *, of: str = "order"
) -> Totals:
    """Line amount = quantity × unit price − discount; total = sum of lines − discount + tax.

    A negative quantity is taken back: its line comes to minus what it would come to sold, and so does an order whose
    lines come to less than nothing. Raises InvalidInput, which calls the whole by `of`, when a discount is larger than
    what it is taken from, or the whole too large.
    """
    listed = []
    subtotal = Decimal(0)
    for number, line in enumerate(lines, start=1):
        quantity, price = rounded(line.get("quantity") or 0), rounded(line.get("unit_price") or 0)
        less = rounded(line["discount"]) if line.get("discount") else _NOTHING
        product = abs(quantity) * price
        if product >= MOST:  # before it is rounded, for which there is room up to here only
            raise _too_large(product, f"Line {number}")
        amount = rounded(product - less)
        if amount < 0:
            raise InvalidInput(
                "line_below_zero", f"Line {number} comes to {amount}, below zero; lower its discount."
            )
        if quantity < 0 < amount:
            amount = -amount
        listed.append({**line, "quantity": quantity, "unit_price": price, "discount": less, "amount": amount})
        subtotal += amount
    if abs(subtotal) >= MOST:
        raise _too_large(abs(subtotal), f"The {of}")
    total = rounded(abs(subtotal) - discount + tax)
    if total < 0:
        raise InvalidInput("total_below_zero", f"The {of} comes to {total}, below zero; lower its discount.")
    if total >= MOST:
        raise _too_large(total, f"The {of}")
    return Totals(rounded(subtotal), -total if subtotal < 0 else total, tuple(listed))


def must_add_up(lines: Sequence[Mapping[str, Any]]) -> None:
    """Raise InvalidInput as `totals` would of these lines alone, mostly without adding them up in full.

    The lines are as their shape makes them: exact quantities, prices and discounts.
    """
    if any(line["discount"] for line in lines) or (
        sum([abs(line["quantity"]) * line["unit_price"] for line in lines]) >= MOST / 2
    ):
        totals(lines, Decimal(0), Decimal(0))


def _too_large(amount: Decimal, what: str) -> InvalidInput:
    return InvalidInput("total_too_large", f"{what} comes to {amount:f}; amounts stay below {MOST:f}.")


def check_total(stated: Decimal | None, total: Decimal) -> None:
    """Raise InvalidInput when the caller's total is not what the lines add up to."""
    if stated is not None and rounded(stated) != total:
        raise InvalidInput(
            "total_differs",
            f"The order states a total of {stated}, which its lines, discount and tax do not come to.",
        )


def status_of(order: Mapping[str, Any]) -> OrderStatus:
    """The status that an order's dates and refunds amount to."""
    if order["refunded"] > 0:
        return OrderStatus.REFUNDED if order["refunded"] >= order["total"] else OrderStatus.REFUNDED_IN_PART
    for column, status in (
        ("cancelled_at", OrderStatus.CANCELLED),
        ("shipped_at", OrderStatus.SHIPPED),
        ("paid_at", OrderStatus.PAID),
    ):
        if order.get(column):
            return status
    return OrderStatus.PLACED


_MONEY = frozenset({"lines", "discount", "tax", "currency", "total"})


def check_edit(order: OrderLike, after: Mapping[str, Any]) -> None:
    """Money is settled once an order leaves the placed state; a status only moves along the allowed ways.

    A source that sends the state of an order may skip states between, so every status that can be reached will do.
    """
    status = OrderStatus(order.status)
    if status != OrderStatus.PLACED and (touched := sorted(_MONEY & after.keys())):
        raise RuleBroken(
            "order_settled", f"This order is {status}, so its {' and '.join(touched)} cannot change any more."
        )
    to = OrderStatus(after.get("status", status))
    if to != status and to not in ALLOWED.reachable(status):
        ALLOWED.allow("order", status, to)


def _move(order: OrderLike, to: OrderStatus) -> OrderStatus:
    ALLOWED.allow("order", OrderStatus(order.status), to)
    return to


def plan_pay(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Full payment; an order shipped on credit stays shipped."""
    if order.paid_at is not None:
        raise RuleBroken("already_paid", f"This order was paid on {order.paid_at:%Y-%m-%d}.")
    if order.status == OrderStatus.SHIPPED:
        return {"paid_at": at}
    return {"status": _move(order, OrderStatus.PAID), "paid_at": at}


def plan_ship(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Goods leave, paid for or on credit."""
    return {"status": _move(order, OrderStatus.SHIPPED), "shipped_at": at}


def plan_cancel(order: OrderLike, *, at: datetime) -> dict[str, Any]:
    """Only what was neither paid nor shipped can be cancelled; the rest is refunded."""
    return {"status": _move(order, OrderStatus.CANCELLED), "cancelled_at": at}


def check_refunded(refunded: Decimal, total: Decimal) -> None:
    """Raise RuleBroken when more was given back than the order comes to."""
    if refunded > max(total, Decimal(0)):
        raise RuleBroken("refund_too_large", "More cannot have been given back than the order comes to.")


_INSTEAD_OF_REFUND = {
    OrderStatus.PLACED: "cancel it instead",
    OrderStatus.SHIPPED: "record its payment first",
}


def plan_refund(order: OrderLike, *, amount: Decimal | None, at: datetime) -> dict[str, Any]:
    """Give back an amount, or with None all that is left; never more than was paid."""
    if order.paid_at is None:
        instead = _INSTEAD_OF_REFUND.get(OrderStatus(order.status), "leave it as it is")
        raise RuleBroken(
            "not_paid", f"This order was never paid, so there is nothing to give back; {instead}."
        )
    left = order.total - order.refunded
    amount = left if amount is None else rounded(amount)
    if amount <= 0 or amount > left:
        raise RuleBroken(
            "refund_too_large" if amount > left else "refund_not_positive",
            f"A refund must be above zero and at most the {left} that is left of this order; {amount} is not.",
        )
    to = OrderStatus.REFUNDED if amount == left else OrderStatus.REFUNDED_IN_PART
    return {"status": _move(order, to), "refunded": order.refunded + amount, "refunded_at": at}


def check_open(order: OrderLike, *, at: datetime | None) -> None:
    """Raise when nothing may happen to an order now, or at the time that is stated."""
    if order.archived_at is not None:
        raise RuleBroken("archived", "This order is archived; restore it before you change it.")
    if at is not None and at < order.placed_at:
        raise InvalidInput(
            "before_placed", f"This order was placed at {order.placed_at:%Y-%m-%d %H:%M} UTC, after that."
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A verb, the status that it leads to, and the refusal that it would meet now, if any."""

    verb: str
    status: OrderStatus
    allowed: bool = True
    code: str | None = None
    reason: str | None = None


def _plan_refund_to(to: OrderStatus, order: OrderLike, *, at: datetime) -> dict[str, Any]:
    _move(order, to)
    return plan_refund(order, amount=None if to == OrderStatus.REFUNDED else SMALLEST, at=at)


_VERBS: tuple[tuple[str, OrderStatus, Callable[..., dict[str, Any]]], ...] = (
    ("pay", OrderStatus.PAID, plan_pay),
    ("ship", OrderStatus.SHIPPED, plan_ship),
    ("cancel", OrderStatus.CANCELLED, plan_cancel),
    ("refund", OrderStatus.REFUNDED_IN_PART, partial(_plan_refund_to, OrderStatus.REFUNDED_IN_PART)),
    ("refund", OrderStatus.REFUNDED, partial(_plan_refund_to, OrderStatus.REFUNDED)),
)


def targets(order: OrderLike, *, at: datetime) -> list[Target]:
    """What may happen to an order next, and what may not and why."""
    return [_target(order, verb, to, plan, at) for verb, to, plan in _VERBS]


def _target(
    order: OrderLike, verb: str, to: OrderStatus, plan: Callable[..., dict[str, Any]], at: datetime
) -> Target:
    try:
        check_open(order, at=None)
        after = plan(order, at=at)
    except RuleBroken as refusal:
        return Target(verb, to, allowed=False, code=refusal.code, reason=refusal.detail)
    return Target(verb, OrderStatus(after.get("status", order.status)))
