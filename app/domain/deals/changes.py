"""What changed between two moments about the deals of a pipeline."""

from enum import StrEnum


class Change(StrEnum):
    """How a deal differs between two moments. It may do so in several ways; what is closed at either has no other."""

    ENTERED = "entered"
    """It was not there before."""
    WON = "won"
    LOST = "lost"
    REOPENED = "reopened"
    SLIPPED = "slipped"
    """Open both times, and expected to close later."""
    NEARER = "nearer"
    """And sooner."""
    GREW = "grew"
    """Open both times, and worth more in the same currency; without an amount it is worth nothing."""
    SHRANK = "shrank"


OF_MONEY = frozenset({Change.GREW, Change.SHRANK})
OF_DAYS = frozenset({Change.SLIPPED, Change.NEARER})
