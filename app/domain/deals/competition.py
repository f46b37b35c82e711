"""Numbers about competitors, and the deals behind them."""

from enum import StrEnum


class Outcome(StrEnum):
    """Which of the deals that were closed, of all or of those with one competitor in play."""

    DEALS = "deals"
    WON = "won"
    LOST = "lost"
    LOST_TO = "lost_to"
    """To that competitor, or to any that is named."""
    PRICED = "priced"
    """In which a price of ours stands beside one of theirs."""
