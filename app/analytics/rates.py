"""Rates: how sure a share of a number is, and whether two differ.

Sources: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212;
R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17 (1998)
873-890, method 10; the test is the pooled two-proportion z test (Fleiss, Levin and Paik, Statistical Methods for Rates
and Proportions, 3rd edition, 2003, section 3.1), without the correction for continuity.
"""

from math import sqrt
from statistics import NormalDist
from typing import Any

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_PLACES = 6


def rate(part: int, whole: int) -> dict[str, Any]:
    """A share from 0 to 1 with Wilson's interval at 95 per cent; all None of nothing."""
    low, high = _wilson(part, whole) if whole else (None, None)
    return {
        "of": whole,
        "count": part,
        "rate": round(part / whole, _PLACES) if whole else None,
        "low": None if low is None else round(low, _PLACES),
        "high": None if high is None else round(high, _PLACES),
    }


def change(part: int, whole: int, part_before: int, whole_before: int) -> dict[str, Any]:
    """The difference of two shares with Newcombe's interval at 95 per cent, and the p value of their being one.

    All None where either is a share of nothing; the p value is 1 where both shares are all, or nothing.
    """
    if not (whole and whole_before):
        return {"difference": None, "low": None, "high": None, "p_value": None}
    now, then = part / whole, part_before / whole_before
    (low, high), (low_then, high_then) = _wilson(part, whole), _wilson(part_before, whole_before)
    found = {
        "difference": now - then,
        "low": now - then - sqrt((now - low) ** 2 + (high_then - then) ** 2),
        "high": now - then + sqrt((high - now) ** 2 + (then - low_then) ** 2),
        "p_value": _p_value(part, whole, part_before, whole_before),
    }
    return {name: round(value, _PLACES) for name, value in found.items()}


def _p_value(part: int, whole: int, part_before: int, whole_before: int) -> float:
    pooled = (part + part_before) / (whole + whole_before)
    error = sqrt(pooled * (1 - pooled) * (1 / whole + 1 / whole_before))
    if not error:
        return 1.0
    return 2 * NormalDist().cdf(-abs(part / whole - part_before / whole_before) / error)


def _wilson(part: int, whole: int) -> tuple[float, float]:
    share, square = part / whole, _Z**2 / whole
    middle = share + square / 2
    reach = _Z * sqrt(share * (1 - share) / whole + square / (4 * whole))
    # Rounding would leave a hair between an end and 0 or 1.
    low = 0.0 if part == 0 else (middle - reach) / (1 + square)
    high = 1.0 if part == whole else (middle + reach) / (1 + square)
    return low, high
