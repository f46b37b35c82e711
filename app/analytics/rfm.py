"""Findings of an RFM run, rolled up from its cells: contacts with the same three scores, at most 125 of them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from app.domain.rfm import BINS, TIERS, Segment, Tier, cents, segment


class Cell(Protocol):
    """Contacts with the same scores: how many, the sums of their measures, and the least and the most of each."""

    r: int
    f: int
    m: int
    contacts: int
    recency_days: int
    frequency: int
    monetary: Decimal
    least_recency_days: int
    most_recency_days: int
    least_frequency: int
    most_frequency: int
    least_monetary: Decimal
    most_monetary: Decimal


class Move(Protocol):
    """Contacts that came from one segment into another; None is no customer."""

    before: str | None
    after: str | None
    contacts: int


_OF = {"recency": ("r", "recency_days"), "frequency": ("f", "frequency"), "monetary": ("m", "monetary")}


def overview(cells: Sequence[Cell]) -> dict[str, Any]:
    """Contacts and revenue, the distribution of each score, segments and tiers.

    Shares are rounded to four decimals and averages to two; a share of revenue is None where there is none to share.
    """
    contacts, revenue = _sizes(cells)
    return {
        "contacts": contacts,
        "revenue": revenue,
        "distribution": {measure: _distribution(cells, *names) for measure, names in _OF.items()},
        "segments": [
            {
                "segment": one,
                **_group([cell for cell in cells if segment(cell.r, cell.f, cell.m) == one], cells),
            }
            for one in Segment
        ],
        "tiers": [
            {"tier": one, **_group([cell for cell in cells if TIERS[cell.m] == one], cells)} for one in Tier
        ],
    }


def movement(moves: Iterable[Move]) -> list[dict[str, Any]]:
    """How many came from where to where, in the order of the segments, no customer last."""
    places: Mapping[str | None, int] = {one: place for place, one in enumerate([*Segment, None])}
    listed = [{"before": move.before, "after": move.after, "contacts": move.contacts} for move in moves]
    return sorted(listed, key=lambda move: (places[move["before"]], places[move["after"]]))


def profiles(clusters: Sequence[Any]) -> list[dict[str, Any]]:
    """Each cluster with its shares of contacts and revenue; measures are medians, the lower of two middle ones."""
    every = sum(one.contacts for one in clusters)
    revenue = sum((one.revenue for one in clusters), Decimal("0.00"))
    measures = ("recency_days", "frequency", "monetary", "tenure_days")
    return [
        {
            "cluster": one.cluster,
            "contacts": one.contacts,
            "share": share(one.contacts, every),
            "revenue": one.revenue,
            "revenue_share": share(one.revenue, revenue),
            **{measure: getattr(one, measure) for measure in measures},
        }
        for one in clusters
    ]


def _sizes(cells: Iterable[Cell]) -> tuple[int, Decimal]:
    listed = list(cells)
    return sum(cell.contacts for cell in listed), sum((cell.monetary for cell in listed), Decimal("0.00"))


def _distribution(cells: Sequence[Cell], score: str, measure: str) -> list[dict[str, Any]]:
    found = []
    for value in range(1, BINS + 1):
        own = [cell for cell in cells if getattr(cell, score) == value]
        found.append(
            {
                "score": value,
                "contacts": sum(cell.contacts for cell in own),
                "least": min((getattr(cell, f"least_{measure}") for cell in own), default=None),
                "most": max((getattr(cell, f"most_{measure}") for cell in own), default=None),
            }
        )
    return found


def _group(own: Sequence[Cell], every: Sequence[Cell]) -> dict[str, Any]:
    contacts, revenue = _sizes(own)
    all_contacts, all_revenue = _sizes(every)
    return {
        "contacts": contacts,
        "share": share(contacts, all_contacts),
        "revenue": revenue,
        "revenue_share": share(revenue, all_revenue),
        "recency_days": _average(sum(cell.recency_days for cell in own), contacts),
        "frequency": _average(sum(cell.frequency for cell in own), contacts),
        "monetary": cents(revenue / contacts) if contacts else None,
    }


def share(part: Decimal | int, whole: Decimal | int) -> float | None:
    """A part of a whole, to four decimals; None where the whole is nothing, or less."""
    return round(float(part / Decimal(whole)), 4) if whole > 0 else None


def _average(total: int, count: int) -> float | None:
    return round(total / count, 2) if count else None
