"""Lines of orders into records: the orders of their rows, and their customers and products made on the way."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from app.db import linked, references
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.imports import Verdict
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from app.domain.columns import SYSTEM
from app.domain.errors import DomainError
from app.domain.imports import Mode, Outcome
from app.schemas.contacts import ContactAdd, ContactUpsert
from app.schemas.products import ProductAdd, ProductUpsert
from app.usecases import bulk
from app.usecases.bulk import Item, Whole
from app.usecases.imports import cells, grouping, match
from app.usecases.imports.grouping import Order, Purchases, Round, Usual, invalid, sound
from app.usecases.plain import Values

ROUND = 3_000
"""Rows that are made into orders together at first, for whose cells all else waits."""
GROWTH = 3
"""How many times as many are together next: a thread reads their cells while the ones before are written."""
Products = dict[str, UUID]
"""Those that are there, by SKU."""


async def apply_lines(uow: UnitOfWork, import_: Row, rows: Sequence[Row]) -> list[Verdict]:
    """Write the orders that the rows make; what became of each row."""
    options = import_["options"]
    usual = Usual(
        options.get("currency") or import_["currency"], options.get("system") or SYSTEM, uow.actor.region
    )
    style = cells.style_of(options, import_["time_zone"], import_["currency"])
    read = cells.reader(import_["layout"]["columns"], import_["mapping"], grouping.FIELDS, style)
    verdicts: list[Verdict] = []
    products: Products = {}
    first, *rest = _rounds(rows)
    here = await asyncio.to_thread(grouping.grouped, read, first, usual)
    # As a merge does: what is named, last. A product that is just being added would else pass for a hidden one.
    for noun in (ORDERS, CONTACTS, PRODUCTS):
        await references.claim(uow, noun, None)
    for following in [*rest, ()]:
        reading = asyncio.create_task(asyncio.to_thread(grouping.grouped, read, following, usual))
        try:
            verdicts += await _write(uow, Mode(import_["mode"]), here, products)
        finally:
            here = await reading
    return verdicts


def _rounds(rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    """The rows in parts, those of one order in one."""
    by_order: dict[str, list[Row]] = {}
    for row in rows:
        by_order.setdefault(row["key"], []).append(row)
    rounds: list[list[Row]] = [[]]
    lines, most = 0, ROUND
    for kept in by_order.values():
        if lines >= most:
            rounds.append([])
            lines, most = 0, most * GROWTH
        rounds[-1] += kept
        lines += sum(1 + len(row["further"] or ()) for row in kept)
    return rounds


async def _write(uow: UnitOfWork, mode: Mode, here: Round, products: Products) -> list[Verdict]:
    orders = here.orders
    goes = await match.going_on(uow, ORDERS, mode, [{"number": order.number} for order in orders])
    going = [order for order, on in zip(orders, goes, strict=True) if on]
    # What cannot be had is found first, so that nothing is made for an order that comes to nothing.
    await _must_be_dated(uow, sound(going))
    purchases = await _only(here.purchases, going)
    new = await _find_products(uow, purchases, products)
    purchases = await _only(purchases, purchases.orders)
    await _give_customers(uow, purchases)
    await _add_products(uow, await _only(purchases, purchases.orders), products, new)
    only = cells.ONLY[mode]
    items = [Item(n, partial(_asked, order, products), {}, only=only) for n, order in enumerate(orders)]
    await bulk.upsert(uow, ORDERS, items)
    return [verdict for order, item in zip(orders, items, strict=True) for verdict in _verdicts(order, item)]


async def _only(purchases: Purchases, orders: Sequence[Order]) -> Purchases:
    """Those of some orders, but for the ones that have failed meanwhile."""
    left = sound(orders)
    if len(left) == len(purchases.orders):
        return purchases
    return await asyncio.to_thread(Purchases, left, purchases.usual)


async def _must_be_dated(uow: UnitOfWork, orders: Sequence[Order]) -> None:
    """An order without a date has failed, unless it is there."""
    dateless = [order for order in orders if not order.dated]
    known = await references.known(
        uow, ORDERS, [references.names_of(ORDERS, {"number": order.number}) for order in dateless]
    )
    for order, record in zip(dateless, known, strict=True):
        if record is None:
            order.fault = invalid(f"No line of the new order {order.number!r} has a date.")


async def _find_products(uow: UnitOfWork, purchases: Purchases, products: Products) -> Mapping[str, Item]:
    """Find the products that are there; those that can be made, called and priced as they are sold first, by SKU."""
    wanted = purchases.sold.keys() - products.keys()
    listed = await linked.found(uow, PRODUCTS.name, "sku", sorted(wanted)) if wanted else {}
    products |= {sku: found[0] for sku, found in listed.items()}
    items = {
        sku: _product(n, sku, purchases.sold[sku], purchases.usual.currency)
        for n, sku in enumerate(sorted(wanted - products.keys()))
    }
    there = await references.known(
        uow, PRODUCTS, [references.names_of(PRODUCTS, item.sent) for item in items.values()]
    )
    # What is there and was not found is archived or hidden, which is told by trying; nothing is made by that.
    hidden = [item for item, record in zip(items.values(), there, strict=True) if record is not None]
    await bulk.upsert(uow, PRODUCTS, hidden)
    for item in items.values():
        if not item.status:
            item.judge(None, None)
    _refuse(purchases, items)
    return items


def _product(n: int, sku: str, line: Mapping[str, Any], currency: str) -> Item:
    sent = {
        "sku": sku,
        "name": line.get("description") or sku,
        "price": format(abs(grouping.price(line)), "f"),
        "currency": line.get("currency") or currency,
    }
    return Item(n, partial(bulk.asked, sent, ProductAdd, ProductUpsert), sent)


async def _add_products(
    uow: UnitOfWork, purchases: Purchases, products: Products, new: Mapping[str, Item]
) -> None:
    """Make what is sold and was not there."""
    wanted = {sku: item for sku, item in new.items() if sku in purchases.sold}
    await bulk.upsert(uow, PRODUCTS, [item for item in wanted.values() if not item.status])
    _refuse(purchases, wanted)
    products |= {sku: item.id for sku, item in wanted.items() if item.id is not None}


def _refuse(purchases: Purchases, items: Mapping[str, Item]) -> None:
    refused = {sku: item.problem for sku, item in items.items() if item.problem}
    for order in purchases.orders if refused else ():
        for line in order.said:
            if problem := refused.get(line.get("sku", "")):
                order.fault = invalid(f"The product {line['sku']!r}: {problem.detail}")


async def _give_customers(uow: UnitOfWork, purchases: Purchases) -> None:
    """Give each order its customer: known by the code, the address or the number, the surest first; else made."""
    for order in purchases.orders:
        if order.buyer is None and (name := order.first.get("customer_name")):
            order.fault = invalid(
                f"The customer {name!r} has no code, address or number to be known by; give one, or leave the name's"
                " column out."
            )
    by, buyers = purchases.usual.ways, list(purchases.buyers.values())
    for turn in match.turns([names for _, names in buyers], by):
        items, names = zip(*(buyers[place] for place in turn), strict=True)
        bringing = await match.find(uow, CONTACTS, by, items, names)
        new = [item for item in items if not item.status and "id" not in item.sent]
        await bulk.upsert(uow, CONTACTS, [*new, *_codes(uow, bringing)])
    for order, item in purchases.whose:
        order.customer = item.sent.get("id", item.id)
        if item.problem:
            order.fault = invalid(f"The customer {order.buyer!r}: {item.problem.detail}")


def _codes(uow: UnitOfWork, bringing: Sequence[Item]) -> Iterator[Item]:
    """The codes of customers who were known without one, so that lines which say the code alone find them, too.

    One that somebody else has, who was put away, stays there: the customer is known all the same.
    """
    for item in bringing if uow.actor.writes("contact", "external_ids") else ():
        if item.sent["external_ids"]:
            sent = {name: item.sent[name] for name in ("id", "external_ids")}
            yield Item(item.index, partial(bulk.asked, sent, ContactAdd, ContactUpsert), sent)


def _asked(order: Order, products: Products) -> tuple[Values, Whole]:
    """With the customer and the products, once they are there. Raises DomainError."""
    if order.fault is not None:
        raise order.fault
    lines = zip(order.given["lines"], order.said, strict=True)
    found: Values = {
        "lines": [line | {"product_id": products.get(said.get("sku", ""))} for line, said in lines]
    }
    if order.customer is not None:
        found["contact_id"] = order.customer
    return order.given | found, lambda: order.complete() | found


def _verdicts(order: Order, item: Item) -> list[Verdict]:
    problem: DomainError | None = item.problem
    if problem is None:
        return [Verdict(line, Outcome(item.status), item.id) for line in order.kept]
    outcome = Outcome.SKIPPED if problem.code in cells.LEFT_OUT else Outcome.FAILED
    return [Verdict(line, outcome, None, problem.code, problem.detail) for line in order.kept]
