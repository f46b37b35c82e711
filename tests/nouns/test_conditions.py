"""A condition over HTTP finds what it means in Python, and counts what it finds."""

import random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain import conditions
from app.domain.errors import InvalidInput
from app.domain.fields import Field, parse
from app.domain.ops import FLAGS, LISTS, OPS, Op
from tests.makers.organisations import Organisation
from tests.nouns.nouns import PLAIN, Body, Plain, run_here

RECORDS = 12


def usable(plain: Plain) -> dict[str, Field]:
    """The fields that records differ in and conditions can test."""
    fields = plain.noun.fields
    return {name: fields[name] for name in plain.spread if name != "name" and fields[name].filterable}


def any_test(plain: Plain) -> st.SearchStrategy[Body]:
    """One test of one field, with values near those that records hold."""

    def of(name: str) -> st.SearchStrategy[Body]:
        field = usable(plain)[name]
        raw = [value for value in plain.spread[name] if value is not None]
        if raw and isinstance(raw[0], list):
            raw = sorted({one for value in raw for one in value} | {"none such"} - set(field.choices))
        # Conditions take fewer digits than some columns hold.
        raw = [value for value in raw if fits(field, value)]

        def test(op: Op) -> st.SearchStrategy[Body]:
            one = st.sampled_from(raw)
            value: st.SearchStrategy[Any] = one
            if op in FLAGS:
                value = st.booleans()
            elif op in LISTS:
                value = st.lists(one, max_size=3)
            elif op is Op.BETWEEN:
                value = st.tuples(one, one).map(lambda two: sorted(two, key=lambda v: parse(field, v)))
            return st.builds(lambda value: {"field": name, "op": op.value, "value": value}, value)

        return st.sampled_from(sorted(OPS[field.kind])).flatmap(test)

    return st.sampled_from(sorted(usable(plain))).flatmap(of)


def fits(field: Field, value: Any) -> bool:
    """Whether a condition takes the value."""
    try:
        conditions.parse(
            {"field": field.name, "op": "has" if field.kind == "labels" else "eq", "value": value},
            {field.name: field},
        )
    except InvalidInput:
        return False
    return True


def read(plain: Plain, record: Body) -> Body:
    """The record with values of its fields' kinds."""
    return {
        name: None if record[name] is None else parse(field, record[name])
        for name, field in usable(plain).items()
    }


@pytest.mark.parametrize(
    "plain",
    [plain for plain in PLAIN if usable(plain) and plain.noun.name not in {"exchange_rate", "role"}],
    ids=str,
)
async def test_search_and_count_agree_with_the_meaning_in_python(org: Organisation, plain: Plain):
    chance = random.Random(plain.noun.name)
    for n in range(RECORDS):
        values = {name: chance.choice(values) for name, values in plain.spread.items() if name != "name"}
        answer = await org.admin.post(plain.path, json=plain.make(n) | values)
        assert answer.status_code == 201, answer.text
    everything = (await org.admin.get(plain.path, params={"limit": 200})).json()["data"]
    one = any_test(plain)
    groups = st.recursive(
        one,
        lambda inner: (
            st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3))
            | st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3))
            | st.builds(lambda part: {"not": part}, inner)
        ),
        max_leaves=5,
    )

    @settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(groups)
    async def any_condition(where: Body) -> None:
        meant = conditions.parse(where, plain.noun.fields)
        expected = {record["id"] for record in everything if conditions.matches(meant, read(plain, record))}
        found = await org.admin.post(f"{plain.path}/search", json={"where": where, "limit": 200})
        assert found.status_code == 200, (where, found.text)
        assert {record["id"] for record in found.json()["data"]} == expected, where
        counted = await org.admin.post(f"{plain.path}/count", json={"where": where})
        assert counted.json() == {"count": len(expected)}, where

    await run_here(any_condition)
