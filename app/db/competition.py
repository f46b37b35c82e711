"""Competition: what came of the deals that were closed in a window, by the competitors in play."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from app.db import behind, cohorts, paging
from app.db.competitor_prices import COMPETITOR_PRICES, latest
from app.db.competitors import COMPETITORS
from app.db.deals import DEALS
from app.db.engine import Prepared, Row
from app.db.reads import Question, Reads, checked
from app.domain.access import Actor, Scope
from app.domain.deals.cohorts import Cohort, Group, midnight

_FIELDS = frozenset({"status", "entered_at", "closed_at", "competitors", "lost_to_id"})
_PRICED = ("competitor_id", "their_product", "product_id", "price", "currency", "valid_from")
_DEALS = DEALS.table


def _rate(currency: str) -> str:
    """What one of a currency was worth in the base currency on the day when the deal e was closed."""
    return (
        f"case when {currency} = o.currency then 1 else (select r.rate from exchange_rates r"
        f" where r.org_id = {{org}}::uuid and r.currency = {currency} and r.base = o.currency"
        " and r.archived_at is null and r.on_date <= e.day order by r.on_date desc limit 1) end"
    )


# A deal is closed when nothing but a change of its pipeline came after. Who won it is kept until it is reopened, and in
# the event of its loss for good.
_CLOSED = f"""{cohorts.LINE},
  found as materialized ({{inner}}),
  own as (select o.currency, o.time_zone from organisations o where o.id = {{org}}::uuid),
  closed as (
    select m.deal_id, m.at, m.verb = 'win' as won from line l
    join deal_moves m on m.org_id = {{org}}::uuid and m.pipeline_id = l.id
      and m.at >= {{start}}::timestamptz and m.at < {{end}}::timestamptz and m.at <= {{as_of}}::timestamptz
    where m.verb in ('win', 'lose') and not exists (select from deal_moves n where n.org_id = m.org_id
      and n.deal_id = m.deal_id and (n.at, n.id) > (m.at, m.id) and n.at <= {{as_of}}::timestamptz and n.verb <> 'relocate')),
  ended as (
    select f.id, f.key, f.amount, f.currency, c.won, (c.at at time zone o.time_zone)::date as day,
      case when c.won then null when f.closed_at = c.at then f.lost_to_id else (
        select (e.after->>'lost_to_id')::uuid from events e where e.org_id = {{org}}::uuid and e.noun = 'deal'
          and e.noun_id = f.id and e.type = 'deal.lost' and (e.after->>'closed_at')::timestamptz = c.at
        order by e.seq desc limit 1) end as lost_to
    from closed c join found f on f.id = c.deal_id cross join own o),
  in_play as (
    select e.id, e.key, p.competitor_id as rival from ended e
      join deal_competitors p on p.org_id = {{org}}::uuid and p.deal_id = e.id
    union select e.id, e.key, e.lost_to from ended e where e.lost_to is not null),
  met as (
    select e.*, i.rival, e.amount * {_rate("e.currency")} as money
    from in_play i join ended e on e.id = i.id and e.key is not distinct from i.key cross join own o),
  pairs as (
    select e.id, e.key, e.rival, n.amount / n.quantity / p.price
        * case when e.currency = p.currency then 1 else {_rate("e.currency")} / {_rate("p.currency")} end as ratio
    from met e cross join own o
    join deal_lines n on n.org_id = {{org}}::uuid and n.deal_id = e.id and n.quantity > 0
      and ({{of_product}}::boolean is not true or n.product_id::text = e.key)
    join competitor_prices p on p.org_id = n.org_id and p.competitor_id = e.rival and p.product_id = n.product_id
      and p.price > 0 and p.archived_at is null and {latest("p", "e.day")}
    where {{prices}}::boolean)"""

_COUNTED = f"""with {_CLOSED},
  sums as (
    select key, rival, count(*) as deals, count(*) filter (where won) as won, count(*) filter (where not won) as lost,
      count(*) filter (where lost_to = rival) as lost_to, round(coalesce(sum(money) filter (where won), 0), 4)::text as won_amount,
      round(coalesce(sum(money) filter (where not won), 0), 4)::text as lost_amount,
      round(coalesce(sum(money) filter (where lost_to = rival), 0), 4)::text as lost_to_amount,
      count(*) filter (where amount is not null and money is null) as unconverted
    from met group by 1, 2),
  positions as (
    select key, rival, count(ratio) as pairs, percentile_cont(0.5) within group (order by ratio) as ratio
    from pairs group by 1, 2)
  select o.stamp, o.currency, l.id, l.name,
    (select json_agg(t) from (
      select key, count(*) as deals, count(*) filter (where won) as won, count(*) filter (where not won) as lost,
        count(lost_to) as lost_to from ended group by 1) t) as groups,
    (select json_agg(t) from (
      select s.*, c.name, p.pairs, p.ratio from sums s
      join competitors c on c.org_id = {{org}}::uuid and c.id = s.rival
      left join positions p on p.rival = s.rival and p.key is not distinct from s.key) t) as rivals
  from organisations o left join line l on true where o.id = {{org}}::uuid"""

_BEHIND = f"""with {_CLOSED}
  select e.id from ended e where ({{last}}::uuid is null or e.id > {{last}}::uuid)
    and ({{grouped}}::boolean is not true or e.key is not distinct from {{key}}::text)
    and ({{rival}}::uuid is null or exists (select from in_play i
      where i.id = e.id and i.key is not distinct from e.key and i.rival = {{rival}}::uuid))
    and case {{outcome}}::text when 'deals' then true when 'won' then e.won when 'lost' then not e.won
      when 'lost_to' then e.lost_to = coalesce({{rival}}::uuid, e.lost_to)
      else exists (select from pairs p where p.id = e.id and p.key is not distinct from e.key and p.ratio is not null
        and p.rival = coalesce({{rival}}::uuid, p.rival)) end
  group by e.id order by e.id limit {{more}}::int"""


async def counted(door: Reads, cohort: Cohort, now: datetime) -> Row:
    """The pipeline; what was closed by group; and by group and competitor. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        return Question(*cohorts.around(*_within(actor, cohort, now, _COUNTED)))

    return await door.row(build)


async def page(
    door: Reads, cohort: Cohort, asked: Mapping[str, Any], limit: int, context: str, now: datetime
) -> bytes:
    """A page of the deals behind a number; asked are rival, outcome, grouped, key and last. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, sql, values = _within(actor, cohort, now, _BEHIND)
        return behind.page(inner, sql, {**values, **asked}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(actor: Actor, cohort: Cohort, now: datetime, sql: str) -> tuple[Prepared, str, dict[str, Any]]:
    condition = cohorts.check(actor, cohort, _FIELDS, now)
    actor.needs(Scope(COMPETITORS.reading))
    checked(actor, COMPETITORS, frozenset({"name"}))
    start, end = (midnight(day, actor.time_zone) for day in (cohort.since, cohort.before))
    shown: list[ColumnElement[Any]] = [
        _DEALS.c[name] for name in ("id", "amount", "currency", "closed_at", "lost_to_id")
    ]
    closed = _DEALS.c.closed_at
    found = cohorts.statement(actor, cohort, condition, shown).where(
        closed.is_(None) | (closed >= cohorts.moment("start"))
    )
    values = cohorts.binds(actor, cohort, condition) | {"start": start, "end": end}
    values |= {"prices": tells_prices(actor), "of_product": cohort.group_by is Group.PRODUCT}
    return cohorts.built(found), sql, values


def tells_prices(actor: Actor) -> bool:
    """Whether the actor may know what we ask for, and what competitors do."""
    ours = DEALS.shows(actor, "lines") and DEALS.shows(actor, "currency")
    theirs = all(COMPETITOR_PRICES.shows(actor, name) for name in _PRICED)
    return ours and theirs and actor.may(Scope(COMPETITOR_PRICES.reading))
