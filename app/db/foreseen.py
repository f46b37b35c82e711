"""What forecasts tell, to whoever sees the deals and may read what of them chances are made of.

Whoever sees every deal is told what was found over all of them. Whoever sees fewer is told sums over those; of the others
they learn no more than what a deal's chance, which comes from all, says of them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.db import paging, reads, sight
from app.db.companies import COMPANIES
from app.db.deals import DEALS
from app.db.engine import Prepared, Row, compiled
from app.db.orders import ORDERS
from app.db.pipelines import PIPELINES
from app.db.quotas import QUOTAS
from app.db.reads import Question, Reads
from app.db.users import USERS
from app.domain.access import Actor, Scope, must_read
from app.domain.errors import Forbidden, NotFound
from app.domain.forecasts import MADE_OF, SOLD, WORTH, Subject


def check(actor: Actor) -> None:
    """Raise Forbidden for whoever may not read what chances are made of."""
    for noun in (DEALS, PIPELINES):
        actor.needs(Scope(noun.reading))
    must_read(actor, DEALS.name, MADE_OF)
    must_read(actor, PIPELINES.name, ("name", "stages"))


def check_sold(actor: Actor, *, by_region: bool) -> None:
    """Raise Forbidden for whoever does not see every order, or may not read what revenue is made of."""
    for noun in (ORDERS, COMPANIES) if by_region else (ORDERS,):
        actor.needs(Scope(noun.reading))
        if not sight.sees_all(actor, noun):
            raise Forbidden(
                "sight_too_narrow",
                f"A forecast of revenue is made of all {noun.plural}, and is told to whoever sees them all.",
            )
    must_read(actor, ORDERS.name, SOLD)
    if by_region:
        must_read(actor, COMPANIES.name, ("region",))


def _may(check: Callable[[], None]) -> bool:
    try:
        check()
    except Forbidden:
        return False
    return True


def tells_money(actor: Actor) -> bool:
    """Whether the actor may know what deals are worth."""
    return all(actor.reads(DEALS.name, name) for name in WORTH)


def tells_targets(actor: Actor) -> bool:
    """Whether the actor may know what quotas ask."""
    return actor.may(Scope(QUOTAS.reading)) and all(actor.reads(QUOTAS.name, name) for name in QUOTAS.fields)


def tells_teams(actor: Actor) -> bool:
    """Whether the actor may know who is in which team."""
    return actor.may(Scope(USERS.reading)) and actor.reads(USERS.name, "team_id")


def _within(actor: Actor, inner: str, binds: Mapping[str, Any]) -> tuple[Prepared, dict[str, Any]]:
    """An inner statement in which {name} stands for a value, and {seen} for whether deal_id is seen."""
    values = {"org": actor.org_id, **binds}
    seen, names = "true", tuple[str, ...]()
    if "{seen}" in inner and not sight.sees_all(actor, DEALS):
        who = compiled(select(DEALS.table.c.id).where(sight.tenant(DEALS), sight.visible(actor, DEALS)))
        seen, names = f"deal_id in ({who.sql})", who.names
        values |= sight.binds(actor, DEALS)
    places = {name: f"${number}" for number, name in enumerate(["org", *binds], len(names) + 1)}
    return Prepared(inner.format(seen=seen, **places), (*names, "org", *binds)), values


def _question(actor: Actor, inner: str, binds: Mapping[str, Any]) -> Question:
    check(actor)
    statement, values = _within(actor, inner, binds)
    outer = "t.* from organisations o left join ({inner}) t on true"
    return Question(reads.stamped(statement, outer), values)


async def one(door: Reads, forecast: UUID) -> Row:
    """A forecast that is done. Raises NotFound and Forbidden."""
    sql = """select f.*, p.name as pipeline from forecasts f join pipelines p on p.org_id = f.org_id and p.id = f.pipeline_id
      where f.org_id = {org}::uuid and f.id = {one}::uuid and f.finished_at is not null"""
    row = await door.row(lambda actor: _question(actor, sql, {"one": forecast}))
    if row["id"] is None:
        raise _NOT_FOUND
    return row


_NOT_FOUND = NotFound(
    "forecast_not_found", "There is no forecast with this id that is done; its run says how far it is."
)


async def of_revenue(door: Reads, forecast: UUID) -> Row | None:
    """A forecast of revenue that is done; None where it is of something else. Raises NotFound and Forbidden."""
    sql = (
        "select o.stamp, f.* from organisations o left join forecasts f on f.org_id = o.id and f.id = $2"
        " and f.finished_at is not null where o.id = $1"
    )

    def build(actor: Actor) -> Question:
        return Question(Prepared(sql, ("org", "one")), {"org": actor.org_id, "one": forecast})

    row = await door.row(build)
    if row["id"] is None:
        raise _NOT_FOUND
    if row["kind"] != Subject.REVENUE:
        return None
    check_sold(door.actor, by_region=row["asked"]["region"] is not None)
    return row


async def cells(door: Reads, forecast: UUID) -> Sequence[Row]:
    """Deals by owner and part: how many, what they are worth, and what is expected of that."""
    sql = """select owner_id, part, count(*) as deals, coalesce(sum(amount), 0) as amount,
        coalesce(sum(round(amount * chance, 2)), 0) as expected from forecast_deals
      where org_id = {org}::uuid and forecast_id = {one}::uuid and {seen} group by 1, 2"""
    rows = await door.rows(lambda actor: _question(actor, sql, {"one": forecast}))
    return [row for row in rows if row["part"] is not None]


async def chances(door: Reads, forecast: UUID) -> Row:
    """The chances of the open deals that are seen, and what each would be won with."""
    sql = """select coalesce(array_agg(chance::float8 order by deal_id), '{{}}') as chance,
        coalesce(array_agg(coalesce(amount, 0)::float8 order by deal_id), '{{}}') as amount from forecast_deals
      where org_id = {org}::uuid and forecast_id = {one}::uuid and part <> 'won' and {seen}"""
    return await door.row(lambda actor: _question(actor, sql, {"one": forecast}))


async def page(
    door: Reads, forecast: UUID, tests: Mapping[str, Any], limit: int, cursor: str | None
) -> bytes:
    """A page of the deals behind a forecast, those of a part or an owner, by their ids."""
    given = {name: value for name, value in tests.items() if value is not None}
    context = f"forecast:{forecast}:{','.join(f'{name}={given[name]}' for name in sorted(given))}"
    last = paging.opened(context, cursor, lambda values: UUID(values[0])) if cursor else None
    types = {"part": "text", "owner_id": "uuid"}
    asked = "".join(f" and f.{name} = {{{name}}}::{types[name]}" for name in given)

    def build(actor: Actor) -> Question:
        check(actor)
        worth = "f.amount::text" if tells_money(actor) else "null"
        expected = "round(f.amount * f.chance, 2)::text" if tells_money(actor) else "null"
        name = "d.name, " if actor.reads(DEALS.name, "name") else ""
        sql = (
            f"select f.deal_id, {name}f.owner_id, f.part, f.chance, {worth} as amount, {expected} as expected"
            " from forecast_deals f join deals d on d.org_id = f.org_id and d.id = f.deal_id"
            " where f.org_id = {org}::uuid and f.forecast_id = {one}::uuid"
            f" and ({{last}}::uuid is null or f.deal_id > {{last}}::uuid){asked} and {{seen}}"
            " order by f.deal_id limit {more}::int"
        )
        inner, values = _within(actor, sql, {"one": forecast, "last": last, **given, "more": limit + 1})
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.deal_id)")
        return Question(statement, values | {"limit": limit})

    return paging.answer(await door.row(build), limit, context)


# What came is told once it is over, by what is known now: what is won, and what was sold.
_RATE = """case when {one}.currency = f.currency then 1 else (select r.rate from exchange_rates r
      where r.org_id = f.org_id and r.currency = {one}.currency and r.base = f.currency and r.archived_at is null
        and r.on_date <= ({at} at time zone f.time_zone)::date order by r.on_date desc limit 1) end"""
_WITHIN = """{at} >= f.starts_on::timestamp at time zone f.time_zone
      and {at} < f.ends_on::timestamp at time zone f.time_zone"""
_ACTUAL = f"""(case f.kind when 'pipeline' then (select coalesce(sum(d.amount * {_RATE.format(one="d", at="d.closed_at")}), 0)
    from deals d where d.org_id = f.org_id and d.pipeline_id = f.pipeline_id and d.status = 'won'
      and d.archived_at is null and {_WITHIN.format(at="d.closed_at")})
  else (select coalesce(sum((s.total - s.refunded) * {_RATE.format(one="s", at="s.placed_at")}), 0)
    from orders s where s.org_id = f.org_id and s.status <> 'cancelled' and s.cancelled_at is null
      and s.archived_at is null and {_WITHIN.format(at="s.placed_at")}
      and (f.channel is null or s.channel = f.channel)
      and (f.region is null or exists (select from companies c
        where c.org_id = s.org_id and c.id = s.company_id and c.region = f.region))) end)::numeric(24, 2)::text"""
# A period has a forecast of every night, and what came of it is counted once.
_LISTED = f"""with page as materialized (
    select f.*, o.time_zone, (f.kind <> 'pipeline' or {{{{told}}}}::boolean) as told,
      row(f.kind, f.pipeline_id, f.starts_on, f.ends_on, f.currency, f.asked->>'channel', f.asked->>'region') as period
    from forecasts f join organisations o on o.id = f.org_id
    where f.org_id = {{{{org}}}}::uuid and f.finished_at is not null and f.kind = any({{{{kinds}}}}::text[])
      and (f.asked->>'region' is null or {{{{regions}}}}::boolean)
      and ({{{{at}}}}::timestamptz is null or (f.as_of, f.id) < ({{{{at}}}}::timestamptz, {{{{last}}}}::uuid)){{asked}}
    order by f.as_of desc, f.id desc limit {{{{more}}}}::int),
  over as (select distinct on (period) period, org_id, kind, pipeline_id, starts_on, ends_on, currency, time_zone,
      asked->>'channel' as channel, asked->>'region' as region
    from page where told and ends_on::timestamp at time zone time_zone <= {{{{now}}}}::timestamptz),
  came as materialized (select f.period, {_ACTUAL} as actual from over f)
  select f.id, f.kind, f.pipeline_id, f.unit, f.starts_on, f.ends_on, f.as_of, f.currency, f.method,
    f.findings->>'model' as model, f.finished_at, case when f.told then f.findings->>'expected' end as expected,
    case when f.told then f.findings->>'low' end as low, case when f.told then f.findings->>'high' end as high, c.actual
  from page f left join came c on f.told and c.period is not distinct from f.period
  order by f.as_of desc, f.id desc"""
_TESTS = {
    "kind": "f.kind = {kind}::text",
    "pipeline_id": "f.pipeline_id = {pipeline_id}::uuid",
    "unit": "f.unit = {unit}::text",
    "day": "{day}::date >= f.starts_on and {day}::date < f.ends_on",
}


async def listed(
    door: Reads, tests: Mapping[str, Any], limit: int, cursor: str | None, now: datetime
) -> bytes:
    """A page of the forecasts, the latest first, each beside what came; numbers for whoever sees every deal."""
    given = {name: value for name, value in tests.items() if value is not None}
    context = f"forecasts:{','.join(f'{name}={given[name]}' for name in sorted(given))}"
    at, last = paging.opened(context, cursor, _moment) if cursor else (None, None)
    sql = _LISTED.format(asked="".join(f" and {_TESTS[name]}" for name in given))

    def build(actor: Actor) -> Question:
        told = sight.sees_all(actor, DEALS) and tells_money(actor)
        kinds = {
            Subject.PIPELINE: partial(check, actor),
            Subject.REVENUE: partial(check_sold, actor, by_region=False),
        }
        mine = [kind for kind, may in kinds.items() if _may(may)]
        if not mine:
            check(actor)
        regions = _may(partial(check_sold, actor, by_region=True))
        binds = {"at": at, "last": last, **given, "told": told, "now": now, "kinds": mine, "regions": regions}
        inner, values = _within(actor, sql, binds | {"more": limit + 1})
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.as_of, t.id)")
        return Question(statement, values | {"limit": limit})

    return paging.answer(await door.row(build), limit, context)


def _moment(values: Sequence[Any]) -> tuple[datetime, UUID]:
    at, one = values
    return datetime.fromisoformat(at), UUID(one)
