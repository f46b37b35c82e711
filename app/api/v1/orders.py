"""Orders."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.orders import ORDERS
from app.db.reads import Reads, must_exist, one
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.orders import targets
from app.kit import clock
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.orders import (
    OrderAdd,
    OrderCancel,
    OrderEdit,
    OrderOut,
    OrderPay,
    OrderQuery,
    OrderRefund,
    OrderShip,
    OrderStanding,
    OrderTarget,
    OrderUpsert,
)
from app.usecases import bulk, orders, plain

router = Router(prefix="/orders", tags=["orders"])
Reading = Annotated[Reads, reads(Scope.orders_read)]
Writing = Annotated[UnitOfWork, writes(Scope.orders_write)]


@router.get("", **docs.page(OrderOut))
async def list_orders(query: Annotated[OrderQuery, Query()], door: Reading) -> Response:
    """List orders by simple filters and words."""
    return await answers.listing(door, ORDERS, query)


@router.get("/{id:uuid}", **docs.one(OrderOut))
async def get_order(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an order."""
    return await answers.record(door, ORDERS, id_, request, fields)


@router.post("", **docs.made(OrderOut))
async def add_order(body: OrderAdd, uow: Writing) -> Response:
    """Add an order."""
    made = await plain.add(uow, ORDERS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, ORDERS, made, 201)


@router.post("/search", **docs.page(OrderOut))
async def search_orders(query: Search, door: Reading) -> Response:
    """List orders by a full condition."""
    return await answers.search(door, ORDERS, query)


@router.post("/count", **docs.count())
async def count_orders(query: CountQuery, door: Reading) -> Response:
    """Count orders by a full condition."""
    return await answers.count(door, ORDERS, query)


@router.post("/bulk", **docs.bulk(OrderUpsert))
async def upsert_orders(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 orders, each known by its id, its number or an external id."""
    items = await bodies.items_of(request, OrderAdd, OrderUpsert)
    await bulk.upsert(uow, ORDERS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(OrderOut))
async def get_order_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the order that another system calls so."""
    return await answers.by_external_id(door, ORDERS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(OrderOut))
async def upsert_order(system: Key, external_id: Code, body: OrderUpsert, uow: Writing) -> Response:
    """Add the order that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, OrderAdd, system, external_id)
    await bulk.upsert(uow, ORDERS, [item])
    return await answers.upserted(uow, ORDERS, item)


@router.patch("/{id:uuid}", **docs.changed(OrderOut))
async def edit_order(id_: Id, body: OrderEdit, version: Version, uow: Writing) -> Response:
    """Edit an order; what is left out stays."""
    await plain.edit(uow, ORDERS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, ORDERS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(OrderOut))
async def archive_order(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an order away; it leaves the lists and can be restored."""
    await plain.archive(uow, ORDERS, id_, version=version)
    return await answers.changed(uow, ORDERS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(OrderOut))
async def restore_order(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived order back."""
    await plain.restore(uow, ORDERS, id_, version=version)
    return await answers.changed(uow, ORDERS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_order_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of an order, newest first."""
    return answers.body(await history.of_record(door, ORDERS, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/targets", **docs.page(OrderTarget))
async def list_order_targets(id_: Id, door: Reading) -> Response:
    """List what may happen to an order next, and what may not and why."""
    row = must_exist(ORDERS, await door.row(one(ORDERS, id_, (*orders.TOLD, "archived_at"))))
    found = targets(OrderStanding.model_validate_json(row[1]), at=clock.now())
    return answers.plain({"data": found, "next": None})


@router.post("/{id:uuid}/pay", **docs.changed(OrderOut))
async def pay_order(id_: Id, body: OrderPay, version: Version, uow: Writing) -> Response:
    """Record the full payment of an order."""
    await orders.pay_order(uow, id_, version=version, at=body.at)
    return await answers.changed(uow, ORDERS, id_)


@router.post("/{id:uuid}/ship", **docs.changed(OrderOut))
async def ship_order(id_: Id, body: OrderShip, version: Version, uow: Writing) -> Response:
    """Record that the goods of an order left, paid for or on credit."""
    await orders.ship_order(uow, id_, version=version, at=body.at)
    return await answers.changed(uow, ORDERS, id_)


@router.post("/{id:uuid}/cancel", **docs.changed(OrderOut))
async def cancel_order(id_: Id, body: OrderCancel, version: Version, uow: Writing) -> Response:
    """Call off an order that was neither paid nor shipped."""
    await orders.cancel_order(uow, id_, version=version, at=body.at)
    return await answers.changed(uow, ORDERS, id_)


@router.post("/{id:uuid}/refund", **docs.changed(OrderOut))
async def refund_order(id_: Id, body: OrderRefund, version: Version, uow: Writing) -> Response:
    """Give back an amount of an order, or all that is left of it."""
    await orders.refund_order(uow, id_, version=version, amount=body.amount, at=body.at)
    return await answers.changed(uow, ORDERS, id_)
