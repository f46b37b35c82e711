"""Segments: named groups of contacts, kept by hand or by a condition, and how far each has followed the log and the clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Record, choice, field, newest_first, one_of, points_to
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.engine import Database, Row
from app.db.events import Position
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun, for_good
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from app.domain.segments import SegmentKind, Stage

TOLD = (CONTACTS, COMPANIES, ORDERS, INTERACTIONS, PRODUCTS)
"""The nouns that a condition over contacts can look at."""
MOST = 500
"""Segments of one organisation that are not archived: each follows every change."""


class Segment(Record):
    """A group of contacts."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("org_id", "name", name="uq_segments_name"),
        one_of("kind", SegmentKind),
        one_of("stage", Stage),
        newest_first("segments"),
        Index(
            "ix_segments_building",
            "org_id",
            "run_id",
            postgresql_where=text("stage = 'building' and problem is null"),
        ),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    description: Mapped[str | None] = mapped_column(info=field("basic"))
    kind: Mapped[str] = mapped_column(info=choice(SegmentKind, "basic"))
    condition: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    """The condition of a dynamic one."""
    tag: Mapped[str | None] = mapped_column(info=field("basic"))
    """Put on who enters, taken off who leaves."""
    uses: Mapped[list[str]] = mapped_column(info=field(internal=True, writable=False))
    """All that its conditions have ever looked at: who may not read all of it does not know the segment."""
    stage: Mapped[str] = mapped_column(info=choice(Stage, "basic", writable=False))
    run_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """The last run that built it."""
    problem: Mapped[str | None] = mapped_column(info=field("basic", writable=False))
    """Why it stands still, when it does."""


class Cursor(Base):
    """How far a segment has followed; apart from its record, whose version it would move with every step."""

    __tablename__ = "segment_cursors"
    __table_args__ = (points_to("segment_id", "segments"),)

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    segment_id: Mapped[UUID] = mapped_column(primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    """The last event read, in the order of commits; 0 when the segment must be built anew."""
    seq: Mapped[int] = mapped_column(BigInteger)
    clock_from: Mapped[datetime]
    """As of when its members are right."""
    moved_at: Mapped[datetime]
    """The stamp of the last moves, later with every step, whatever the servers' clocks say."""
    clock_at: Mapped[datetime | None]
    """When the clock alone is worth a step."""
    live: Mapped[bool]
    """Not while it is built, and not when it is archived."""
    waits_until: Mapped[datetime | None]
    """Not due before, since something stood in the way."""


_FOR_GOOD = frozenset({"kind", "tag"})

SEGMENTS = Noun(
    name="segment",
    plural="segments",
    model=Segment,
    custom=False,
    external=False,
    keys=(("name",),),
    guard=for_good("segment", _FOR_GOOD, "archive it and add another"),
    guarded=_FOR_GOOD,
    tells=TOLD,
)


async def alone(uow: UnitOfWork) -> Sequence[Row]:
    """The segments that are not archived; nobody else judges how they hang together until this transaction ends."""
    await uow.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"segments {uow.org_id}")
    return await uow.fetch(
        "select id, name, tag, uses, condition from segments where org_id = $1 and archived_at is null order by id",
        uow.org_id,
    )


async def held(uow: UnitOfWork, segment: UUID) -> Row:
    """The segment, locked."""
    rows = await uow.fetch(
        "select * from segments where org_id = $1 and id = $2 for no key update", uow.org_id, segment
    )
    return rows[0]


async def of_cursor(uow: UnitOfWork, segment: UUID) -> Row:
    """The segment of a cursor that is locked, so that nobody is just editing it."""
    rows = await uow.fetch("select * from segments where org_id = $1 and id = $2", uow.org_id, segment)
    return rows[0]


async def widen(uow: UnitOfWork, segments: Sequence[UUID], uses: Sequence[str]) -> None:
    """Let segments tell of more than they did; a change of who may know them, and of nothing else."""
    await uow.execute(
        "update segments set uses = array(select distinct u from unnest(uses || $3::text[]) u order by u)"
        " where org_id = $1 and id = any($2::uuid[]) and not uses @> $3::text[]",
        uow.org_id,
        list(segments),
        sorted(uses),
    )


async def hold(uow: UnitOfWork, segment: UUID) -> Row | None:
    """The segment's cursor, locked, or None when there is no such segment.

    Comes before the segment itself is locked: whoever moves members holds the cursor, and stays point to the segment.
    """
    rows = await uow.fetch(
        "select * from segment_cursors where org_id = $1 and segment_id = $2 for update", uow.org_id, segment
    )
    return rows[0] if rows else None


async def take(uow: UnitOfWork, segment: UUID) -> Row | None:
    """The cursor of a segment that follows, locked, unless somebody else is just moving it."""
    rows = await uow.fetch(
        "select * from segment_cursors where org_id = $1 and segment_id = $2 and live for update skip locked",
        uow.org_id,
        segment,
    )
    return rows[0] if rows else None


async def begin(uow: UnitOfWork, segment: UUID, *, live: bool) -> None:
    """A cursor from here on: what is not committed yet comes after it, what is committed will be met by the building."""
    await uow.execute(
        "insert into segment_cursors (org_id, segment_id, xid, seq, clock_from, moved_at, live)"
        " values ($1, $2, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, $4, $3, $3, $5)"
        " on conflict (org_id, segment_id) do update set xid = excluded.xid, seq = excluded.seq, live = excluded.live,"
        " clock_at = null, clock_from = excluded.clock_from, moved_at = greatest(segment_cursors.moved_at + interval '1 microsecond', excluded.moved_at)",
        uow.org_id,
        segment,
        uow.now,
        2**62,
        live,
    )


async def rest(uow: UnitOfWork, segment: UUID) -> None:
    """Let a segment stand still."""
    await uow.execute(
        "update segment_cursors set live = false where org_id = $1 and segment_id = $2", uow.org_id, segment
    )


async def wake(uow: UnitOfWork, segment: UUID) -> None:
    """Let a segment that was built follow the log, and the clock, from where they stood when the building began."""
    await uow.execute(
        "update segment_cursors set live = true, clock_at = $3 where org_id = $1 and segment_id = $2",
        uow.org_id,
        segment,
        uow.now,
    )


async def stamp(uow: UnitOfWork, segment: UUID, at: datetime) -> None:
    """Keep the stamp of the last moves."""
    await uow.execute(
        "update segment_cursors set moved_at = $3 where org_id = $1 and segment_id = $2",
        uow.org_id,
        segment,
        at,
    )


async def move(
    uow: UnitOfWork, segment: UUID, position: Position, at: datetime, clock_at: datetime | None
) -> None:
    """Keep how far a segment has followed, and when the clock moves it next."""
    await uow.execute(
        "update segment_cursors set xid = $3, seq = $4, clock_from = $5, moved_at = $5, clock_at = $6"
        " where org_id = $1 and segment_id = $2",
        uow.org_id,
        segment,
        position.xid,
        position.seq,
        at,
        clock_at,
    )


async def wait_briefly(uow: UnitOfWork) -> None:
    """Let no lock hold this unit of work up for long; what it asks for is refused instead."""
    await uow.execute("set local lock_timeout = '200ms'")


async def waiting_with(uow: UnitOfWork, segment: UUID, others: Sequence[UUID]) -> list[UUID]:
    """Those of the others, in their order, that what is in the way of a segment is in the way of too.

    Whoever puts a tag claims all contacts, as an import does for as long as it takes. So those with tags wait together, and
    the others go on; what is in the way of one of these may be in the way of all.
    """
    rows = await uow.fetch(
        "select o.id from segments s join segments o on o.org_id = s.org_id and (s.tag is null or o.tag is not null)"
        " where s.org_id = $1 and s.id = $2 and o.id = any($3::uuid[]) order by array_position($3::uuid[], o.id)",
        uow.org_id,
        segment,
        list(others),
    )
    return [row["id"] for row in rows]


async def put_off(uow: UnitOfWork, segments: Sequence[UUID], until: datetime) -> None:
    """Let segments not be due before a moment, and then in this order, but for those that somebody is just moving."""
    await uow.execute(
        "update segment_cursors c"
        " set waits_until = $3::timestamptz - (cardinality($2) - w.place) * interval '1 microsecond'"
        " from unnest($2::uuid[]) with ordinality w(id, place) where c.org_id = $1 and c.segment_id = w.id"
        " and c.segment_id in (select segment_id from segment_cursors"
        "   where org_id = $1 and segment_id = any($2::uuid[]) for update skip locked)",
        uow.org_id,
        list(segments),
        until,
    )


async def broken_off(uow: UnitOfWork, segment: UUID) -> Row | None:
    """The run that was to build a segment and ended without having done so, where nobody has said that yet."""
    rows = await uow.fetch(
        "select r.* from segments s join runs r on r.org_id = s.org_id and r.id = s.run_id where s.org_id = $1"
        " and s.id = $2 and s.stage = 'building' and s.problem is null and s.archived_at is null"
        " and r.status in ('failed', 'cancelled') for share of r",
        uow.org_id,
        segment,
    )
    return rows[0] if rows else None


async def due(database: Database, at: datetime, most: int) -> Sequence[Mapping[str, Any]]:
    """Segments of every organisation for which something has happened, or the clock has come far enough.

    Or whose building was broken off, and then `broken_off` is true.
    """
    async with database.connection() as connection:
        rows: Sequence[Row] = await connection.fetch(
            "select org_id, segment_id, broken_off from rapport_segments_due($1, $2)", at, most
        )
    return rows


async def putting(uow: UnitOfWork, tag: str) -> bool:
    """Whether a segment puts the tag on its members."""
    found: bool = await uow.fetchval(
        "select exists (select from segments where org_id = $1 and tag = $2 and archived_at is null)",
        uow.org_id,
        tag,
    )
    return found
