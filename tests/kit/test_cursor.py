"""Cursors open where they were made, unchanged, and nowhere else."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.kit import cursor

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.lists(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT, max_size=5)
CONTEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@settings(deadline=None)
@given(CONTEXT, VALUES)
def test_a_cursor_gives_back_its_values(context, values):
    sealed = cursor.seal(context, values)
    assert set(sealed) <= set(ALPHABET)
    assert cursor.unseal(context, sealed) == values


@settings(deadline=None)
@given(CONTEXT, CONTEXT, VALUES)
def test_a_cursor_opens_in_its_own_context_only(context, other, values):
    assume(context != other)
    with pytest.raises(ValueError, match="cursor"):
        cursor.unseal(other, cursor.seal(context, values))


def test_contexts_that_begin_alike_are_different():
    with pytest.raises(ValueError, match="cursor"):
        cursor.unseal("c" * 64 + "b", cursor.seal("c" * 64 + "a", [1]))


@settings(deadline=None)
@given(VALUES, st.data())
def test_a_changed_cursor_does_not_open(values, data):
    sealed = cursor.seal("list", values)
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != sealed[at]]))
    for wrong in (sealed[:at] + other + sealed[at + 1 :], sealed[:at], sealed + other, sealed + "="):
        with pytest.raises(ValueError, match="cursor"):
            cursor.unseal("list", wrong)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_other_text_is_no_cursor(text):
    with pytest.raises(ValueError, match="cursor"):
        cursor.unseal("list", text)
