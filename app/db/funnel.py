"""Funnels: what became of deals that were opened in a window, stage by stage, up to a moment."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from app.db import behind, cohorts, paging
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.reads import Question, Reads
from app.domain.access import Actor
from app.domain.deals.cohorts import Cohort, Part, midnight

_FIELDS = frozenset({"status", "entered_at"})
_DEALS = DEALS.table


# Entries of one deal at one moment stand in the order in which they were written, which is that of their ids. Lead()
# over the stages that the pipeline still has passes by those that are gone. Each deal asks the index for its own entries:
# joined at once, all that there ever were would be read.
_VISITS = f"""{cohorts.LINE}, {cohorts.STAGES},
  cohort as materialized ({{inner}}),
  visits as (
    select c.*, v.* from cohort c cross join lateral (
      select e.*, s.kind, s.place, lead(s.place) over w as next_place, lead(s.kind) over w as next_kind,
        lead(e.at) over w as next_at,
        row_number() over (partition by e.stage order by e.at desc, e.entry desc) = 1 as latest
      from (
        select m.at, m.id as entry, m.to_stage as stage, lead(m.at) over w as left_at, lead(m.seconds) over w as seconds,
          lead(m.business_seconds) over w as business_seconds
        from deal_moves m where m.org_id = {{org}}::uuid and m.deal_id = c.id and m.at <= c.seen_at
        window w as (order by m.at, m.id)) e
      join stages s on s.key = e.stage window w as (order by e.at, e.entry)) v),
  outcomes as (
    select v.*, case when v.left_at is null then 'standing' when v.next_kind is null then 'elsewhere'
        when v.next_kind = 'lost' then 'lost' when v.next_place >= v.place then 'moved_on' else 'went_back' end as outcome
    from visits v),
  furthest as (
    select period, key, id, max(place) filter (where kind <> 'lost') as place from visits group by period, key, id)"""

_TIMES = """json_build_array(count(seconds), percentile_disc(0.5) within group (order by seconds),
        percentile_disc(0.9) within group (order by seconds),
        percentile_disc(0.5) within group (order by business_seconds),
        percentile_disc(0.9) within group (order by business_seconds))"""
_OUTCOMES = ", ".join(
    f"count(*) filter (where latest and outcome = '{part}') as {part}"
    for part in Part
    if part not in {Part.ENTERED, Part.REACHED}
)
# An entry of the history does not keep the reason of a loss: a deal does until it is reopened, and its event for good.
_REASONS = """select o.period, o.key, o.stage, count(*) as deals,
      case when o.closed_at = o.next_at then o.lost_reason else (
        select e.after->>'lost_reason' from events e where e.org_id = {org}::uuid and e.noun = 'deal' and e.noun_id = o.id
          and e.type = 'deal.lost' and (e.after->>'closed_at')::timestamptz = o.next_at order by e.seq desc limit 1) end
        as reason
    from outcomes o where o.latest and o.outcome = 'lost' and {reasons}::boolean group by 1, 2, 3, 5"""
_FUNNEL = f"""with {_VISITS}
  select o.stamp, l.id, l.name, l.stages,
    (select json_agg(t) from (select period, key, count(*) as deals from cohort group by 1, 2) t) as cohorts,
    (select json_agg(t) from (
      select period, key, stage, count(*) filter (where latest) as entered, {_OUTCOMES}, {_TIMES} as times
      from outcomes group by 1, 2, 3) t) as cells,
    (select json_agg(t) from (
      select f.period, f.key, s.place, count(*) as deals from furthest f
      join (select distinct place from stages where kind <> 'lost') s on s.place <= f.place group by 1, 2, 3) t) as reached,
    (select json_agg(t) from ({_REASONS}) t) as reasons
  from organisations o left join line l on true where o.id = {{org}}::uuid"""

_BEHIND = f"""with {_VISITS}
  select c.id from cohort c where c.period = 0 and ({{grouped}}::boolean is not true or c.key is not distinct from {{key}}::text)
    and ({{last}}::uuid is null or c.id > {{last}}::uuid) and (case {{part}}::text
      when 'all' then true
      when 'reached' then exists (select from furthest f join stages s on s.key = {{stage}}::text and s.kind = 'open'
        where f.id = c.id and f.key is not distinct from c.key and f.place >= s.place) else false end
    or exists (select from outcomes v where v.id = c.id and v.key is not distinct from c.key
        and v.stage = {{stage}}::text and v.latest and {{part}}::text in ('entered', 'reached', v.outcome)))
  group by c.id order by c.id limit {{more}}::int"""


async def counted(door: Reads, cohort: Cohort, earlier: tuple[date, date] | None, now: datetime) -> Row:
    """The pipeline, and deals by period (0, or 1 for the earlier one), group and stage. Raises Forbidden.

    The earlier deals are seen as of as long after their window began, so that both had the same time.
    """

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, earlier, now)
        return Question(*cohorts.around(inner, _FUNNEL, values))

    return await door.row(build)


async def page(
    door: Reads, cohort: Cohort, asked: Mapping[str, Any], limit: int, context: str, now: datetime
) -> bytes:
    """A page of the deals behind a number, by their ids; asked are stage, part, grouped, key and last. Raises Forbidden."""

    def build(actor: Actor) -> Question:
        inner, values = _within(actor, cohort, None, now)
        return behind.page(inner, _BEHIND, {**values, **asked}, limit)

    return paging.answer(await door.row(build), limit, context)


def _within(
    actor: Actor, cohort: Cohort, earlier: tuple[date, date] | None, now: datetime
) -> tuple[Any, dict[str, Any]]:
    condition = cohorts.check(actor, cohort, _FIELDS, now)
    since, before = (midnight(day, actor.time_zone) for day in (cohort.since, cohort.before))
    windows = [(0, since, before, cohort.as_of)]
    if earlier is not None:
        start, end = (midnight(day, actor.time_zone) for day in earlier)
        windows.append((1, start, end, cohort.as_of - (since - start)))
    opened = _DEALS.c.opened_at
    period = (
        sa.case((opened >= cohorts.moment("since0"), sa.literal_column("0")), else_=sa.literal_column("1"))
        if earlier
        else sa.literal_column("0")
    )
    seen_at = sa.case(
        (opened >= cohorts.moment("since0"), cohorts.moment("seen0")),
        else_=cohorts.moment(f"seen{windows[-1][0]}"),
    )
    columns = [_DEALS.c.id, _DEALS.c.lost_reason, _DEALS.c.closed_at]
    found = cohorts.statement(
        actor, cohort, condition, [*columns, period.label("period"), seen_at.label("seen_at")], seen_at
    )
    within = (
        sa.and_(
            opened >= cohorts.moment(f"since{n}"),
            opened < cohorts.moment(f"before{n}"),
            opened <= cohorts.moment(f"seen{n}"),
        )
        for n, *_ in windows
    )
    values = cohorts.binds(actor, cohort, condition)
    for n, start, end, seen in windows:
        values |= {f"since{n}": start, f"before{n}": end, f"seen{n}": seen}
    values["reasons"] = DEALS.shows(actor, "lost_reason") and DEALS.shows(actor, "closed_at")
    return cohorts.built(found.where(sa.or_(*within))), values
