"""Velocity: deals that were closed in a window, and those that were open at its end, by records and stage histories.

Where a deal stood as of a moment is told by its record, or by its history where it has gone anywhere since. What it is
worth in the base currency goes by the exchange rate of the day on which it was closed, in the organisation's time zone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db import behind, cohorts, paging
from app.db.calendars import calendar_of
from app.db.changes import tells_money
from app.db.deals import DEALS
from app.db.engine import Prepared, Row
from app.db.reads import Question, Reads, checked
from app.domain.access import Actor
from app.domain.calendars import Calendar, standard
from app.domain.deals.cohorts import Cohort, midnight
from app.domain.deals.velocity import AGES, Behind

_FIELDS = frozenset({"status", "entered_at", "closed_at"})
_DEALS = DEALS.table
_SHOWN = ("id", "stage", "status", "opened_at", "entered_at", "closed_at", "amount", "currency")
_EXPECTED = Prepared(
    f"with {cohorts.LINE} select o.stamp, o.time_zone as own_zone, c.id, c.name, c.time_zone, c.week, c.special_days,"
    " l.stages from organisations o left join calendars c on c.org_id = o.id and c.id = o.calendar_id"
    " left join line l on true where o.id = {org}::uuid".format(org="$1", pipeline="$2"),
    ("org", "pipeline"),
)

# A relocation brings a deal to another stage, and leaves it open, won or lost as it is.
_FACTS = f"""{cohorts.LINE},
  found as materialized ({{inner}}),
  stood as (
    select d.id, d.key, d.opened_at, d.currency, case when {{worth}}::boolean then d.amount end as amount,
      coalesce(h.stage, d.stage) as stage, coalesce(h.entered_at, d.entered_at) as entered_at,
      case when h.stage is null then d.status when h.verb = 'win' then 'won' when h.verb = 'lose' then 'lost'
        else 'open' end as status,
      case when h.stage is null then d.closed_at when h.verb in ('win', 'lose') then h.at end as closed_at
    from found d left join lateral (
      select (array_agg(m.to_stage order by m.at desc, m.id desc))[1] as stage, max(m.at) as entered_at,
        (array_agg(m.verb order by m.at desc, m.id desc) filter (where m.verb <> 'relocate'))[1] as verb,
        max(m.at) filter (where m.verb <> 'relocate') as at
      from deal_moves m where m.org_id = {{org}}::uuid and m.deal_id = d.id and m.at <= {{as_of}}::timestamptz
        and d.entered_at > {{as_of}}::timestamptz) h on true),
  told as (
    select s.*, s.opened_at >= {{since}}::timestamptz and s.opened_at < {{before}}::timestamptz as opened,
      s.status <> 'open' and s.closed_at >= {{since}}::timestamptz and s.closed_at < {{before}}::timestamptz as closed,
      coalesce(s.status = 'open' and s.entered_at < ({{late}}::jsonb ->> s.stage)::timestamptz, false) as overdue,
      extract(epoch from s.closed_at - s.opened_at) as cycle,
      extract(epoch from {{as_of}}::timestamptz - s.entered_at) as age,
      timezone({{zone}}::text, s.closed_at)::date as day
    from stood s),
  rates as (
    select k.currency, k.day, case when k.currency = o.currency then 1 else (select r.rate from exchange_rates r
      where r.org_id = {{org}}::uuid and r.currency = k.currency and r.base = o.currency and r.archived_at is null
        and r.on_date <= k.day order by r.on_date desc limit 1) end as rate
    from (select distinct currency, day from told where closed) k
    join organisations o on o.id = {{org}}::uuid),
  facts as (select t.*, t.amount * r.rate as value from told t
    left join rates r on t.closed and r.currency = t.currency and r.day = t.day)"""
_COUNTED = f"""with {_FACTS}
  select o.stamp, o.currency, l.id, l.name, l.stages,
    (select json_agg(t) from (
      select key, count(*) filter (where opened) as opened, count(*) filter (where closed and status = 'won') as won,
        count(*) filter (where closed and status = 'lost') as lost, count(*) filter (where status = 'open') as open
      from facts group by 1 having bool_or(opened or closed or status = 'open')) t) as counts,
    (select json_agg(t) from (
      select key, status, count(value) as valued, sum(value)::text as total,
        (percentile_disc(0.5) within group (order by value))::text as median, sum(cycle)::text as seconds,
        percentile_disc(array[0.5, 0.9]) within group (order by cycle) as cycles
      from facts where closed group by 1, 2) t) as outcomes,
    (select json_agg(t) from (
      select key, currency, count(*) as deals, sum(amount)::text as total
      from facts where closed and status = 'won' and {{worth}}::boolean group by 1, 2) t) as currencies,
    (select json_agg(t) from (
      select key, stage, count(*) as deals, count(*) filter (where overdue) as overdue,
        percentile_disc(array[0.5, 0.9, 1]) within group (order by age) as ages
      from facts where status = 'open' group by 1, 2) t) as ageing,
    (select json_agg(t) from (
      select key, width_bucket(extract(epoch from {{as_of}}::timestamptz - opened_at) / 86400, {{ages}}::numeric[]) as age,
        count(*) as deals
      from facts where status = 'open' group by 1, 2) t) as ages
  from organisations o left join line l on true where o.id = {{org}}::uuid"""
_BEHIND = f"""with {_FACTS}
  select f.id from facts f where case {{part}}::text when 'opened' then f.opened when 'open' then f.status = 'open'
      when 'overdue' then f.overdue when 'left_out' then f.closed and f.value is null
      else f.closed and f.status = {{part}}::text end
    and ({{stage}}::text is null or f.stage = {{stage}}::text)
    and ({{grouped}}::boolean is not true or f.key is not distinct from {{key}}::text)
    and ({{last}}::uuid is null or f.id > {{last}}::uuid) group by f.id order by f.id limit {{more}}::int"""


async def expected(
    door: Reads, cohort: Cohort, now: datetime
) -> tuple[list[dict[str, Any]] | None, Calendar]:
    """The stages of the pipeline, None where there is none, and the calendar to count their days by. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        cohorts.check(actor, cohort, _FIELDS, now)
        return Question(_EXPECTED, {"org": actor.org_id, "pipeline": cohort.pipeline})

    row = await door.row(build)
    return row["stages"], standard(row["own_zone"]) if row["id"] is None else calendar_of(row)


async def counted(door: Reads, cohort: Cohort, late: Mapping[str, str], now: datetime) -> Row:
    """The pipeline, the base currency, and what is told by group, outcome, currency and stage. Raises Forbidden.

    Money is text and null where it is hidden; times are in seconds. Late are the moments by stage before which overdue
    deals came there.
    """

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, late, now)
        return Question(*cohorts.around(inner, _COUNTED, values))

    return await door.row(build)


async def page(
    door: Reads,
    cohort: Cohort,
    late: Mapping[str, str],
    asked: Mapping[str, Any],
    limit: int,
    context: str,
    now: datetime,
) -> bytes:
    """A page of the deals behind a number; asked are part, stage, grouped, key and last. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        if asked["part"] == Behind.LEFT_OUT:
            checked(actor, DEALS, frozenset({"amount", "currency"}))
        inner, values = _within(actor, cohort, late, now)
        return behind.page(inner, _BEHIND, {**values, **asked}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(
    actor: Actor, cohort: Cohort, late: Mapping[str, str], now: datetime
) -> tuple[Prepared, dict[str, Any]]:
    condition = cohorts.check(actor, cohort, _FIELDS, now)
    since, before = (midnight(day, actor.time_zone) for day in (cohort.since, cohort.before))
    # What was open or closed then, and has been reopened or closed again since, is among these, too.
    maybe = sa.or_(_DEALS.c.closed_at.is_(None), _DEALS.c.closed_at >= cohorts.moment("first"))
    found = cohorts.statement(actor, cohort, condition, [_DEALS.c[name] for name in _SHOWN])
    values = cohorts.binds(actor, cohort, condition) | {"since": since, "before": before, "late": late}
    values |= {"first": min(since, cohort.as_of), "worth": tells_money(actor), "ages": [*AGES]}
    return cohorts.built(found.where(_DEALS.c.opened_at <= cohorts.moment("as_of"), maybe)), values
