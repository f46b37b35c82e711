"""The tree of teams."""

from app.db import actors, teams
from app.db.teams import TEAMS
from app.db.write import change, locked
from app.kit import clock
from tests.makers.organisations import Organisation


async def test_whose_records_are_seen_and_who_may_be_moved_is_of_the_same_teams(org: Organisation):
    north = await org.team("north")
    east, west = await org.team("east", north), await org.team("west", north)
    boss, _ = await org.user("boss", "manager", team=north)
    here, _ = await org.user("here", "sales", team=east)
    gone, _ = await org.user("gone", "sales", team=west)
    async with await org.work() as uow:
        row = (await locked(uow, TEAMS, [west]))[west]
        await change(uow, TEAMS, [(row, {"archived_at": uow.now})], "team.archived")
        await uow.commit()
    actor = await actors.load(org.database, org.id, boss, now=clock.now())
    assert actor.team == {boss, here}
    assert gone not in actor.team
    async with await org.work() as uow:
        assert await teams.of_user(uow, boss) == {north, east}
