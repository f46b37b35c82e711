"""Changes: how the deals of a pipeline differ between two moments, by stage histories and the event log.

Where a deal stands as of a moment is told by what its history has dated before it; what it is worth and when it is
expected to close by what had been written then. Of both, only what has changed since is looked up.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from app.db import behind, cohorts, paging
from app.db.deals import DEALS
from app.db.engine import Prepared, Row
from app.db.reads import Question, Reads
from app.domain.access import Actor
from app.domain.deals.cohorts import Cohort

_FIELDS = frozenset({"status", "entered_at", "closed_at"})
_DEALS = DEALS.table
_SHOWN = (
    "status",
    "opened_at",
    "entered_at",
    "closed_at",
    "updated_at",
    "amount",
    "currency",
    "expected_close",
)


def _then(name: str) -> str:
    """A field as it was: what the first event that changes it since says was before, or as it was written at first."""
    written = "coalesce(e.before, e.after)"
    first = f"(array_agg({written}->>'{name}' order by e.seq) filter (where {written} ? '{name}'))[1]"
    return f"{first} as {name}, bool_or({written} ? '{name}') as {name}_since"


# A deal is open but from when it is closed until it is reopened; a relocation leaves it what it is.
_CHANGES = f"""{cohorts.LINE},
  found as materialized ({{inner}}),
  told as (select d.id, d.key, t.n,
      case when d.opened_at >= t.at then null when h.verb is null then d.status when h.verb = 'win' then 'won'
        when h.verb = 'lose' then 'lost' else 'open' end as state,
      case when v.amount_since then v.amount::numeric else d.amount end as amount,
      case when v.currency_since then v.currency else d.currency end as currency,
      case when v.expected_close_since then v.expected_close::date else d.expected_close end as closes
    from found d cross join (values (0, {{start}}::timestamptz), (1, {{end}}::timestamptz)) t(n, at)
    left join lateral (
      select (array_agg(m.verb order by m.at desc, m.id desc) filter (where m.verb <> 'relocate'))[1] as verb
      from deal_moves m where m.org_id = {{org}}::uuid and m.deal_id = d.id and m.at < t.at and d.entered_at >= t.at) h on true
    left join lateral (
      select {_then("amount")}, {_then("currency")}, {_then("expected_close")}
      from events e where e.org_id = {{org}}::uuid and e.noun_id = d.id and e.noun = 'deal' and e.at >= t.at
        and d.updated_at >= t.at) v on true),
  changes as (select a.id, a.key, a.currency, k.change, k.money
    from told b join told a on a.id = b.id and a.key is not distinct from b.key and b.n = 0 and a.n = 1
    cross join lateral (select b.state = 'open' and a.state = 'open' as stays,
      case when a.currency = b.currency then coalesce(a.amount, 0) - coalesce(b.amount, 0) end as more) s
    cross join lateral (values
      ('entered', b.state is null and a.state is not null, a.amount),
      ('won', a.state = 'won' and b.state is distinct from 'won', a.amount),
      ('lost', a.state = 'lost' and b.state is distinct from 'lost', a.amount),
      ('reopened', b.state <> 'open' and a.state = 'open', a.amount),
      ('slipped', s.stays and a.closes > b.closes and {{closes}}::boolean, a.amount),
      ('nearer', s.stays and a.closes < b.closes and {{closes}}::boolean, a.amount),
      ('grew', s.stays and s.more > 0 and {{worth}}::boolean, s.more),
      ('shrank', s.stays and s.more < 0 and {{worth}}::boolean, s.more)) k(change, holds, money) where k.holds)"""
_COUNTED = f"""with {_CHANGES}
  select o.stamp, l.id, l.name,
    (select json_agg(t) from (select key, change, case when {{worth}}::boolean then currency end as currency,
        count(*) as deals, case when {{worth}}::boolean then coalesce(sum(money), 0)::text end as amount
      from changes group by 1, 2, 3) t) as totals,
    (select json_agg(t) from (select key, change, json_agg(id order by n) as ids from (select key, change, id,
        row_number() over (partition by key, change
          order by case when {{worth}}::boolean then abs(money) end desc nulls last, id) as n from changes) r
      where n <= {{limit}}::int group by 1, 2) t) as ids
  from organisations o left join line l on true where o.id = {{org}}::uuid"""

_BEHIND = f"""with {_CHANGES}
  select c.id from changes c where c.change = {{change}}::text
    and ({{grouped}}::boolean is not true or c.key is not distinct from {{key}}::text)
    and ({{last}}::uuid is null or c.id > {{last}}::uuid) group by c.id order by c.id limit {{more}}::int"""


async def counted(
    door: Reads, cohort: Cohort, start: datetime, end: datetime, limit: int, now: datetime
) -> Row:
    """The pipeline; totals by group, change and currency; ids by group and change, the most money first.

    Both moments are without what is dated as they strike. Raises Forbidden.
    """

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, start, end, now)
        return Question(*cohorts.around(inner, _COUNTED, values | {"limit": limit}))

    return await door.row(build)


async def page(
    door: Reads,
    cohort: Cohort,
    start: datetime,
    end: datetime,
    asked: Mapping[str, Any],
    limit: int,
    context: str,
    now: datetime,
) -> bytes:
    """A page of the deals that changed so; asked are change, grouped, key and last. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, start, end, now)
        return behind.page(inner, _BEHIND, {**values, **asked}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(
    actor: Actor, cohort: Cohort, start: datetime, end: datetime, now: datetime
) -> tuple[Prepared, dict[str, Any]]:
    condition = cohorts.check(actor, cohort, _FIELDS, now)
    shown: list[sa.ColumnElement[Any]] = [_DEALS.c.id, *(_DEALS.c[name] for name in _SHOWN)]
    maybe = sa.or_(_DEALS.c.closed_at.is_(None), _DEALS.c.closed_at >= cohorts.moment("start"))
    found = cohorts.statement(actor, cohort, condition, shown)
    values: dict[str, Any] = cohorts.binds(actor, cohort, condition) | {"start": start, "end": end}
    values |= {"worth": tells_money(actor), "closes": tells_days(actor)}
    return cohorts.built(found.where(_DEALS.c.opened_at < cohorts.moment("end"), maybe)), values


def tells_money(actor: Actor) -> bool:
    """Whether the actor may know what deals are worth."""
    return DEALS.shows(actor, "amount") and DEALS.shows(actor, "currency")


def tells_days(actor: Actor) -> bool:
    """Whether the actor may know when deals are expected to close."""
    return DEALS.shows(actor, "expected_close")
