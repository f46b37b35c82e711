"""What is done once a night: which organisations have not had theirs, each by its own time zone."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import PrimaryKeyConstraint
from sqlalchemy.orm import Mapped

from app.db.base import Base
from app.db.engine import Database, Row
from app.db.uow import UnitOfWork

BEGINS = timedelta(hours=2)
"""After midnight; the orders of the day before have come in by then."""


class Night(Base):
    """One kind of work, begun for one day of an organisation; it is not begun twice."""

    __tablename__ = "nights"
    __table_args__ = (PrimaryKeyConstraint("org_id", "kind", "day"),)

    org_id: Mapped[UUID]
    kind: Mapped[str]
    day: Mapped[date]
    begun_at: Mapped[datetime]


async def due(database: Database, kind: str, at: datetime) -> Sequence[Row]:
    """Organisations whose night has come and has not been begun: org_id, day, and when the day began.

    Of several nights that passed while nobody was there, the last.
    """
    async with database.connection() as connection:
        rows: Sequence[Row] = await connection.fetch(
            "select org_id, day, midnight from rapport_nights($1, $2, $3)", kind, at, BEGINS
        )
    return rows


async def take(uow: UnitOfWork, kind: str, day: date) -> bool:
    """Begin a night; False when somebody else has."""
    taken = await uow.fetch(
        "insert into nights (org_id, kind, day, begun_at) values ($1, $2, $3, $4) on conflict do nothing returning day",
        uow.org_id,
        kind,
        day,
        uow.now,
    )
    return bool(taken)
