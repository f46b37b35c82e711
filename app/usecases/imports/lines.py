"""Lines of orders into orders: rows of one number are one order, and its customer and products are made on the way.

A negative quantity, or price, is taken back. An order of which one line cannot be understood is left out whole.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from app.db import imports, linked, references
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.imports import Verdict
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from app.domain.columns import SYSTEM
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import Field, Kind
from app.domain.imports import Mode, Outcome
from app.domain.orders import totals
from app.domain.waves import Name
from app.schemas.contacts import ContactAdd, ContactUpsert
from app.schemas.orders import OrderAdd, OrderUpsert
from app.schemas.products import ProductAdd, ProductUpsert
from app.usecases import bulk
from app.usecases.bulk import Item, Whole
from app.usecases.imports import cells, match
from app.usecases.imports.cells import Read
from app.usecases.plain import Values

_KINDS = {"at": Kind.TIME, "quantity": Kind.NUMBER, "unit_price": Kind.NUMBER, "discount": Kind.NUMBER}
_TEXTS = ("number", "sku", "description", "currency", "channel", "country")
_CUSTOMER = ("customer", "customer_name", "customer_email", "customer_phone")
FIELDS: Mapping[str, Field] = {
    name: Field(name, _KINDS.get(name, Kind.TEXT)) for name in (*_KINDS, *_TEXTS, *_CUSTOMER)
}
"""What a line can say, by its path."""
_OF_ORDER = ("currency", "channel", "country")
ROUND = 10_000
"""Rows that are made into orders together, while a thread reads the cells of the next."""


@dataclass(slots=True)
class _Order:
    """The rows of one number."""

    number: str
    kept: list[int] = field(default_factory=list)
    """What is kept of it, by the first line of each."""
    lines: list[int] = field(default_factory=list)
    """Where its rows stand in the file."""
    said: list[dict[str, Any]] = field(default_factory=list)
    given: Values = field(default_factory=dict)
    """What is asked for, all but its customer and its products."""
    complete: Whole = dict
    fault: DomainError | None = None
    dated: bool = True
    """Without a date it cannot be a new one."""
    customer: UUID | None = None

    def first(self, name: str) -> Any:
        """What the first line that says something says."""
        return next((one[name] for one in self.said if one.get(name)), None)


async def apply_lines(uow: UnitOfWork, one: Row, rows: Sequence[Row]) -> list[Verdict]:
    """Write the orders that the rows make; what became of each row."""
    style = cells.style_of(one["options"], one["time_zone"], one["currency"])
    read = cells.reader(one["layout"]["columns"], one["mapping"], FIELDS, style)
    verdicts: list[Verdict] = []
    currency = one["options"].get("currency") or one["currency"]
    first, *rest = _rounds(rows)
    orders = await asyncio.to_thread(_grouped, read, first, currency)
    for noun in (ORDERS, CONTACTS):  # as a merge does: what is named, last
        await references.claim(uow, noun, None)
    for following in [*rest, ()]:
        reading = asyncio.create_task(asyncio.to_thread(_grouped, read, following, currency))
        try:
            verdicts += await _write(uow, one, orders, currency)
        finally:
            orders = await reading
    return verdicts


def _rounds(rows: Sequence[Row]) -> Sequence[Sequence[Row]]:
    """The rows in parts, those of one order in one."""
    by_order: dict[str, list[Row]] = {}
    for row in rows:
        by_order.setdefault(row["key"], []).append(row)
    rounds: list[list[Row]] = [[]]
    lines = 0
    for kept in by_order.values():
        if lines >= ROUND:
            rounds.append([])
            lines = 0
        rounds[-1] += kept
        lines += sum(1 + len(row["further"] or ()) for row in kept)
    return rounds


async def _write(uow: UnitOfWork, one: Row, orders: Sequence[_Order], currency: str) -> list[Verdict]:
    goes = await match.going_on(
        uow, ORDERS, Mode(one["mode"]), [{"number": order.number} for order in orders]
    )
    going = [order for order, on in zip(orders, goes, strict=True) if on]
    # What cannot be had is found first, so that nothing is made for an order that comes to nothing.
    await _must_be_dated(uow, _sound(going))
    known, new = await _sold(uow, _sound(going), currency)
    await _customers(uow, _sound(going), one["options"].get("system") or SYSTEM)
    products = {**known, **await _products(uow, _sound(going), new)}
    only = cells.ONLY[Mode(one["mode"])]
    items = [Item(n, partial(_asked, order, products), {}, only=only) for n, order in enumerate(orders)]
    await bulk.upsert(uow, ORDERS, items)
    return [verdict for order, item in zip(orders, items, strict=True) for verdict in _verdicts(order, item)]


def _sound(orders: Sequence[_Order]) -> list[_Order]:
    return [order for order in orders if order.fault is None]


def _invalid(detail: str) -> RuleBroken:
    return RuleBroken("line_invalid", detail)


def _grouped(
    read: Callable[[Sequence[str | None]], Read], rows: Sequence[Row], currency: str
) -> list[_Order]:
    orders: dict[str, _Order] = {}
    for row in rows:
        order = orders.setdefault(row["key"], _Order(row["key"]))
        order.kept.append(row["line"])
        if row["broken"]:
            order.fault = _invalid(f"Another line of order {order.number!r} cannot be read.")
        for line, listed in imports.kept_of(row):
            said = read(listed)
            order.lines.append(line)
            order.said.append(said.values)
            if said.faults and order.fault is None:
                order.fault = _invalid(f"Line {line}: {' '.join(said.faults)}"[:1_000])
    for order in orders.values():
        for name in ("customer", "currency"):
            if order.fault is None and len({one[name] for one in order.said if one.get(name)}) > 1:
                order.fault = _invalid(f"The lines of order {order.number!r} do not agree on its {name}.")
        if order.fault is None:
            _judge(order, currency)
    return list(orders.values())


def _judge(order: _Order, currency: str) -> None:
    """See what is asked for, and whether its lines come to an amount."""
    values: dict[str, Any] = {"number": order.number, "currency": currency}
    values |= {name: said for name in _OF_ORDER if (said := order.first(name))}
    dates = [line["at"] for line in order.said if line.get("at")]
    if dates:
        values |= {"placed_at": min(dates), "paid_at": min(dates)}
    order.dated = bool(dates)
    try:
        _must_be_full(order)
        values["lines"] = [_line(line) for line in order.said]
        order.given, order.complete = bulk.asked(values, OrderAdd, OrderUpsert)
        totals(order.given["lines"], Decimal(0), Decimal(0))
    except DomainError as refusal:
        order.fault = refusal


def _must_be_full(order: _Order) -> None:
    for line, said in zip(order.lines, order.said, strict=True):
        for name in ("quantity", "unit_price"):
            if name not in said:
                raise _invalid(f"Line {line}: the {name.replace('_', ' ')} is empty.")


async def _must_be_dated(uow: UnitOfWork, orders: Sequence[_Order]) -> None:
    """An order without a date has failed, unless it is there."""
    dateless = [order for order in orders if not order.dated]
    known = await references.known(
        uow, ORDERS, [references.names_of(ORDERS, {"number": order.number}) for order in dateless]
    )
    for order, record in zip(dateless, known, strict=True):
        if record is None:
            order.fault = _invalid(f"No line of the new order {order.number!r} has a date.")


async def _sold(
    uow: UnitOfWork, orders: Sequence[_Order], currency: str
) -> tuple[Mapping[str, UUID], Mapping[str, Item]]:
    """The products that are there, and those that can be made, called and priced as on the first line that sells them.

    By SKU.
    """
    sold: dict[str, dict[str, Any]] = {}
    for order in orders:
        for line in order.said:
            if sku := line.get("sku"):
                best = sold.setdefault(sku, line)
                if _price(best) <= 0 < _price(line) or not best.get("description"):
                    sold[sku] = line
    listed = await linked.found(uow, PRODUCTS.name, "sku", sorted(sold))
    items = {
        sku: _product(n, sku, line, currency)
        for n, (sku, line) in enumerate(sold.items())
        if sku not in listed
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
    _refuse(orders, items)
    return {sku: found[0] for sku, found in listed.items()}, items


def _product(n: int, sku: str, line: Mapping[str, Any], currency: str) -> Item:
    sent = {
        "sku": sku,
        "name": line.get("description") or sku,
        "price": format(abs(_price(line)), "f"),
        "currency": line.get("currency") or currency,
    }
    return Item(n, partial(bulk.asked, sent, ProductAdd, ProductUpsert), sent)


async def _products(uow: UnitOfWork, orders: Sequence[_Order], new: Mapping[str, Item]) -> Mapping[str, UUID]:
    """Make what the orders sell; by SKU."""
    wanted = {sku: new[sku] for order in orders for line in order.said if (sku := line.get("sku", "")) in new}
    await bulk.upsert(uow, PRODUCTS, [item for item in wanted.values() if not item.status])
    _refuse(orders, wanted)
    return {sku: item.id for sku, item in wanted.items() if item.id is not None}


def _refuse(orders: Sequence[_Order], items: Mapping[str, Item]) -> None:
    refused = {sku: item.problem for sku, item in items.items() if item.problem}
    for order in orders if refused else ():
        for line in order.said:
            if problem := refused.get(line.get("sku", "")):
                order.fault = _invalid(f"The product {line['sku']!r}: {problem.detail}")


def _price(line: Mapping[str, Any]) -> Decimal:
    return Decimal(line.get("unit_price") or 0)


async def _customers(uow: UnitOfWork, orders: Sequence[_Order], system: str) -> None:
    """Give each order its customer: known by the code, the address or the number, the surest first; else made."""
    by = (f"external:{system}", "email", "phone")
    customers: dict[Name, tuple[Item, Sequence[Name]]] = {}
    """By the surest name, so that orders of one customer have one."""
    whose: list[tuple[_Order, Item]] = []
    for order in orders:
        if called := _called(order):
            sent = _contact(order, system)
            own = match.names(sent, by, uow.actor.region)
            ask = partial(bulk.asked, sent, ContactAdd, ContactUpsert)
            surest = own[0] if own else ("typed", called)
            whose.append((order, customers.setdefault(surest, (Item(len(customers), ask, sent), own))[0]))
        elif name := order.first("customer_name"):
            order.fault = _invalid(
                f"The customer {name!r} has no code, address or number to be known by; give one, or leave the name's"
                " column out."
            )
    listed = list(customers.values())
    for turn in match.turns([own for _, own in listed], by):
        items, names = zip(*(listed[place] for place in turn), strict=True)
        await match.find(uow, CONTACTS, by, items, names)
        await bulk.upsert(uow, CONTACTS, [one for one in items if not one.status and "id" not in one.sent])
    for order, item in whose:
        order.customer = item.sent.get("id", item.id)
        if item.problem:
            order.fault = _invalid(f"The customer {_called(order)!r}: {item.problem.detail}")


def _called(order: _Order) -> str | None:
    """What tells a customer from the others, the surest first."""
    return next(
        filter(None, (order.first(name) for name in ("customer", "customer_email", "customer_phone"))), None
    )


def _contact(order: _Order, system: str) -> dict[str, Any]:
    email, phone, code = (order.first(name) for name in ("customer_email", "customer_phone", "customer"))
    return {
        "name": order.first("customer_name") or _called(order),
        "emails": [{"address": email}] if email else [],
        "phones": [{"number": phone}] if phone else [],
        "external_ids": {system: code} if code else {},
        "stage": "customer",
    }


def _asked(order: _Order, products: Mapping[str, UUID]) -> tuple[Values, Whole]:
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


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    quantity, price = line["quantity"], line["unit_price"]
    if _price(line) < 0:
        quantity, price = (format(-Decimal(one), "f") for one in (quantity, price))
    made = {
        "description": line.get("description") or line.get("sku"),
        "quantity": quantity,
        "unit_price": price,
    }
    return made | ({"discount": line["discount"]} if line.get("discount") else {})


def _verdicts(order: _Order, item: Item) -> list[Verdict]:
    problem: DomainError | None = item.problem
    if problem is None:
        return [Verdict(line, Outcome(item.status), item.id) for line in order.kept]
    outcome = Outcome.SKIPPED if problem.code in cells.LEFT_OUT else Outcome.FAILED
    return [Verdict(line, outcome, None, problem.code, problem.detail) for line in order.kept]
