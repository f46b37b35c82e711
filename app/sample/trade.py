"""What people bought: when, what, by which way, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from app.sample.catalogue import CENT, FRAGILE, KINDS, Product
from app.sample.names import Weighted, dice
from app.sample.people import Contact, Kind
from app.sample.seasons import DAYS, ZONE, Pace, mid_autumn, moment, pace, spring_festival

CURRENCIES = {"zh": "CNY", "en": "USD", "de": "EUR", "ja": "JPY"}
RATES = {"USD": Decimal("7.18"), "EUR": Decimal("7.82"), "JPY": Decimal("0.0478")}
"""Yuan for one, about; abroad things cost more by _EXPORT."""
_EXPORT = Decimal("1.6")
_VAT = Decimal("0.13")
_COUNT = Weighted.of((1, 34.0), (2, 30.0), (3, 20.0), (4, 10.0), (5, 4.0), (6, 2.0))
_PIECES = Weighted.of((1, 66.0), (2, 22.0), (3, 6.0), (4, 3.0), (6, 2.0), (10, 1.0))
_CASES = Weighted.of(
    (10, 20.0), (12, 12.0), (20, 22.0), (30, 14.0), (50, 14.0), (60, 6.0), (100, 8.0), (200, 3.0)
)


@dataclass(frozen=True)
class Sale:
    """An order on the wire, with what the talk about it needs."""

    contact: Contact
    at: datetime
    day: int
    products: tuple[str, ...]
    wire: dict[str, Any]

    @property
    def id(self) -> str:
        """Its external id."""
        return str(self.wire["external_ids"]["sample"])


def places(chance: Random, kind: Kind) -> Iterator[float]:
    """Where between the first day (0) and the last (1) somebody of this kind buys, in the measure of all that is sold."""
    match kind:
        case Kind.LOYAL:
            at = chance.uniform(0, 0.12) if chance.random() < 0.5 else chance.uniform(0, 0.65)
            gap = chance.uniform(0.08, 0.14)
            yield from _steady(chance, at, gap, last=1)
        case Kind.WHOLESALE:
            last = chance.uniform(0.5, 0.85) if chance.random() < 0.14 else 1
            yield from _steady(chance, chance.uniform(0, 0.35), chance.uniform(0.065, 0.135), last=last)
        case Kind.GROWING:
            yield from _steady(chance, chance.uniform(0, 0.5), chance.uniform(0.12, 0.18), last=1, pull=0.88)
        case Kind.LAPSED:
            at, gap = chance.uniform(0, 0.42), chance.uniform(0.045, 0.07)
            yield from _steady(chance, at, gap, last=chance.uniform(at + 0.15, 0.82), pull=1.28)
        case Kind.ONE_OFF:
            yield chance.random()
        case Kind.OCCASIONAL:
            yield from sorted(chance.random() for _ in range(chance.choice((1, 1, 2, 2, 2, 3, 3))))


def _steady(chance: Random, at: float, gap: float, *, last: float, pull: float = 1.0) -> Iterator[float]:
    # Gamma of shape 8: a habit with a spread of a third, not the memoryless chance of a passer-by.
    while at < last:
        yield at
        at += gap * chance.gammavariate(8, 1 / 8)
        gap = max(gap * pull, 0.032)


class _Shelf:
    """What is picked from, by the season and the taste of who picks."""

    def __init__(self, products: Sequence[Product]) -> None:
        self.by_category: dict[str, list[Product]] = {}
        for product in products:
            self.by_category.setdefault(product.category, []).append(product)

    def pick(self, chance: Random, day: date, taste: frozenset[str]) -> Product:
        weights = [
            kind.share * _season(kind.category, day) * (4 if kind.category in taste else 1) for kind in KINDS
        ]
        shelf = self.by_category[chance.choices(KINDS, weights)[0].category]
        # The first of a shelf sell best; the fragile one is a favourite until it arrives.
        return chance.choices(shelf, [1 if p.id == FRAGILE else 1 / (2 + at) for at, p in enumerate(shelf)])[
            0
        ]


def _season(category: str, day: date) -> float:
    if category == "中秋礼盒":
        return 9.0 if 0 <= (mid_autumn(day.year) - day).days <= 35 else 0.08
    if category == "新春礼盒":
        ahead = min(abs((spring_festival(year) - day).days - 18) for year in (day.year, day.year + 1))
        return 8.0 if ahead <= 18 else 0.08
    if category == "绿茶" and (day.month, day.day) > (3, 20) and day.month < 6:
        return 2.2
    return 1.0


def sales(seed: int, end: date, everybody: Sequence[Contact], products: Sequence[Product]) -> list[Sale]:
    """All orders, the oldest first."""
    chance, shelf = dice(seed, "orders"), _Shelf(products)
    start = end - timedelta(days=DAYS)
    speed: Pace = pace(start)
    planned = []
    for contact in everybody:
        taste = frozenset(chance.sample([kind.category for kind in KINDS], 2))
        for nth, place in enumerate(places(chance, contact.kind)):
            day = speed.day(place)
            at = moment(chance, start, day, office=contact.kind is Kind.WHOLESALE)
            planned.append((at, day, contact, nth, taste))
    planned.sort(key=lambda plan: (plan[0], plan[2].id))
    found = []
    for number, (at, day, contact, nth, taste) in enumerate(planned, start=1):
        lines = _lines(chance, shelf, contact, at.date(), nth=nth, taste=taste)
        wire = {
            "number": f"SO-{at.year}-{number:05}",
            "contact_id": contact.id,
            "currency": CURRENCIES[contact.language],
            "channel": _channel(chance, contact),
            "placed_at": at.isoformat(),
            "external_ids": {"sample": f"order-{number:05}"},
        }
        if contact.company:
            wire["company_id"] = contact.company.id
        if contact.owner:
            wire["owner_id"] = contact.owner
        bought = tuple(line["product_id"] for line in lines)
        wire |= _money(chance, contact, at.date(), lines)
        wire |= _course(chance, contact, at, wire, end, fragile=FRAGILE in bought)
        found.append(Sale(contact, at, day, bought, wire))
    return found


def _channel(chance: Random, contact: Contact) -> str:
    if contact.kind is Kind.WHOLESALE:
        return chance.choice(("phone", "phone", "wechat", "web", contact.channel))
    if contact.language != "zh":
        return "web"
    return contact.channel if chance.random() < 0.72 else chance.choice(("web", "web", "wechat", "store"))


def _places_of(currency: str) -> Decimal:
    return Decimal(1) if currency == "JPY" else CENT


def _price(contact: Contact, product: Product) -> Decimal:
    factor = Decimal("0.72") if contact.kind is Kind.WHOLESALE else Decimal(1)
    if (currency := CURRENCIES[contact.language]) != "CNY":
        factor *= _EXPORT / RATES[currency]
    return (product.price * factor).quantize(_places_of(currency), ROUND_HALF_UP)


def _lines(
    chance: Random, shelf: _Shelf, contact: Contact, day: date, *, nth: int, taste: frozenset[str]
) -> list[dict[str, Any]]:
    count = _COUNT.pick(chance) + (nth // 3 if contact.kind is Kind.GROWING else 0)
    chosen = {p.id: p for p in (shelf.pick(chance, day, taste) for _ in range(min(count, 7)))}
    sale = day.month == 11 and day.day <= 11
    lines = []
    for product in chosen.values():
        price = _price(contact, product)
        pieces = (_CASES if contact.kind is Kind.WHOLESALE else _PIECES).pick(chance)
        line = {"product_id": product.id, "quantity": str(pieces), "unit_price": str(price)}
        if sale and contact.kind is not Kind.WHOLESALE:
            cut = (price * pieces / 5).quantize(_places_of(CURRENCIES[contact.language]), ROUND_HALF_UP)
            line["discount"] = str(cut)
        lines.append(line)
    return lines


def _money(chance: Random, contact: Contact, day: date, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Lines, discount, tax and the total they make."""
    home = contact.language == "zh"
    subtotal = sum(
        (Decimal(x["quantity"]) * Decimal(x["unit_price"]) - Decimal(x.get("discount", 0)) for x in lines),
        Decimal(0),
    )
    found: dict[str, Any] = {"lines": lines}
    discount = Decimal(0)
    if home and contact.kind is not Kind.WHOLESALE:
        if subtotal < 99:
            lines = [*lines, {"description": "顺丰运费", "quantity": "1", "unit_price": "12.00"}]
            found["lines"] = lines
            subtotal += 12
        elif subtotal >= 500 and (spring_festival(day.year) - day).days in range(8, 33):
            discount = Decimal("60.00")
    elif contact.kind is Kind.WHOLESALE and subtotal > 20_000:
        discount = (subtotal * Decimal(chance.choice(("0.02", "0.03", "0.05")))).quantize(CENT, ROUND_HALF_UP)
        discount = discount.quantize(_places_of(CURRENCIES[contact.language]), ROUND_HALF_UP)
    tax = Decimal(0)
    if home and contact.kind is Kind.WHOLESALE:
        tax = ((subtotal - discount) * _VAT).quantize(CENT, ROUND_HALF_UP)
    if discount:
        found["discount"] = str(discount)
    if tax:
        found["tax"] = str(tax)
    return found | {"total": str(subtotal - discount + tax)}


def _course(
    chance: Random, contact: Contact, at: datetime, wire: Mapping[str, Any], end: date, *, fragile: bool
) -> dict[str, Any]:
    """What became of the order until the end: dates, and money given back."""
    if contact.kind is Kind.WHOLESALE:
        steps, extra = _on_credit(chance, at)
    else:
        steps, extra = _paid_first(chance, at, wire["channel"])
    if "shipped_at" in steps and "paid_at" in steps and chance.random() < (0.2 if fragile else 0.035):
        total = Decimal(wire["total"])
        whole = chance.random() < 0.45
        part = (total * Decimal(chance.choice(("0.2", "0.3", "0.5")))).quantize(Decimal(1), ROUND_HALF_UP)
        steps["refunded_at"] = max(steps["shipped_at"], steps["paid_at"]) + timedelta(
            hours=chance.randint(30, 330)
        )
        extra["refunded"] = str(total if whole or not part else part)
    now = datetime.combine(end, time(0), tzinfo=ZONE)
    done = {name: when.isoformat() for name, when in steps.items() if when < now}
    if "refunded_at" not in done:
        extra.pop("refunded", None)
    return done | extra


def _on_credit(chance: Random, at: datetime) -> tuple[dict[str, datetime], dict[str, Any]]:
    if chance.random() < 0.02:
        return {"cancelled_at": at + timedelta(hours=chance.randint(2, 60))}, {}
    due = at + timedelta(days=30)
    steps = {"shipped_at": at + timedelta(hours=chance.randint(20, 120))}
    if (manner := chance.random()) < 0.97:
        late = chance.randint(-20, 4) if manner < 0.82 else chance.randint(6, 55)
        steps["paid_at"] = due + timedelta(days=late, minutes=chance.randrange(-200, 200))
    return steps, {"due_on": due.date().isoformat()}


def _paid_first(chance: Random, at: datetime, channel: str) -> tuple[dict[str, datetime], dict[str, Any]]:
    if channel == "store":
        return {"paid_at": at + timedelta(minutes=2), "shipped_at": at + timedelta(minutes=4)}, {}
    if chance.random() < 0.04:
        return {"cancelled_at": at + timedelta(hours=24)}, {}
    # Some think it over for a day; until then the order is placed and no more.
    wait = chance.randint(1, 20) if chance.random() < 0.8 else chance.randint(60, 1400)
    paid = at + timedelta(minutes=wait)
    return {"paid_at": paid, "shipped_at": paid + timedelta(hours=chance.randint(3, 60))}, {}
