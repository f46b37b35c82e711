"""Numbers in JSON that others wrote are read as they stand, or known to be more than a float holds."""

import json as plain
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import json

NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(NUMBER)
def test_a_number_is_read_as_the_number_that_was_written(text):
    read, odd = json.exactly(text.encode())
    assert Decimal(repr(read) if isinstance(read, float) else read) == Decimal(text)
    assert odd == isinstance(read, Decimal)
    assert json.inexact({"a/b": [1, read]}) == ((("a/b", 1), read) if odd else None)


@given(JSON)
def test_what_a_program_can_hold_is_read_as_by_everybody_else(value):
    text = plain.dumps(value)
    assert json.exactly(text.encode()) == (plain.loads(text), False)


SPACE = st.text(st.sampled_from(" \t\n\r"), max_size=3)


@given(st.data(), st.lists(JSON | st.just(Decimal("0.10000000000000000001")), min_size=1, max_size=5))
def test_items_are_read_one_by_one_as_they_are_read_together(data, values):
    written = [str(one) if isinstance(one, Decimal) else plain.dumps(one) for one in values]
    listed = [part for one in written for part in (",", one)][1:]
    text = data.draw(SPACE).join(["", "{", '"items"', ":", "[", *listed, "]", "}", ""])
    longest = max(map(len, written))
    together, _ = json.exactly(text.encode())
    assert [value for value, _ in json.items(text.encode(), longest)] == together["items"]
    assert [odd for _, odd in json.items(text.encode(), longest)] == [isinstance(v, Decimal) for v in values]
    with pytest.raises(ValueError, match=r".+"):
        list(json.items(text.encode(), longest - 1))


@pytest.mark.parametrize(
    "text",
    ["0.12345678901234567891", "1e400", "NaN", "-Infinity", '[{"a": {"b": [1, 0.10000000000000000001]}}]'],
)
def test_what_no_float_stands_for_is_found(text):
    read, odd = json.exactly(text.encode())
    assert odd
    assert json.inexact(read) is not None


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "1e9999999999999999999", "\ud800"])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        json.exactly(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"items": 1}',
        '{"items": []}',
        '{"items": [1',
        '{"items": [1,]}',
        '{"items": [1 2]}',
        '{"items": [1], "more": 2}',
        '{"items": [1]} x',
        '{"items": [1e9999999999999999999]}',
        '{"items": [' + "[" * 100_000,
    ],
)
def test_what_is_no_list_of_items_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        list(json.items(text.encode(), 2**20))
