"""Nobody hands out more than they have."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.domain.access import Actor, Grant, Scope, Sight, merge, whole
from app.domain.errors import Forbidden, InvalidInput
from app.domain.grants import (
    beyond,
    key_scopes,
    known_fields,
    known_scopes,
    must_cover,
    must_place,
    must_reach,
    narrowed,
)

NOUNS = ["contact", "order", "*"]
NAMES = ["name", "email", "custom", "custom.size", "*"]
SCOPES = [Scope.contacts_read, Scope.orders_write, Scope.users_write, "*"]
ORG = UUID(int=1)


def fields():
    return st.dictionaries(
        st.sampled_from(NOUNS), st.frozensets(st.sampled_from(NAMES), max_size=3), max_size=3
    )


grants = st.builds(
    Grant,
    st.frozensets(st.sampled_from(SCOPES), max_size=3),
    st.dictionaries(st.sampled_from(NOUNS), st.sampled_from(Sight), max_size=3),
    fields(),
    fields(),
)


def actor(grant: Grant) -> Actor:
    return Actor(ORG, UUID(int=2), "user", "a", grant, 1, user_id=UUID(int=2))


def powers(grant: Grant) -> set[tuple[str, ...]]:
    """Everything that a grant lets its holder do, asked of the actor itself."""
    who = actor(grant)
    found: set[tuple[str, ...]] = {("scope", s) for s in Scope if who.may(s)}
    for noun in ("contact", "order", "company"):
        found |= {("read", noun, n) for n in ("name", "email", "custom", "phones") if who.reads(noun, n)}
        if who.reads(noun, "custom.size") or who.reads(noun, "custom"):
            found.add(("read", noun, "custom.size"))
        found |= {
            ("write", noun, n) for n in ("name", "email", "custom.size", "phones") if who.writes(noun, n)
        }
        owners = who.owners(noun)
        found |= {("all", noun)} if owners is None else set()
        found |= {("team", noun)} if owners is None or owners == who.team else set()
    return found


@given(grants, grants)
def test_what_is_covered_opens_nothing_new(own: Grant, wanted: Grant):
    if not beyond(own, wanted):
        assert powers(wanted) <= powers(own)
        assert powers(merge([own, wanted])) == powers(own)


@given(grants)
def test_everybody_covers_themselves_and_the_whole_covers_everybody(grant: Grant):
    assert beyond(grant, grant) == []
    assert beyond(whole(), grant) == []


@given(grants)
def test_the_whole_is_covered_by_the_whole_alone(grant: Grant):
    if not beyond(grant, whole()):
        assert powers(grant) == powers(whole())


def test_the_refusal_names_what_is_too_much():
    with pytest.raises(Forbidden, match="orders:write") as refused:
        must_cover(actor(Grant()), Grant(frozenset({"orders:write"})), "This role")
    assert refused.value.facts["beyond"] == ["orders:write"]


def test_a_key_has_at_most_the_scopes_of_its_user():
    user = Grant(frozenset({"contacts:read"}))
    assert key_scopes({"*"}, user) == {"contacts:read"}
    assert key_scopes({"orders:read"}, whole()) == {"orders:read"}
    with pytest.raises(Forbidden):
        key_scopes({"contacts:read", "orders:read"}, user)


def test_words_of_a_role_are_known_sorted_and_once():
    assert known_scopes(["orders:read", "contacts:read", "orders:read"]) == ["contacts:read", "orders:read"]
    assert known_fields({"contact": ["b", "a", "b"], "*": ["*"]}, {"contact": {"a", "b"}}, "read") == {
        "contact": ["a", "b"],
        "*": ["*"],
    }
    with pytest.raises(InvalidInput):
        known_fields({"*": ["a"]}, {"contact": {"a"}}, "read")


ABOVE, MINE, BELOW, ASIDE = (UUID(int=n) for n in range(10, 14))


@pytest.mark.parametrize(
    ("before", "after", "new", "allowed"),
    [
        (MINE, BELOW, False, True),
        (BELOW, MINE, False, True),
        (MINE, None, False, True),
        (ASIDE, ASIDE, False, True),
        (None, MINE, True, True),
        (None, None, True, True),
        (None, MINE, False, False),
        (ASIDE, MINE, False, False),
        (MINE, ABOVE, False, False),
        (None, ABOVE, True, False),
    ],
)
def test_one_moves_only_below_oneself(before, after, new: bool, allowed: bool):
    def move(grant: Grant) -> None:
        must_place(actor(grant), ["contact"], {MINE, BELOW}, before=before, after=after, new=new)

    move(Grant(sight={"contact": Sight.ALL}))
    if allowed:
        move(Grant(sight={"contact": Sight.TEAM}))
    else:
        with pytest.raises(Forbidden):
            move(Grant(sight={"contact": Sight.TEAM}))


OWNED = ("contact", "order", "company")
TREE = {MINE: ABOVE, BELOW: MINE, ASIDE: ABOVE}
PEOPLE = {UUID(int=20 + n): team for n, team in enumerate([None, ABOVE, MINE, MINE, BELOW, BELOW, ASIDE])}


def below(team: UUID | None) -> frozenset[UUID]:
    if team is None:
        return frozenset()
    return frozenset({team}).union(*(below(one) for one, above in TREE.items() if above == team))


def placed(user: UUID, grant: Grant) -> Actor:
    team = {one for one, where in PEOPLE.items() if where in below(PEOPLE[user])}
    return replace(actor(grant), user_id=user, team=frozenset({user} | team))


@given(grants, grants, st.sampled_from(list(PEOPLE)), st.sampled_from(list(PEOPLE)))
def test_whoever_can_act_as_somebody_sees_whatever_they_see(own: Grant, wanted: Grant, me: UUID, user: UUID):
    assume(not beyond(own, wanted))
    try:
        must_reach(placed(me, own), OWNED, below(PEOPLE[me]), user=user, team=PEOPLE[user])
    except Forbidden:
        return
    for noun in OWNED:
        mine, theirs = placed(me, own).owners(noun), placed(user, wanted).owners(noun)
        assert mine is None or (theirs is not None and theirs <= mine)


@pytest.mark.parametrize("sight", list(Sight))
@pytest.mark.parametrize("user", list(PEOPLE))
def test_those_whom_one_sees_are_in_reach(sight: Sight, user: UUID):
    me = next(one for one, team in PEOPLE.items() if team == MINE)
    actor_ = placed(me, Grant(sight={"*": sight}))
    owners = actor_.owners("contact")
    if owners is None or user in owners:
        must_reach(actor_, OWNED, below(MINE), user=user, team=PEOPLE[user])
    else:
        with pytest.raises(Forbidden):
            must_reach(actor_, OWNED, below(MINE), user=user, team=PEOPLE[user])


@given(grants, st.frozensets(st.sampled_from(SCOPES), max_size=3))
def test_a_key_opens_what_both_it_and_its_user_open(grant: Grant, scopes: frozenset[str]):
    key = actor(narrowed(grant, scopes))
    for scope in Scope:
        assert key.may(scope) == (actor(grant).may(scope) and not {scope, "*"}.isdisjoint(scopes))
    assert beyond(grant, key.grant) == []
