"""Acquisition: what was spent in a window, and who became a customer in it, as the reader sees both, in one statement.

A cost counts unless it was archived by then; it is worth what its currency was on its day. Who orders for the first time
is told from others as revenue tells them; a deal counts as the one that it was last, won or not, by then.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select
from sqlalchemy.dialects.postgresql import distinct_on

from app.db import behind, cohorts, paging, sight
from app.db.costs import COSTS
from app.db.deals import DEALS, DealMove
from app.db.engine import Row, compiled
from app.db.orders import ORDERS
from app.db.reads import Question, Reads, checked
from app.db.revenue import RATES, counts
from app.domain.access import Actor, Scope
from app.domain.acquisition import Acquisition, By, Customers
from app.domain.deals.cohorts import midnight

_COSTS, _ORDERS, _DEALS = COSTS.table, ORDERS.table, DEALS.table
_MOVES: sa.Table = DealMove.__table__  # type: ignore[assignment]  # declarative types it as FromClause
_PERIODS = {By.MONTH: "YYYY-MM", By.QUARTER: 'YYYY"-Q"Q'}
_MONEY = frozenset({"amount", "currency"})
_SIDES = {
    Customers.ORDERS: (ORDERS, frozenset({"contact_id", "placed_at", "status", "total", "cancelled_at"})),
    Customers.DEALS: (
        DEALS,
        frozenset({"company_id", "contact_id", "opened_at", "status", "entered_at", "closed_at"}),
    ),
}
_COUNTED = f"""with found as materialized ({{inner}}), {RATES}
  select o.stamp, o.currency,
    (select json_agg(t) from (
      select f.key, count(*) as costs, count(f.amount * r.rate) as valued, sum(f.amount * r.rate)::text as total
      from found f left join rates r on r.currency = f.currency and r.day = f.day
      where f.noun = 'cost' group by 1) t) as costs,
    (select json_agg(t) from (
      select key, count(*) as customers from found where noun <> 'cost' group by 1) t) as customers
  from organisations o where o.id = {{org}}::uuid"""
_BEHIND = """with found as materialized ({inner})
  select f.id, f.noun from found f where ({grouped}::boolean is not true or f.key is not distinct from {key}::text)
    and ({last}::uuid is null or f.id > {last}::uuid) order by f.id limit {more}::int"""


def tells_money(actor: Actor) -> bool:
    """Whether the actor may read what costs come to."""
    return all(COSTS.shows(actor, name) for name in _MONEY)


def sees_all(actor: Actor, asked: Acquisition) -> bool:
    """Whether neither a cost nor an order or deal is hidden from the actor."""
    return sight.sees_all(actor, COSTS) and sight.sees_all(actor, _SIDES[asked.customers][0])


async def counted(door: Reads, asked: Acquisition) -> Row:
    """The base currency, and by group costs, in money null where it is hidden, and customers. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        spent, customers, values = _within(actor, asked)
        inner = compiled(sa.union_all(spent, customers))
        return Question(*cohorts.around(inner, _COUNTED, values))

    return await door.row(build)


async def page(
    door: Reads, asked: Acquisition, chosen: Mapping[str, Any], limit: int, context: str, *, costs: bool
) -> bytes:
    """A page of the costs, or else the customers, behind a number; chosen are grouped, key and last. Raises Forbidden."""
    shown = "json_build_object('id', t.id)" if costs else "json_build_object('id', t.id, 'noun', t.noun)"

    def build(actor: Actor) -> Question:
        spent, customers, values = _within(actor, asked)
        return behind.page(
            cohorts.built(spent if costs else customers), _BEHIND, {**values, **chosen}, limit, shown
        )

    return paging.answer(await door.row(build), limit, context)


def _within(actor: Actor, asked: Acquisition) -> tuple[Select[Any], Select[Any], dict[str, Any]]:
    """Costs and customers of the window, each with its noun and the group that it is in."""
    noun, fields = _SIDES[asked.customers]
    for each in (COSTS, noun):
        actor.needs(Scope(each.reading))
    by = {asked.group_by.value} if asked.group_by in {By.CHANNEL, By.CAMPAIGN, By.KIND} else set()
    kind = {"kind"} if asked.kind else set()
    checked(actor, COSTS, frozenset({"day", *by, *kind}) | asked.looks_at())
    checked(actor, noun, fields | asked.looks_at())
    customers = _buyers if asked.customers is Customers.ORDERS else _won
    since, before = (midnight(day, actor.time_zone) for day in (asked.since, asked.before))
    values = sight.binds(actor, COSTS) | sight.binds(actor, noun)
    values |= {"since": since, "before": before, "as_of": asked.as_of, "zone": actor.time_zone}
    values |= {"first_day": asked.since, "end_day": asked.before, "kind": asked.kind}
    values |= {"channel": asked.channel, "campaign": asked.campaign}
    values |= {"today": asked.as_of.astimezone(ZoneInfo(actor.time_zone)).date()}
    return _spent(actor, asked), customers(actor, asked), values


def _spent(actor: Actor, asked: Acquisition) -> Select[Any]:
    money = tells_money(actor)
    by = asked.group_by
    return sa.select(
        _COSTS.c.id,
        sa.literal_column("'cost'").label("noun"),
        _key(_COSTS, by, _COSTS.c.day).label("key"),
        (_COSTS.c.amount if money else sa.literal_column("null::numeric")).label("amount"),
        (_COSTS.c.currency if money else sa.literal_column("null::text")).label("currency"),
        _COSTS.c.day.label("day"),
    ).where(
        sight.tenant(COSTS),
        sight.visible(actor, COSTS),
        _COSTS.c.day >= sa.bindparam("first_day", type_=sa.Date()),
        _COSTS.c.day < sa.bindparam("end_day", type_=sa.Date()),
        _COSTS.c.day <= sa.bindparam("today", type_=sa.Date()),
        _there(_COSTS),
        *_filters(asked, _COSTS, {"kind"} if asked.kind else set()),
    )


def _buyers(actor: Actor, asked: Acquisition) -> Select[Any]:
    """The contacts of orders of the window who had bought nothing before, each with their first one in it."""
    placed = _ORDERS.c.placed_at
    first = (
        sa.select(_ORDERS.c.contact_id.label("customer"), placed.label("at"), _ORDERS.c.channel)
        .ext(distinct_on(_ORDERS.c.contact_id))
        .where(*counts(actor), _ORDERS.c.contact_id.is_not(None))
        .where(placed >= cohorts.moment("since"), placed < cohorts.moment("before"))
        .order_by(_ORDERS.c.contact_id, placed, _ORDERS.c.id)
        .cte("firsts")
    )
    bought = sa.select(_ORDERS.c.id).where(
        *counts(actor),
        _ORDERS.c.contact_id == first.c.customer,
        placed < first.c.at,
        _ORDERS.c.total > sa.literal_column("0"),
    )
    return _customers(asked, first, sa.literal_column("'contact'")).where(~bought.correlate(first).exists())


def _won(actor: Actor, asked: Acquisition) -> Select[Any]:
    """Whose deal was won in the window for the first time."""
    as_of, is_won = cohorts.moment("as_of"), _DEALS.c.status == sa.literal_column("'won'")
    ended = (
        sa.select(sa.case((_MOVES.c.verb == sa.literal_column("'win'"), _MOVES.c.at)))
        .where(_MOVES.c.org_id == _DEALS.c.org_id, _MOVES.c.deal_id == _DEALS.c.id, _MOVES.c.at <= as_of)
        .where(_MOVES.c.verb != sa.literal_column("'relocate'"))
        .order_by(_MOVES.c.at.desc(), _MOVES.c.id.desc())
        .limit(sa.literal_column("1"))
        .correlate(_DEALS)
        .scalar_subquery()
    )
    at = sa.case((_DEALS.c.entered_at > as_of, ended), (is_won, _DEALS.c.closed_at)).label("at")
    customer = sa.func.coalesce(_DEALS.c.company_id, _DEALS.c.contact_id)
    told = (
        sa.select(
            customer.label("customer"),
            _DEALS.c.company_id,
            *(_DEALS.c[name] for name in ("id", "channel", "campaign")),
            at,
        )
        .where(sight.tenant(DEALS), sight.visible(actor, DEALS), _there(_DEALS), customer.is_not(None))
        .where(_DEALS.c.opened_at <= as_of, sa.or_(is_won, _DEALS.c.entered_at > as_of))
        .cte("told")
    )
    first = (
        sa.select(told)
        .ext(distinct_on(told.c.customer))
        .where(told.c.at.is_not(None))
        .order_by(told.c.customer, told.c.at, told.c.id)
        .cte("firsts")
    )
    noun = sa.case(
        (first.c.company_id.is_(None), sa.literal_column("'contact'")), else_=sa.literal_column("'company'")
    )
    return _customers(asked, first, noun).where(
        first.c.at >= cohorts.moment("since"), first.c.at < cohorts.moment("before")
    )


def _customers(asked: Acquisition, first: sa.CTE, noun: ColumnElement[Any]) -> Select[Any]:
    by = asked.group_by if asked.tells_apart() else None
    local = sa.func.timezone(sa.bindparam("zone", type_=sa.Text), first.c.at)
    return sa.select(
        first.c.customer.label("id"),
        noun.label("noun"),
        _key(first, by, local).label("key"),
        *(sa.literal_column(f"null::{kind}") for kind in ("numeric", "text", "date")),
    ).where(*_filters(asked, first, set()))


def _key(table: sa.FromClause, by: By | None, day: ColumnElement[Any]) -> ColumnElement[Any]:
    if by in _PERIODS:
        return sa.func.to_char(day, sa.literal_column(f"'{_PERIODS[by]}'"))
    return sa.literal_column("null::text") if by is None else table.c[by.value]


def _filters(asked: Acquisition, table: sa.FromClause, more: set[str]) -> list[ColumnElement[bool]]:
    names = {name for name in ("channel", "campaign") if getattr(asked, name) is not None} | more
    return [table.c[name] == sa.bindparam(name, type_=sa.Text()) for name in sorted(names)]


def _there(table: sa.Table) -> ColumnElement[bool]:
    gone = table.c.archived_at
    return sa.or_(gone.is_(None), gone > cohorts.moment("as_of"))
