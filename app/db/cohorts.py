"""The deals that a number is made of, as far as the reader sees them, each with the group that it is counted in."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Select

from app.db import lists, memberships, related, sight, survivors, where
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.deals import DEALS, DealLine
from app.db.engine import Prepared, compiled
from app.db.nouns import Noun
from app.db.pipelines import PIPELINES
from app.db.reads import checked
from app.db.segments import TOLD
from app.db.users import USERS
from app.domain import conditions
from app.domain.access import Actor, Scope
from app.domain.conditions import Condition
from app.domain.deals.cohorts import Cohort, Group

_LINES: sa.Table = DealLine.__table__  # type: ignore[assignment]  # declarative types it as FromClause
_NOUNS: Mapping[str, Noun] = {noun.name: noun for noun in (DEALS, COMPANIES, USERS)}
_DEALS = DEALS.table
_OUT_OF_PERIOD = {Group.MONTH: "YYYY-MM", Group.QUARTER: 'YYYY"-Q"Q'}
LINE = """line as (select p.id, p.name, p.stages from pipelines p where p.org_id = {org}::uuid
    and case when {pipeline}::uuid is null then p.archived_at is null else p.id = {pipeline}::uuid end
  order by p.created_at, p.id limit 1)"""
"""The pipeline that is asked about."""
STAGES = """stages as (select s.stage->>'key' as key, s.stage->>'kind' as kind,
    case s.stage->>'kind' when 'won' then 1000 when 'lost' then 1001 else s.n end as place
  from line l cross join lateral jsonb_array_elements(l.stages) with ordinality s(stage, n))"""
"""Its stages; all that are won stand in one place behind the open ones, and all that are lost behind these."""


def check(actor: Actor, cohort: Cohort, fields: frozenset[str], at: datetime) -> Condition:
    """The condition over deals. Raises Forbidden when anything here looks at what the actor may not read."""
    condition = lists.condition(DEALS, cohort.where, at)(actor)
    actor.needs(Scope(DEALS.reading))
    actor.needs(Scope(PIPELINES.reading))
    checked(actor, PIPELINES, frozenset({"name", "stages"}))
    checked(actor, DEALS, fields | {"pipeline_id", "opened_at", "stage"} | conditions.fields_of(condition))
    if Group.SEGMENT in cohort.names():
        actor.needs(Scope.segments_read)
        actor.needs(Scope(CONTACTS.reading))
    for noun, name in sorted(cohort.looks_at()):
        actor.needs(Scope(_NOUNS[noun].reading))
        checked(actor, _NOUNS[noun], frozenset({name}))
    return condition


def moment(name: str) -> ColumnElement[datetime]:
    """A bound moment."""
    return sa.bindparam(name, type_=sa.DateTime(timezone=True))


def statement(
    actor: Actor,
    cohort: Cohort,
    condition: Condition,
    columns: list[ColumnElement[Any]],
    seen_at: ColumnElement[datetime] | None = None,
) -> Select[Any]:
    """Columns of the deals of a pipeline (the CTE line) that the filters leave, and each one's group as `key`.

    A deal with several products, or of a contact in several segments, is in several groups. What was archived after
    `seen_at`, which is `as_of` unless it says otherwise, still counts.
    """
    seen_at = moment("as_of") if seen_at is None else seen_at
    follow = survivors.follow(actor, survivors.known(actor))
    gone = _DEALS.c.archived_at
    found = sa.select(*columns, _key(actor, cohort.group_by).label("key")).where(
        sight.tenant(DEALS),
        sight.visible(actor, DEALS),
        _DEALS.c.pipeline_id == sa.literal_column("(select l.id from line l)"),
        sa.or_(gone.is_(None), gone > seen_at),
        where.compile_(condition, dict(_DEALS.c.items()), look=related.look(actor, follow), follow=follow),
        *(_FILTERS[name](actor, seen_at) for name in cohort.asked()),
    )
    if cohort.group_by is Group.SEGMENT:
        stays = _stays(actor, seen_at).lateral("stays")
        found = found.join_from(_DEALS, stays, sa.true(), isouter=True)
    if cohort.group_by is Group.PRODUCT:
        lines = (
            sa.select(_LINES.c.org_id, _LINES.c.deal_id, _LINES.c.product_id).distinct().subquery("products")
        )
        found = found.join_from(
            _DEALS,
            lines,
            sa.and_(lines.c.org_id == _DEALS.c.org_id, lines.c.deal_id == _DEALS.c.id),
            isouter=True,
        )
    return found


def binds(actor: Actor, cohort: Cohort, condition: Condition) -> dict[str, Any]:
    """The values behind statement()."""
    values = sight.binds(actor, DEALS) | where.parameters(condition) | survivors.binds(actor, condition)
    values |= {f"by_{name}": value for name, value in cohort.asked().items()}
    values |= {"as_of": cohort.as_of, "zone": actor.time_zone, "pipeline": cohort.pipeline}
    return values | {"readable": sight.listed(sight.readable(actor, TOLD))}


def around(inner: Prepared, sql: str, values: Mapping[str, Any]) -> tuple[Prepared, dict[str, Any]]:
    """A statement around an inner one: SQL in which {inner} stands for it and {name} for each of the values."""
    names = [name for name in values if f"{{{name}}}" in sql]
    places = {name: f"${number}" for number, name in enumerate(names, len(inner.names) + 1)}
    return Prepared(sql.format(inner=inner.sql, **places), (*inner.names, *names)), dict(values)


def built(found: Select[Any]) -> Prepared:
    """The text of statement()."""
    return compiled(found)


def _key(actor: Actor, by: Group | None) -> ColumnElement[Any]:
    match by:
        case None:
            return sa.literal_column("null::text")
        case Group.OWNER:
            return sa.cast(_DEALS.c.owner_id, sa.Text)
        case Group.TEAM:
            theirs = sa.select(USERS.table.c.team_id).where(_same(USERS, "owner_id")).correlate(_DEALS)
            return sa.cast(theirs.scalar_subquery(), sa.Text)
        case Group.CHANNEL | Group.CAMPAIGN:
            return _DEALS.c[by.value]
        case Group.PRODUCT:
            return sa.literal_column("products.product_id::text")
        case Group.SEGMENT:
            return sa.literal_column("stays.segment_id::text")
        case Group.REGION | Group.COUNTRY:
            shown = COMPANIES.table.c[by.value]
            mine = sa.select(shown).where(_same(COMPANIES, "company_id"), sight.visible(actor, COMPANIES))
            return mine.correlate(_DEALS).scalar_subquery()
        case _:
            local = sa.func.timezone(sa.bindparam("zone", type_=sa.Text), _DEALS.c.opened_at)
            return sa.func.to_char(local, sa.literal_column(f"'{_OUT_OF_PERIOD[by]}'"))


def _same(noun: Noun, column: str) -> ColumnElement[bool]:
    table = noun.table
    return sa.and_(table.c.org_id == _DEALS.c.org_id, table.c.id == _DEALS.c[column])


def _in_team(_: Actor, __: ColumnElement[datetime]) -> ColumnElement[bool]:
    mine = sa.select(USERS.table.c.id).where(_same(USERS, "owner_id"))
    return (
        mine.where(USERS.table.c.team_id == sa.bindparam("by_team", type_=sa.Uuid()))
        .correlate(_DEALS)
        .exists()
    )


def _of_product(_: Actor, __: ColumnElement[datetime]) -> ColumnElement[bool]:
    lines = _LINES.alias("sold")
    theirs = sa.select(lines.c.id).where(lines.c.org_id == _DEALS.c.org_id, lines.c.deal_id == _DEALS.c.id)
    return (
        theirs.where(lines.c.product_id == sa.bindparam("by_product", type_=sa.Uuid()))
        .correlate(_DEALS)
        .exists()
    )


def _of_company(name: str, actor: Actor) -> ColumnElement[bool]:
    mine = sa.select(COMPANIES.table.c.id).where(
        _same(COMPANIES, "company_id"), sight.visible(actor, COMPANIES)
    )
    value = sa.bindparam(f"by_{name}", type_=sa.Text())
    return mine.where(COMPANIES.table.c[name] == value).correlate(_DEALS).exists()


def _stays(actor: Actor, seen_at: ColumnElement[datetime]) -> Select[Any]:
    """The segments in which a contact that the actor sees was then."""
    mine = sa.select(CONTACTS.table.c.id).where(_same(CONTACTS, "contact_id"), sight.visible(actor, CONTACTS))
    stays = memberships.of(_DEALS.c.org_id, _DEALS.c.contact_id, seen_at)
    return stays.where(mine.correlate(_DEALS).exists()).correlate(_DEALS)


def _in_segment(actor: Actor, seen_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    stays = _stays(actor, seen_at)
    segment = sa.bindparam("by_segment", type_=sa.Uuid())
    return stays.where(memberships.MEMBERSHIPS.c.segment_id == segment).exists()


_FILTERS: Mapping[str, Callable[[Actor, ColumnElement[datetime]], ColumnElement[bool]]] = {
    "team": _in_team,
    "product": _of_product,
    "region": lambda actor, _: _of_company("region", actor),
    "country": lambda actor, _: _of_company("country", actor),
    "segment": _in_segment,
}
