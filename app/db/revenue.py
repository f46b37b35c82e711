"""Revenue: orders of a window as the reader sees them, each with what its customer was when they first ordered in it.

An order counts unless it was archived or cancelled by then; what had been refunded by then is taken off. Customers are
told apart by all their orders that the reader sees, whatever the condition leaves.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from app.db import behind, cohorts, lists, paging, related, sight, survivors, where
from app.db.companies import COMPANIES
from app.db.engine import Prepared, Row
from app.db.orders import ORDERS
from app.db.reads import Question, Reads, checked
from app.db.segments import TOLD
from app.domain import conditions
from app.domain.access import Actor, Scope
from app.domain.deals.cohorts import midnight
from app.domain.orders import OrderStatus
from app.domain.revenue import Buyer, By, Revenue

_ORDERS, _COMPANIES = ORDERS.table, COMPANIES.table
_FIELDS = frozenset(
    {"contact_id", "placed_at", "status", "currency", "total", "refunded", "refunded_at", "cancelled_at"}
)
_PERIODS: Mapping[By | None, str] = {By.MONTH: "YYYY-MM", By.QUARTER: 'YYYY"-Q"Q'}
RATES = """rates as (
    select k.currency, k.day, case when k.currency = o.currency then 1 else (select r.rate from exchange_rates r
      where r.org_id = {org}::uuid and r.currency = k.currency and r.base = o.currency and r.archived_at is null
        and r.on_date <= k.day order by r.on_date desc limit 1) end as rate
    from (select distinct currency, day from found) k join organisations o on o.id = {org}::uuid)"""
"""What each currency found was worth in the base currency on each day found."""
# An order without a rate has no value, and is told of as left out.
_VALUED = f"""found as materialized ({{inner}}),
  {RATES},
  valued as (select f.*, f.amount * r.rate as value from found f
    join rates r on r.currency = f.currency and r.day = f.day)"""
_COUNTED = f"""with {_VALUED}
  select o.stamp, o.currency, (select json_agg(t) from (
      select key, buyer, count(distinct contact_id) as customers, count(*) as orders,
        coalesce(sum(value), 0)::text as revenue, count(*) - count(value) as left_out
      from valued group by 1, 2) t) as parts
  from organisations o where o.id = {{org}}::uuid"""
_BEHIND = """with found as materialized ({inner})
  select f.id from found f where ({buyer}::text is null or f.buyer = {buyer}::text)
    and ({grouped}::boolean is not true or f.key is not distinct from {key}::text)
    and ({last}::uuid is null or f.id > {last}::uuid) order by f.id limit {more}::int"""


async def counted(door: Reads, asked: Revenue, now: datetime) -> Row:
    """The base currency, and customers, orders and revenue by group and kind of customer. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, asked, now)
        return Question(*cohorts.around(inner, _COUNTED, values))

    return await door.row(build)


async def page(
    door: Reads, asked: Revenue, chosen: Mapping[str, Any], limit: int, context: str, now: datetime
) -> bytes:
    """A page of the orders behind a number; chosen are buyer, grouped, key and last. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, asked, now)
        return behind.page(inner, _BEHIND, {**values, **chosen}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(actor: Actor, asked: Revenue, now: datetime) -> tuple[Prepared, dict[str, Any]]:
    condition = lists.condition(ORDERS, asked.where, now)(actor)
    actor.needs(Scope(ORDERS.reading))
    grouped = {By.CHANNEL: {"channel"}, By.COUNTRY: {"country"}, By.REGION: {"company_id"}}
    fields = grouped.get(asked.group_by, set()) if asked.group_by else set()
    checked(actor, ORDERS, _FIELDS | fields | conditions.fields_of(condition))
    if asked.group_by is By.REGION:
        actor.needs(Scope(COMPANIES.reading))
        checked(actor, COMPANIES, frozenset({"region"}))
    follow = survivors.follow(actor, survivors.known(actor))
    chosen = where.compile_(
        condition, dict(_ORDERS.c.items()), look=related.look(actor, follow), follow=follow
    )
    placed, as_of = _ORDERS.c.placed_at, cohorts.moment("as_of")
    local = sa.func.timezone(sa.bindparam("zone", type_=sa.Text), placed)
    refunded = sa.case((_ORDERS.c.refunded_at > as_of, sa.literal_column("0")), else_=_ORDERS.c.refunded)
    period = _PERIODS.get(asked.group_by)
    span = (
        sa.literal_column("''")
        if period is None
        else sa.func.to_char(local, sa.literal_column(f"'{period}'"))
    )
    window = (
        sa.select(
            *(_ORDERS.c[name] for name in ("id", "contact_id", "currency", "placed_at")),
            (_ORDERS.c.total - refunded).label("amount"),
            sa.cast(local, sa.Date).label("day"),
            span.label("span"),
            _key(actor, asked.group_by, span).label("key"),
            chosen.label("chosen"),
        )
        .where(*counts(actor), placed >= cohorts.moment("since"), placed < cohorts.moment("before"))
        .cte("placed")
    )
    first = (
        sa.select(window.c.contact_id, window.c.span, sa.func.min(window.c.placed_at).label("at"))
        .where(window.c.contact_id.is_not(None))
        .group_by(window.c.contact_id, window.c.span)
        .cte("firsts")
    )
    bought = sa.select(sa.func.max(placed)).where(
        *counts(actor),
        _ORDERS.c.contact_id == first.c.contact_id,
        placed < first.c.at,
        _ORDERS.c.total > sa.literal_column("0"),
    )
    known = sa.select(first, bought.correlate(first).scalar_subquery().label("bought")).cte("buyers")
    long_ago = known.c.at - sa.cast(sa.bindparam("lapsed", type_=sa.Interval), sa.Interval)
    buyer = sa.case(
        (window.c.contact_id.is_(None), _word(Buyer.UNKNOWN)),
        (known.c.bought.is_(None), _word(Buyer.NEW)),
        (known.c.bought < long_ago, _word(Buyer.CAME_BACK)),
        else_=_word(Buyer.RETURNING),
    )
    same = sa.and_(known.c.contact_id == window.c.contact_id, known.c.span == window.c.span)
    found = (
        sa.select(
            *(window.c[name] for name in ("id", "contact_id", "currency", "amount", "day", "key")),
            buyer.label("buyer"),
        )
        .join_from(window, known, same, isouter=True)
        .where(window.c.chosen)
    )
    return cohorts.built(found), _values(actor, asked) | where.parameters(condition) | survivors.binds(
        actor, condition
    )


def counts(actor: Actor) -> list[ColumnElement[bool]]:
    """Of an order: that it counts as of the moment, and is seen."""
    as_of, gone, cancelled = cohorts.moment("as_of"), _ORDERS.c.archived_at, _ORDERS.c.cancelled_at
    return [
        sight.tenant(ORDERS),
        sight.visible(actor, ORDERS),
        _ORDERS.c.placed_at <= as_of,
        sa.or_(gone.is_(None), gone > as_of),
        sa.func.coalesce(cancelled > as_of, _ORDERS.c.status != _word(OrderStatus.CANCELLED)),
    ]


def _key(actor: Actor, by: By | None, span: ColumnElement[Any]) -> ColumnElement[Any]:
    match by:
        case None:
            return sa.literal_column("null::text")
        case By.CHANNEL | By.COUNTRY:
            return _ORDERS.c[by.value]
        case By.REGION:
            same = sa.and_(_COMPANIES.c.org_id == _ORDERS.c.org_id, _COMPANIES.c.id == _ORDERS.c.company_id)
            mine = sa.select(_COMPANIES.c.region).where(same, sight.visible(actor, COMPANIES))
            return mine.correlate(_ORDERS).scalar_subquery()
        case _:
            return span


def _word(word: str) -> ColumnElement[str]:
    return sa.literal_column(f"'{word}'")


def _values(actor: Actor, asked: Revenue) -> dict[str, Any]:
    since, before = (midnight(day, actor.time_zone) for day in (asked.since, asked.before))
    values = sight.binds(actor, ORDERS) | sight.binds(actor, COMPANIES)
    values |= {"since": since, "before": before, "as_of": asked.as_of, "zone": actor.time_zone}
    return values | {
        "lapsed": timedelta(days=asked.lapsed_after),
        "readable": sight.listed(sight.readable(actor, TOLD)),
    }
