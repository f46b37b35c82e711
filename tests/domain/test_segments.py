"""The rules of segments: what an event touches, when the clock is worth a step, and that none hangs on itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import conditions, related
from app.domain.conditions import All, AnyOf
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.fields import Field, Kind
from app.domain.moments import DaysAgo
from app.domain.ops import Op
from app.domain.related import Aggregate, Beyond, Boundary, Company, Measure, Member
from app.domain.segments import (
    PACE,
    Knot,
    Mentions,
    Why,
    check_circle,
    check_followed,
    mentions,
    next_step,
    touched,
    users_of,
)

IDS = [UUID(int=n) for n in range(1, 9)]
ONE, TWO, THREE = IDS[:3]
STAGE = Field("stage", Kind.TEXT)
CUSTOMER = conditions.Test(STAGE, Op.EQ, "customer")
BOUGHT = Aggregate("orders", Measure.COUNT, None, All(()), (90, 0), Op.GTE, 2)


@dataclass
class Event:
    type: str
    noun_id: UUID = ONE
    before: Mapping[str, Any] | None = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    noun: str = field(init=False)

    def __post_init__(self) -> None:
        self.noun = self.type.partition(".")[0]


def edited(**after: Any) -> Event:
    return Event("contact.edited", before=dict.fromkeys(after), after=after)


@pytest.mark.parametrize(
    ("event", "condition", "moves"),
    [
        (Event("contact.added", before=None, after={"name": "x"}), CUSTOMER, True),
        (edited(stage="customer"), CUSTOMER, True),
        (edited(name="x"), CUSTOMER, False),
        (edited(archived_at="2026"), CUSTOMER, True),
        (edited(custom={"a": 1}), conditions.Test(Field("custom.a", Kind.INTEGER), Op.EQ, 1), True),
        (edited(name="x"), conditions.Test(Field("updated_at", Kind.TIME), Op.GT, DaysAgo(1)), True),
        (edited(company_id=str(TWO)), Company(All(())), True),
        (Event("contact.erased"), CUSTOMER, True),
        (Event("contact.entered_segment", after={"segment_id": str(TWO)}), Member(TWO), True),
        (Event("contact.left_segment", after={"segment_id": str(THREE)}), Member(TWO), False),
        (Event("contact.left_segment", after={"segment_id": str(THREE)}), CUSTOMER, False),
        (Event("order.added", before=None, after={"contact_id": str(ONE)}), CUSTOMER, False),
        (Event("order.added", before=None, after={"contact_id": str(ONE)}), BOUGHT, True),
        (Event("order.edited", TWO, {"contact_id": str(ONE)}, {"contact_id": None}), BOUGHT, True),
        (Event("interaction.added", before=None, after={"contact_id": str(ONE)}), BOUGHT, False),
    ],
)
def test_an_event_touches_whom_it_may_move(event: Event, condition: Any, moves: bool):
    assert (ONE in touched([event], condition).contacts) is moves


def test_records_that_lead_to_contacts_are_looked_up_when_the_event_does_not_say_whose_they_are():
    inside = conditions.Test(Field("product.category", Kind.TEXT), Op.EQ, "tea")
    lines = Aggregate("order_lines", Measure.COUNT, None, inside, None, Op.GT, 0)
    events = [
        Event("order.edited", ONE, {"total": 1}, {"total": 2}),
        Event("order.added", TWO, None, {"contact_id": str(THREE)}),
        Event("product.edited", ONE, {"category": 1}, {"category": 2}),
        Event("product.edited", TWO, {"price": 1}, {"price": 2}),
        Event("company.edited", ONE, {"industry": 1}, {"industry": 2}),
    ]
    found = touched(events, lines)
    assert (found.orders, found.products, found.companies) == ({ONE}, {ONE}, set())
    assert found.contacts == {THREE: Why.ORDER}


def test_another_time_zone_matters_to_days_alone():
    event = Event("organisation.edited", before={"time_zone": "a"}, after={"time_zone": "b"})
    born = conditions.Test(Field("birth_date", Kind.DATE), Op.GT, DaysAgo(1))
    assert [touched([event], condition).anew for condition in (born, BOUGHT)] == [True, False]


def test_rates_and_the_house_currency_matter_to_sums_of_money_in_several_currencies():
    total, euros = Field("total", Kind.NUMBER), conditions.Test(Field("currency", Kind.TEXT), Op.EQ, "EUR")
    some = conditions.Test(Field("currency", Kind.TEXT), Op.IN, ("EUR", "CNY"))
    spent = replace(BOUGHT, measure=Measure.SUM, field=total)
    asked = (
        spent,
        replace(spent, measure=Measure.AVERAGE, where=All((some,))),
        replace(spent, where=AnyOf((euros,))),
        replace(spent, where=All((some, All((euros,))))),
        replace(spent, measure=Measure.DISTINCT),
        replace(spent, of="interactions", field=Field("duration_seconds", Kind.INTEGER)),
    )
    for event in (
        Event("exchange_rate.added", before=None, after={"rate": "7"}),
        Event("organisation.edited", before={"currency": "a"}, after={"currency": "b"}),
    ):
        assert [touched([event], one).anew for one in asked] == [True] * 3 + [False] * 3


def test_of_a_segment_kept_by_hand_only_who_is_put_away_leaves():
    events = [edited(stage="x"), Event("contact.archived", TWO, {"archived_at": None}, {"archived_at": "x"})]
    found = touched([*events, Event("contact.erased", THREE)], None)
    assert found.contacts == dict.fromkeys((TWO, THREE), Why.ARCHIVED)
    assert found.erased == {THREE}


def test_the_clock_is_worth_a_step_soon_at_midnight_or_never():
    at = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    times = Boundary("contact", Field("created_at", Kind.TIME), 90)
    dates = Boundary("contact", Field("birth_date", Kind.DATE), 90)
    assert next_step([times, dates], at, "Asia/Shanghai") == at + PACE
    assert next_step([dates], at, "Asia/Shanghai") == datetime(2026, 3, 2, 16, tzinfo=UTC)
    assert next_step([], at, "Asia/Shanghai") is None


def test_boundaries_are_told_of_every_part():
    latest = Aggregate(
        "interactions",
        Measure.LATEST,
        Field("at", Kind.TIME),
        conditions.Test(Field("created_at", Kind.TIME), Op.GT, DaysAgo(7)),
        (None, 30),
        Op.BETWEEN,
        (DaysAgo(2), DaysAgo(1)),
    )
    condition = All(
        (latest, Company(conditions.Test(Field("created_at", Kind.TIME), Op.LT, DaysAgo(5))), CUSTOMER)
    )
    found = {(one.of, one.field.name, one.days) for one in related.boundaries(condition)}
    of = "interactions"
    assert found == {
        *((of, "created_at", 7), (of, "at", 30), (of, "at", 2), (of, "at", 1)),
        ("company", "created_at", 5),
    }


def test_a_segment_cannot_follow_times_that_no_index_finds():
    for name, follows in (("created_at", True), ("custom.seen", False)):
        condition = conditions.Test(Field(name, Kind.TIME), Op.LT, DaysAgo(1))
        if follows:
            check_followed(condition)
        else:
            with pytest.raises(InvalidInput):
                check_followed(condition)


def test_what_a_stored_condition_mentions():
    raw = {
        "all": [
            {"not": {"segment": str(ONE), "op": "in"}},
            {"field": "tags", "op": "has", "value": "a"},
            {"any": [{"field": "tags", "op": "has_any", "value": ["b", "c"]}]},
            {"company": {"field": "tags", "op": "has", "value": "d"}},
            {"of": "orders", "measure": "count", "where": {"field": "tags", "op": "has", "value": "e"}},
        ]
    }
    assert mentions(raw) == Mentions(frozenset({ONE}), frozenset("abc"))
    assert mentions({"field": "tags", "op": "is_empty", "value": True}).tags is None
    assert mentions(None) == Mentions(frozenset(), frozenset())


def knots(edges: set[tuple[int, int]]) -> list[Knot]:
    return [
        Knot(
            id_,
            str(n),
            None,
            Mentions(frozenset(IDS[to] for start, to in edges if start == n), frozenset()),
        )
        for n, id_ in enumerate(IDS)
    ]


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14))
def test_a_circle_is_found_exactly_where_there_is_one(edges: set[tuple[int, int]]):
    made = knots(edges)
    reached = {to for start, to in edges if start == 0}
    while more := {to for start, to in edges if start in reached} - reached:
        reached |= more
    users = {start for start, to in edges if to == 0}
    while more := {start for start, to in edges if to in users} - users:
        users |= more
    assert set(users_of(IDS[0], made)) == {IDS[n] for n in users}
    if 0 in reached:
        with pytest.raises(RuleBroken):
            check_circle(made[0], made)
    else:
        check_circle(made[0], made)


FIELDS = {
    "orders": {"total": Field("total", Kind.NUMBER), "placed_at": Field("placed_at", Kind.TIME)},
    "interactions": {"kind": Field("kind", Kind.TEXT), "at": Field("at", Kind.TIME)},
}
COUNT = {"of": "orders", "measure": "count", "op": "gte", "value": 1}


def parse(raw: Any) -> Any:
    beyond = Beyond(FIELDS, {"industry": Field("industry", Kind.TEXT)})
    return conditions.parse(raw, {"stage": STAGE}, moving=True, look=related.looking(lambda: beyond))


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ({"of": "visits"} | COUNT | {"of": "visits"}, "/of"),
        (COUNT | {"measure": "most"}, "/measure"),
        (COUNT | {"field": "total"}, "/field"),
        (COUNT | {"measure": "sum"}, "/field"),
        (COUNT | {"measure": "sum", "field": "placed_at"}, "/field"),
        (COUNT | {"measure": "latest", "field": "total"}, "/field"),
        (COUNT | {"op": "in"}, "/op"),
        (COUNT | {"op": "is_null", "value": True}, "/op"),
        (COUNT | {"value": "x"}, "/value"),
        (COUNT | {"value": {"days_ago": 1}}, "/value"),
        (COUNT | {"days": [0, 90]}, "/days"),
        (COUNT | {"days": [90]}, "/days"),
        (COUNT | {"days": [90, 0.5]}, "/days/1"),
        (COUNT | {"days": [99_999, 0]}, "/days/0"),
        (COUNT | {"where": {"field": "stage", "op": "eq", "value": "x"}}, "/where/field"),
        (COUNT | {"where": COUNT}, "/where"),
        (COUNT | {"more": 1}, "/more"),
        ({"of": "orders", "measure": "count", "value": 1}, ""),
        ({"company": {"company": {"all": []}}}, "/company"),
        ({"company": {"all": []}, "op": "in"}, "/op"),
        ({"segment": "x", "op": "in"}, "/segment"),
        ({"segment": str(ONE), "op": "eq"}, "/op"),
        ({"segment": str(ONE)}, "/op"),
        ({"all": [COUNT] * 11}, "/all/10"),
        ({"field": "stage", "op": "eq", "value": {"days_ago": 1}}, "/value"),
        (COUNT | {"where": {"field": "placed_at", "op": "gt", "value": {"days": 1}}}, "/where/value"),
        (COUNT | {"where": {"field": "placed_at", "op": "gt", "value": {"days_ago": True}}}, "/where/value"),
        (
            COUNT
            | {"where": {"field": "placed_at", "op": "between", "value": [{"days_ago": 1}, {"days_ago": 2}]}},
            "/where/value",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_place(raw: Any, at: str):
    with pytest.raises(InvalidInput) as refused:
        parse(raw)
    assert refused.value.facts["at"] == at, refused.value.detail


def test_tests_inside_count_with_the_others():
    inside = COUNT | {"where": {"all": [{"field": "placed_at", "op": "gt", "value": {"days_ago": 1}}] * 60}}
    parse(inside)
    with pytest.raises(InvalidInput):
        parse({"all": [inside, inside]})


def test_without_leave_nothing_further_is_read():
    further: list[dict[str, Any]] = [COUNT, {"company": {"all": []}}, {"segment": str(ONE), "op": "in"}]
    for raw in further:
        with pytest.raises(InvalidInput):
            conditions.parse(raw, {"stage": STAGE})
