"""The words of an interaction."""

from enum import StrEnum


class InteractionKind(StrEnum):
    """What happened between a person and us."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    VISIT = "visit"
    PAGE_VIEW = "page_view"
    APP = "app"
    CHAT = "chat"
    SOCIAL = "social"
    COMPLAINT = "complaint"
    FORM = "form"
    NOTE = "note"
    CUSTOM = "custom"


class Direction(StrEnum):
    """Who began."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
