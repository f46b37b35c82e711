"""Who is next: fair, never to who is away, elsewhere, closed or full, and explained by what decides."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.domain import conditions
from app.domain.assignment import Decision, Method, Otherwise, Person, Rule, Why, decide, give
from app.domain.fields import Field, Kind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CITY = Field("city", Kind.TEXT)


def a_rule(people: list[Person], **more: Any) -> Rule:
    """A rule of these people."""
    return Rule(uuid4(), "rule", None, people, **more)


def some(n: int, **more: Any) -> list[Person]:
    """So many people."""
    return [Person(uuid4(), **more) for _ in range(n)]


def assigned(rules: list[Rule], record: dict[str, Any] | None = None, at: datetime = NOON) -> UUID | None:
    """Who gets a record, which is counted."""
    decision = decide(rules, record or {}, at)
    give(decision)
    return decision.person.id if decision.person else None


@given(st.integers(1, 9), st.integers(0, 60))
def test_turns_differ_by_one_at_most(people: int, records: int):
    rule = a_rule(some(people))
    counts = Counter(assigned([rule]) for _ in range(records))
    had = [counts[one.id] for one in rule.people]
    assert sum(had) == records
    assert max(had) - min(had) <= 1


@given(st.data(), st.integers(2, 6))
def test_of_any_that_are_always_there_none_gets_two_more_than_another(data: st.DataObject, people: int):
    rule = a_rule(some(people))
    steady = {one.id for one in rule.people[: data.draw(st.integers(1, people))]}
    counts: Counter[UUID | None] = Counter()
    for _ in range(data.draw(st.integers(0, 50))):
        for one in rule.people:
            gone = one.id not in steady and data.draw(st.booleans())
            one.away_until = NOON + timedelta(hours=1) if gone else None
        found = assigned([rule])
        assert next(one for one in rule.people if one.id == found).away_until is None
        counts[found] += 1
    had = [counts[one] for one in steady]
    assert max(had) - min(had) <= 1


@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.integers(0, 40))
def test_whoever_has_the_fewest_is_next(loads: list[int], records: int):
    people = some(len(loads))
    rule = a_rule(people, method=Method.LEAST_LOADED)
    rule.loads = dict(zip((one.id for one in people), loads, strict=True))
    for _ in range(records):
        before = dict(rule.loads)
        found = assigned([rule])
        assert found is not None
        assert before[found] == min(before.values())


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 40), st.sampled_from(Method))
def test_no_quota_is_exceeded_and_none_is_left_while_somebody_waits(
    quotas: list[int], records: int, method: Method
):
    rule = a_rule([Person(uuid4(), quota=quota) for quota in quotas], method=method)
    found = [assigned([rule]) for _ in range(records)]
    assert sum(one is not None for one in found) == min(records, sum(quotas))
    assert all(one.quota is not None and one.given <= one.quota for one in rule.people)


@given(st.lists(st.booleans(), min_size=1, max_size=6), st.sampled_from(Method))
def test_nobody_who_is_not_there_is_next(there: list[bool], method: Method):
    rule = a_rule([Person(uuid4(), active=here) for here in there], method=method)
    found = assigned([rule])
    assert (found is None) is not any(there)
    assert found in {None, *(one.id for one in rule.people if one.active)}
    rule.closed = True
    assert assigned([rule]) is None


def test_the_fixed_one_gets_all_until_they_are_away():
    first, second = some(2)
    rule = a_rule([first, second], method=Method.FIXED)
    assert {assigned([rule]) for _ in range(5)} == {first.id}
    first.away_until = NOON + timedelta(seconds=1)
    assert assigned([rule]) == second.id
    assert assigned([rule], at=NOON + timedelta(seconds=1)) == first.id


def test_a_territory_goes_to_its_people_and_the_rest_to_who_has_none():
    east, south, rest = Person(uuid4(), values=frozenset({"上海"})), Person(uuid4()), Person(uuid4())
    south.values = frozenset({"shenzhen", "广州"})
    rule = a_rule([east, south, rest], territory=CITY)
    assert {assigned([rule], {"city": "上海"}) for _ in range(3)} == {east.id}
    assert assigned([rule], {"city": "Shenzhen"}) == south.id
    assert {assigned([rule], {"city": city}) for city in ("北京", None)} == {rest.id}


def test_the_first_rule_that_matches_decides_and_tells_what_failed_before():
    fields = {"city": CITY, "source": Field("source", Kind.TEXT)}
    web = {"field": "source", "op": "eq", "value": "web"}
    here = {"field": "city", "op": "eq", "value": "上海"}
    [one, other] = some(2)
    first, second = a_rule([one]), a_rule([other])
    first.condition = conditions.parse({"all": [web, here]}, fields)
    decision = decide([first, second], {"source": "web", "city": "北京"}, NOON)
    assert (decision.rule, decision.person) == (second, other)
    assert [conditions.to_json(part) for part in decision.looks[0].failed] == [here]
    assert decide([first, second], {"source": "web", "city": "上海"}, NOON).person is one


def test_when_nobody_can_the_next_rule_is_asked_or_it_falls_to_somebody_or_stays():
    full, last = Person(uuid4(), quota=1, given=1), Person(uuid4())
    first, second = a_rule([full]), a_rule([last])
    decision = decide([first, second], {}, NOON)
    assert decision.person is last
    assert decision.looks[0].candidates[0].why is Why.QUOTA
    first.otherwise = Otherwise.NOBODY
    assert decide([first, second], {}, NOON) == Decision(None, None, decision.looks[:1])
    first.otherwise, first.fallback = Otherwise.FALLBACK, Person(uuid4())
    assert decide([first, second], {}, NOON).person is first.fallback
    first.fallback.active = False
    assert decide([first, second], {}, NOON).person is None
