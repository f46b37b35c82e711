"""Quotas: who is to reach how much of what, from which day to which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from app.domain.errors import InvalidInput


class Measure(StrEnum):
    """What is counted toward a quota, of deals by the credit for them."""

    WON_AMOUNT = "won_amount"
    """What deals that were won come to."""
    WON_DEALS = "won_deals"
    """How many were won; half the credit for one counts half."""
    OPENED_DEALS = "opened_deals"
    """How many were opened."""


MONEY = frozenset({Measure.WON_AMOUNT})


def check_quota(row: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a quota of two at once, one that ends before it begins, or of money without a currency."""
    if row["user_id"] is not None and row["team_id"] is not None:
        raise InvalidInput(
            "quota_of_two", "A quota is of a user, of a team, or of all; name one of them.", field="team_id"
        )
    if row["ends_on"] < row["begins_on"]:
        raise InvalidInput("quota_ends_early", "This quota ends before it begins.", field="ends_on")
    if (row["measure"] in MONEY) is (row["currency"] is None):
        raise InvalidInput(
            "quota_currency", "A quota in money has a currency, and any other has none.", field="currency"
        )
