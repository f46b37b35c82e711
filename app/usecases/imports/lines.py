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
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from app.domain.columns import SYSTEM
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import Field, Kind
from app.domain.imports import Mode, Outcome
from app.domain.waves import Name
from app.schemas.base import Shape
from app.schemas.contacts import ContactAdd, ContactUpsert
from app.schemas.orders import OrderAdd, OrderUpsert
from app.schemas.products import ProductAdd, ProductUpsert
from app.usecases import bulk
from app.usecases.bulk import Item
from app.usecases.imports import cells, match
from app.usecases.imports.cells import Read

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
    fault: str | None = None
    customer: UUID | None = None

    def first(self, name: str) -> Any:
        """What the first line that says something says."""
        return next((one[name] for one in self.said if one.get(name)), None)


async def apply_lines(uow: UnitOfWork, one: Row, rows: Sequence[Row]) -> list[Verdict]:
    """Write the orders that the rows make; what became of each row."""
    style = cells.style_of(one["options"], one["time_zone"], one["currency"])
    read = cells.reader(one["layout"]["columns"], one["mapping"], FIELDS, style)
    verdicts: list[Verdict] = []
    first, *rest = _rounds(rows)
    orders = await asyncio.to_thread(_grouped, read, first)
    for noun in (ORDERS, CONTACTS):  # as a merge does: what is named, last
        await references.claim(uow, noun, None)
    for following in [*rest, ()]:
        reading = asyncio.create_task(asyncio.to_thread(_grouped, read, following))
        try:
            verdicts += await _write(uow, one, orders)
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


async def _write(uow: UnitOfWork, one: Row, orders: Sequence[_Order]) -> list[Verdict]:
    currency = one["options"].get("currency") or one["currency"]
    for order in orders:
        order.fault = order.fault or _empty(order)
    sent = [{"number": order.number} for order in orders]
    goes = await match.going_on(uow, ORDERS, Mode(one["mode"]), sent)
    whole = [order for order, on in zip(orders, goes, strict=True) if on and order.fault is None]
    products = await _products(uow, whole, currency)
    await _customers(uow, whole, one["options"].get("system") or SYSTEM)
    only = cells.ONLY[Mode(one["mode"])]
    items = [
        Item(n, partial(_asked, order, products, currency), {}, only=only) for n, order in enumerate(orders)
    ]
    await bulk.upsert(uow, ORDERS, items)
    return [verdict for order, item in zip(orders, items, strict=True) for verdict in _verdicts(order, item)]


def _grouped(read: Callable[[Sequence[str | None]], Read], rows: Sequence[Row]) -> list[_Order]:
    orders: dict[str, _Order] = {}
    for row in rows:
        order = orders.setdefault(row["key"], _Order(row["key"]))
        order.kept.append(row["line"])
        if row["broken"]:
            order.fault = f"Another line of order {order.number!r} cannot be read."
        for line, listed in imports.kept_of(row):
            said = read(listed)
            order.lines.append(line)
            order.said.append(said.values)
            if said.faults and order.fault is None:
                order.fault = f"Line {line}: {' '.join(said.faults)}"[:1_000]
    for order in orders.values():
        for name in ("customer", "currency"):
            if order.fault is None and len({one[name] for one in order.said if one.get(name)}) > 1:
                order.fault = f"The lines of order {order.number!r} do not agree on its {name}."
    return list(orders.values())


def _empty(order: _Order) -> str | None:
    """What a line does not say and cannot do without."""
    return next(
        (
            f"Line {line}: the {name.replace('_', ' ')} is empty."
            for line, said in zip(order.lines, order.said, strict=True)
            for name in ("quantity", "unit_price")
            if name not in said
        ),
        None,
    )


async def _products(uow: UnitOfWork, orders: Sequence[_Order], currency: str) -> Mapping[str, UUID]:
    """By SKU; those that are not there are made, called and priced as on the first line that sells them."""
    sold: dict[str, dict[str, Any]] = {}
    for order in orders:
        for line in order.said:
            if sku := line.get("sku"):
                best = sold.setdefault(sku, line)
                if _price(best) <= 0 < _price(line) or not best.get("description"):
                    sold[sku] = line
    known = await linked.found(uow, PRODUCTS.name, "sku", sorted(sold))
    new = [
        {
            "sku": sku,
            "name": line.get("description") or sku,
            "price": format(abs(_price(line)), "f"),
            "currency": line.get("currency") or currency,
        }
        for sku, line in sold.items()
        if sku not in known
    ]
    made = await _made(uow, PRODUCTS, ProductAdd, ProductUpsert, new)
    refused = {one["sku"]: item.problem for one, item in zip(new, made, strict=True) if item.problem}
    for order in orders:
        for line in order.said:
            if problem := refused.get(line.get("sku")):
                order.fault = f"The product {line['sku']!r}: {problem.detail}"
    ids = {sku: listed[0] for sku, listed in known.items()}
    return ids | {one["sku"]: item.id for one, item in zip(new, made, strict=True) if item.id is not None}


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
            order.fault = (
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
            order.fault = f"The customer {_called(order)!r}: {item.problem.detail}"


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


async def _made(
    uow: UnitOfWork, noun: Noun, add: type[Shape], upsert: type[Shape], values: Sequence[dict[str, Any]]
) -> list[Item]:
    items = [Item(n, partial(bulk.asked, one, add, upsert), one) for n, one in enumerate(values)]
    await bulk.upsert(uow, noun, items)
    return items


def _asked(order: _Order, products: Mapping[str, UUID], currency: str) -> tuple[dict[str, Any], bulk.Whole]:
    if order.fault is not None:
        raise RuleBroken("line_invalid", order.fault)
    values: dict[str, Any] = {
        "number": order.number,
        "currency": currency,
        "lines": [_line(line, products) for line in order.said],
    }
    if dates := [line["at"] for line in order.said if line.get("at")]:
        values |= {"placed_at": min(dates), "paid_at": min(dates)}
    values |= {name: said for name in _OF_ORDER if (said := order.first(name))}
    if order.customer is not None:
        values["contact_id"] = order.customer
    given, complete = bulk.asked(values, OrderAdd, OrderUpsert)
    return given, complete if dates else partial(_dateless, order.number)


def _dateless(number: str) -> dict[str, Any]:
    raise RuleBroken("line_invalid", f"No line of the new order {number!r} has a date.")


def _line(line: Mapping[str, Any], products: Mapping[str, UUID]) -> dict[str, Any]:
    quantity, price = line["quantity"], line["unit_price"]
    if _price(line) < 0:
        quantity, price = (format(-Decimal(one), "f") for one in (quantity, price))
    made = {
        "product_id": products.get(line.get("sku", "")),
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
