"""The people of an organisation and the systems that work in it, and the questions asked of them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first, points_to
from app.db.engine import Connection, Database, Prepared, Row
from app.db.nouns import Noun
from app.db.reads import Question, Reads
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.domain.access import Actor


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
    away_until: Mapped[datetime | None] = mapped_column(info=field("basic"))
    """Nobody assigns them anything before."""
    password_hash: Mapped[str | None] = mapped_column(info=field(internal=True))


USERS = Noun(
    name="user",
    plural="users",
    model=User,
    custom=False,
    references={"team_id": TEAMS},
    keys=(("email",),),
)


_PERSON = Prepared(
    """select o.stamp, u.id, u.email, u.team_id, u.language, u.time_zone,
  (select coalesce(jsonb_agg(to_jsonb(r) order by r.name), '[]') from roles r
    where r.org_id = $1 and r.id = any(u.role_ids) and r.archived_at is null) as roles,
  u.active and u.archived_at is null as active
from organisations o left join users u on u.org_id = o.id and u.id = $2 where o.id = $1""",
    ("org", "user"),
)


async def person(reads: Reads, user: UUID | None) -> Row:
    """A user, or the caller, with their roles; without an id, where there is none."""

    def build(actor: Actor) -> Question:
        return Question(_PERSON, {"org": actor.org_id, "user": user or actor.user_id})

    return await reads.row(build)


async def admins_besides(uow: UnitOfWork, users: Collection[UUID]) -> int:
    """How many active administrators there are without these users."""
    count: int = await uow.fetchval(
        "select count(*) from users u where u.org_id = $1 and u.id <> all($2::uuid[]) and u.active and u.archived_at is null"
        " and exists (select from roles r where r.org_id = $1 and r.id = any(u.role_ids)"
        "   and r.builtin and r.name = 'admin')",
        uow.org_id,
        list(users),
    )
    return count


async def with_address(database: Database, address: str, organisation: str | None) -> list[tuple[UUID, UUID]]:
    """The (organisation, user) pairs that an address belongs to."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select org_id, id from rapport_logins($1) where $2::text is null or slug = $2",
            address,
            organisation,
        )
    return [(row["org_id"], row["id"]) for row in rows]


async def password_hash_of(database: Database, org_id: UUID, user: UUID) -> str | None:
    """The hash of an active user's password."""
    async with database.connection(org_id) as connection:
        found: str | None = await connection.fetchval(
            "select password_hash from users where org_id = $1 and id = $2 and active and archived_at is null",
            org_id,
            user,
        )
    return found


async def version_of(uow: UnitOfWork, user: UUID) -> int:
    """A user's version, to note an event of theirs by."""
    version: int = await uow.fetchval(
        "select version from users where org_id = $1 and id = $2", uow.org_id, user
    )
    return version


async def credentials_of(uow: UnitOfWork, user: UUID) -> tuple[str, str | None]:
    """A user's e-mail address and the hash of their password."""
    [row] = await uow.fetch(
        "select email, password_hash from users where org_id = $1 and id = $2", uow.org_id, user
    )
    return row["email"], row["password_hash"]


async def first_admin(connection: Connection, org_id: UUID) -> UUID | None:
    """The active administrator of an organisation who was there first."""
    found: UUID | None = await connection.fetchval(
        "select u.id from users u where u.org_id = $1 and u.active and u.archived_at is null"
        " and exists (select from roles r where r.org_id = $1 and r.id = any(u.role_ids)"
        "   and r.builtin and r.name = 'admin') order by u.created_at, u.id limit 1",
        org_id,
    )
    return found


async def still_admitted(uow: UnitOfWork, user: UUID, password_hash: str | None = None) -> int | None:
    """The version of an active user, with that password if one is named, held as it is; None for another."""
    version: int | None = await uow.fetchval(
        "select version from users where org_id = $1 and id = $2 and active and archived_at is null"
        " and ($3::text is null or password_hash = $3) for share",
        uow.org_id,
        user,
        password_hash,
    )
    return version
