"""Access: what a caller sees, told in one short text."""

from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.access import Actor, Grant, Sight, fingerprint

ME, COLLEAGUE, OTHER = (UUID(int=n) for n in (1, 2, 3))


def an_actor(**sight: Sight) -> Actor:
    grant = Grant(frozenset({"contacts:read"}), sight, {"contact": frozenset({"name"})})
    return Actor(UUID(int=9), ME, "user", "me", grant, 1, user_id=ME, team=frozenset({ME}))


@pytest.mark.parametrize("sight", [{}, {"contact": Sight.OWN}, {"contact": Sight.ALL, "order": Sight.OWN}])
def test_who_joins_the_team_changes_nothing_for_one_who_does_not_see_by_team(sight: dict[str, Sight]):
    actor = an_actor(**sight)
    assert fingerprint(replace(actor, team=frozenset({ME, COLLEAGUE}))) == fingerprint(actor)


def test_everything_that_changes_what_is_seen_changes_the_fingerprint():
    team = an_actor(contact=Sight.TEAM)
    own = an_actor(contact=Sight.OWN)
    wider = replace(team.grant, read={"contact": frozenset({"name", "phone"})})
    seen = [
        team,
        own,
        an_actor(contact=Sight.ALL),
        an_actor(order=Sight.TEAM),
        replace(team, team=frozenset({ME, COLLEAGUE})),
        replace(team, grant=wider),
        replace(team, grant=replace(team.grant, scopes=frozenset())),
        replace(own, user_id=OTHER),
    ]
    assert len({fingerprint(actor) for actor in seen}) == len(seen)
