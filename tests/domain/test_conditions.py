"""The filter language: what it accepts, what it refuses and where, what it means."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain import conditions
from app.domain.conditions import All, AnyOf, Not, matches
from app.domain.errors import InvalidInput
from app.domain.fields import Field, Kind
from app.domain.ops import OPS, Op, lower

FIELDS = {
    field.name: field
    for field in (
        Field("city", Kind.TEXT),
        Field("stage", Kind.TEXT, choices=frozenset({"won", "lost"})),
        Field("visits", Kind.INTEGER),
        Field("amount", Kind.NUMBER),
        Field("vip", Kind.BOOLEAN),
        Field("born", Kind.DATE),
        Field("seen_at", Kind.TIME),
        Field("owner_id", Kind.ID),
        Field("tags", Kind.LABELS),
        Field("teams", Kind.LABELS, choices=frozenset({"north", "south"})),
        Field("raw", Kind.JSON),
        Field("secret", Kind.TEXT, filterable=False),
        Field("custom.level", Kind.INTEGER),
        Field("custom.due", Kind.DATE),
        Field("custom.marks", Kind.LABELS),
    )
}
OWNER = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"


def a_test(field="city", op="eq", value="北京"):
    return {"field": field, "op": op, "value": value}


def parse(raw, **limits):
    return conditions.parse(raw, FIELDS, **limits)


def nested(levels):
    raw = a_test()
    for _ in range(levels - 1):
        raw = {"not": raw}
    return raw


@pytest.mark.parametrize(
    ("raw", "at", "words"),
    [
        ([], "", "object"),
        ("city", "", "object"),
        ({}, "", '"field" is missing'),
        ({"field": "city", "op": "eq"}, "", '"value" is missing'),
        ({"all": {}}, "/all", "list"),
        ({"any": [a_test(), 3]}, "/any/1", "object"),
        ({"all": [], "any": []}, "/any", '"any" does not belong beside "all"'),
        ({"not": [a_test()]}, "/not", "object"),
        (a_test() | {"a/b~c": 1}, "/a~1b~0c", '"a/b~c" does not belong'),
        (a_test(field="town"), "/field", '"town"'),
        (a_test(field=["city"]), "/field", "a list"),
        (a_test(field="secret"), "/field", "secret cannot be filtered"),
        (a_test(field="raw"), "/field", "raw cannot be filtered"),
        (a_test(op="like"), "/op", 'no op "like"; city takes eq, ne'),
        (a_test(op=["eq"]), "/op", "no op a list"),
        (a_test(field="vip", op="gt", value=True), "/op", "takes eq, ne, is_null"),
        (a_test(field="tags", op="eq", value="a"), "/op", "takes has, has_any"),
        (a_test(value=None), "/value", '"is_null" finds missing values'),
        (a_test(field="tags", op="has", value=None), "/value", '"is_empty" finds missing values'),
        (a_test(value=5), "/value", "city must be text"),
        (a_test(field="stage", value="open"), "/value", 'one of lost, won, not "open"'),
        (a_test(field="teams", op="has", value="west"), "/value", "one of north, south"),
        (a_test(field="visits", value=True), "/value", "visits must be a whole number"),
        (a_test(op="in", value="北京"), "/value", "a list of values"),
        (a_test(op="in", value=["北京", 1]), "/value/1", "city must be text"),
        (a_test(op="in", value=["x"] * 1001), "/value", "at most 1,000 values, not 1,001"),
        (a_test(field="visits", op="between", value=[1]), "/value", "two values"),
        (a_test(field="visits", op="between", value=[1, "2"]), "/value/1", "visits must be a whole number"),
        (a_test(field="visits", op="between", value=[2, 1]), "/value", "lower value first"),
        (a_test(op="is_null", value="yes"), "/value", "true or false"),
        (
            {"all": [{"any": []}, {"not": a_test(field="born", value="2026-02-30")}]},
            "/all/1/not/value",
            "born must be a date",
        ),
        (nested(9), "/not" * 8, "deeper than 8 levels"),
        ({"all": [a_test()] * 101}, "/all/100", "more than 100 tests"),
        ({"all": [{"any": []}] * 101}, "/all/100", "more than 100 tests"),
    ],
)
def test_a_faulty_condition_is_refused_at_its_fault(raw, at, words):
    with pytest.raises(InvalidInput) as refusal:
        parse(raw)
    assert refusal.value.code == "condition_invalid"
    assert refusal.value.facts == {"at": at}
    assert words in refusal.value.detail
    assert refusal.value.detail.endswith(".")


def test_limits_are_reached_before_they_are_passed():
    parse(nested(8))
    parse({"all": [a_test()] * 100})
    parse(a_test(op="in", value=["x"] * 1000))
    with pytest.raises(InvalidInput):
        parse(nested(3), max_depth=2)
    with pytest.raises(InvalidInput):
        parse({"any": [a_test(), a_test()]}, max_tests=1)


def test_parts_of_choices_need_not_be_choices():
    assert parse(a_test("stage", "starts_with", "w")).value == "w"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([*FIELDS, *Op]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "field", "op", "value", "x"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
@example([[]] * 3)
@example(a_test(value="\ud800"))
@example(a_test(field="visits", value=10**5000))
def test_any_json_is_a_condition_or_refused_by_name(raw):
    try:
        condition = parse(raw)
    except InvalidInput as refusal:
        # What cannot be encoded cannot be answered.
        refusal.detail.encode()
        return
    assert parse(conditions.to_json(condition)) == condition


EVERYTHING = {
    "all": [
        {"any": [a_test(), a_test("stage", "not_in", ["won", "lost"]), {"any": []}]},
        {"not": a_test("visits", "between", [-1, 2**63 - 1])},
        a_test("amount", "gte", "12.50"),
        a_test("vip", "eq", False),
        a_test("born", "in", ["2024-02-29", "9999-12-31"]),
        a_test("seen_at", "lt", "2026-01-31T08:30:00.000001Z"),
        a_test("owner_id", "ne", OWNER),
        a_test("tags", "has_all", ["a", "a"]),
        a_test("teams", "has", "north"),
        a_test("city", "contains", "100%_\\Ä"),
        a_test("city", "starts_with", "北"),
        a_test("born", "is_null", True),
        a_test("custom.marks", "is_empty", False),
        a_test("custom.due", "lte", "9999-12-31"),
    ]
}


def test_the_json_form_survives_the_round_trip():
    condition = parse(EVERYTHING)
    assert conditions.to_json(condition) == EVERYTHING
    assert parse(json.loads(json.dumps(EVERYTHING))) == condition
    assert hash(parse(EVERYTHING)) == hash(condition)


def test_values_stand_in_reading_order_as_the_database_takes_them():
    assert conditions.values(parse(EVERYTHING)) == [
        "北京",
        ["won", "lost"],
        -1,
        2**63 - 1,
        Decimal("12.50"),
        False,
        [date(2024, 2, 29), date(9999, 12, 31)],
        datetime(2026, 1, 31, 8, 30, 0, 1, UTC),
        UUID(OWNER),
        ["a", "a"],
        "north",
        "%100\\%\\_\\\\ä%",
        "北%",
        "9999-12-31",
    ]


def test_fields_of_names_every_field_once():
    both = parse({"any": [a_test(), {"not": {"all": [a_test(), a_test("tags", "has", "x")]}}]})
    assert conditions.fields_of(both) == {"city", "tags"}
    assert conditions.fields_of(All(())) == frozenset()


def test_shape_forgets_values_and_nothing_else():
    shape = conditions.shape(parse(a_test(op="in", value=["x"])))
    assert shape == conditions.shape(parse(a_test(op="in", value=["y", "z"])))
    others = [
        parse(a_test()),
        parse(a_test(op="not_in", value=["x"])),
        parse(a_test("stage", "in", ["won"])),
        parse(a_test(op="is_null", value=True)),
        parse(a_test(op="is_null", value=False)),
        parse({"all": [a_test()]}),
        parse({"any": [a_test()]}),
        parse({"not": a_test()}),
        conditions.Test(Field("city", Kind.ID), Op.IN, (UUID(OWNER),)),
    ]
    assert len({shape, *map(conditions.shape, others)}) == 1 + len(others)


RECORD = {
    "city": "Ärger in 北京",
    "visits": 3,
    "amount": Decimal("12.5"),
    "vip": False,
    "born": date(2024, 2, 29),
    "seen_at": datetime(2026, 1, 31, 16, 30, tzinfo=timezone(timedelta(hours=8))),
    "owner_id": UUID(OWNER),
    "tags": ["a", "b", "b"],
    "custom": {"level": 3, "due": "2026-01-31", "marks": ["x"]},
}
MISSING = {"custom": {"level": "3", "due": "tomorrow", "marks": ["x", 1]}}


@pytest.mark.parametrize(
    ("field", "op", "value", "known", "missing"),
    [
        ("city", "eq", "Ärger in 北京", True, False),
        ("city", "eq", "ärger in 北京", False, False),
        ("city", "ne", "x", True, True),
        ("city", "ne", "Ärger in 北京", False, True),
        ("city", "lt", "Ä", False, False),
        ("city", "gt", "Zebra", True, False),
        ("city", "contains", "ÄRGER", True, False),
        ("city", "contains", "北", True, False),
        ("city", "contains", "", True, False),
        ("city", "contains", "%", False, False),
        ("city", "starts_with", "ärg", True, False),
        ("city", "starts_with", "北", False, False),
        ("city", "is_null", True, False, True),
        ("city", "is_null", False, True, False),
        ("visits", "in", [1, 3], True, False),
        ("visits", "in", [], False, False),
        ("visits", "not_in", [1, 3], False, True),
        ("visits", "not_in", [], True, True),
        ("visits", "lte", 3, True, False),
        ("visits", "lt", 3, False, False),
        ("visits", "gte", 3, True, False),
        ("visits", "between", [3, 4], True, False),
        ("visits", "between", [2, 3], True, False),
        ("visits", "between", [4, 5], False, False),
        ("amount", "eq", "12.500", True, False),
        ("amount", "eq", 12.5, True, False),
        ("vip", "eq", False, True, False),
        ("vip", "ne", True, True, True),
        ("born", "gte", "2024-02-29", True, False),
        ("seen_at", "eq", "2026-01-31T08:30:00Z", True, False),
        ("owner_id", "eq", OWNER.upper(), True, False),
        ("tags", "has", "b", True, False),
        ("tags", "has", "B", False, False),
        ("tags", "has_any", ["z", "a"], True, False),
        ("tags", "has_any", [], False, False),
        ("tags", "has_all", ["a", "b"], True, False),
        ("tags", "has_all", ["a", "z"], False, False),
        ("tags", "has_all", [], True, False),
        ("tags", "has_none", ["z"], True, True),
        ("tags", "has_none", ["z", "a"], False, True),
        ("tags", "is_empty", True, False, True),
        ("tags", "is_empty", False, True, False),
        ("custom.level", "eq", 3, True, False),
        ("custom.level", "is_null", True, False, True),
        ("custom.due", "gt", "2026-01-30", True, False),
        ("custom.due", "ne", "2026-01-30", True, True),
        ("custom.marks", "has", "x", True, False),
        ("custom.marks", "is_empty", True, False, True),
    ],
)
def test_meaning_for_known_and_missing_values(field, op, value, known, missing):
    condition = parse(a_test(field, op, value))
    for record, expected in ((RECORD, known), (MISSING, missing), ({}, missing)):
        assert matches(condition, record) is expected
        assert matches(Not(condition), record) is not expected


def test_groups_mean_all_any_and_nothing():
    yes, no = parse(a_test("visits", "eq", 3)), parse(a_test("visits", "eq", 4))
    assert matches(All(()), {})
    assert not matches(AnyOf(()), {})
    assert matches(All((yes, yes)), RECORD)
    assert not matches(All((yes, no)), RECORD)
    assert matches(AnyOf((no, yes)), RECORD)
    assert not matches(AnyOf((no, no)), RECORD)


def test_every_kind_states_its_ops_and_every_op_has_a_kind():
    assert set(OPS) == set(Kind)
    assert frozenset().union(*OPS.values()) == set(Op)


@pytest.mark.parametrize(
    ("text", "lowered"),
    [("ABC", "abc"), ("ΑΣ", "ασ"), ("İI", "ii"), ("ẞ", "ß"), ("Ǆ", "ǆ"), ("北京😀", "北京😀")],
)
def test_lower_casing_is_one_character_to_one(text, lowered):
    assert lower(text) == lowered
