"""A pointer leads to where it says, and can be sent to anybody."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.pointers import pointer


def _found(value: Any, at: str) -> Any:
    """What a pointer leads to, as RFC 6901, 4 says."""
    for token in at.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@given(st.lists(st.text() | st.integers(0, 3)))
def test_a_pointer_leads_to_where_its_parts_lead(parts: list[str | int]):
    value: Any = "here"
    for part in reversed(parts):
        value = {part: value} if isinstance(part, str) else [None] * part + [value]
    assert _found(value, pointer(parts)) == "here"


@given(st.lists(st.text(st.characters(categories=["Cs", "Ll", "Po"]))))
def test_a_pointer_is_unicode_whatever_the_keys_are(parts: list[str]):
    pointer(parts).encode()
    assert pointer(["\ud800", "a"]) == "/\\ud800/a"
