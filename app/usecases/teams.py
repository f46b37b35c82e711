"""Teams: a tree, whose shape decides whose records are seen."""

from collections.abc import Set
from uuid import UUID

from app.db import teams, write
from app.db.registry import OWNED
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.grants import must_place
from app.usecases import plain
from app.usecases.plain import Values


async def _above(uow: UnitOfWork, team: UUID | None) -> None:
    if team is not None and await teams.is_archived(uow, team):
        raise RuleBroken("team_archived", "The team above is archived; restore it or choose another one.")


async def add_team(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new team; its id."""
    await uow.alone()
    await _above(uow, values["parent_id"])
    return await plain.add(uow, TEAMS, values, given)


async def edit_team(uow: UnitOfWork, team: UUID, given: Values, *, version: int | None) -> None:
    """Give a team new values."""
    await uow.alone()
    row = await plain.get_locked(uow, TEAMS, team, version, given)
    if "parent_id" in given:
        await _above(uow, given["parent_id"])
        mine = await teams.of_user(uow, uow.actor.user_id)
        must_place(uow.actor, OWNED, mine, before=row["parent_id"], after=given["parent_id"])
    await plain.edit_row(uow, TEAMS, row, given)


async def archive_team(uow: UnitOfWork, team: UUID, *, version: int | None) -> None:
    """Put an empty team away."""
    await uow.alone()
    row = await plain.get_locked(uow, TEAMS, team, version, {})
    people, below = await teams.within(uow, team)
    if people or below:
        raise RuleBroken(
            "team_not_empty", f"This team has {people} users and {below} teams in it; move them first."
        )
    await plain.archive_row(uow, TEAMS, row)


async def restore_team(uow: UnitOfWork, team: UUID, *, version: int | None) -> None:
    """Bring an archived team back; at the top, when the team above was archived meanwhile."""
    await uow.alone()
    row = await plain.get_locked(uow, TEAMS, team, version, {})
    if row["archived_at"] is None:
        raise RuleBroken("not_archived", "This team is not archived.")
    after: Values = {"archived_at": None}
    if await teams.is_archived(uow, row["parent_id"]):
        after["parent_id"] = None
    await write.change(uow, TEAMS, [(row, after)], "team.restored")
