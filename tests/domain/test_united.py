"""Lists of an import: whatever is given, nothing that was there is lost, and a second time changes nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.united import united

PART = st.none() | st.sampled_from(["a", "b"])
ADDRESSES = st.lists(st.fixed_dictionaries({"label": PART, "city": PART, "street": PART}), max_size=4)


def _items(listed: list[dict[str, Any]]) -> list[set[tuple[str, Any]]]:
    return [{(key, value) for key, value in one.items() if value is not None} for one in listed]


@given(ADDRESSES, ADDRESSES)
def test_no_item_and_no_part_that_is_not_said_anew_is_lost(stored: Any, new: Any):
    after = united(stored, new, "label")
    assert len(after) >= max(len(stored), len(new))
    for one in stored:
        parts = [key for key, value in one.items() if value is not None]
        assert any(
            other["label"] == one["label"] and all(other[key] is not None for key in parts) for other in after
        )
    unlabelled = [one for one in _items(stored) if "label" not in dict(one)]
    assert all(any(one <= other for other in _items(after)) for one in unlabelled)
    assert all(any(one <= other for other in _items(after)) for one in _items(new))


@given(ADDRESSES, ADDRESSES)
def test_a_second_time_changes_nothing(stored: Any, new: Any):
    once = united(stored, new, "label")
    assert united(once, new, "label") == once


def test_what_could_not_be_understood_is_not_the_same_as_something_else_that_could_not():
    stored = [{"number": "ext 12", "e164": None, "label": "work"}]
    assert united(stored, [{"number": "call desk", "e164": None, "label": None}], "e164") == [
        {"number": "call desk", "e164": None, "label": None},
        *stored,
    ]
    assert united(stored, [{"number": "ext 12", "e164": None, "label": None}], "e164") == stored


def test_a_label_that_is_not_said_stays():
    stored = [{"address": "a@x.com", "normalised": "a@x.com", "label": "work"}]
    assert united(stored, [{"address": "A@x.com", "normalised": "a@x.com", "label": None}], "normalised") == [
        {"address": "A@x.com", "normalised": "a@x.com", "label": "work"}
    ]


def test_plain_values_are_told_apart_by_what_they_are():
    assert united(["a", "b"], ["c", "b"], "") == ["c", "b", "a"]
