"""What hangs on a contact, as conditions look at it: the meaning of app.domain.related in SQL, and who may ask for it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause

from app.db import memberships, sight, where
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.exchange_rates import EXCHANGE_RATES
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS, OrderLine
from app.db.products import PRODUCTS
from app.db.segments import TOLD
from app.db.where import Columns, Follow
from app.domain import conditions, related
from app.domain.access import Actor, Scope, must_read
from app.domain.conditions import Condition, Further
from app.domain.fields import Field, Kind, custom_key
from app.domain.related import MOMENTS, Aggregate, Beyond, Company, Measure, Member

_LINES: sa.Table = OrderLine.__table__  # type: ignore[assignment]  # declarative types it as FromClause
_NOUNS: Mapping[str, Noun] = MappingProxyType({noun.name: noun for noun in TOLD})
_LINE_FIELDS = (
    Field("product_id", Kind.ID),
    Field("description", Kind.TEXT),
    *(Field(name, Kind.NUMBER, nullable=False) for name in ("quantity", "unit_price", "discount", "amount")),
)
_OF_HOUSE = ("id", "currency", "time_zone")
_OF_PRODUCT = ("sku", "name", "category", "tags")
_OF_ORDER = ("number", "status", "placed_at", "channel", "country", "currency", "tags")


def askable(noun: Noun, actor: Actor) -> dict[str, Field]:
    """The fields that a condition may name; what is hidden does not tell its choices."""
    known = noun.known(actor)
    for name, field in known.items():
        if field.choices and not noun.shows(actor, name):
            known[name] = replace(field, choices=frozenset())
    return known


def beyond(actor: Actor) -> Beyond:
    """What a condition over contacts may look at."""
    orders, products = askable(ORDERS, actor), askable(PRODUCTS, actor)
    lines = {field.name: field for field in _LINE_FIELDS}
    for prefix, fields, names in (("product", products, _OF_PRODUCT), ("order", orders, _OF_ORDER)):
        lines |= {f"{prefix}.{name}": replace(fields[name], name=f"{prefix}.{name}") for name in names}
    sources = {"orders": orders, "order_lines": lines, "interactions": askable(INTERACTIONS, actor)}
    return Beyond(sources, askable(COMPANIES, actor))


def read(noun: Noun, actor: Actor, raw: Any) -> Condition:
    """A raw condition, read by the fields that the actor knows; of contacts also with what hangs on them."""
    look = related.looking(lambda: beyond(actor)) if noun is CONTACTS else None
    return conditions.parse(raw, askable(noun, actor), moving=True, look=look)


def check(actor: Actor, condition: Condition) -> None:
    """Raise Forbidden when the condition looks further, at what the actor may not read."""
    if not _looks(condition):
        return
    if related.segments_in(condition):
        actor.needs(Scope.segments_read)
    for noun_name, name in sorted(related.needed(condition)):
        noun = _NOUNS[noun_name]
        if noun is not CONTACTS:
            actor.needs(Scope(noun.reading))
        if not noun.shows(actor, name):
            must_read(actor, noun_name, [name])


def uses(condition: Condition) -> frozenset[str]:
    """What a reader must be able to read to know whom the condition holds for, as sight.readable writes it.

    A contact's company may be out of sight where the contact is not: whoever learns of it must see them all.
    """
    needed = related.needed(condition)
    return frozenset(f"{noun}.{name}" for noun, name in needed) | {
        noun for noun, _ in needed if noun == COMPANIES.name
    }


def key(actor: Actor, condition: Condition) -> tuple[Any, ...]:
    """What the text of the further parts depends on besides the shape of the condition."""
    return sight.sight_key(actor, COMPANIES) if _looks(condition) else ()


def binds(actor: Actor, condition: Condition) -> dict[str, Any]:
    """The values behind the further parts that are not the condition's own."""
    if not _looks(condition):
        return {}
    return sight.binds(actor, COMPANIES) | {"readable": sight.listed(sight.readable(actor, TOLD))}


def _looks(condition: Condition) -> bool:
    return any(isinstance(leaf, Further) for leaf in conditions.leaves_of(condition))


def look(actor: Actor, follow: Follow | None = None) -> where.Look:
    """What builds the further parts for an actor."""
    return partial(_build, actor, follow)


def _build(
    actor: Actor, follow: Follow | None, one: Further, columns: Columns, names: Iterator[str]
) -> ColumnElement[bool]:
    match one:
        case Aggregate():
            return _aggregate(one, columns, names, follow)
        case Company(part):
            return _company(actor, part, columns, names, follow)
        case Member():
            return _member(one, columns, names)
    raise AssertionError(f"{one!r} has no meaning in SQL")


def _aggregate(
    one: Aggregate, columns: Columns, names: Iterator[str], follow: Follow | None
) -> ColumnElement[bool]:
    source, own, hangs = reached(one.of)
    inside = where.part(one.where, own, names, follow=follow)
    moment, (since, until) = own[MOMENTS[one.of]], one.span
    ends = [moment > _moment(next(names))] if since is not None else []
    ends += [moment <= _moment(next(names))] if until is not None else []
    inner = sa.select(_measured(one, own, names)).select_from(source)
    mine = [hangs["org_id"] == columns["org_id"], hangs["contact_id"] == columns["id"]]
    return _inside(
        inner.where(*mine, hangs["archived_at"].is_(None), inside, *ends), columns
    ).scalar_subquery()


def _inside(inner: sa.Select[Any], columns: Columns) -> sa.Select[Any]:
    return inner.correlate(columns["id"].table)


def reached(of: str) -> tuple[FromClause, dict[str, ColumnElement[Any]], Columns]:
    """What hangs on a contact: where it stands, its columns by the names of its fields, those of what it hangs by."""
    if of != "order_lines":
        table = {"orders": ORDERS, "interactions": INTERACTIONS}[of].table
        return table, dict(table.c.items()), dict(table.c.items())
    orders, products = ORDERS.table, PRODUCTS.table
    source = _LINES.join(
        orders, sa.and_(orders.c.org_id == _LINES.c.org_id, orders.c.id == _LINES.c.order_id)
    ).outerjoin(products, sa.and_(products.c.org_id == _LINES.c.org_id, products.c.id == _LINES.c.product_id))
    own: dict[str, ColumnElement[Any]] = {field.name: _LINES.c[field.name] for field in _LINE_FIELDS}
    own |= {f"product.{name}": products.c[name] for name in _OF_PRODUCT}
    own |= {f"order.{name}": orders.c[name] for name in _OF_ORDER}
    return source, own, dict(orders.c.items())


def _measured(one: Aggregate, own: Columns, names: Iterator[str]) -> ColumnElement[bool]:
    if one.field is None:
        return where.compared(one.test, sa.func.count(), names)
    name = custom_key(one.field.name)
    column = own[one.field.name] if name is None else where.custom_value(one.field.kind, own["custom"], name)
    column = _in_base(column) if one.converts else column
    match one.measure:
        case Measure.SUM:
            return where.compared(
                one.test, sa.func.coalesce(sa.func.sum(column), sa.literal_column("0")), names
            )
        case Measure.AVERAGE:
            return where.compared(one.test, sa.func.sum(column), names, times=sa.func.count(column))
        case Measure.DISTINCT:
            return where.compared(one.test, sa.func.count(column.distinct()), names)
        case Measure.LATEST:
            return where.compared(one.test, sa.func.max(column), names)
        case _:
            return where.compared(one.test, sa.func.min(column), names)


def _in_base(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """An order's amount in the organisation's currency, at the rate of the order's day; null where there is none."""
    orders, rates, house = (
        ORDERS.table,
        EXCHANGE_RATES.table,
        sa.table("organisations", *map(sa.column, _OF_HOUSE)),
    )
    base, zone = (
        sa.select(house.c[name]).where(house.c.id == sa.bindparam("org", type_=sa.Uuid())).scalar_subquery()
        for name in ("currency", "time_zone")
    )
    day = sa.cast(sa.func.timezone(zone, orders.c.placed_at), sa.Date())
    theirs = (rates.c.org_id == orders.c.org_id, rates.c.currency == orders.c.currency, rates.c.base == base)
    known = sa.select(rates.c.rate).where(*theirs, rates.c.archived_at.is_(None), rates.c.on_date <= day)
    rate = known.order_by(rates.c.on_date.desc()).limit(sa.literal_column("1")).correlate(orders)
    return sa.case((orders.c.currency == base, amount), else_=amount * rate.scalar_subquery())


def _company(
    actor: Actor, part: Condition, columns: Columns, names: Iterator[str], follow: Follow | None
) -> ColumnElement[bool]:
    table = COMPANIES.table
    theirs = [table.c.org_id == columns["org_id"], table.c.id == columns["company_id"]]
    inside = where.part(part, dict(table.c.items()), names, follow=follow)
    inner: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
        *theirs, sight.visible(actor, COMPANIES), inside
    )
    return _inside(inner, columns).exists()


def _member(one: Member, columns: Columns, names: Iterator[str]) -> ColumnElement[bool]:
    segment = sa.bindparam(next(names), type_=sa.Uuid())
    as_of = None if one.as_of is None else _moment(next(names))
    # A segment that is not there, or not to be known, has nobody in it.
    inner = memberships.of(columns["org_id"], columns["id"], as_of)
    found = _inside(inner.where(memberships.MEMBERSHIPS.c.segment_id == segment), columns).exists()
    return found if one.inside else sa.not_(found)


def _moment(name: str) -> ColumnElement[Any]:
    return sa.bindparam(name, type_=sa.DateTime(timezone=True))
