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
