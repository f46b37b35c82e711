"""Intervals and tests, beside those of scipy and the examples of their papers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]  # it has no types

from app.analytics.rates import change, rate

NUMBERS = st.integers(1, 5_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@given(NUMBERS)
def test_a_rate_has_wilsons_interval(one: tuple[int, int]):
    found = rate(*one)
    meant = stats.binomtest(*one).proportion_ci(method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((meant.low, meant.high), abs=1e-6)
    assert found["low"] <= found["rate"] <= found["high"]


@given(NUMBERS, NUMBERS)
def test_two_rates_are_tested_as_by_a_table_of_four(now: tuple[int, int], then: tuple[int, int]):
    found = change(*now, *then)
    table = [[part, whole - part] for part, whole in (now, then)]
    if all(sum(column) for column in zip(*table, strict=True)):
        meant = stats.chi2_contingency(table, correction=False).pvalue
        assert found["p_value"] == pytest.approx(meant, abs=1e-6)
    else:
        assert found["p_value"] == 1
    assert found["low"] <= found["difference"] <= found["high"]


def test_the_interval_of_a_difference_is_that_of_newcombes_example():
    found = change(56, 70, 48, 80)
    assert (found["low"], found["high"]) == (0.052431, 0.333873)  # 0.0524 and 0.3339 in his table II
    assert change(0, 10, 0, 20)["difference"] == 0


def test_a_share_of_nothing_is_no_number():
    assert rate(0, 0) == {"of": 0, "count": 0, "rate": None, "low": None, "high": None}
    assert set(change(0, 0, 1, 2).values()) == {None}
