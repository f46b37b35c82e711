"""Teams: the tree that decides whose records are seen, and the questions asked of it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first, points_to
from app.db.nouns import Noun
from app.db.uow import UnitOfWork


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


TEAMS = Noun(
    name="team",
    plural="teams",
    model=Team,
    custom=False,
    parents=frozenset({"parent_id"}),
    keys=(("name",),),
    reading="users:read",
)


BELOW = """below as (
  select u.team_id as id from users u where u.org_id = $1 and u.id = $2 and u.team_id is not null
  union select t.id from teams t join below on t.parent_id = below.id where t.org_id = $1 and t.archived_at is null
)"""
"""Part of a recursive WITH: the team of the user $2 and those below it, down to archived ones."""


async def any_archived(uow: UnitOfWork, teams: Collection[UUID | None]) -> bool:
    """Whether one of the teams is put away."""
    found: bool = await uow.fetchval(
        "select exists (select from teams where org_id = $1 and id = any($2::uuid[]) and archived_at is not null)",
        uow.org_id,
        list(teams),
    )
    return found


async def of_user(uow: UnitOfWork, user: UUID | None) -> frozenset[UUID]:
    """The user's team and the teams below it."""
    rows = await uow.fetch(f"with recursive {BELOW} select id from below", uow.org_id, user)
    return frozenset(row["id"] for row in rows)


async def within(uow: UnitOfWork, team: UUID) -> tuple[int, int]:
    """How many users and how many teams a team has directly in it."""
    rows = await uow.fetch(
        "select (select count(*) from users where org_id = $1 and team_id = $2 and archived_at is null),"
        " (select count(*) from teams where org_id = $1 and parent_id = $2 and archived_at is null)",
        uow.org_id,
        team,
    )
    return rows[0][0], rows[0][1]
