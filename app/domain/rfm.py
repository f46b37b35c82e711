"""Recency, frequency and monetary value: scores from 1 to 5, and the segments that marketing knows by name.

What counts, as of a moment: orders of a contact that were placed before it and not cancelled before it. A *sale* is one
that comes to more than nothing. Recency is the whole days (of 24 hours) from the last sale, frequency the number of
sales, monetary the money kept. Where returns count, money given back before the moment is taken off, by refunds and by
orders that come to less than nothing; where they are ignored, sales alone count. Who has no sale is no customer.
A score is 1 + ⌊5 × smaller ÷ all⌋, of how many of all customers a measure is smaller (for recency, larger): equal values
have equal scores. By four edges of one's own it is one more for each edge that frequency or money, rounded to cents,
reaches, and one less than 5 for each that recency passes. app/db/rfm.py writes this in SQL.
After Hughes, Strategic Database Marketing (1994); the names of the segments are the trade's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

from app.domain.errors import InvalidInput

BINS = 5
RULES = 1
"""Moves with every change of what is computed here or in app/analytics, so that findings say by which rules they came."""
KEPT_FOR = timedelta(days=90)
"""How long the scores of single contacts are kept; what was found over all of them stays."""
MEASURES = ("recency", "frequency", "monetary")
MADE_OF = (
    "contact_id",
    "status",
    "placed_at",
    "total",
    "currency",
    "refunded",
    "refunded_at",
    "cancelled_at",
)
"""The fields of orders that every number here is made of: whoever may not read one of them is shown none."""


class Returns(StrEnum):
    """What becomes of money that was given back."""

    NET = "net"
    IGNORE = "ignore"


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


def check_edges(bins: Mapping[str, Sequence[Decimal | int] | None]) -> None:
    """Raise InvalidInput unless the edges of each measure ascend."""
    for measure, edges in bins.items():
        if edges is not None and (len(edges) != BINS - 1 or any(a >= b for a, b in pairwise(edges))):
            raise InvalidInput(
                "bins_invalid",
                f"The edges of {measure} are {BINS - 1} numbers, each larger than the one before.",
                field=f"bins.{measure}",
            )


def check_as_of(as_of: datetime, *, now: datetime) -> None:
    """Raise InvalidInput for a moment that has not come."""
    if as_of > now:
        raise InvalidInput(
            "as_of_in_future", f"as_of is {as_of:%Y-%m-%d %H:%M} UTC, which has not come yet.", field="as_of"
        )


def cents(amount: Decimal) -> Decimal:
    """Money as it is ranked."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def together(frequency: int, monetary: int) -> int:
    """Two scores as one: their mean, rounded half up."""
    return (frequency + monetary + 1) // 2


def segment(recency: int, frequency: int, monetary: int) -> Segment:
    """What scores of 1 to 5 are called."""
    return SEGMENTS[recency, together(frequency, monetary)]
