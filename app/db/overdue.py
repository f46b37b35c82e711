"""Overdue deals: open, and longer in their stage than it expects, by the calendar of the organisation."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.db.calendars import calendar_of
from app.db.engine import Prepared
from app.db.lists import Also
from app.db.pipelines import PIPELINES
from app.db.reads import Question, Reads, checked
from app.domain.access import Actor, Scope
from app.domain.calendars import standard
from app.domain.deals.velocity import late

_EXPECTED = Prepared(
    "select o.stamp, o.time_zone as own_zone, c.id, c.name, c.time_zone, c.week, c.special_days,"
    " (select json_agg(json_build_array(p.id, p.stages)) from pipelines p where p.org_id = o.id) as pipelines"
    " from organisations o left join calendars c on c.org_id = o.id and c.id = o.calendar_id where o.id = $1",
    ("org",),
)
_LATE = """deals.id {among} (select d.id
  from jsonb_to_recordset(:late) l(pipeline_id uuid, stage text, since timestamptz)
  join deals d on d.org_id = :late_org and d.pipeline_id = l.pipeline_id and d.stage = l.stage
    and d.entered_at < l.since and d.status = 'open')"""


async def overdue(door: Reads, now: datetime, *, only: bool) -> Also:
    """Only overdue deals, or all but them. Raises Forbidden for who may not read the stages of pipelines."""

    def build(actor: Actor) -> Question:
        actor.needs(Scope(PIPELINES.reading))
        checked(actor, PIPELINES, frozenset({"stages"}))
        return Question(_EXPECTED, {"org": actor.org_id})

    row = await door.row(build)
    calendar = standard(row["own_zone"]) if row["id"] is None else calendar_of(row)
    moments = [
        {"pipeline_id": pipeline, "stage": stage, "since": since}
        for pipeline, stages in row["pipelines"] or ()
        for stage, since in late(stages, calendar, now).items()
    ]
    known = sa.bindparam("late", type_=JSONB), sa.bindparam("late_org", type_=sa.Uuid())
    return Also(
        "overdue" if only else "not overdue",
        sa.text(_LATE.format(among="in" if only else "not in")).bindparams(*known),
        {"late": moments, "late_org": door.actor.org_id},
        frozenset({"pipeline_id", "stage", "entered_at", "status"}),
    )
