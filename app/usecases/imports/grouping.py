"""Lines of orders as orders: rows of one number are one, whole or not at all, with what they sell and who buys.

A negative quantity, or price, is taken back. An order of which one line cannot be understood is left out whole.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from app.db import imports
from app.db.engine import Row
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import Field, Kind
from app.domain.orders import must_add_up
from app.domain.waves import Name
from app.schemas.contacts import ContactAdd, ContactUpsert
from app.schemas.orders import OrderAdd, OrderUpsert
from app.usecases import bulk
from app.usecases.bulk import Item, Whole
from app.usecases.imports import match
from app.usecases.imports.cells import Read
from app.usecases.plain import Values

_KINDS = {"at": Kind.TIME, "quantity": Kind.NUMBER, "unit_price": Kind.NUMBER, "discount": Kind.NUMBER}
_TEXTS = ("number", "sku", "description", "currency", "channel", "country")
KNOWN_BY = ("customer", "customer_email", "customer_phone")
"""What tells a customer from the others, the surest first."""
_CUSTOMER = (*KNOWN_BY, "customer_name")
FIELDS: Mapping[str, Field] = {
    name: Field(name, _KINDS.get(name, Kind.TEXT)) for name in (*_KINDS, *_TEXTS, *_CUSTOMER)
}
"""What a line can say, by its path."""
_OF_ORDER = ("currency", "channel", "country")
_PRICED = ("unit_price", "currency")


@dataclass(frozen=True, slots=True)
class Usual:
    """What goes without saying in a file: the currency, the system that customers' codes are of, the region of numbers."""

    currency: str
    system: str
    region: str

    @property
    def ways(self) -> Sequence[str]:
        """What customers are matched by, in this order."""
        return (f"external:{self.system}", "email", "phone")


@dataclass(slots=True)
class Order:
    """The rows of one number."""

    number: str
    kept: list[int] = field(default_factory=list)
    """What is kept of it, by the first line of each."""
    lines: list[int] = field(default_factory=list)
    """Where its rows stand in the file."""
    said: list[dict[str, Any]] = field(default_factory=list)
    first: dict[str, Any] = field(default_factory=dict)
    """What the first line that says something says."""
    given: Values = field(default_factory=dict)
    """What is asked for, all but its customer and its products."""
    complete: Whole = dict
    fault: DomainError | None = None
    dated: bool = True
    """Without a date it cannot be a new one."""
    customer: UUID | None = None

    @property
    def buyer(self) -> str | None:
        """What tells its customer from the others, the surest first."""
        return next(filter(None, map(self.first.get, KNOWN_BY)), None)


@dataclass(slots=True)
class Purchases:
    """Orders that can be written, what is bought with them and who buys: in their own words, nothing of it looked up yet."""

    orders: Sequence[Order]
    usual: Usual
    sold: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By SKU the first line that sells it, with the first price above zero and the first description that lines have."""
    buyers: dict[Name, tuple[Item, Sequence[Name]]] = field(default_factory=dict)
    """With the names that each may be matched by; by the surest one, so that orders of one customer have one."""
    whose: list[tuple[Order, Item]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Gather what the lines say."""
        self._gather_sold()
        self._gather_buyers()

    def _gather_sold(self) -> None:
        told: set[str] = set()
        for order in self.orders:
            for line in order.said:
                if (sku := line.get("sku")) and sku not in told:
                    best = self.sold.setdefault(sku, line)
                    if price(best) <= 0 < price(line):
                        best = best | {name: line[name] for name in _PRICED if name in line}
                    if "description" in line and "description" not in best:
                        best = best | {"description": line["description"]}
                    self.sold[sku] = best
                    if price(best) > 0 and "description" in best:
                        told.add(sku)  # nothing better can be said of it

    def _gather_buyers(self) -> None:
        by_words: dict[Sequence[str | None], Item] = {}
        for order in self.orders:
            if called := order.buyer:
                words = tuple(map(order.first.get, _CUSTOMER))
                if words not in by_words:
                    sent = _contact(order.first, called, self.usual.system)
                    names = match.names(sent, self.usual.ways, self.usual.region)
                    item = Item(len(self.buyers), partial(bulk.asked, sent, ContactAdd, ContactUpsert), sent)
                    surest = names[0] if names else ("typed", called)
                    by_words[words] = self.buyers.setdefault(surest, (item, names))[0]
                self.whose.append((order, by_words[words]))


@dataclass(slots=True)
class Round:
    """Orders that are looked at together, and the purchases of those that can be written."""

    orders: Sequence[Order]
    purchases: Purchases


def sound(orders: Sequence[Order]) -> list[Order]:
    """The orders of which nothing is wrong so far."""
    return [order for order in orders if order.fault is None]


def invalid(detail: str) -> RuleBroken:
    """The fault of an order of which a line cannot be understood."""
    return RuleBroken("line_invalid", detail)


def price(line: Mapping[str, Any]) -> Decimal:
    """What a line says that one piece costs, zero when it does not."""
    return Decimal(line.get("unit_price") or 0)


def grouped(read: Callable[[Sequence[str | None]], Read], rows: Sequence[Row], usual: Usual) -> Round:
    """The orders that kept rows make."""
    orders: dict[str, Order] = {}
    for row in rows:
        order = orders.setdefault(row["key"], Order(row["key"]))
        order.kept.append(row["line"])
        if row["broken"]:
            order.fault = invalid(f"Another line of order {order.number!r} cannot be read.")
        for line, cells in imports.kept_of(row):
            said = read(cells)
            order.lines.append(line)
            order.said.append(said.values)
            if said.faults and order.fault is None:
                order.fault = invalid(f"Line {line}: {' '.join(said.faults)}"[:1_000])
    for order in orders.values():
        for values in reversed(order.said):
            order.first |= values
        for name in ("customer", "currency"):
            if order.fault is None and len({one[name] for one in order.said if name in one}) > 1:
                order.fault = invalid(f"The lines of order {order.number!r} do not agree on its {name}.")
        if order.fault is None:
            _judge(order, usual.currency)
    found = list(orders.values())
    return Round(found, Purchases(sound(found), usual))


def _judge(order: Order, currency: str) -> None:
    """See what is asked for, and whether its lines come to an amount."""
    values: dict[str, Any] = {"number": order.number, "currency": currency}
    values |= {name: order.first[name] for name in _OF_ORDER if name in order.first}
    dates = [line["at"] for line in order.said if "at" in line]
    if dates:
        values |= {"placed_at": min(dates), "paid_at": min(dates)}
    order.dated = bool(dates)
    try:
        _must_be_full(order)
        values["lines"] = [_line(line) for line in order.said]
        order.given, order.complete = bulk.asked(values, OrderAdd, OrderUpsert)
        must_add_up(order.given["lines"])
    except DomainError as refusal:
        order.fault = refusal


def _must_be_full(order: Order) -> None:
    for line, said in zip(order.lines, order.said, strict=True):
        for name in ("quantity", "unit_price"):
            if name not in said:
                raise invalid(f"Line {line}: the {name.replace('_', ' ')} is empty.")


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    quantity, unit_price = line["quantity"], line["unit_price"]
    if price(line) < 0:
        quantity, unit_price = (format(-Decimal(one), "f") for one in (quantity, unit_price))
    made = {
        "description": line.get("description") or line.get("sku"),
        "quantity": quantity,
        "unit_price": unit_price,
    }
    return made | ({"discount": line["discount"]} if line.get("discount") else {})


def _contact(said: Mapping[str, Any], called: str, system: str) -> dict[str, Any]:
    code, email, phone = map(said.get, KNOWN_BY)
    return {
        "name": said.get("customer_name") or called,
        "emails": [{"address": email}] if email else [],
        "phones": [{"number": phone}] if phone else [],
        "external_ids": {system: code} if code else {},
        "stage": "customer",
    }
