"""Boards: the open deals of a pipeline as the reader sees them, stage by stage, in one question."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import lists, reads, related, sight, survivors, where
from app.db.deals import DEALS
from app.db.engine import Row, compiled
from app.db.pipelines import PIPELINES
from app.db.reads import Question, Reads, checked
from app.domain import conditions
from app.domain.access import Actor, Scope

_LOOKS_AT = frozenset({"pipeline_id", "stage", "status", "entered_at"})
_LINE = """select p.id, p.stages from pipelines p where p.org_id = cast(:org as uuid)
  and case when cast(:pipeline as uuid) is null then p.archived_at is null else p.id = cast(:pipeline as uuid) end
  order by p.created_at, p.id limit 1"""
_OPEN = f"""array(select s->>'key' from ({_LINE}) l, jsonb_array_elements(l.stages) s where s->>'kind' = 'open')"""
"""By these an index finds open deals among all that ever were."""
_TOTALS = """(select json_agg(json_build_object('currency', t.currency, 'deals', t.deals, 'amount', t.amount::text,
      'weighted', case when cast(:odds as boolean) then round(t.weighted, 4)::text end) order by t.currency)
    from (select k.currency, count(*) as deals, sum(k.amount) as amount,
      sum(k.amount * coalesce(k.probability, (s.stage->>'probability')::numeric)) as weighted
      from seen k where k.stage = s.stage->>'key' and k.amount is not null group by k.currency) t)"""
_BOARD = """(select json_agg(json_build_object('stage', s.stage->>'key', 'name', s.stage->>'name',
    'count', (select count(*) from seen k where k.stage = s.stage->>'key'),
    'totals', case when cast(:worth as boolean) then coalesce({totals}, '[]') end,
    'deals', coalesce((select json_agg({card} order by t.board_place) from cards t
      where t.board_stage = s.stage->>'key'), '[]')) order by s.n)
  from jsonb_array_elements(l.stages) with ordinality s(stage, n) where s.stage->>'kind' = 'open')"""


async def board(door: Reads, pipeline: UUID | None, raw: Any, limit: int, now: datetime) -> Row:
    """A pipeline's id and its open stages as JSON, with deals, the longest there first; the id is null where there is none.

    Raises Forbidden for hidden fields. There are no totals for who may not read amounts, and no weighted ones for who may
    not read probabilities.
    """

    def build(actor: Actor) -> Question:
        actor.needs(Scope(PIPELINES.reading))
        checked(actor, PIPELINES, frozenset({"name", "stages"}))
        condition = lists.condition(DEALS, raw, now)(actor)
        checked(actor, DEALS, _LOOKS_AT | conditions.fields_of(condition))
        names, table = reads.chosen(actor, DEALS, None), DEALS.table
        follow = survivors.follow(actor, survivors.known(actor))
        place = sa.func.row_number().over(
            partition_by=table.c.stage, order_by=(table.c.entered_at, table.c.id)
        )
        seen = (
            sa.select(
                *(table.c[name] for name in ("id", "stage", "amount", "currency", "probability")),
                place.label("place"),
            )
            .where(
                sight.tenant(DEALS),
                sight.visible(actor, DEALS),
                table.c.pipeline_id == sa.text(f"(select l.id from ({_LINE}) l)"),
                sa.text(f"deals.stage = any({_OPEN})"),
                table.c.status == sa.literal_column("'open'"),
                table.c.archived_at.is_(None),
                where.compile_(
                    condition, dict(table.c.items()), look=related.look(actor, follow), follow=follow
                ),
            )
            .cte("seen")
            .prefix_with("MATERIALIZED")
        )
        cards = (
            sa.select(
                *sight.columns(actor, DEALS, names),
                seen.c.place.label("board_place"),
                seen.c.stage.label("board_stage"),
            )
            .join_from(table, seen, table.c.id == seen.c.id)
            .where(sight.tenant(DEALS), seen.c.place <= sa.bindparam("limit", type_=sa.BigInteger()))
            .cte("cards")
        )
        shown = ", ".join(f't."{name}"' for name in names)
        card = f"(select row_to_json(r) from (select {shown}) r)"
        asked = (
            sa.select(
                sa.text("o.stamp"),
                sa.text("l.id"),
                sa.text(_BOARD.format(totals=_TOTALS, card=card) + "::text"),
            )
            .select_from(sa.text(f"organisations o left join lateral ({_LINE}) l on true"))
            .where(sa.text("o.id = cast(:org as uuid)"))
            .add_cte(seen, cards)
        )
        values = reads.binds(actor, DEALS) | where.parameters(condition) | survivors.binds(actor, condition)
        worth = DEALS.shows(actor, "amount") and DEALS.shows(actor, "currency")
        values |= {"pipeline": pipeline, "limit": limit, "worth": worth}
        return Question(compiled(asked), values | {"odds": DEALS.shows(actor, "probability")})

    return await door.row(build)
