"""Records of every kind of value, and conditions over them, in Python and in SQL."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import JSONB, asyncpg

from app.db.where import compile_
from app.domain import conditions
from app.domain.conditions import All, AnyOf, Condition, Not
from app.domain.fields import INTEGER_MAX, INTEGER_MIN, Field, Kind, to_raw
from app.domain.ops import FLAGS, LISTS, OPS, Op

TYPES = {
    Kind.TEXT: 'text collate "pg_c_utf8"',
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "numeric(26,10)",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIME: "timestamptz",
    Kind.ID: "uuid",
    Kind.LABELS: 'text[] collate "pg_c_utf8"',
}
KINDS = list(TYPES)
# A key with quotes, a percent sign, a colon and a backslash must stay a key.
KEYS = {kind: f"{kind} '\"%:\\\\" for kind in KINDS}
FIELDS = [Field(kind.value, kind) for kind in KINDS] + [Field(f"custom.{KEYS[kind]}", kind) for kind in KINDS]
COLUMNS = {kind.value: sa.column(kind.value, sa.Text()) for kind in KINDS} | {
    "custom": sa.column("custom", JSONB())
}
DIALECT = asyncpg.dialect()
# PostgreSQL's tables of letters are newer than Python's (3.11 knows Unicode 14): a letter that only one of them knows
# is lowered by only one of them. Over the characters that Python knows they agree, which a test proves.
ASSIGNED = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00")
TEXTS = [
    *(
        "",
        "北京",
        "北京市",
        "北",
        "Ärger",
        "ÄRGER",
        "ärg",
        "rGE",
        "ΑΣ",
        "ας",
        "ασ",
        "İi",
        "ii",
        "ß",
        "ẞ",
        "😀",
    ),
    *("%", "_", "\\", "\\%", "a%b_c\\d", "B_C", "aXb", "null", "Z", "a", "\uffff", "\U0001f600"),
]
TEXT = st.sampled_from(TEXTS) | st.text(ASSIGNED, max_size=4)
VALUES = {
    Kind.TEXT: TEXT,
    Kind.INTEGER: st.sampled_from([INTEGER_MIN, -1, 0, 1, 2**53 + 1, INTEGER_MAX]),
    Kind.NUMBER: st.sampled_from(
        [
            Decimal(text)
            for text in (
                "-9999999999999999.9999999999",
                "-0",
                "0.0000000001",
                "0.1",
                "1",
                "1.0",
                "9999999999999999.9999999999",
            )
        ]
    ),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.sampled_from([date.min, date(1900, 2, 28), date(2024, 2, 29), date(2026, 1, 31), date.max]),
    Kind.TIME: st.sampled_from(
        [
            datetime.min.replace(tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
            datetime(2026, 1, 31, 8, 30, tzinfo=UTC),
            datetime(2026, 1, 31, 8, 30, 0, 1, UTC),
            datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1),
            datetime.max.replace(tzinfo=UTC),
        ]
    ),
    Kind.ID: st.sampled_from(
        [UUID(int=0), UUID("0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"), UUID(int=2**128 - 1)]
    ),
}
LABEL = st.sampled_from(["", "vip", "VIP", "北京", "%", "a,b", '"', "{}", "null"])
# What older definitions, or other hands, may have left under a custom key.
ODD = [
    *(
        None,
        True,
        0,
        1,
        -1,
        1.0,
        0.1,
        1e-7,
        1e22,
        10**18,
        10**19,
        10**30,
        INTEGER_MAX + 1,
        "",
        "1",
        "0.1",
        "0.10",
        "1e5",
    ),
    *(
        " 1",
        "1\n",
        "٣",
        "NaN",
        "Infinity",
        "true",
        "2024-02-29",
        "2023-02-29",
        "0000-01-01",
        "20240229",
        "infinity",
    ),
    *("2026-01-31T08:30:00Z", "2026-01-31T16:30:00+08:00", "2026-01-31T08:30:00", "2026-02-30T08:30:00Z"),
    *(
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T08:30:60Z",
    ),
    *(
        "2026-01-31 08:30:00Z",
        "epoch",
        "now",
        "2026-01-31T08:30:00+15:59",
        "2026-01-31T08:30:00+16:00",
        "北京",
    ),
    *(
        "0197B2A4-6C1E-7D42-9B1F-5A3C8E7D9F10",
        "{0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10}",
        "9999-12-31",
        "0001-01-01",
    ),
    *(
        [],
        ["vip"],
        ["vip", "vip", ""],
        ["vip", 1],
        ["vip", None],
        [["vip"]],
        {},
        {"vip": "vip"},
        "vip",
        [["vip"], "vip"],
    ),
]


def stored(kind):
    """A value of a column: of the kind, or missing."""
    return st.none() | (st.lists(LABEL, max_size=3) if kind is Kind.LABELS else VALUES[kind])


def stored_raw(kind):
    """A raw value under a custom key: most often of the kind."""
    return st.one_of(stored(kind).map(to_raw), st.sampled_from(ODD))


RECORD = st.fixed_dictionaries(
    {kind.value: stored(kind) for kind in KINDS}
    | {"custom": st.fixed_dictionaries({}, optional={KEYS[kind]: stored_raw(kind) for kind in KINDS})}
)


def values_for(field, op):
    """What the op may be given for the field."""
    one = LABEL if field.kind is Kind.LABELS else VALUES[field.kind]
    if op in FLAGS:
        return st.booleans()
    if op is Op.BETWEEN:
        return st.tuples(one, one).map(lambda ends: tuple(sorted(ends)))
    return st.lists(one, max_size=3).map(tuple) if op in LISTS else one


@st.composite
def single(draw):
    """One test of one field."""
    field = draw(st.sampled_from(FIELDS))
    op = draw(st.sampled_from(sorted(OPS[field.kind])))
    return conditions.Test(field, op, draw(values_for(field, op)))


CONDITION = st.recursive(
    single(),
    lambda part: (
        st.lists(part, max_size=3).map(lambda parts: All(tuple(parts)))
        | st.lists(part, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | part.map(Not)
    ),
    max_leaves=5,
)


def sql(condition: Condition) -> str:
    """The statement that selects the places of the records that a condition holds of."""
    return str(
        sa.select(sa.column("place"))
        .select_from(sa.table("record"))
        .where(compile_(condition, COLUMNS))
        .compile(dialect=DIALECT)
    )


ONE = {
    Kind.TEXT: "北京",
    Kind.INTEGER: 1,
    Kind.NUMBER: Decimal("0.1"),
    Kind.BOOLEAN: True,
    Kind.DATE: date(2026, 1, 31),
    Kind.TIME: datetime(2026, 1, 31, tzinfo=UTC),
    Kind.ID: UUID(int=0),
}
FIELD = {field.kind: field for field in FIELDS[: len(KINDS)]}
