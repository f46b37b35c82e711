"""Merges: records that became one, and what moved to it, so that it can go back.

What moves is read from the tables themselves: every column called contact_id that points to contacts, called company_id
that points to companies, and what a company stands below. One that is part of a key stays, for it is a finding about
that record, such as its score in a run.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import privacy, references, sight
from app.db.base import (
    Base,
    Keyed,
    Record,
    choice,
    field,
    last_changed,
    newest_first,
    of_noun,
    one_of,
    points_to,
)
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, Row, compiled
from app.db.nouns import Child, Every, Noun
from app.db.uow import UnitOfWork
from app.domain.duplicates import MergeStatus


class MergeMember(Keyed):
    """One of the records, the survivor among them; for each noun a column that points to it, computed from its id."""

    __tablename__ = "merge_members"
    __table_args__ = (
        points_to("merge_id", "merges"),
        points_to("member_contact_id", "contacts"),
        points_to("member_company_id", "companies"),
        Index("ix_merge_members_merge", "org_id", "merge_id", "position"),
        Index("ix_merge_members_member", "org_id", "member_id"),
    )

    merge_id: Mapped[UUID]
    position: Mapped[int]
    noun: Mapped[str]
    member_id: Mapped[UUID]
    member_contact_id: Mapped[UUID | None] = mapped_column(of_noun(CONTACTS.name))
    member_company_id: Mapped[UUID | None] = mapped_column(of_noun(COMPANIES.name))


class Merge(Record):
    """Records that became one; the survivor is the first of the members."""

    __tablename__ = "merges"
    __table_args__ = (
        one_of("status", MergeStatus),
        newest_first("merges"),
        last_changed("merges"),
    )

    noun: Mapped[str] = mapped_column(info=field("basic", writable=False))
    survivor_id: Mapped[UUID] = mapped_column(info=field("basic", writable=False))
    status: Mapped[str] = mapped_column(info=choice(MergeStatus, "basic", writable=False))
    undone: Mapped[list[dict[str, Any]]] = mapped_column(info=field(internal=True, writable=False))
    """What could not go back, because others have changed it since."""


class MergeMove(Base):
    """One row that moved to the survivor; its id is the merge's."""

    __tablename__ = "merge_moves"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id", "place", "row_id"),
        points_to("id", "merges"),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    place: Mapped[str]
    """The table."""
    row_id: Mapped[UUID]
    from_id: Mapped[UUID]
    """One of the members."""


MERGES = Noun(
    name="merge",
    plural="merges",
    model=Merge,
    every=tuple(
        Every(MergeMember.__table__, "merge_id", f"member_{noun.name}_id", noun)  # type: ignore[arg-type]  # a Table
        for noun in (CONTACTS, COMPANIES)
    ),
    children={
        "members": Child(
            MergeMember.__table__,  # type: ignore[arg-type]  # a Table
            "merge_id",
            ("id", "noun", "member_id"),
        )
    },
    custom=False,
    external=False,
)


class Place(NamedTuple):
    """Where rows hang on records of a noun."""

    table: Table
    column: str


@cache
def places(noun: Noun) -> tuple[Place, ...]:
    """The tables whose rows move, and the columns by which they hang on what is merged."""
    columns = (f"{noun.name}_id", *sorted(noun.parents))
    return tuple(
        Place(table, column)
        for table in Base.metadata.sorted_tables
        for column in columns
        if _moves(table, column, noun)
    )


def _moves(table: Table, name: str, noun: Noun) -> bool:
    column = table.c.get(name)
    if column is None or "id" not in table.c:
        return False
    points = any(key.column.table.name == noun.plural for key in column.foreign_keys)
    keys = (c for c in table.constraints if isinstance(c, UniqueConstraint | PrimaryKeyConstraint))
    unique = any(column in key.columns.values() for key in keys) or any(
        index.unique and column in index.columns.values() for index in table.indexes
    )
    return points and not unique


def _versioned(table: Table) -> bool:
    return "version" in table.c


async def hold_still(uow: UnitOfWork, noun: Noun, nouns: Mapping[str, Noun]) -> None:
    """Wait for whoever is hanging many records on those of the noun, before any of these is locked."""
    tables = {place.table.name for place in places(noun)} | {noun.plural}
    held = [one for one in nouns.values() if one.plural in tables]
    for one in sorted(
        held, key=lambda one: references.MERGED in one.fields
    ):  # as imports do: what is named, last
        await references.claim(uow, one, None)


async def move(
    uow: UnitOfWork,
    noun: Noun,
    merge: UUID,
    others: Sequence[UUID],
    survivor: UUID,
    nouns: Mapping[str, Noun],
) -> None:
    """Hang everything on the survivor that hangs on the others, with its events."""
    for place in places(noun):
        sql = _MOVING.format(**_texts(place)) + _told(place, nouns)
        event = _event(uow, place.table, nouns, "merged")
        await uow.execute(sql, uow.org_id, list(others), survivor, merge, *event)


async def move_back(
    uow: UnitOfWork, noun: Noun, merge: UUID, survivor: UUID, nouns: Mapping[str, Noun]
) -> None:
    """Hang on the others again what still hangs on the survivor; what somebody has moved on since stays there."""
    for place in places(noun):
        sql = _RETURNING.format(**_texts(place)) + _told(place, nouns)
        event = _event(uow, place.table, nouns, "unmerged")
        await uow.execute(sql, uow.org_id, merge, survivor, place.table.name, *event)


async def below(uow: UnitOfWork, noun: Noun, records: Collection[UUID]) -> set[UUID]:
    """What stands below the records in the noun's trees, however deep."""
    found: set[UUID] = set()
    for column in noun.parents:
        rows = await uow.fetch(
            f"""with recursive down as (
              select id from {noun.plural} where org_id = $1 and {column} = any($2::uuid[])
              union select t.id from {noun.plural} t join down d on t.org_id = $1 and t.{column} = d.id
            ) select id from down""",
            uow.org_id,
            list(records),
        )
        found.update(row["id"] for row in rows)
    return found


async def circular(uow: UnitOfWork, noun: Noun, records: Collection[UUID]) -> bool:
    """Whether one of the records stands above itself, or below one that does."""
    for column in noun.parents:
        found: bool = await uow.fetchval(
            f"""with recursive up as (
              select id, {column} as above from {noun.plural} where org_id = $1 and id = any($2::uuid[])
              union all select t.id, t.{column} from {noun.plural} t join up on t.org_id = $1 and t.id = up.above
            ) cycle id set looped using path select coalesce(bool_or(looped), false) from up""",
            uow.org_id,
            list(records),
        )
        if found:
            return True
    return False


def _texts(place: Place) -> dict[str, str]:
    versioned = _versioned(place.table)
    return {
        "table": place.table.name,
        "column": place.column,
        "touched": ", version = t.version + 1, updated_at = $5" if versioned else "",
        "version": "t.version" if versioned else "1",
    }


def _name(table: Table, nouns: Mapping[str, Noun]) -> str:
    return next((noun.name for noun in nouns.values() if noun.plural == table.name), table.name)


def _event(uow: UnitOfWork, table: Table, nouns: Mapping[str, Noun], verb: str) -> tuple[Any, ...]:
    """What the events of a place's rows are made of, for _told; of rows without versions none are told."""
    if not _versioned(table):
        return ()
    # A contact that goes along with its company was not merged itself.
    verb = "edited" if references.MERGED in table.c else verb
    return uow.now, f"{_name(table, nouns)}.{verb}", uow.actor.id, uow.actor.kind, uow.cause


_MOVING = """
with went as (
  update {table} t set {column} = $3{touched} where t.org_id = $1 and t.{column} = any($2::uuid[])
  returning t.id, {version} as version, old.{column} as was, new.{column} as goes
), noted as (
  insert into merge_moves (org_id, id, place, row_id, from_id) select $1, $4, '{table}', w.id, w.was from went w
)"""
_RETURNING = """
with went as (
  update {table} t set {column} = m.from_id{touched} from merge_moves m
  where m.org_id = $1 and m.id = $2 and m.place = $4 and t.org_id = $1 and t.id = m.row_id and t.{column} = $3
  returning t.id, {version} as version, old.{column} as was, new.{column} as goes
)"""


def _told(place: Place, nouns: Mapping[str, Noun]) -> str:
    """The events of the rows that have some."""
    if not _versioned(place.table):
        return " select count(*) from went"
    return f""", told as (
  insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause)
  select $1, $5, $6, '{_name(place.table, nouns)}', w.id, w.version, $7, $8,
    jsonb_build_object('{place.column}', w.was), jsonb_build_object('{place.column}', w.goes), $9
  from went w order by w.id
)
select count(*) from went"""


async def begun(uow: UnitOfWork, cause: str, records: Sequence[UUID]) -> int:
    """The place in the log just before the merge."""
    found: int | None = await uow.fetchval(
        "select min(seq) from events where org_id = $1 and noun_id = any($2::uuid[]) and cause = $3",
        uow.org_id,
        list(records),
        cause,
    )
    return (found or 1) - 1


async def latest(uow: UnitOfWork, survivor: UUID, others: Collection[UUID]) -> UUID | None:
    """The merge that holds by which all of the others went into the survivor."""
    found: UUID | None = await uow.fetchval(
        "select m.id from merges m where m.org_id = $1 and m.survivor_id = $2 and m.status = 'done' and not exists ("
        "  select from unnest($3::uuid[]) o where not exists (select from merge_members x where x.org_id = $1"
        "    and x.merge_id = m.id and x.member_id = o)) order by m.id desc limit 1",
        uow.org_id,
        survivor,
        list(others),
    )
    return found


async def parted(uow: UnitOfWork, some: Collection[str]) -> Sequence[Row]:
    """The ids, as text, of the members of each undone merge of one of these: somebody said that they are not one."""
    return await uow.fetch(
        "select array_agg(x.member_id::text order by x.member_id) as people from merges m"
        " join merge_members x on x.org_id = m.org_id and x.merge_id = m.id"
        " where m.org_id = $1 and m.status = 'undone' and m.id in"
        "   (select merge_id from merge_members where org_id = $1 and member_id = any($2::uuid[]))"
        " group by m.id",
        uow.org_id,
        list(some),
    )


async def noun_of(uow: UnitOfWork, merge: UUID) -> str | None:
    """What was merged; None where there is no such merge."""
    found: str | None = await uow.fetchval(
        "select noun from merges where org_id = $1 and id = $2", uow.org_id, merge
    )
    return found


async def members(uow: UnitOfWork, merge: UUID) -> list[UUID]:
    """The records of a merge, the survivor first."""
    rows = await uow.fetch(
        "select member_id from merge_members where org_id = $1 and merge_id = $2 order by position",
        uow.org_id,
        merge,
    )
    return [row["member_id"] for row in rows]


@cache
def _went(noun: Noun) -> Prepared:
    table, ids = noun.table, bindparam("ids", type_=sight.UUIDS)
    # Few went anywhere: counting on many, PostgreSQL would read all records for the next step.
    gone = and_(table.c.id == func.any(ids), table.c[references.MERGED].is_not(None))
    up = references.way_up(noun, gone)
    return compiled(select(up.c.begun, up.c.id).where(up.c.above.is_(None)))


async def survivors(uow: UnitOfWork, noun: Noun, records: Collection[UUID]) -> Mapping[UUID, UUID]:
    """Those of the records that went into another one, and where they are now."""
    if references.MERGED not in noun.fields:
        return {}
    question = _went(noun)
    rows = await uow.fetch(question.sql, *question.values({"org": uow.org_id, "ids": list(records)}))
    return {row["begun"]: row["id"] for row in rows}


@cache
def _one_person() -> Prepared:
    table = CONTACTS.table
    up = references.way_up(CONTACTS, table.c.id == bindparam("contact", type_=Uuid))
    survivor = select(up.c.id, literal_column("0").label("depth")).where(up.c.above.is_(None))
    down = survivor.cte("down", recursive=True)
    went = select(table.c.id, down.c.depth + literal_column("1")).where(sight.tenant(CONTACTS))
    down = down.union_all(went.where(table.c[references.MERGED] == down.c.id))
    return compiled(select(down.c.id).order_by(down.c.depth, down.c.id))


async def person(uow: UnitOfWork, contact: UUID) -> list[UUID]:
    """Every record of the person whom a contact is of: the survivor first, then all that went into it."""
    question = _one_person()
    rows = await uow.fetch(question.sql, *question.values({"org": uow.org_id, "contact": contact}))
    return [row["id"] for row in rows]


async def forget(uow: UnitOfWork, contacts: Collection[UUID]) -> None:
    """Take erased people out of what was merged; that something was stays.

    Also out of the log of those whom they were one with for a while: what they took and gave back is told there.
    """
    told = await uow.fetch(
        "with gone as (update merges set undone = '[]', archived_at = coalesce(archived_at, $3), version = version + 1,"
        "   updated_at = $3 where org_id = $1 and id in"
        "   (select merge_id from merge_members where org_id = $1 and member_id = any($2::uuid[])) returning id)"
        " select g.id, array(select member_id from merge_members where org_id = $1 and merge_id = g.id) as people from gone g",
        uow.org_id,
        list(contacts),
        uow.now,
    )
    merges = [row["id"] for row in told]
    people = sorted({one for row in told for one in row["people"]})
    causes = [f"{way}:{merge}" for merge in merges for way in ("merge", "unmerge")]
    await privacy.scrub(uow, merges)
    await privacy.scrub(uow, people, causes=causes)
    await privacy.forget_answers(uow, CONTACTS.name, people)
