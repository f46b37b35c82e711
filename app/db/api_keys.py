"""API keys: how systems call, each on behalf of a user."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first, points_to
from app.db.engine import Database
from app.db.nouns import Noun
from app.db.users import USERS


class ApiKey(Record):
    """A key that a system calls with, on behalf of a user, with at most that user's access."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("key_hash"),
        points_to("user_id", "users"),
        newest_first("api_keys"),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    user_id: Mapped[UUID] = mapped_column(info=field("basic"))
    prefix: Mapped[str] = mapped_column(info=field("basic", writable=False))
    scopes: Mapped[list[str]] = mapped_column(info=field("basic"))
    expires_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    revoked_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    last_used_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    key_hash: Mapped[str] = mapped_column(info=field(internal=True))
    """SHA-256 of the key; the key itself is shown once and kept nowhere."""


API_KEYS = Noun(
    name="api_key",
    plural="api_keys",
    model=ApiKey,
    custom=False,
    external=False,
    references={"user_id": USERS},
)


async def owner_of(database: Database, key_hash: str) -> tuple[UUID, UUID] | None:
    """The organisation and the id of the key with this hash."""
    async with database.connection() as connection:
        row = await connection.fetchrow("select org_id, id from rapport_key($1)", key_hash)
    return row and (row["org_id"], row["id"])
