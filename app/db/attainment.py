"""Attainment: what has come of quotas, counted from the stage histories of deals up to a moment."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import behind, cohorts, paging, sight
from app.db.calendars import CALENDARS, calendar_of
from app.db.deals import DEALS
from app.db.engine import Prepared, Row, compiled
from app.db.quotas import QUOTAS
from app.db.reads import Question, Reads, checked
from app.domain.access import Actor, Scope
from app.domain.calendars import Calendar, standard

MADE_OF = frozenset({"stage", "amount", "currency", "owner_id", "credit", "closed_at", "opened_at"})
"""The fields of deals that achievements tell of."""

# A deal is won when nothing but a change of its pipeline came after; what is opened counts once, whatever came of it.
_CREDITED = """with recursive own as (select o.id, o.time_zone, o.currency from organisations o where o.id = {org}::uuid),
  asked as (select q.*, q.begins_on::timestamp at time zone o.time_zone as since,
      (q.ends_on + 1)::timestamp at time zone o.time_zone as until
    from quotas q join own o on o.id = q.org_id
    where (q.archived_at is null or q.archived_at > {as_of}::timestamptz)
      and case when {quota}::uuid is null then q.begins_on <= {day}::date and q.ends_on >= {day}::date
        else q.id = {quota}::uuid end),
  below as (
    select a.id as quota, a.team_id as team from asked a where a.team_id is not null
    union select b.quota, t.id from teams t join below b on t.parent_id = b.team
      where t.org_id = {org}::uuid and t.archived_at is null),
  members as (
    select a.id as quota, a.user_id as person from asked a where a.user_id is not null
    union select b.quota, u.id from users u join below b on u.team_id = b.team where u.org_id = {org}::uuid),
  told as (select a.* from asked a where {owners}::uuid[] is null
    or (exists (select from members m where m.quota = a.id) and not exists (
      select from members m where m.quota = a.id and m.person <> all ({owners}::uuid[])))),
  seen as ({inner}),
  reached as (
    select m.deal_id, m.at, case m.verb when 'win' then 'won' else 'opened' end as what
    from (select min(since) as since, max(until) as until from told) w
    cross join pipelines p
    join deal_moves m on m.org_id = p.org_id and m.pipeline_id = p.id and m.at >= w.since and m.at < w.until
    where p.org_id = {org}::uuid and m.verb in ('win', 'open') and m.at <= {as_of}::timestamptz
      and (m.verb = 'open' or not exists (select from deal_moves l where l.org_id = m.org_id and l.deal_id = m.deal_id
        and (l.at, l.id) > (m.at, m.id) and l.at <= {as_of}::timestamptz and l.verb <> 'relocate'))),
  credited as (
    select r.*, s.amount, s.currency, c.person, c.share
    from reached r join seen s on s.id = r.deal_id
    cross join lateral (
      select (one ->> 'user_id')::uuid as person, (one ->> 'share')::numeric / 100 as share
        from jsonb_array_elements(s.credit) one
      union all select s.owner_id, 1 where s.credit is null) c),
  counted as (
    select t.id as quota, c.amount * c.share
        * case when c.currency = t.currency then 1 else c_rate.rate / t_rate.rate end as money, c.share,
      t.measure, c.deal_id
    from told t
    join credited c on c.at >= t.since and c.at < t.until
      and c.what = case t.measure when 'opened_deals' then 'opened' else 'won' end
    cross join own o
    left join lateral ({rate_of_deal}) c_rate on t.measure = 'won_amount' and c.currency <> t.currency
    left join lateral ({rate_of_quota}) t_rate on t.measure = 'won_amount' and c.currency <> t.currency
    where coalesce(t.user_id, t.team_id) is null
      or exists (select from members m where m.quota = t.id and m.person = c.person))"""

_SUMS = """,
  sums as (select quota, coalesce(sum(case measure when 'won_amount' then money else share end), 0) as achieved,
      count(distinct deal_id) filter (where measure = 'won_amount' and money is null) as unconverted
    from counted group by quota)
select o.stamp, t.id, t.user_id, t.team_id, t.measure, t.currency, t.begins_on, t.ends_on, t.since, t.until, t.amount,
  coalesce(s.achieved, 0) as achieved, coalesce(s.unconverted, 0) as unconverted
from organisations o left join told t on true left join sums s on s.quota = t.id
where o.id = {org}::uuid order by t.id"""

_RATE = """select case when {currency} = o.currency then 1 else (select r.rate from exchange_rates r
    where r.org_id = {{org}}::uuid and r.currency = {currency} and r.base = o.currency and r.archived_at is null
      and r.on_date <= (c.at at time zone o.time_zone)::date order by r.on_date desc limit 1) end as rate"""
_COUNTED = _CREDITED.replace("{rate_of_deal}", _RATE.format(currency="c.currency")).replace(
    "{rate_of_quota}", _RATE.format(currency="t.currency")
)
_ACHIEVED = _COUNTED + _SUMS
_BEHIND = f"""{_COUNTED}
select c.deal_id as id from counted c where {{last}}::uuid is null or c.deal_id > {{last}}::uuid
group by c.deal_id order by c.deal_id limit {{more}}::int"""

_CALENDAR = Prepared(
    "select o.stamp, o.time_zone as own_zone, c.id, c.name, c.time_zone, c.week, c.special_days from organisations o"
    " left join calendars c on c.org_id = o.id and c.id = o.calendar_id where o.id = $1",
    ("org",),
)


async def achieved(door: Reads, day: date, as_of: datetime) -> Sequence[Row]:
    """The quotas of a day, each with what has come of it by a moment, over the deals that the reader sees.

    Whoever does not see all deals is told of those quotas that are of people whose deals they see. Raises Forbidden.
    """

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, as_of)
        return Question(*cohorts.around(inner, _ACHIEVED, values | {"day": day, "quota": None}))

    return [row for row in await door.rows(build) if row["id"] is not None]


async def page(
    door: Reads, quota: UUID, as_of: datetime, last: UUID | None, limit: int, context: str
) -> bytes:
    """A page of the deals that have been counted toward a quota that the reader is told of. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, as_of)
        return behind.page(inner, _BEHIND, values | {"day": None, "quota": quota, "last": last}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(actor: Actor, as_of: datetime) -> tuple[Prepared, dict[str, Any]]:
    _check(actor)
    names = ("id", "amount", "currency", "owner_id", "credit")
    shown, gone = [DEALS.table.c[name] for name in names], DEALS.table.c.archived_at
    found = sa.select(*shown).where(
        sight.tenant(DEALS),
        sight.visible(actor, DEALS),
        sa.or_(gone.is_(None), gone > cohorts.moment("as_of")),
    )
    owners = actor.owners(DEALS.name)
    listed = None if owners is None else sorted(owners)
    return compiled(found), sight.binds(actor, DEALS) | {"as_of": as_of, "owners": listed}


async def calendar(door: Reads) -> Calendar:
    """The calendar by which the reader's organisation counts business time."""
    row = await door.row(lambda actor: Question(_CALENDAR, {"org": actor.org_id}))
    return standard(row["own_zone"]) if row["id"] is None else calendar_of(row)


def _check(actor: Actor) -> None:
    for noun in (QUOTAS, DEALS):
        actor.needs(Scope(noun.reading))
    actor.needs(Scope(CALENDARS.reading))
    checked(actor, QUOTAS, frozenset(QUOTAS.fields))
    checked(actor, DEALS, MADE_OF)


def told(row: Row) -> dict[str, Any]:
    """What a quota asks for."""
    names = ("id", "user_id", "team_id", "measure", "currency", "begins_on", "ends_on")
    return {name: row[name] for name in names}
