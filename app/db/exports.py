"""Exports: lists made into files, and the walk that makes them.

Which records, and in which order, is settled by one statement, so as of one moment: their ids are kept, packed, as the
parts of a file of their own. Then part by part the records are read as they stand by then, if they are still seen.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.db import lists, reads
from app.db.base import Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.engine import Prepared, Row
from app.db.lists import Page
from app.db.nouns import Noun
from app.db.reads import Question, Reads
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import Actor
from app.domain.exports import Format, Stage

PACKED = 1_000
"""Ids of one part, and so records read at once."""
_ID = 16
"""Bytes of one."""


class Export(Record):
    """What was asked for, and the file that came of it."""

    __tablename__ = "exports"
    __table_args__ = (
        points_to("file_id", "files"),
        points_to("owner_id", "users"),
        one_of("format", Format),
        one_of("stage", Stage),
        newest_first("exports"),
        last_changed("exports"),
    )

    noun: Mapped[str] = mapped_column(info=field("basic", writable=False))
    format: Mapped[str] = mapped_column(info=choice(Format, "basic", writable=False))
    name: Mapped[str] = mapped_column(info=field("basic", writable=False))
    """The file's."""
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """Whoever asked; it is made with what they may see, and nobody else can open it."""
    key_id: Mapped[UUID | None] = mapped_column(info=field(internal=True, writable=False))
    """The API key that asked, which may do less than its holder."""
    asked: Mapped[dict[str, Any]] = mapped_column(info=field(internal=True, writable=False))
    """Fields, condition, words, sort, archived. Not shown: a condition holds values of records."""
    sight: Mapped[dict[str, Any]] = mapped_column(info=field(internal=True, writable=False))
    """Whose records whoever asked saw then, by noun; null for everybody's."""
    fields: Mapped[list[str]] = mapped_column(info=field("basic", writable=False))
    """In the file, custom ones each by itself."""
    stage: Mapped[str] = mapped_column(info=choice(Stage, "basic", writable=False))
    run_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    as_of: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    """When it was settled which records they are."""
    listed: Mapped[int | None] = mapped_column(info=field("basic", writable=False))
    """How many they were then."""
    rows: Mapped[int | None] = mapped_column(info=field("basic", writable=False))
    """In the file: as many as were listed, but those that whoever asked did not see any more when they were read."""
    size: Mapped[int | None] = mapped_column(BigInteger, info=field("basic", writable=False))
    sha256: Mapped[str | None] = mapped_column(info=field("basic", writable=False))
    file_id: Mapped[UUID | None] = mapped_column(info=field(internal=True, writable=False))
    expires_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    """When the file is let go; the record of it stays."""


EXPORTS = Noun(
    name="export",
    plural="exports",
    model=Export,
    owned=True,
    references={"owner_id": USERS},
    custom=False,
    external=False,
)


class Held(Reads):
    """A way to read inside a unit of work, on the connection that it holds."""

    def __init__(self, uow: UnitOfWork, actor: Actor, reload: Callable[[], Awaitable[Actor]]) -> None:
        super().__init__(uow.database, actor, reload)
        self._uow = uow

    async def _fetch(self, question: Question) -> Sequence[Row]:
        return await self._uow.fetch(question.statement.sql, *question.statement.values(question.binds))


async def of_run(uow: UnitOfWork, one: UUID, *, lock: bool = True) -> Row:
    """The export that a run is at."""
    locked = " for no key update" if lock else ""
    rows = await uow.fetch(f"select * from exports where org_id = $1 and id = $2{locked}", uow.org_id, one)
    return rows[0]


async def keep_ids(door: Reads, page: Page, file: UUID) -> int:
    """Settle which records a page has, in its order, into a file; how many."""

    def ask(inner: Prepared, values: dict[str, Any], actor: Actor) -> Question:
        org, target, stamp, packed = (f"${len(inner.names) + n}" for n in range(1, 5))
        # Nothing is kept under access that has changed meanwhile: then it is asked again.
        sql = f"""with listed as ({inner.sql}), kept as (
          insert into file_parts (org_id, id, n, bytes)
          select {org}::uuid, {target}::uuid, (l.n - 1) / {packed}::int, string_agg(uuid_send(l.id), ''::bytea order by l.n)
          from listed l where exists (select from organisations o where o.id = {org}::uuid and o.stamp = {stamp}::bigint)
          group by 3)
        select o.stamp, (select count(*) from listed) from organisations o where o.id = {org}::uuid"""
        statement = Prepared(sql, (*inner.names, "org", "file", "stamp", "packed"))
        more = {"org": actor.org_id, "file": file, "stamp": actor.stamp, "packed": PACKED}
        return Question(statement, values | more)

    return await lists.listed(door, page, ask)


def unpacked(part: bytes) -> list[UUID]:
    """The ids of one part."""
    return [UUID(bytes=part[at : at + _ID]) for at in range(0, len(part), _ID)]


def digits(noun: Noun, name: str) -> tuple[int, int]:
    """Those of a column of exact numbers: all of them, and those after the point."""
    type_ = noun.table.c[name].type
    assert isinstance(type_, Numeric)
    return type_.precision or 38, type_.scale or 0


async def to_open(door: Reads, one: UUID) -> Row:
    """What is to be known before a file is opened. Raises NotFound, also to everybody but whoever asked for it."""
    names = (
        "noun",
        "format",
        "name",
        "owner_id",
        "fields",
        "sight",
        "stage",
        "size",
        "sha256",
        "file_id",
        "expires_at",
    )
    row = await reads.must_see(door, EXPORTS, one, names)
    if row["owner_id"] != door.actor.user_id:
        raise reads.absent(EXPORTS)
    return row
