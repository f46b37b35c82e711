"""What forecasts tell, to whoever sees the deals and may read what of them chances are made of.

Whoever sees every deal is told what was found over all of them. Whoever sees fewer is told sums over those; of the others
they learn no more than what a deal's chance, which comes from all, says of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.db import paging, reads, sight
from app.db.deals import DEALS
from app.db.engine import Prepared, Row, compiled
from app.db.pipelines import PIPELINES
from app.db.quotas import QUOTAS
from app.db.reads import Question, Reads
from app.db.users import USERS
from app.domain.access import Actor, Scope, must_read
from app.domain.errors import NotFound
from app.domain.forecasts import MADE_OF, WORTH


def check(actor: Actor) -> None:
    """Raise Forbidden for whoever may not read what chances are made of."""
    for noun in (DEALS, PIPELINES):
        actor.needs(Scope(noun.reading))
    must_read(actor, DEALS.name, MADE_OF)
    must_read(actor, PIPELINES.name, ("name", "stages"))


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
    check(actor)
    values = {"org": actor.org_id, **binds}
    seen, names = "true", tuple[str, ...]()
    if "{seen}" in inner and not sight.sees_all(actor, DEALS):
        who = compiled(select(DEALS.table.c.id).where(sight.tenant(DEALS), sight.visible(actor, DEALS)))
        seen, names = f"deal_id in ({who.sql})", who.names
        values |= sight.binds(actor, DEALS)
    places = {name: f"${number}" for number, name in enumerate(["org", *binds], len(names) + 1)}
    return Prepared(inner.format(seen=seen, **places), (*names, "org", *binds)), values


def _question(actor: Actor, inner: str, binds: Mapping[str, Any]) -> Question:
    statement, values = _within(actor, inner, binds)
    outer = "t.* from organisations o left join ({inner}) t on true"
    return Question(reads.stamped(statement, outer), values)


async def one(door: Reads, forecast: UUID) -> Row:
    """A forecast that is done. Raises NotFound and Forbidden."""
    sql = """select f.*, p.name as pipeline from forecasts f join pipelines p on p.org_id = f.org_id and p.id = f.pipeline_id
      where f.org_id = {org}::uuid and f.id = {one}::uuid and f.finished_at is not null"""
    row = await door.row(lambda actor: _question(actor, sql, {"one": forecast}))
    if row["id"] is None:
        raise NotFound(
            "forecast_not_found",
            "There is no forecast with this id that is done; its run says how far it is.",
        )
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


# What came of a period is told once it is over: what is won by now, by the day on which it was.
_ACTUAL = """(select coalesce(sum(d.amount * case when d.currency = f.currency then 1 else (select r.rate
        from exchange_rates r where r.org_id = d.org_id and r.currency = d.currency and r.base = f.currency
          and r.archived_at is null and r.on_date <= (d.closed_at at time zone o.time_zone)::date
        order by r.on_date desc limit 1) end), 0)::numeric(24, 2)::text
    from deals d where d.org_id = f.org_id and d.pipeline_id = f.pipeline_id and d.status = 'won'
      and d.archived_at is null and d.closed_at >= f.starts_on::timestamp at time zone o.time_zone
      and d.closed_at < f.ends_on::timestamp at time zone o.time_zone)"""
_LISTED = f"""select f.id, f.kind, f.pipeline_id, f.unit, f.starts_on, f.ends_on, f.as_of, f.currency, f.method,
    f.findings->>'model' as model, f.finished_at,
    case when {{{{told}}}}::boolean then f.findings->>'expected' end as expected,
    case when {{{{told}}}}::boolean then f.findings->>'low' end as low,
    case when {{{{told}}}}::boolean then f.findings->>'high' end as high,
    case when {{{{told}}}}::boolean and f.ends_on::timestamp at time zone o.time_zone <= {{{{now}}}}::timestamptz
      then {_ACTUAL} end as actual
  from forecasts f join organisations o on o.id = f.org_id
  where f.org_id = {{{{org}}}}::uuid and f.finished_at is not null
    and ({{{{at}}}}::timestamptz is null or (f.as_of, f.id) < ({{{{at}}}}::timestamptz, {{{{last}}}}::uuid)){{asked}}
  order by f.as_of desc, f.id desc limit {{{{more}}}}::int"""
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
        binds = {"at": at, "last": last, **given, "told": told, "now": now, "more": limit + 1}
        inner, values = _within(actor, sql, binds)
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.as_of, t.id)")
        return Question(statement, values | {"limit": limit})

    return paging.answer(await door.row(build), limit, context)


def _moment(values: Sequence[Any]) -> tuple[datetime, UUID]:
    at, one = values
    return datetime.fromisoformat(at), UUID(one)
