"""What became of the records that an import had made or changed, when it was undone; and the log that undoing goes by.

An import's events stand in the log between the one that tells of its start and the one that tells of its end, so they
are found by their place there, through the key, and need no index of their own. No value is kept here beside the log:
a conflict is told from the events whenever it is asked for, and whoever is erased from them is gone from here too.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import history, paging, sight
from app.db.base import Base, one_of, points_to
from app.db.engine import Prepared, Row, compiled
from app.db.imports import IMPORTS
from app.db.nouns import Noun
from app.db.reads import Question, Reads, must_see
from app.db.references import MERGED
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.imports import Undone
from app.kit import json


class ImportUndone(Base):
    """One record that an import had touched; its id is the import's."""

    __tablename__ = "import_undone"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id", "noun_id"),
        points_to("id", "imports"),
        one_of("outcome", Undone),
        Index("ix_import_undone_outcome", "org_id", "id", "outcome", "noun_id"),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    noun: Mapped[str]
    noun_id: Mapped[UUID]
    outcome: Mapped[str]
    code: Mapped[str | None]
    """Why it was kept."""
    fields: Mapped[list[str]] = mapped_column()
    """Those that could not go back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one record."""

    record: UUID
    outcome: Undone
    code: str | None = None
    fields: Sequence[str] = ()


async def at_it(uow: UnitOfWork, import_id: UUID) -> str | None:
    """The status of the import's run, as it stands at this moment."""
    status: str | None = await uow.fetchval(
        "select r.status from imports i join runs r on r.org_id = i.org_id and r.id = i.run_id"
        " where i.org_id = $1 and i.id = $2",
        uow.org_id,
        import_id,
    )
    return status


async def span(uow: UnitOfWork, import_id: UUID) -> tuple[int, int]:
    """The places in the log between which everything stands that the import did."""
    rows = await uow.fetch(
        "select min(seq) filter (where type = 'import.started') as begun,"
        " coalesce(max(seq) filter (where type = 'import.done'), max(seq)) as ended"
        " from events where org_id = $1 and noun_id = $2",
        uow.org_id,
        import_id,
    )
    return rows[0]["begun"], rows[0]["ended"]


async def ahead(
    uow: UnitOfWork, cause: str, noun: str, between: tuple[int, int], most: int
) -> tuple[list[UUID], int | None]:
    """The records of the next events, newest first, and where to look on; None at the end."""
    rows = await uow.fetch(
        "select seq, noun_id from events where org_id = $1 and seq > $2 and seq < $3 and cause = $4 and noun = $5"
        " order by seq desc limit $6",
        uow.org_id,
        *between,
        cause,
        noun,
        most,
    )
    return list(dict.fromkeys(row["noun_id"] for row in rows)), rows[-1]["seq"] if len(rows) == most else None


async def waiting(uow: UnitOfWork, import_id: UUID, records: Sequence[UUID]) -> list[UUID]:
    """Those of the records that have not had their turn."""
    rows = await uow.fetch(
        "select noun_id from import_undone where org_id = $1 and id = $2 and noun_id = any($3::uuid[])",
        uow.org_id,
        import_id,
        records,
    )
    settled = {row["noun_id"] for row in rows}
    return [record for record in records if record not in settled]


async def told(uow: UnitOfWork, records: Sequence[UUID], cause: str, begun: int) -> dict[UUID, list[Row]]:
    """What the log tells of each record since a place in it, newest first; of the import's new records not their content."""
    rows = await uow.fetch(
        "select noun_id, seq, type, cause = $3 is true as own, before is null as new,"
        " coalesce(before, '{}') as before, case when before is null then '{}' else after end as after"
        " from events where org_id = $1 and noun_id = any($2::uuid[]) and seq > $4 order by seq desc",
        uow.org_id,
        records,
        cause,
        begun,
    )
    found: dict[UUID, list[Row]] = {record: [] for record in records}
    for row in rows:
        found[row["noun_id"]].append(row)
    return found


async def in_use(uow: UnitOfWork, noun: Noun, records: Sequence[UUID]) -> Set[UUID]:
    """Those of the records to which another record points that is not archived, and is not among them."""
    if not records:
        return frozenset()
    ways = [
        f"select t.{column} as id from {other.plural} t where t.org_id = $1 and t.{column} = any($2::uuid[])"
        " and t.archived_at is null and t.id <> all($2::uuid[])"
        for other in NOUNS.values()
        if not other.every  # what is told of records together, such as their merge, does not use them
        for column in _pointing(other.references, noun) | (other.parents if other is noun else frozenset())
    ]
    ways += [
        f"select c.{column} from {child.table.name} c join {other.plural} t on t.org_id = c.org_id"
        f" and t.id = c.{child.parent} where c.org_id = $1 and c.{column} = any($2::uuid[]) and t.archived_at is null"
        for other in NOUNS.values()
        for child in other.children.values()
        for column in _pointing(child.references, noun)
    ]
    rows = await uow.fetch(" union ".join(ways), uow.org_id, list(records)) if ways else ()
    return {row["id"] for row in rows}


async def survivors(uow: UnitOfWork, noun: Noun, records: Sequence[UUID]) -> Set[UUID]:
    """Those of the records that others became part of."""
    if not records or MERGED not in noun.fields:
        return frozenset()
    rows = await uow.fetch(
        f"select distinct {MERGED} as id from {noun.plural} where org_id = $1 and {MERGED} = any($2::uuid[])",
        uow.org_id,
        list(records),
    )
    return {row["id"] for row in rows}


def _pointing(references: Mapping[str, Noun], noun: Noun) -> Set[str]:
    return {column for column, target in references.items() if target is noun}


async def forget_kept(uow: UnitOfWork, import_id: UUID) -> None:
    """Let the records that were kept have their turn again."""
    await uow.execute(
        "delete from import_undone where org_id = $1 and id = $2 and outcome = 'kept'", uow.org_id, import_id
    )


async def settle(uow: UnitOfWork, import_id: UUID, noun: str, settled: Sequence[Settled]) -> None:
    """Write down what became of records."""
    await uow.execute(
        "insert into import_undone (org_id, id, noun, noun_id, outcome, code, fields)"
        " select $1, $2, $3, s.noun_id, s.outcome, s.code,"
        " array(select jsonb_array_elements_text(s.fields::jsonb) order by 1)"
        " from unnest($4::uuid[], $5::text[], $6::text[], $7::text[]) s(noun_id, outcome, code, fields)",
        uow.org_id,
        import_id,
        noun,
        [each.record for each in settled],
        [each.outcome for each in settled],
        [each.code for each in settled],
        [json.text(list(each.fields)) for each in settled],
    )


async def account(uow: UnitOfWork, import_id: UUID) -> dict[str, int]:
    """How many records had each outcome."""
    rows = await uow.fetch(
        "select outcome, count(*) as n from import_undone where org_id = $1 and id = $2 group by outcome",
        uow.org_id,
        import_id,
    )
    return dict.fromkeys(Undone, 0) | {row["outcome"]: row["n"] for row in rows}


# base stands before the import's first change of the field, yours after its last one, theirs after anybody's last.
_VALUE = """(select v.{side} #> f.path from events v where v.org_id = {org} and v.noun_id = e.noun_id {whose}
    and v.before #> f.path is distinct from v.after #> f.path order by v.seq {way} limit 1)"""
_LISTED = """
select e.noun_id as place, row_to_json((select r from (select e.noun,
    case when e.visible then e.noun_id end as record_id, e.outcome,
    case when e.visible then e.code when e.outcome = 'kept' then 'hidden' end as code,
    (select coalesce(json_agg(json_build_object('field', f.name, 'base', {base}, 'theirs', {theirs}, 'yours', {yours})
        order by f.name), '[]')
      from (select n.name, h.head,
          case when h.head in ('custom', 'external_ids') then array[h.head, substr(n.name, length(h.head) + 2)]
            else array[n.name] end as path
        from unnest(e.fields) n(name) cross join lateral (select split_part(n.name, '.', 1) as head) h) f
      where e.visible and (m.names ? f.name or m.names ? f.head)) as conflicts) r)) as body
from (select e.*, {visible} as visible from import_undone e
    where e.org_id = {org} and e.id = {id} and ({outcome}::text is null or e.outcome = {outcome})
      and ({last}::uuid is null or e.noun_id > {last}) order by e.noun_id limit {more}::int) e
cross join lateral (select coalesce({masks}::jsonb -> e.noun, '[]') as names) m order by e.noun_id
"""


def _question(
    actor: Actor, import_id: UUID, outcome: Undone | None, limit: int, last: UUID | None
) -> Question:
    nouns = history.opened(actor)
    ready = compiled(history.seen(actor, nouns))
    binds: dict[str, Any] = {
        "id": import_id,
        "cause": f"import:{import_id}",
        "outcome": outcome,
        "last": last,
    }
    binds |= {"masks": {noun.name: history.names(actor, noun) for noun in nouns}} | paging.limits(limit)
    listed = (*ready.names, *(name for name in ("org", *binds) if name not in {*ready.names, "limit"}))
    at = {name: f"${place}" for place, name in enumerate(listed, start=1)}
    own = f"and v.cause = {at['cause']}"
    values = {
        "base": _VALUE.format(side="before", whose=own, way="", **at),
        "yours": _VALUE.format(side="after", whose=own, way="desc", **at),
        "theirs": _VALUE.format(side="after", whose="", way="desc", **at),
    }
    inner = Prepared(_LISTED.format(visible=ready.sql, **values, **at), listed)
    for noun in nouns:
        binds |= sight.binds(actor, noun)
    whole = paging.paged(inner, "t.body::text", "json_build_array(t.place)")
    return Question(whole, binds | {"org": actor.org_id})


async def list_undone(
    reads: Reads, import_id: UUID, outcome: Undone | None, limit: int, after: str | None
) -> bytes:
    """A page of the records and what became of them; of one that the reader does not see, only that. Raises NotFound."""
    await must_see(reads, IMPORTS, import_id)
    context = f"undone:{import_id}"
    last = paging.opened(context, after, _record) if after else None
    row = await reads.row(lambda actor: _question(actor, import_id, outcome, limit, last))
    return paging.answer(row, limit, context)


def _record(values: list[Any]) -> UUID:
    (record,) = values
    return UUID(record)
