"""Roles: what their holders may do, see and change, and the questions asked of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork


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


ROLES = Noun(name="role", plural="roles", model=Role, custom=False, external=False, keys=(("name",),))


async def by_id(uow: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Row]:
    """The roles among the ids that are not archived."""
    rows = await uow.fetch(
        "select id, name, builtin, scopes, sight, read, write from roles"
        " where org_id = $1 and id = any($2::uuid[]) and archived_at is null",
        uow.org_id,
        list(ids),
    )
    return {row["id"]: row for row in rows}


async def holders(uow: UnitOfWork, roles: Collection[UUID]) -> list[tuple[UUID, UUID | None]]:
    """Whoever holds one of the roles, archived users too: their ids and their teams."""
    rows = await uow.fetch(
        "select id, team_id from users where org_id = $1 and role_ids && $2::uuid[]", uow.org_id, list(roles)
    )
    return [(row["id"], row["team_id"]) for row in rows]


async def held_by(uow: UnitOfWork, role: UUID) -> int:
    """How many users hold a role."""
    count: int = await uow.fetchval(
        "select count(*) from users where org_id = $1 and $2 = any(role_ids) and archived_at is null",
        uow.org_id,
        role,
    )
    return count


RELEASE = "release"
"""The cause of what a new release does to an organisation."""


async def built_in(uow: UnitOfWork) -> list[tuple[Row, list[dict[str, Any]]]]:
    """The built-in roles, locked, but for the administrator's; each with what releases gave it, the first thing first."""
    rows = await uow.fetch(
        "select *, (select coalesce(array_agg(e.after order by e.seq), '{}') from events e"
        "   where e.org_id = r.org_id and e.noun_id = r.id and e.actor_kind = 'system'"
        "     and e.cause in ('bootstrap', $2)) as given"
        " from roles r where org_id = $1 and builtin and name <> 'admin' order by id for update",
        uow.org_id,
        RELEASE,
    )
    return [(row, row["given"]) for row in rows]
