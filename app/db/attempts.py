"""Attempts, counted by whom they concern: sign-ins by the address that was tried, forms by the network they came from."""

from datetime import datetime, timedelta

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.engine import Connection, Database
from app.db.uow import UnitOfWork


class Attempt(Base):
    """Wrong passwords for an address, whether it is anybody's or not; or forms from a neighbourhood, in this window."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_failed_at", "failed_at"),)

    address_hash: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the address as it is compared; of a form and a neighbourhood, keyed."""
    failed: Mapped[int]
    failed_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


async def count(
    database: Database, address: str, *, now: datetime, most: int, memory: timedelta, pause: timedelta
) -> tuple[datetime | None, bool]:
    """Count an attempt: the time until which it is refused, or None; and whether it was the last one allowed."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "select refused_until, last_one from rapport_attempt($1, $2, $3, $4, $5)",
            address,
            now,
            most,
            memory,
            pause,
        )
    return row["refused_until"], row["last_one"]


async def visit(
    database: Database, visitor: str, *, now: datetime, most: int, window: timedelta
) -> datetime | None:
    """Count one in a window that begins with the first: the time until which it is refused, or None."""
    async with database.connection() as connection:
        until: datetime | None = await connection.fetchval(
            "select rapport_visit($1, $2, $3, $4)", visitor, now, most, window
        )
    return until


async def forget(held: UnitOfWork | Connection, address: str) -> None:
    """The right password was given, or a new one set."""
    await held.execute("select rapport_attempt_good($1)", address)
