"""The event log: one append-only row per change, written with it, read in commit order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from app.db.base import Base
from app.db.engine import Row
from app.db.uow import UnitOfWork


class XID8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "xid8"


class Event(Base):
    """What changed, from what to what, by whom, and because of what."""

    __tablename__ = "events"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "seq", "at"),
        Index("ix_events_record", "org_id", "noun_id", text("seq desc")),
        Index("ix_events_commit", "org_id", "xid", "seq"),
        # Types are few, so PostgreSQL skips from one to the next for an actor: one index serves both, and costs each
        # write 180 bytes of its log, where two would cost 295.
        Index("ix_events_type", "org_id", "type", "actor_id", text("seq desc")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    org_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    xid: Mapped[int] = mapped_column(XID8, server_default=text("pg_current_xact_id()"))
    id: Mapped[UUID] = mapped_column(server_default=text("uuidv7()"))
    at: Mapped[datetime]
    type: Mapped[str]
    """noun.verb in the past tense."""
    noun: Mapped[str]
    noun_id: Mapped[UUID]
    version: Mapped[int]
    """Of the record, after the change."""
    actor_id: Mapped[UUID]
    actor_kind: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The changed fields as they were; null when the record is new."""
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    cause: Mapped[str | None]
    """The request, run or event that led to it."""


async def base_of(uow: UnitOfWork, record: UUID, version: int) -> dict[str, Any]:
    """The values, as of a version, of the fields that have changed since."""
    rows = await uow.fetch(
        "select before from events where org_id = $1 and noun_id = $2 and version > $3 order by seq desc",
        uow.org_id,
        record,
        version,
    )
    base: dict[str, Any] = {}
    for row in rows:
        base |= row["before"] or {}
    return base


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands in the log: after this event, in the order of commits."""

    xid: int = 0
    seq: int = 0


_AFTER = """
select xid::text::bigint as xid, seq, id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause
from events where org_id = $1 and (xid, seq) > ($2::text::xid8, $3)
  and xid < pg_snapshot_xmin(pg_current_snapshot())
order by events.xid, seq limit $4
"""


async def read_after(uow: UnitOfWork, position: Position, limit: int) -> tuple[list[Row], Position]:
    """The next events and where the reader stands after them: every one that is committed comes once, none is passed by.

    Transactions end in another order than they begin, so only events below the oldest one that is still running are
    read: nothing can appear behind the reader any more. A long transaction holds all readers back, and loses nothing.
    """
    rows = await uow.fetch(_AFTER, uow.org_id, str(position.xid), position.seq, limit)
    return list(rows), Position(rows[-1]["xid"], rows[-1]["seq"]) if rows else position
