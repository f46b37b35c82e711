"""Activity: what was done for the deals that were closed in a window, as far as the reader sees it.

A deal names its tasks. An interaction is with a contact or a company: it was for a deal when it was with either of its
two, from its opening to its closing.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, ScalarSelect

from app.db import cohorts, sight
from app.db.deals import DEALS, DealMove
from app.db.engine import Prepared, Row
from app.db.interactions import INTERACTIONS
from app.db.reads import Question, Reads, checked
from app.db.tasks import TASKS
from app.domain.access import Actor, Scope
from app.domain.deals.cohorts import Cohort, midnight

_DEALS, _INTERACTIONS, _TASKS = DEALS.table, INTERACTIONS.table, TASKS.table
_MOVES: sa.Table = DealMove.__table__  # type: ignore[assignment]  # declarative types it as FromClause
_FIELDS = frozenset({"status", "entered_at", "closed_at", "contact_id", "company_id"})
_LOOKED_AT = (
    (INTERACTIONS, frozenset({"at", "contact_id", "company_id"})),
    (TASKS, frozenset({"status", "closed_at", "deal_id"})),
)
_COUNTED = f"""with {cohorts.LINE},
  found as materialized ({{inner}})
  select o.stamp, l.id, l.name, (select json_agg(t) from (
      select key, status, count(*) as deals,
        sum(interactions)::bigint as interactions, percentile_disc(0.5) within group (order by interactions) as interactions_median,
        sum(tasks)::bigint as tasks, percentile_disc(0.5) within group (order by tasks) as tasks_median
      from found group by 1, 2) t) as parts
  from organisations o left join line l on true where o.id = {{org}}::uuid"""


async def counted(door: Reads, cohort: Cohort, now: datetime) -> Row:
    """The pipeline, and by group and outcome deals and what was done for them. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, now)
        return Question(*cohorts.around(inner, _COUNTED, values))

    return await door.row(build)


def _within(actor: Actor, cohort: Cohort, now: datetime) -> tuple[Prepared, dict[str, Any]]:
    """Deals that were closed in the window, by whichever closing was their last as of the moment."""
    condition = cohorts.check(actor, cohort, _FIELDS, now)
    for noun, fields in _LOOKED_AT:
        actor.needs(Scope(noun.reading))
        checked(actor, noun, fields)
    as_of, since = cohorts.moment("as_of"), cohorts.moment("since")
    since_then = _DEALS.c.entered_at > as_of
    turned = (
        sa.select(_MOVES.c.verb, _MOVES.c.at)
        .where(_MOVES.c.org_id == _DEALS.c.org_id, _MOVES.c.deal_id == _DEALS.c.id, since_then)
        .where(_MOVES.c.at <= as_of, _MOVES.c.verb != sa.literal_column("'relocate'"))
        .order_by(_MOVES.c.at.desc(), _MOVES.c.id.desc())
        .limit(sa.literal_column("1"))
        .correlate(_DEALS)
        .lateral("turned")
    )
    outcome: ColumnElement[str] = sa.literal_column(
        "case turned.verb when 'win' then 'won' when 'lose' then 'lost' else 'open' end"
    )
    shown: list[ColumnElement[Any]] = [
        *(_DEALS.c[name] for name in ("org_id", "id", "contact_id", "company_id", "opened_at")),
        sa.case((since_then, outcome), else_=_DEALS.c.status).label("status"),
        sa.case((since_then, turned.c.at), else_=_DEALS.c.closed_at).label("closed_at"),
    ]
    told = (
        cohorts.statement(actor, cohort, condition, shown)
        .join_from(_DEALS, turned, sa.true(), isouter=True)
        .where(_DEALS.c.opened_at <= as_of, sa.or_(_DEALS.c.closed_at >= since, since_then))
        .cte("told")
    )
    ended = (
        sa.select(told)
        .where(told.c.status != sa.literal_column("'open'"))
        .where(told.c.closed_at >= since, told.c.closed_at < cohorts.moment("before"))
        .cte("ended")
    )
    found = sa.select(
        ended.c.key,
        ended.c.status,
        _interactions(actor, ended).label("interactions"),
        _tasks(actor, ended).label("tasks"),
    )
    values = cohorts.binds(actor, cohort, condition)
    for noun, _ in _LOOKED_AT:
        values |= sight.binds(actor, noun)
    first, end = (midnight(day, actor.time_zone) for day in (cohort.since, cohort.before))
    return cohorts.built(found), values | {"since": first, "before": end}


def _interactions(actor: Actor, ended: sa.CTE) -> ScalarSelect[int]:
    own = _INTERACTIONS.c
    return (
        sa.select(sa.func.count())
        .select_from(_INTERACTIONS)
        .where(sight.tenant(INTERACTIONS), sight.visible(actor, INTERACTIONS))
        .where(sa.or_(own.contact_id == ended.c.contact_id, own.company_id == ended.c.company_id))
        .where(own.at >= ended.c.opened_at, own.at <= ended.c.closed_at, _there(_INTERACTIONS))
        .correlate(ended)
        .scalar_subquery()
    )


def _tasks(actor: Actor, ended: sa.CTE) -> ScalarSelect[int]:
    own = _TASKS.c
    return (
        sa.select(sa.func.count())
        .select_from(_TASKS)
        .where(sight.tenant(TASKS), sight.visible(actor, TASKS), own.deal_id == ended.c.id, _there(_TASKS))
        .where(own.status == sa.literal_column("'done'"), own.closed_at <= ended.c.closed_at)
        .correlate(ended)
        .scalar_subquery()
    )


def _there(table: sa.Table) -> ColumnElement[bool]:
    gone = table.c.archived_at
    return sa.or_(gone.is_(None), gone > cohorts.moment("as_of"))
