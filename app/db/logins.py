"""Sign-ins: the devices that people have signed in with, and the questions asked of them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from app.db import paging
from app.db.base import Keyed, points_to
from app.db.engine import Prepared, Row
from app.db.reads import Question, Reads
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.errors import NotFound

_CONTEXT = "logins"


class Login(Keyed):
    """One signed-in device: its refresh tokens rotate, and an old one shown again ends it, a lost answer apart."""

    __tablename__ = "logins"
    __table_args__ = (points_to("user_id", "users"), Index("ix_logins_user", "org_id", "user_id"))

    user_id: Mapped[UUID]
    token_hash: Mapped[str]
    """SHA-256 of the refresh token that is good now."""
    previous_hash: Mapped[str | None]
    """Of the one before, which may follow once more shortly after used_at; see app/domain/logins.py."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class NewLogin:
    """A sign-in to keep."""

    id: UUID
    user_id: UUID
    token_hash: str
    expires_at: datetime


async def add(uow: UnitOfWork, login: NewLogin) -> None:
    """Keep a new sign-in."""
    await uow.execute(
        "insert into logins (org_id, id, user_id, token_hash, created_at, used_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $5, $6)",
        uow.org_id,
        login.id,
        login.user_id,
        login.token_hash,
        uow.now,
        login.expires_at,
    )


async def user_of(uow: UnitOfWork, login: UUID) -> UUID | None:
    """Whose sign-in it is; not locked, because their row is locked first, and never changes hands."""
    found: UUID | None = await uow.fetchval(
        "select user_id from logins where org_id = $1 and id = $2", uow.org_id, login
    )
    return found


async def locked(uow: UnitOfWork, login: UUID) -> Row | None:
    """A sign-in that has not ended, locked."""
    rows = await uow.fetch(
        "select id, user_id, token_hash, previous_hash, used_at from logins"
        " where org_id = $1 and id = $2 and revoked_at is null and expires_at > $3 for update",
        uow.org_id,
        login,
        uow.now,
    )
    return rows[0] if rows else None


async def rotate(
    uow: UnitOfWork, login: UUID, token_hash: str, expires_at: datetime, *, previous: str | None
) -> None:
    """Another refresh token is good from now on, and shortly the previous one, if there is one."""
    await uow.execute(
        "update logins set token_hash = $3, used_at = $4, expires_at = $5, previous_hash = $6"
        " where org_id = $1 and id = $2",
        uow.org_id,
        login,
        token_hash,
        uow.now,
        expires_at,
        previous,
    )


async def revoke(
    uow: UnitOfWork, why: str, *, users: Collection[UUID], only: UUID | None = None, keep: UUID | None = None
) -> int:
    """End the sign-ins of users: one of them, all but one, or all; how many there were to end."""
    ended: int = await uow.fetchval(
        "with ended as (update logins set revoked_at = $3, revoked_why = $4"
        " where org_id = $1 and user_id = any($2::uuid[]) and revoked_at is null"
        " and ($5::uuid is null or id = $5) and ($6::uuid is null or id <> $6) returning 1)"
        " select count(*) from ended",
        uow.org_id,
        list(users),
        uow.now,
        why,
        only,
        keep,
    )
    return ended


_NEWEST = Prepared(
    """select l.id, l.created_at, l.used_at, l.expires_at, l.revoked_at, l.revoked_why,
      l.id is not distinct from $3::uuid as current
    from logins l where l.org_id = $1 and l.user_id = $2 and ($4::uuid is null or l.id < $4)
    order by l.id desc limit $5::int""",
    ("org", "user", "login", "before", "more"),
)
_PAGE = paging.paged(_NEWEST, "row_to_json(t)::text", "json_build_array(t.id)")


def _last(values: list[Any]) -> UUID:
    (login,) = values
    return UUID(login)


async def list_of(reads: Reads, limit: int, after: str | None) -> bytes:
    """A page of the caller's own sign-ins, newest first."""
    before = paging.opened(_CONTEXT, after, _last) if after else None

    def build(actor: Actor) -> Question:
        binds = {"org": actor.org_id, "user": actor.user_id, "login": actor.login_id, "before": before}
        return Question(_PAGE, binds | paging.limits(limit))

    return paging.answer(await reads.row(build), limit, _CONTEXT)


def absent() -> NotFound:
    """No such sign-in among one's own."""
    return NotFound("login_not_found", "There is no sign-in of yours with this id.")
