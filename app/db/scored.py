"""What RFM scores tell, to whoever sees the contacts and may read what of orders the scores are made of.

Whoever sees every contact sees numbers over all of them. Whoever sees fewer sees the same numbers counted over those:
how many they are, and what they spent. Of the others they learn no more than where the scores' own contacts stand among
all, which is what a score says.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.db import paging, reads, sight
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, Row, compiled
from app.db.orders import ORDERS
from app.db.reads import Question, Reads
from app.domain.access import Actor, Scope, must_read
from app.domain.errors import NotFound
from app.domain.rfm import MADE_OF

_SCORES = "s.recency_days, s.frequency, s.monetary::text as monetary, s.tenure_days, s.r, s.f, s.m, s.segment, s.tier, s.cluster"


def check(actor: Actor) -> None:
    """Raise Forbidden for whoever may not read what scores are made of."""
    actor.needs(Scope(CONTACTS.reading))
    actor.needs(Scope(ORDERS.reading))
    must_read(actor, ORDERS.name, MADE_OF)


def _question(actor: Actor, inner: str, binds: Mapping[str, Any], outer: str = "t.*") -> Question:
    """The rows t of an inner statement in which {name} stands for a value and {seen} for whether contact_id is seen."""
    statement, values = _within(actor, inner, binds)
    asked = reads.stamped(statement, f"{outer} from organisations o left join ({{inner}}) t on true")
    return Question(asked, values)


def _within(actor: Actor, inner: str, binds: Mapping[str, Any]) -> tuple[Prepared, dict[str, Any]]:
    check(actor)
    values = {"org": actor.org_id, **binds}
    seen, names = "true", tuple[str, ...]()
    if "{seen}" in inner and not sight.sees_all(actor, CONTACTS):
        who = compiled(
            select(CONTACTS.table.c.id).where(sight.tenant(CONTACTS), sight.visible(actor, CONTACTS))
        )
        seen, names = f"contact_id in ({who.sql})", who.names
        values |= sight.binds(actor, CONTACTS)
    places = {name: f"${number}" for number, name in enumerate(["org", *binds], len(names) + 1)}
    return Prepared(inner.format(seen=seen, **places), (*names, "org", *binds)), values


async def run(door: Reads, one: UUID | None, as_of: datetime | None) -> Row:
    """A finished run by its id; or the latest by the usual rules, up to a moment if one is given. Raises NotFound."""
    sql = """select r.*, p.as_of as previous_as_of, p.created_at as previous_created_at from rfm_runs r
      left join rfm_runs p on p.org_id = r.org_id and p.id = r.previous_id
      where r.org_id = {org}::uuid and r.finished_at is not null
        and case when {run}::uuid is not null then r.id = {run}::uuid
          else r.returns = 'net' and r.window_days is null and r.bins is null end
        and ({as_of}::timestamptz is null or {run}::uuid is not null or r.as_of <= {as_of}::timestamptz)
      order by r.as_of desc, r.id desc limit 1"""
    row = await door.row(lambda actor: _question(actor, sql, {"run": one, "as_of": as_of}))
    if row["id"] is None:
        raise NotFound(
            "rfm_run_not_found", "There is no finished RFM run like this; POST /v1/rfm/runs starts one."
        )
    return row


async def _rows(door: Reads, sql: str, binds: Mapping[str, Any]) -> list[Row]:
    rows = await door.rows(lambda actor: _question(actor, sql, binds))
    return [row for row in rows if row["contacts"] is not None]


async def cells(door: Reads, one: UUID) -> list[Row]:
    """Contacts by their three scores: how many, sums of their measures, and the least and the most of each."""
    sums = ", ".join(
        f"sum({name}) as {name}, min({name}) as least_{name}, max({name}) as most_{name}"
        for name in ("recency_days", "frequency", "monetary")
    )
    sql = (
        f"select r, f, m, count(*) as contacts, {sums} from rfm_scores"
        " where org_id = {org}::uuid and run_id = {run}::uuid and {seen} group by r, f, m"
    )
    return await _rows(door, sql, {"run": one})


async def movement(door: Reads, before: UUID, after: UUID) -> list[Row]:
    """How many contacts came from which segment into which between two runs; null is no customer."""
    sql = """select b.segment as before, a.segment as after, count(*) as contacts
      from (select contact_id, segment from rfm_scores
        where org_id = {org}::uuid and run_id = {before}::uuid and {seen}) b
      full join (select contact_id, segment from rfm_scores
        where org_id = {org}::uuid and run_id = {after}::uuid and {seen}) a using (contact_id) group by 1, 2"""
    return await _rows(door, sql, {"before": before, "after": after})


async def clusters(door: Reads, one: UUID) -> list[Row]:
    """Each cluster's contacts, the middle one of each measure, and their money."""
    middles = ", ".join(
        f"percentile_disc(0.5) within group (order by {name}) as {name}"
        for name in ("recency_days", "frequency", "monetary", "tenure_days")
    )
    sql = (
        f"select cluster, count(*) as contacts, {middles}, sum(monetary) as revenue from rfm_scores"
        " where org_id = {org}::uuid and run_id = {run}::uuid and cluster is not null and {seen} group by cluster"
        " order by cluster"
    )
    return await _rows(door, sql, {"run": one})


_TESTS: Mapping[str, str] = {
    "segment": "text",
    "tier": "text",
    "cluster": "smallint",
    "r": "smallint",
    "f": "smallint",
    "m": "smallint",
}


def context(asked: Mapping[str, Any]) -> str:
    """What a list's cursors belong to: all that was asked."""
    given = {name: value for name, value in asked.items() if value is not None}
    return f"rfm:{','.join(f'{name}={value}' for name, value in sorted(given.items()))}"


def opened(context: str, after: str | None) -> tuple[UUID | None, UUID | None]:
    """The run that a list is of, and its last contact; nothing of a first page. Raises InvalidInput."""
    return paging.opened(context, after, _place) if after else (None, None)


async def page(
    door: Reads, one: UUID, tests: Mapping[str, Any], limit: int, context: str, last: UUID | None
) -> bytes:
    """A page of a run's contacts with their scores, those of a segment, tier, cluster or score, by their ids.

    Its cursor names the run: another one may be the latest when the next page is asked for.
    """
    given = {name: value for name, value in tests.items() if value is not None}
    asked = "".join(f" and s.{name} = {{{name}}}::{_TESTS[name]}" for name in given)

    def build(actor: Actor) -> Question:
        name = ", c.name" if actor.reads(CONTACTS.name, "name") else ""
        sql = (
            f"select s.contact_id{name}, {_SCORES} from rfm_scores s join contacts c"
            " on c.org_id = s.org_id and c.id = s.contact_id where s.org_id = {org}::uuid and s.run_id = {run}::uuid"
            " and ({last}::uuid is null or s.contact_id > {last}::uuid)"
            f"{asked} and {{seen}} order by s.contact_id limit {{more}}::int"
        )
        binds = {"run": one, "last": last, **given, "more": limit + 1}
        inner, values = _within(actor, sql, binds)
        place = f"json_build_array(${inner.names.index('run') + 1}::uuid, t.contact_id)"
        statement = paging.paged(inner, "row_to_json(t)::text", place)
        return Question(statement, values | {"limit": limit})

    return paging.answer(await door.row(build), limit, context)


async def history(door: Reads, contact: UUID, limit: int, after: str | None) -> bytes:
    """A page of a contact's scores, of the run with the latest moment first. Raises NotFound for a contact out of sight."""
    context = f"rfm:{contact}"
    last = paging.opened(context, after, _moment) if after else (None, None)
    await reads.must_see(door, CONTACTS, contact)
    sql = f"""select s.run_id, r.as_of, r.returns, r.window_days, r.bins is not null as own_bins, {_SCORES}
      from rfm_scores s join rfm_runs r on r.org_id = s.org_id and r.id = s.run_id
      where s.org_id = {{org}}::uuid and s.contact_id = {{contact}}::uuid and r.finished_at is not null and {{seen}}
        and ({{at}}::timestamptz is null or (r.as_of, r.id) < ({{at}}::timestamptz, {{run}}::uuid))
      order by r.as_of desc, r.id desc limit {{more}}::int"""

    def build(actor: Actor) -> Question:
        binds = {"contact": contact, "at": last[0], "run": last[1], "more": limit + 1}
        inner, values = _within(actor, sql, binds)
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.as_of, t.run_id)")
        return Question(statement, values | {"limit": limit})

    return paging.answer(await door.row(build), limit, context)


def _place(values: Sequence[Any]) -> tuple[UUID | None, UUID | None]:
    run, contact = values
    return UUID(run), UUID(contact)


def _moment(values: Sequence[Any]) -> tuple[datetime, UUID]:
    at, one = values
    return datetime.fromisoformat(at).astimezone(UTC), UUID(one)
