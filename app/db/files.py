"""Files kept in the database: what people sent and what was made for them, in parts, so that neither a process nor a
machine need have the other's disk."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Keyed, points_to
from app.db.engine import Connection
from app.db.uow import UnitOfWork
from app.kit.ids import new_id

PART = 1024 * 1024
"""Bytes of one part."""


class File(Keyed):
    """A file, whole or still being written."""

    __tablename__ = "files"
    __table_args__ = (Index("ix_files_expires", "expires_at"),)

    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    """Null while it is being written."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class FilePart(Base):
    """One piece of a file; its id is the file's."""

    __tablename__ = "file_parts"
    __table_args__ = (PrimaryKeyConstraint("org_id", "id", "n"), points_to("id", "files", ondelete="cascade"))

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    n: Mapped[int]
    bytes: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was kept."""

    id: UUID
    size: int
    sha256: str


async def begin(uow: UnitOfWork, name: str, media_type: str, expires_at: datetime | None) -> UUID:
    """A file with nothing in it yet; what is never ended is let go once its time is over."""
    file = new_id()
    await uow.execute(
        "insert into files (org_id, id, name, media_type, size, created_at, expires_at) values ($1, $2, $3, $4, 0, $5, $6)",
        uow.org_id,
        file,
        name,
        media_type,
        uow.now,
        expires_at,
    )
    return file


async def store(
    uow: UnitOfWork, name: str, media_type: str, parts: Iterable[bytes], *, expires_at: datetime | None = None
) -> Stored:
    """Keep a file."""
    file = await begin(uow, name, media_type, expires_at)
    digest = hashlib.sha256()
    size = 0
    for n, part in enumerate(parts):
        digest.update(part)
        size += len(part)
        await append(uow, file, n, part)
    await close(uow, file, size, digest.hexdigest())
    return Stored(file, size, digest.hexdigest())


async def append(uow: UnitOfWork, file: UUID, n: int, part: bytes) -> None:
    """Add the n-th part of a file."""
    await uow.execute(
        "insert into file_parts (org_id, id, n, bytes) values ($1, $2, $3, $4)", uow.org_id, file, n, part
    )


async def close(uow: UnitOfWork, file: UUID, size: int, sha256: str) -> None:
    """A file that is whole now."""
    await uow.execute(
        "update files set size = $3, sha256 = $4 where org_id = $1 and id = $2",
        uow.org_id,
        file,
        size,
        sha256,
    )


async def part(connection: Connection, org_id: UUID, file: UUID, n: int) -> bytes | None:
    """The n-th part of a file, from 0; None beyond its end."""
    found: bytes | None = await connection.fetchval(
        "select bytes from file_parts where org_id = $1 and id = $2 and n = $3", org_id, file, n
    )
    return found


async def parts(uow: UnitOfWork, file: UUID, n: int = 0) -> AsyncIterator[bytes]:
    """A file's bytes, part by part, from the n-th on."""
    while (found := await part(uow.connection, uow.org_id, file, n)) is not None:
        yield found
        n += 1


async def kept(uow: UnitOfWork, file: UUID) -> bool:
    """Whether a file's bytes are still here."""
    found: bool = await uow.fetchval(
        "select exists (select from file_parts where org_id = $1 and id = $2)", uow.org_id, file
    )
    return found


async def keep_until(uow: UnitOfWork, file: UUID, at: datetime) -> None:
    """When a file is let go."""
    await uow.execute("update files set expires_at = $3 where org_id = $1 and id = $2", uow.org_id, file, at)


async def forget(uow: UnitOfWork, file: UUID) -> None:
    """Let go of a file's bytes; what it was called and its hash stay."""
    await uow.execute("delete from file_parts where org_id = $1 and id = $2", uow.org_id, file)


async def spool(uow: UnitOfWork, file: UUID, into: IO[bytes], first_byte: int = 0) -> None:
    """Write a file out to where it can be read back and forth; what stands before a byte is left empty."""
    n = first_byte // PART
    into.seek(n * PART)
    async for piece in parts(uow, file, n):
        into.write(piece)
    into.seek(0)
