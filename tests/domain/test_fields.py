"""Values by their kind: what each kind takes, in one form, and what it refuses."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domain.fields import Field, Kind, parse, to_raw

OWNER = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (Kind.INTEGER, -(2**63), -(2**63)),
        (Kind.NUMBER, "-9999999999999999.9999999999", Decimal("-9999999999999999.9999999999")),
        (Kind.NUMBER, 7, Decimal(7)),
        (Kind.NUMBER, 0.1, Decimal("0.1")),
        (Kind.NUMBER, 1e-10, Decimal("0.0000000001")),
        (Kind.NUMBER, 1e13, Decimal("10000000000000.0")),
        (Kind.DATE, "0001-01-01", date.min),
        (Kind.DATE, "9999-12-31", date.max),
        (Kind.TIME, "2026-01-31T16:30:00.5+08:00", datetime(2026, 1, 31, 8, 30, 0, 500_000, UTC)),
        (Kind.TIME, "9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        (Kind.ID, OWNER.upper(), UUID(OWNER)),
        (Kind.TEXT, "x" * 10_000, "x" * 10_000),
        (Kind.LABELS, ["a", "a"], ["a", "a"]),
        (Kind.JSON, {"a": [1, None, "b"]}, {"a": [1, None, "b"]}),
        (Kind.TEXT, None, None),
    ],
)
def test_raw_values_become_values_of_their_kind(kind, raw, value):
    parsed = parse(Field("it", kind), raw)
    assert parsed == value
    assert type(parsed) is type(value)
    assert parse(Field("it", kind), to_raw(parsed)) == value


@pytest.mark.parametrize(
    ("kind", "raws"),
    [
        (Kind.TEXT, [1, True, [], "\x00", "a\ud800", "x" * 10_001]),
        (Kind.INTEGER, [True, 1.0, "1", 2**63, -(2**63) - 1, math.nan, 10**5000]),
        (
            Kind.NUMBER,
            [
                True,
                math.nan,
                math.inf,
                "1e5",
                "",
                " 1",
                "1\n",
                "٣",
                "0.00000000001",
                1e-11,
                10**16,
                "+1",
                "NaN",
                10**5000,
            ],
        ),
        (Kind.BOOLEAN, [0, 1, "true"]),
        (
            Kind.DATE,
            ["2026-02-30", "0000-01-01", "20260131", "2026-W05-6", "2026-01-31T00:00:00Z", "10000-01-01", 5],
        ),
        (
            Kind.TIME,
            [
                *(
                    "2026-01-31T08:30:00",
                    "2026-01-31",
                    "2026-01-31 08:30:00Z",
                    "2026-01-31T24:00:00Z",
                    1769848200,
                ),
                *(
                    "2026-01-31T08:30:60Z",
                    "0001-01-01T00:00:00+05:00",
                    "9999-12-31T23:59:59-01:00",
                    "2026-01-31T08:30:00.1234567Z",
                ),
            ],
        ),
        (Kind.ID, [OWNER.replace("-", ""), f"{{{OWNER}}}", f"urn:uuid:{OWNER}", 1]),
        (Kind.LABELS, ["a", [1], [None], [["a"]], ["\x00"], ["a"] * 1001]),
        (Kind.JSON, [math.nan, ["\x00"], {"\ud800": 1}, {"a": {"b": [math.inf]}}]),
    ],
)
def test_other_values_are_refused_in_a_sentence(kind, raws):
    for raw in raws:
        with pytest.raises(ValueError, match=r"^it must be .+\.$") as refusal:
            parse(Field("it", kind), raw)
        assert len(str(refusal.value).encode()) < 300


def test_null_and_choices_are_checked():
    with pytest.raises(ValueError, match="it must not be null"):
        parse(Field("it", Kind.TEXT, nullable=False), None)
    with pytest.raises(ValueError, match='it must be one of a, b, not "c"'):
        parse(Field("it", Kind.LABELS, choices=frozenset({"b", "a"})), ["a", "c"])


def test_only_scalars_sort_and_json_is_opaque():
    assert {kind for kind in Kind if Field("it", kind).sortable} == set(Kind) - {Kind.LABELS, Kind.JSON}
    assert {kind for kind in Kind if not Field("it", kind).filterable} == {Kind.JSON}


def test_json_of_any_depth_is_checked():
    deep: Any = "\x00"
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ValueError, match="it must be JSON"):
        parse(Field("it", Kind.JSON), deep)
