"""Teams: a tree, whose shape decides whose records are seen."""

from collections.abc import Sequence, Set
from uuid import UUID

from app.db import teams, write
from app.db.registry import OWNED
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.grants import must_place
from app.usecases import bulk, plain
from app.usecases.bulk import Item
from app.usecases.plain import Change, Values


async def _judge(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """No team goes below an archived one, or to where the actor may not move it."""
    moves = [(row, new["parent_id"]) for row, new in changes if "parent_id" in new]
    if not moves:
        return
    if await teams.any_archived(uow, {above for _, above in moves}):
        raise RuleBroken("team_archived", "The team above is archived; restore it or choose another one.")
    mine = await teams.of_user(uow, uow.actor.user_id)
    for row, above in moves:
        if row is not None:
            must_place(uow.actor, OWNED, mine, before=row["parent_id"], after=above)


async def add_team(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new team; its id."""
    await uow.alone()
    return await plain.add(uow, TEAMS, values, given, judge=_judge)


async def edit_team(uow: UnitOfWork, team: UUID, given: Values, *, version: int | None) -> None:
    """Give a team new values."""
    await uow.alone()
    await plain.edit(uow, TEAMS, team, given, version=version, judge=_judge)


async def upsert_teams(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Add or edit each team, known by its id, an external id or its name."""
    await uow.alone()
    await bulk.upsert(uow, TEAMS, items, judge=_judge)


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
    if await teams.any_archived(uow, [row["parent_id"]]):
        after["parent_id"] = None
    await write.change(uow, TEAMS, [(row, after)], "team.restored")
