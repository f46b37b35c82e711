"""Users, teams, roles, sessions and API keys."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Keyed, Record, field, newest_first, points_to
from app.db.engine import Prepared, Row
from app.db.nouns import Noun
from app.db.reads import Question, Reads
from app.db.uow import UnitOfWork
from app.domain.access import Actor


class Team(Record):
    """A group of users, below another or at the top."""

    __tablename__ = "teams"
    __table_args__ = (
        UniqueConstraint("org_id", "name", name="uq_teams_name"),
        points_to("parent_id", "teams"),
        newest_first("teams"),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    parent_id: Mapped[UUID | None] = mapped_column(info=field("basic"))


class Role(Record):
    """What its holders may do, see and change."""

    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("org_id", "name", name="uq_roles_name"), newest_first("roles"))

    name: Mapped[str] = mapped_column(info=field("basic"))
    builtin: Mapped[bool] = mapped_column(info=field("basic", writable=False))
    scopes: Mapped[list[str]] = mapped_column(info=field("basic"))
    sight: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Noun to own, team or all."""
    read: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Noun to the fields open for reading."""
    write: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Noun to the fields open for writing."""


class User(Record):
    """A person who works here, or a system that does."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("org_id", "email", name="uq_users_email"),
        points_to("team_id", "teams"),
        newest_first("users"),
        Index("ix_users_email", "email"),
    )

    email: Mapped[str] = mapped_column(info=field("basic"))
    name: Mapped[str] = mapped_column(info=field("basic"))
    active: Mapped[bool] = mapped_column(info=field("basic"))
    team_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    role_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), info=field("basic"))
    language: Mapped[str | None] = mapped_column(info=field("basic"))
    time_zone: Mapped[str | None] = mapped_column(info=field("basic"))
    password_hash: Mapped[str | None] = mapped_column(info=field(internal=True))


class Login(Keyed):
    """One signed-in device: its refresh tokens rotate, and an old one shown again ends it."""

    __tablename__ = "logins"
    __table_args__ = (points_to("user_id", "users"), Index("ix_logins_user", "org_id", "user_id"))

    user_id: Mapped[UUID]
    token_hash: Mapped[str]
    """SHA-256 of the refresh token that is good now."""
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str | None]


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


TEAMS = Noun(
    name="team",
    plural="teams",
    model=Team,
    custom=False,
    parents=frozenset({"parent_id"}),
    reading="users:read",
)
ROLES = Noun(name="role", plural="roles", model=Role, custom=False, external=False)
USERS = Noun(
    name="user", plural="users", model=User, custom=False, references={"team_id": TEAMS}, keys=("email",)
)
API_KEYS = Noun(
    name="api_key",
    plural="api_keys",
    model=ApiKey,
    custom=False,
    external=False,
    references={"user_id": USERS},
)


_PERSON = Prepared(
    """select o.stamp, u.id, u.email, u.team_id, u.language, u.time_zone,
  (select coalesce(jsonb_agg(to_jsonb(r) order by r.name), '[]') from roles r
    where r.org_id = $1 and r.id = any(u.role_ids) and r.archived_at is null) as roles,
  u.active and u.archived_at is null as active
from organisations o left join users u on u.org_id = o.id and u.id = $2 where o.id = $1""",
    ("org", "user"),
)


async def person(door: Reads, user: UUID | None) -> Row:
    """A user, or the caller, with their roles; without an id, where there is none."""

    def build(actor: Actor) -> Question:
        return Question(_PERSON, {"org": actor.org_id, "user": user or actor.user_id})

    return await door.row(build)


async def admins_besides(uow: UnitOfWork, user: UUID) -> int:
    """How many active administrators there are without this user."""
    count: int = await uow.fetchval(
        "select count(*) from users u where u.org_id = $1 and u.id <> $2 and u.active and u.archived_at is null"
        " and exists (select from roles r where r.org_id = $1 and r.id = any(u.role_ids)"
        "   and r.builtin and r.name = 'admin')",
        uow.org_id,
        user,
    )
    return count


async def roles_named(uow: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Row]:
    """The roles among the ids that are not archived."""
    rows = await uow.fetch(
        "select id, name, builtin, scopes, sight, read, write from roles"
        " where org_id = $1 and id = any($2::uuid[]) and archived_at is null",
        uow.org_id,
        list(ids),
    )
    return {row["id"]: row for row in rows}


async def team_archived(uow: UnitOfWork, team: UUID | None) -> bool:
    """Whether the team is put away."""
    found: bool = await uow.fetchval(
        "select exists (select from teams where org_id = $1 and id = $2 and archived_at is not null)",
        uow.org_id,
        team,
    )
    return found


async def teams_of(uow: UnitOfWork, user: UUID | None) -> frozenset[UUID]:
    """The user's team and the teams below it."""
    rows = await uow.fetch(
        """with recursive below as (
          select team_id as id from users where org_id = $1 and id = $2 and team_id is not null
          union select t.id from teams t join below on t.parent_id = below.id where t.org_id = $1
        ) select id from below""",
        uow.org_id,
        user,
    )
    return frozenset(row["id"] for row in rows)


async def held_by(uow: UnitOfWork, role: UUID) -> int:
    """How many users hold a role."""
    count: int = await uow.fetchval(
        "select count(*) from users where org_id = $1 and $2 = any(role_ids) and archived_at is null",
        uow.org_id,
        role,
    )
    return count


async def within(uow: UnitOfWork, team: UUID) -> tuple[int, int]:
    """How many users and how many teams a team has directly in it."""
    rows = await uow.fetch(
        "select (select count(*) from users where org_id = $1 and team_id = $2 and archived_at is null),"
        " (select count(*) from teams where org_id = $1 and parent_id = $2 and archived_at is null)",
        uow.org_id,
        team,
    )
    return rows[0][0], rows[0][1]
