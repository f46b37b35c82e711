"""Costs of winning customers."""

from enum import StrEnum


class CostKind(StrEnum):
    """What was paid for."""

    ADVERTISING = "advertising"
    CAMPAIGN = "campaign"
    SALES = "sales"
    TOOLS = "tools"
    OTHER = "other"
