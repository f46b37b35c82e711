"""The words of a contact."""

from enum import StrEnum


class Stage(StrEnum):
    """How far a person has come with us."""

    LEAD = "lead"
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    LAPSED = "lapsed"


class Gender(StrEnum):
    """As people state it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class ConsentState(StrEnum):
    """What a person said about one purpose on one channel."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
