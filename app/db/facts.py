"""What forecasts are made from, as of a moment: the pasts of a pipeline's deals, its stages, rates, quotas and teams."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.deals.moves import Verb
from app.domain.deals.pasts import FIELDS, Past, at_first, past
from app.domain.forecasts import Span
from app.domain.orders import OrderStatus
from app.domain.quotas import Measure

AT_ONCE = 10_000
"""Deals that are asked for together."""
Rates = Mapping[str, Sequence[tuple[date, Decimal]]]
"""By currency what one unit is worth in the base currency from which day on, ascending."""
Stage = Mapping[str, Any]
"""As pipelines keep it."""

_DEALS = f"""select id, {", ".join(FIELDS)} from deals
  where org_id = $1 and pipeline_id = $2 and opened_at < $3 and ($4::uuid is null or id > $4) order by id limit $5"""
_MOVES = """select deal_id, verb, to_stage, at from deal_moves
  where org_id = $1 and deal_id = any($2::uuid[]) and at < $3 order by at, id"""
_WRITTEN = """select noun_id, at, case when before is not null then
      (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(before) where key = any($3)) end as before,
    (select jsonb_object_agg(key, value) from jsonb_each(after) where key = any($3)) as after
  from events where org_id = $1 and noun_id = any($2::uuid[]) and after ?| $3 order by seq"""


async def deals(uow: UnitOfWork, pipeline: UUID, as_of: datetime) -> AsyncIterator[dict[UUID, Past]]:
    """The pasts of a pipeline's deals, many at a time, in the order of their ids."""
    after: UUID | None = None
    while rows := await uow.fetch(_DEALS, uow.org_id, pipeline, as_of, after, AT_ONCE):
        ids = [row["id"] for row in rows]
        moves, written = defaultdict(list), await _written(uow, ids, FIELDS)
        for deal, *move in await uow.fetch(_MOVES, uow.org_id, ids, as_of):
            moves[deal].append(tuple(move))
        yield {row["id"]: past(moves[row["id"]], written[row["id"]], row, as_of) for row in rows}
        after = ids[-1]


async def stages(
    uow: UnitOfWork, pipeline: UUID, as_of: datetime, stood: Set[str]
) -> tuple[list[Stage], list[Stage]]:
    """The stages as the pipeline had them, in their order; and the others in which a deal stood.

    These it had only before that, or only later: a step may be dated to a day before its stage was made.
    """
    rows = await uow.fetch("select stages from pipelines where org_id = $1 and id = $2", uow.org_id, pipeline)
    written = (await _written(uow, [pipeline], ["stages"]))[pipeline]
    versions = [at_first(written, rows[0]), *(after for at, _, after in written if at < as_of)]
    later = [after for at, _, after in written if at >= as_of]
    standing: list[Stage] = versions[-1]["stages"]
    known = {stage["key"]: stage for version in (*later[::-1], *versions) for stage in version["stages"]}
    there = {stage["key"] for stage in standing}
    return standing, [stage for key, stage in known.items() if key in stood - there]


async def _written(
    uow: UnitOfWork, ids: Sequence[UUID], fields: Sequence[str]
) -> Mapping[UUID, list[tuple[datetime, Any, Any]]]:
    """Every change of these fields, the first one first, by record."""
    found = defaultdict(list)
    for record, *change in await uow.fetch(_WRITTEN, uow.org_id, list(ids), list(fields)):
        found[record].append(tuple(change))
    return found


# Money given back before the moment is taken off; an order that is refunded by its status may have been cancelled, too.
_REVENUE = f"""select date_trunc($5, o.placed_at at time zone w.time_zone)::date as step, count(*) as orders,
    sum((o.total - case when o.refunded_at >= $2 then 0 else o.refunded end)
      * case when o.currency = w.currency then 1 else x.rate end) as revenue,
    count(*) filter (where o.currency <> w.currency and x.rate is null) as without_rate
  from orders o join organisations w on w.id = o.org_id
  left join lateral (select r.rate from exchange_rates r where o.currency <> w.currency and r.org_id = $1
    and r.currency = o.currency and r.base = w.currency and r.archived_at is null
    and r.on_date <= (o.placed_at at time zone w.time_zone)::date order by r.on_date desc limit 1) x on true
  where o.org_id = $1 and o.placed_at < $3 and o.placed_at >= $4 and (o.archived_at is null or o.archived_at > $2)
    and coalesce(o.cancelled_at >= $2, o.status <> '{OrderStatus.CANCELLED}')
    and ($6::text is null or o.channel = $6)
    and ($7::text is null or exists (select from companies c where c.org_id = $1 and c.id = o.company_id
      and c.region = $7)) group by 1 order by 1"""


async def revenue(
    uow: UnitOfWork,
    unit: Span,
    as_of: datetime,
    window: tuple[datetime, datetime],
    channel: str | None,
    region: str | None,
) -> Sequence[Row]:
    """What orders of a window came to by what was known, by the first day of each step: step, orders, revenue, without_rate."""
    since, until = window
    return await uow.fetch(_REVENUE, uow.org_id, as_of, until, since, unit, channel, region)


async def organisation(uow: UnitOfWork) -> Row:
    """The time zone and the base currency."""
    rows = await uow.fetch("select time_zone, currency from organisations where id = $1", uow.org_id)
    return rows[0]


async def rates(uow: UnitOfWork) -> Rates:
    """The exchange rates of the base currency."""
    rows = await uow.fetch(
        "select r.currency, r.on_date, r.rate from exchange_rates r join organisations o on o.id = r.org_id"
        " where r.org_id = $1 and r.base = o.currency and r.archived_at is null order by r.on_date",
        uow.org_id,
    )
    found = defaultdict(list)
    for currency, day, rate in rows:
        found[currency].append((day, rate))
    return found


_TARGETS = """select user_id, team_id, sum(amount) as amount from (
    select q.user_id, q.team_id, q.currency,
      sum(q.amount) * case when q.currency = o.currency then 1 else (select r.rate from exchange_rates r
        where r.org_id = $1 and r.currency = q.currency and r.base = o.currency and r.archived_at is null
          and r.on_date <= $4 order by r.on_date desc limit 1) end as amount
    from quotas q join organisations o on o.id = q.org_id
    where q.org_id = $1 and q.archived_at is null and q.measure = $5 and q.begins_on >= $2 and q.ends_on < $3
    group by q.user_id, q.team_id, q.currency, o.currency
    having sum(q.ends_on - q.begins_on + 1) = $3::date - $2::date) q
  group by user_id, team_id having bool_and(amount is not null)"""


async def targets(uow: UnitOfWork, start: date, end: date, day: date) -> dict[UUID | None, Decimal]:
    """What quotas ask of each user, each team, and everybody (None), where they fill the period; at the rates of a day."""
    rows = await uow.fetch(_TARGETS, uow.org_id, start, end, day, Measure.WON_AMOUNT)
    return {row["user_id"] or row["team_id"]: row["amount"] for row in rows}


async def teams(uow: UnitOfWork) -> tuple[dict[UUID, UUID | None], dict[UUID, UUID | None]]:
    """The team of each user, and the team above each team."""
    users = await uow.fetch("select id, team_id from users where org_id = $1", uow.org_id)
    above = await uow.fetch(
        "select id, parent_id from teams where org_id = $1 and archived_at is null", uow.org_id
    )
    return {row[0]: row[1] for row in users}, {row[0]: row[1] for row in above}


async def ready(uow: UnitOfWork, before: datetime, least: int) -> list[UUID]:
    """The pipelines in which as many deals were won before a moment."""
    rows = await uow.fetch(
        "select p.id from pipelines p where p.org_id = $1 and p.archived_at is null and (select count(*) from (select"
        " from deal_moves m where m.org_id = $1 and m.pipeline_id = p.id and m.at < $2 and m.verb = $4 limit $3) w) >= $3",
        *(uow.org_id, before, least, Verb.WIN),
    )
    return [row["id"] for row in rows]
