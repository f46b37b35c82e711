"""Recency, frequency and monetary value: scores from 1 to 5, and the segments that marketing knows by name."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType

BINS = 5


class Segment(StrEnum):
    """What a customer is called by how lately and how much they bought."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL_LOYALISTS = "potential_loyalists"
    NEW = "new"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    CANNOT_LOSE = "cannot_lose"
    HIBERNATING = "hibernating"
    LOST = "lost"


class Tier(StrEnum):
    """What a customer is worth, by the monetary score."""

    VIP = "vip"
    REGULAR = "regular"
    POTENTIAL = "potential"


# Rows: recency from 5 (just bought) down to 1; columns: frequency and monetary value together, from 1 to 5.
_GRID = """
new                 potential_loyalists potential_loyalists champions       champions
promising           potential_loyalists potential_loyalists loyal           loyal
about_to_sleep      about_to_sleep      need_attention      loyal           loyal
hibernating         hibernating         at_risk             at_risk         cannot_lose
lost                hibernating         at_risk             at_risk         cannot_lose
"""

SEGMENTS: Mapping[tuple[int, int], Segment] = MappingProxyType(
    {
        (BINS - row, column + 1): Segment(name)
        for row, line in enumerate(_GRID.strip().splitlines())
        for column, name in enumerate(line.split())
    }
)
"""By the recency score, and the frequency and monetary scores' mean, rounded half up."""
TIERS: Mapping[int, Tier] = MappingProxyType(
    {5: Tier.VIP, 4: Tier.REGULAR, 3: Tier.REGULAR, 2: Tier.POTENTIAL, 1: Tier.POTENTIAL}
)
"""By the monetary score."""


def scores(values: Sequence[Decimal | int]) -> list[int]:
    """1 to 5 for each value, by how many of all are smaller: 1 + ⌊5 × smaller ÷ all⌋.

    Equal values have equal scores, those of the first among them. Money is rounded to cents before.
    """
    ordered = sorted(values)
    smaller = {value: n for n, value in reversed(list(enumerate(ordered)))}
    return [1 + BINS * smaller[value] // len(ordered) for value in values]


def cents(amount: Decimal) -> Decimal:
    """Money as it is ranked."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def together(frequency: int, monetary: int) -> int:
    """Two scores as one: their mean, rounded half up."""
    return (frequency + monetary + 1) // 2


def segment(recency: int, frequency: int, monetary: int) -> Segment:
    """What scores of 1 to 5 are called."""
    return SEGMENTS[recency, together(frequency, monetary)]
