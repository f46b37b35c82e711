"""Observations of the market."""

from enum import StrEnum


class ObservationKind(StrEnum):
    """What an observation is about."""

    DEMAND = "demand"
    TREND = "trend"
    POLICY = "policy"
    PRICE = "price"
    OTHER = "other"
