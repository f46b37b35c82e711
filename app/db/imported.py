"""The rows of imports, shown: a preview, a page, and those that were skipped or have failed."""

from collections.abc import Sequence
from uuid import UUID

from app.db import paging, reads
from app.db.engine import Prepared, Row
from app.db.imports import IMPORTS, SHOWN
from app.db.reads import Question, Reads
from app.domain.access import Actor
from app.domain.imports import Outcome

# What is kept together are neighbours, so what comes after a line begins no earlier than the row that has it.
_EACH = """import_rows r cross join lateral rows from (
    unnest(r.line || r.further), json_array_elements(r.cells::json)) l(line, cells)"""
_FROM = "coalesce((select max(line) from import_rows where org_id = $1 and id = $2 and line <= {after}), 0)"


async def to_preview(door: Reads, import_id: UUID) -> Row:
    """What a preview is made of: owner, target, mode, match, layout, mapping, options, the organisation's time zone and
    currency, and a sample, the first rows whose cells are kept, each with its line and what is wrong with it.

    Raises NotFound.
    """
    await reads.must_see(door, IMPORTS, import_id)
    sql = f"""select o.stamp, o.time_zone, o.currency, i.owner_id, i.target, i.mode, i.match, i.layout, i.mapping, i.options,
        (select coalesce(jsonb_agg(jsonb_build_array(r.line, r.cells::jsonb, r.detail) order by r.line), '[]') from (
          select l.line, l.cells, r.detail from {_EACH} where r.org_id = $1 and r.id = $2 and r.cells is not null
          order by r.line, l.line limit {SHOWN}) r) as sample
      from organisations o join imports i on i.org_id = o.id and i.id = $2 where o.id = $1"""

    def build(actor: Actor) -> Question:
        return Question(Prepared(sql, ("org", "id")), {"org": actor.org_id, "id": import_id})

    return await door.row(build)


_ROWS = f"""select l.line, case when l.cells is not null then array(
      select coalesce(cell ->> 0, cell #>> '{{}}') from json_array_elements(l.cells) with ordinality e(cell, n) order by n)
    end as cells, r.outcome, r.record_id, r.code, r.detail
  from {_EACH}
  where r.org_id = $1 and r.id = $2 and ($3::text is null or r.outcome = $3)
    and r.line >= {_FROM.format(after="$4")} and l.line > $4 order by r.line, l.line limit $5"""


async def list_rows(
    door: Reads, import_id: UUID, outcome: Outcome | None, limit: int, after: str | None
) -> bytes:
    """A page of the file's rows in their order, for whoever has been found to see the import."""
    context = f"rows:{import_id}"
    last = paging.opened(context, after, paging.sequence) if after else 0
    inner = Prepared(_ROWS, ("org", "id", "outcome", "last", "more"))
    statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.line)")

    def build(actor: Actor) -> Question:
        values = {"org": actor.org_id, "id": import_id, "outcome": outcome, "last": last}
        return Question(statement, values | paging.limits(limit))

    return paging.answer(await door.row(build), limit, context)


_TOLD = f"""select o.stamp, r.line, r.cells::text, r.code, r.detail from organisations o left join (
    select l.line, l.cells, r.code, r.detail from {_EACH} where r.org_id = $1 and r.id = $2
      and r.outcome in ('skipped', 'failed') and r.cells is not null
      and r.line >= {_FROM.format(after="$3")} and l.line > $3 order by r.line, l.line limit $4) r on true
  where o.id = $1 order by r.line"""


async def next_told(door: Reads, import_id: UUID, after: int, most: int) -> Sequence[Row]:
    """The next rows that were skipped or have failed: line, cells, code, detail. For whoever sees the import."""

    def build(actor: Actor) -> Question:
        values = {"org": actor.org_id, "id": import_id, "after": after, "most": most}
        return Question(Prepared(_TOLD, ("org", "id", "after", "most")), values)

    return [row for row in await door.rows(build) if row["line"] is not None]
