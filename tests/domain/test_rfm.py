"""RFM rules: edges and the names of segments."""

from decimal import Decimal
from itertools import product

import pytest

from app.domain.errors import InvalidInput
from app.domain.rfm import BINS, SEGMENTS, Segment, cents, check_edges, segment


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
