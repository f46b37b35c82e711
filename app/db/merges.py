"""Merges: contacts that became one, and what moved to it, so that it can go back.

What moves is read from the tables themselves: every column called contact_id that points to contacts. One that is
part of a key stays, for it is a finding about that record, such as its score in a run.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import privacy, references
from app.db.base import Base, Keyed, Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.nouns import Child, Every, Noun
from app.db.uow import UnitOfWork
from app.domain.duplicates import MergeStatus


class MergeMember(Keyed):
    """One of the contacts, the survivor among them."""

    __tablename__ = "merge_members"
    __table_args__ = (
        points_to("merge_id", "merges"),
        points_to("member_id", "contacts"),
        Index("ix_merge_members_merge", "org_id", "merge_id", "position"),
        Index("ix_merge_members_member", "org_id", "member_id"),
    )

    merge_id: Mapped[UUID]
    position: Mapped[int]
    member_id: Mapped[UUID]


class Merge(Record):
    """Contacts that became one."""

    __tablename__ = "merges"
    __table_args__ = (
        points_to("survivor_id", "contacts"),
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
        points_to("from_id", "contacts"),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    place: Mapped[str]
    """The table."""
    row_id: Mapped[UUID]
    from_id: Mapped[UUID]


MERGES = Noun(
    name="merge",
    plural="merges",
    model=Merge,
    every=Every(MergeMember.__table__, "merge_id", "member_id", CONTACTS),  # type: ignore[arg-type]  # a Table
    references={"survivor_id": CONTACTS},
    children={
        "members": Child(
            MergeMember.__table__,  # type: ignore[arg-type]  # a Table
            "merge_id",
            ("id", "member_id"),
        )
    },
    custom=False,
    external=False,
)


@cache
def places() -> tuple[Table, ...]:
    """The tables whose rows move."""
    return tuple(table for table in Base.metadata.sorted_tables if _moves(table))


def _moves(table: Table) -> bool:
    column = table.c.get("contact_id")
    if column is None or "id" not in table.c:
        return False
    points = any(key.column.table.name == CONTACTS.plural for key in column.foreign_keys)
    keys = (c for c in table.constraints if isinstance(c, UniqueConstraint | PrimaryKeyConstraint))
    unique = any(column in key.columns.values() for key in keys) or any(
        index.unique and column in index.columns.values() for index in table.indexes
    )
    return points and not unique


def _versioned(table: Table) -> bool:
    return "version" in table.c


async def hold_still(uow: UnitOfWork, nouns: Mapping[str, Noun]) -> None:
    """Wait for whoever is hanging many records on contacts, before any contact is locked."""
    for noun in _nouns(nouns):
        await references.claim(uow, noun, None)


def _nouns(nouns: Mapping[str, Noun]) -> Iterator[Noun]:
    tables = {table.name for table in places()}
    return (noun for noun in nouns.values() if noun.plural in tables)


async def move(
    uow: UnitOfWork, merge: UUID, others: Sequence[UUID], survivor: UUID, nouns: Mapping[str, Noun]
) -> None:
    """Hang everything on the survivor that hangs on the others, with its events."""
    for table in places():
        sql = _MOVING.format(table=table.name, touched=_touched(table), version=_version(table))
        sql += _told(table, nouns)
        event = _event(uow, f"{_name(table, nouns)}.merged")
        await uow.execute(sql, uow.org_id, list(others), survivor, merge, *event)


async def move_back(uow: UnitOfWork, merge: UUID, survivor: UUID, nouns: Mapping[str, Noun]) -> None:
    """Hang on the others again what still hangs on the survivor; what somebody has moved on since stays there."""
    for table in places():
        sql = _RETURNING.format(table=table.name, touched=_touched(table), version=_version(table))
        sql += _told(table, nouns)
        event = _event(uow, f"{_name(table, nouns)}.unmerged")
        await uow.execute(sql, uow.org_id, merge, survivor, table.name, *event)


def _touched(table: Table) -> str:
    return ", version = t.version + 1, updated_at = $5" if _versioned(table) else ""


def _version(table: Table) -> str:
    return "t.version" if _versioned(table) else "1"


def _name(table: Table, nouns: Mapping[str, Noun]) -> str:
    return next((noun.name for noun in nouns.values() if noun.plural == table.name), table.name)


def _event(uow: UnitOfWork, event: str) -> tuple[Any, ...]:
    return uow.now, event, uow.actor.id, uow.actor.kind, uow.cause


_MOVING = """
with went as (
  update {table} t set contact_id = $3{touched} where t.org_id = $1 and t.contact_id = any($2::uuid[])
  returning t.id, {version} as version, old.contact_id as was, new.contact_id as goes
), noted as (
  insert into merge_moves (org_id, id, place, row_id, from_id) select $1, $4, '{table}', w.id, w.was from went w
)"""
_RETURNING = """
with went as (
  update {table} t set contact_id = m.from_id{touched} from merge_moves m
  where m.org_id = $1 and m.id = $2 and m.place = $4 and t.org_id = $1 and t.id = m.row_id and t.contact_id = $3
  returning t.id, {version} as version, old.contact_id as was, new.contact_id as goes
)"""


def _told(table: Table, nouns: Mapping[str, Noun]) -> str:
    """The events of the rows that have some."""
    if not _versioned(table):
        return """
select count(*) from went where $5::timestamptz is not null and $6::text is not null and $7::uuid is not null
  and $8::text is not null and ($9::text is null or true)"""
    return f""", told as (
  insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause)
  select $1, $5, $6, '{_name(table, nouns)}', w.id, w.version, $7, $8,
    jsonb_build_object('contact_id', w.was), jsonb_build_object('contact_id', w.goes), $9
  from went w order by w.id
)
select count(*) from went"""


async def begun(uow: UnitOfWork, cause: str, contacts: Sequence[UUID]) -> int:
    """The place in the log just before the merge."""
    found: int | None = await uow.fetchval(
        "select min(seq) from events where org_id = $1 and noun_id = any($2::uuid[]) and cause = $3",
        uow.org_id,
        list(contacts),
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


async def parted(uow: UnitOfWork) -> Sequence[Row]:
    """The ids, as text, of the members of each merge that was undone: somebody said that they are not one."""
    return await uow.fetch(
        "select array_agg(x.member_id::text order by x.member_id) as people from merges m"
        " join merge_members x on x.org_id = m.org_id and x.merge_id = m.id"
        " where m.org_id = $1 and m.status = 'undone' group by m.id",
        uow.org_id,
    )


async def members(uow: UnitOfWork, merge: UUID) -> list[UUID]:
    """The contacts of a merge, the survivor first."""
    rows = await uow.fetch(
        "select member_id from merge_members where org_id = $1 and merge_id = $2 order by position",
        uow.org_id,
        merge,
    )
    return [row["member_id"] for row in rows]


_UP = """with recursive up as (
  select id as begun, id, merged_into_id from contacts where org_id = $1 and id = any($2::uuid[])
  union select u.begun, c.id, c.merged_into_id from contacts c join up u on c.org_id = $1 and c.id = u.merged_into_id)"""


async def survivors(uow: UnitOfWork, contacts: Collection[UUID]) -> Mapping[UUID, UUID]:
    """Those of the contacts that went into another one, and where they are now."""
    rows = await uow.fetch(
        f"{_UP} select begun, id from up where merged_into_id is null and begun <> id",
        uow.org_id,
        list(contacts),
    )
    return {row["begun"]: row["id"] for row in rows}


async def person(uow: UnitOfWork, contact: UUID) -> list[UUID]:
    """Every record of the person whom a contact is of: the survivor first, then all that went into it."""
    rows = await uow.fetch(
        f"""{_UP}, down as (
          select id, 0 as depth from up where merged_into_id is null
          union all select c.id, d.depth + 1 from contacts c join down d on c.org_id = $1 and c.merged_into_id = d.id)
        select id from down order by depth, id""",
        uow.org_id,
        [contact],
    )
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
