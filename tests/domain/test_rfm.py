"""RFM rules: scores, edges and the names of segments."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.rfm import BINS, SEGMENTS, Segment, band, band_of_days, cents, check_edges, scores, segment

_EDGES = st.sets(st.integers(-100, 100), min_size=4, max_size=4).map(sorted)


@given(st.lists(st.integers(-9, 9), min_size=1))
def test_a_score_says_how_many_are_smaller(values: list[int]):
    expected = [1 + 5 * sum(other < value for other in values) // len(values) for value in values]
    assert scores(values) == expected


@given(st.permutations([1, 1, 2, 3, 5, 8, 8, 8, 13, 21]))
def test_equal_values_score_alike_in_any_order(values: list[int]):
    found = dict(zip(values, scores(values), strict=True))
    assert found == {1: 1, 2: 2, 3: 2, 5: 3, 8: 3, 13: 5, 21: 5}


@given(_EDGES, st.integers(-120, 120))
def test_edges_are_reached_from_below_and_days_are_within_them(edges: list[int], value: int):
    assert band(value, edges) == 1 + sum(edge <= value for edge in edges)
    assert band_of_days(value, edges) == BINS - sum(edge < value for edge in edges)


@pytest.mark.parametrize("edges", [[1, 2, 3], [1, 2, 3, 4, 5], [1, 1, 2, 3], [4, 3, 2, 1], []])
def test_edges_that_do_not_ascend_are_refused(edges: list[int]):
    with pytest.raises(InvalidInput, match="recency"):
        check_edges({"frequency": None, "recency": edges})
    check_edges({"recency": [1, 2, 3, 4]})


def test_every_customer_has_a_segment_and_every_segment_can_be_reached():
    reached = {segment(*letters) for letters in product(range(1, 6), repeat=3)}
    assert reached == set(Segment)
    assert len(SEGMENTS) == BINS * BINS
    assert segment(5, 5, 4) == Segment.CHAMPIONS
    assert segment(1, 5, 5) == Segment.CANNOT_LOSE
    assert segment(5, 1, 1) == Segment.NEW


def test_half_a_cent_goes_up():
    assert [cents(Decimal(text)) for text in ("0.005", "-0.005", "0.0049")] == [
        Decimal("0.01"), Decimal("-0.01"), Decimal("0.00"),
    ]  # fmt: skip
