"""What happens to an order after it was placed."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.db import write
from app.db.orders import ORDERS
from app.db.uow import UnitOfWork
from app.domain import orders
from app.domain.access import must_read, must_write
from app.usecases import plain

TOLD = ("status", "total", "refunded", "paid_at", "placed_at")
"""What decides, and is told by, what may happen to an order."""


async def _move(
    uow: UnitOfWork,
    order: UUID,
    version: int | None,
    event: str,
    at: datetime | None,
    plan: Callable[..., dict[str, Any]],
    written: tuple[str, ...],
) -> None:
    must_write(uow.actor, "order", written)  # the status follows from them
    must_read(uow.actor, "order", TOLD)  # a refusal speaks of them
    row = await plain.get_locked(uow, ORDERS, order, version, {})
    orders.check_open(row, at=at)
    await write.change(uow, ORDERS, [(row, plan(row, at=at or uow.now))], event)


async def pay_order(uow: UnitOfWork, order: UUID, *, version: int | None, at: datetime | None) -> None:
    """Full payment came in."""
    await _move(uow, order, version, "order.paid", at, orders.plan_pay, ("paid_at",))


async def ship_order(uow: UnitOfWork, order: UUID, *, version: int | None, at: datetime | None) -> None:
    """The goods left."""
    await _move(uow, order, version, "order.shipped", at, orders.plan_ship, ("shipped_at",))


async def cancel_order(uow: UnitOfWork, order: UUID, *, version: int | None, at: datetime | None) -> None:
    """Called off before it was paid or shipped."""
    await _move(uow, order, version, "order.cancelled", at, orders.plan_cancel, ("cancelled_at",))


async def refund_order(
    uow: UnitOfWork, order: UUID, *, version: int | None, amount: Decimal | None, at: datetime | None
) -> None:
    """Money went back, in part or whole."""

    def plan(row: orders.OrderLike, *, at: datetime) -> dict[str, Any]:
        return orders.plan_refund(row, amount=amount, at=at)

    await _move(uow, order, version, "order.refunded", at, plan, ("refunded", "refunded_at"))
