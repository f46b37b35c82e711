"""A condition means the same in Python and in SQL."""

import json
import shutil
import sys
import tempfile
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from asyncpg import connect
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from app.db.where import compile_, parameters
from app.domain import conditions
from app.domain.conditions import Not, matches
from app.domain.fields import Kind
from app.domain.ops import FLAGS, Op, lower
from app.embedded.servers import servers
from tests.makers.conditions import (
    COLUMNS,
    CONDITION,
    DIALECT,
    FIELD,
    FIELDS,
    KEYS,
    KINDS,
    ODD,
    ONE,
    RECORD,
    TEXTS,
    TYPES,
    sql,
    values_for,
)


async def fill(connection, records):
    await connection.execute("truncate record")
    names = ["place", *(kind.value for kind in KINDS), "custom"]
    marks = ", ".join(f"${i}" for i in range(1, len(names) + 1))
    quoted = ", ".join(f'"{name}"' for name in names)
    rows = [
        (i, *(record[kind.value] for kind in KINDS), json.dumps(record["custom"]))
        for i, record in enumerate(records)
    ]
    statement = f"insert into record ({quoted}) values ({marks})"  # noqa: S608 - names and marks are this file's own
    await connection.executemany(statement, rows)


async def selected(connection, condition) -> set[int]:
    return {row["place"] for row in await connection.fetch(sql(condition), *conditions.values(condition))}


@pytest.fixture(scope="module")
def server():
    # Not pytest's own folder: as root the server runs as another account, which cannot enter it.
    state_dir = Path(tempfile.mkdtemp(prefix="rapport-where-"))
    state_dir.chmod(0o711)
    with servers(state_dir, redis=False, durable=False) as running:
        yield running.database_url
    shutil.rmtree(state_dir)


@pytest.fixture(scope="module")
async def connection(server):
    connection = await connect(server)
    columns = ", ".join(f'"{kind}" {name}' for kind, name in TYPES.items())
    await connection.execute(f"create temp table record (place int, {columns}, custom jsonb)")
    yield connection
    await connection.close()


# Another load on the machine is no failure.
PATIENT = settings(deadline=None)
MANY = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(records=st.lists(RECORD, min_size=1, max_size=8), asked=st.lists(CONDITION, min_size=4, max_size=8))
async def test_sql_selects_what_python_matches(connection, records, asked):
    await fill(connection, records)
    for condition in asked:
        expected = {i for i, record in enumerate(records) if matches(condition, record)}
        assert await selected(connection, condition) == expected, conditions.to_json(condition)
        assert await selected(connection, Not(condition)) == set(range(len(records))) - expected
        event("some match" if expected else "none match")


async def test_every_text_meets_every_text_alike(connection):
    records = [dict.fromkeys(KINDS) | {"text": text, "custom": {KEYS[Kind.TEXT]: text}} for text in TEXTS]
    await fill(connection, records)
    for field in (FIELDS[0], FIELDS[len(KINDS)]):
        for op in (Op.EQ, Op.LT, Op.GTE, Op.CONTAINS, Op.STARTS_WITH):
            for text in TEXTS:
                condition = conditions.Test(field, op, text)
                expected = {i for i, record in enumerate(records) if matches(condition, record)}
                assert await selected(connection, condition) == expected, condition


def test_custom_text_brings_its_collation_wherever_the_database_was_made():
    assert "COLLATE pg_c_utf8" in sql(conditions.Test(FIELDS[len(KINDS)], Op.LT, "a"))


async def test_no_odd_stored_value_breaks_or_passes_for_another_kind(connection):
    await fill(
        connection, [dict.fromkeys(KINDS) | {"custom": dict.fromkeys(KEYS.values(), odd)} for odd in ODD]
    )
    for field in FIELDS[len(KINDS) :]:
        flag, kept = (Op.IS_EMPTY, list) if field.kind is Kind.LABELS else (Op.IS_NULL, object)
        condition = conditions.Test(field, flag, True)
        expected = {i for i, odd in enumerate(ODD) if matches(condition, {"custom": {KEYS[field.kind]: odd}})}
        assert await selected(connection, condition) == expected
        assert any(isinstance(odd, kept) for i, odd in enumerate(ODD) if i not in expected)


async def test_lower_casing_agrees_on_every_character_python_knows(connection):
    points = [i for i in range(1, sys.maxunicode + 1) if unicodedata.category(chr(i)) not in {"Cn", "Cs"}]
    lowered = await connection.fetchval(
        'select array_agg(lower(chr(i) collate "pg_c_utf8") order by i) from unnest($1::int[]) i', points
    )
    assert [lower(chr(i)) for i in points] == lowered


@pytest.mark.parametrize(
    ("kind", "one", "many"),
    [
        (Kind.TEXT, "VARCHAR", "TEXT[]"),
        (Kind.INTEGER, "BIGINT", "BIGINT[]"),
        (Kind.NUMBER, "NUMERIC", "NUMERIC[]"),
        (Kind.DATE, "DATE", "DATE[]"),
        (Kind.TIME, "TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE[]"),
        (Kind.ID, "UUID", "UUID[]"),
    ],
)
def test_placeholders_carry_their_types_and_lists_are_one_array(kind, one, many):
    equal = sql(conditions.Test(FIELD[kind], Op.EQ, ONE[kind]))
    among = sql(conditions.Test(FIELD[kind], Op.IN, (ONE[kind],) * 3))
    assert equal.endswith(f"{kind} = $1::{one}")
    assert among.endswith(f"{kind} = ANY ($1::{many})")


def revalued(condition, draw):
    match condition:
        case conditions.Test(field, op, value):
            return replace(condition, value=value if op in FLAGS else draw(values_for(field, op)))
        case Not(part):
            return Not(revalued(part, draw))
    return type(condition)(tuple(revalued(part, draw) for part in condition.parts))


@PATIENT
@given(condition=CONDITION, data=st.data())
def test_the_text_depends_only_on_the_shape(condition, data):
    other = revalued(condition, data.draw)
    assert conditions.shape(other) == conditions.shape(condition)
    assert sql(other) == sql(condition)
    assert len(conditions.values(other)) == len(conditions.values(condition))


@PATIENT
@given(condition=CONDITION, other=CONDITION)
def test_another_text_has_another_shape(condition, other):
    assert sql(condition) == sql(other) or conditions.shape(condition) != conditions.shape(other)


@PATIENT
@given(condition=CONDITION)
def test_placeholders_are_named_in_the_order_of_the_values(condition):
    compiled = compile_(condition, COLUMNS, prefix="seg").compile(dialect=DIALECT)
    placed = parameters(condition, prefix="seg")
    assert compiled.positiontup == list(placed) == [f"seg{i}" for i in range(len(placed))]
    assert list(placed.values()) == conditions.values(condition)


POSITIVE = [
    *(conditions.Test(FIELD[kind], Op.EQ, one) for kind, one in ONE.items()),
    *(
        conditions.Test(FIELD[kind], Op.IN, (one, one))
        for kind, one in ONE.items()
        if kind is not Kind.BOOLEAN
    ),
    *(
        conditions.Test(FIELD[kind], Op.BETWEEN, (ONE[kind], ONE[kind]))
        for kind in (Kind.TEXT, Kind.NUMBER, Kind.TIME)
    ),
    conditions.Test(FIELD[Kind.TEXT], Op.STARTS_WITH, "ab"),
    conditions.Test(FIELD[Kind.DATE], Op.GTE, ONE[Kind.DATE]),
    conditions.Test(FIELD[Kind.DATE], Op.IS_NULL, True),
    conditions.Test(FIELD[Kind.LABELS], Op.HAS, "vip"),
    conditions.Test(FIELD[Kind.LABELS], Op.HAS_ANY, ("vip",)),
    conditions.Test(FIELD[Kind.LABELS], Op.HAS_ALL, ("vip",)),
    conditions.Test(FIELDS[len(KINDS)], Op.EQ, "北京"),
]


@pytest.mark.parametrize("condition", POSITIVE, ids=conditions.shape)
async def test_an_index_answers_a_positive_test(connection, condition):
    name = condition.field.name if condition.field in FIELD.values() else "custom"
    lowered = condition.op is Op.STARTS_WITH
    using = {"labels": "gin (labels)", "custom": "gin (custom jsonb_path_ops)"}.get(
        name, 'btree (lower("text"))' if lowered else f'btree ("{name}")'
    )
    async with connection.transaction():
        await connection.execute(
            f"create index answer on record using {using}; set local enable_seqscan = off"
        )
        plan = await connection.fetch(f"explain {sql(condition)}", *conditions.values(condition))
        await connection.execute("drop index answer")
    assert any("Index Cond" in line[0] for line in plan), plan
