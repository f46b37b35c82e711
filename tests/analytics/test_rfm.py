"""Findings rolled up from cells are those of the customers that the cells were made of."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.analytics.rfm import movement, overview
from app.domain.rfm import TIERS, Segment, segment
from tests.makers.buyers import scores

_CUSTOMERS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, 9), st.decimals("-50", "900", places=2)), max_size=40
)


def cells(customers: list[tuple[int, int, Decimal]]) -> tuple[list[Any], list[tuple[int, int, int]]]:
    """Customers grouped by their scores, and the scores of each."""
    if not customers:
        return [], []
    days, times, money = zip(*customers, strict=True)
    scored = list(zip(scores([-d for d in days]), scores(times), scores(money), strict=True))
    groups = defaultdict(list)
    for customer, key in zip(customers, scored, strict=True):
        groups[key].append(customer)
    made = []
    for (r, f, m), group in groups.items():
        values: dict[str, Any] = {"r": r, "f": f, "m": m, "contacts": len(group)}
        for name, column in zip(
            ("recency_days", "frequency", "monetary"), zip(*group, strict=True), strict=True
        ):
            values |= {name: sum(column), f"least_{name}": min(column), f"most_{name}": max(column)}
        made.append(SimpleNamespace(**values))
    return made, scored


@given(_CUSTOMERS)
def test_every_number_is_that_of_its_customers(customers: list[tuple[int, int, Decimal]]):
    made, scored = cells(customers)
    told = overview(made)
    revenue = sum((money for *_, money in customers), Decimal(0))
    assert (told["contacts"], told["revenue"]) == (len(customers), revenue)
    for names, name, belongs in (
        ("segments", "segment", lambda key: segment(*key)),
        ("tiers", "tier", lambda key: TIERS[key[2]]),
    ):
        assert sum(group["contacts"] for group in told[names]) == len(customers)
        for group in told[names]:
            own = [c for c, key in zip(customers, scored, strict=True) if belongs(key) == group[name]]
            assert group["contacts"] == len(own)
            assert group["revenue"] == sum((money for *_, money in own), Decimal(0))
            if own:
                assert group["recency_days"] == round(sum(days for days, *_ in own) / len(own), 2)
            if revenue > 0:
                assert abs(group["revenue_share"] - float(group["revenue"] / revenue)) <= 0.00005
    for place, measure in enumerate(("recency", "frequency", "monetary")):
        for one in told["distribution"][measure]:
            band = [c[place] for c, key in zip(customers, scored, strict=True) if key[place] == one["score"]]
            assert (one["contacts"], one["least"], one["most"]) == (
                len(band), min(band, default=None), max(band, default=None),
            )  # fmt: skip


@dataclass
class Moved:
    before: str | None
    after: str | None
    contacts: int


def test_movements_stand_in_the_order_of_the_segments():
    moves = [
        Moved(None, "champions", 1),
        Moved("lost", None, 2),
        Moved("champions", "lost", 3),
        Moved("loyal", "loyal", 4),
    ]
    assert [move["contacts"] for move in movement(moves)] == [3, 4, 2, 1]
    assert list(Segment)[:2] == ["champions", "loyal"]
