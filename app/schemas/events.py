"""The event log on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from app.schemas.base import Key, Line, Shape, Time


class HistoryQuery(Shape):
    """A page of one record's history."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)


class EventQuery(HistoryQuery):
    """Filters over the event log."""

    noun: Key | None = None
    noun_id: UUID | None = None
    type: Line | None = Field(None, description="noun.verb in the past tense, such as contact.edited.")
    actor_id: UUID | None = None
    since: Time | None = None
    before: Time | None = None
    order: Literal["newest", "committed"] = Field(
        "newest",
        description="committed: as they were committed, for who must miss nothing. `next` is never null then: ask with it"
        " again, and each event comes once, as soon as nothing can be committed before it any more. Begin without a"
        " cursor, also after a backup was restored.",
    )


class EventOut(BaseModel):
    """One change. Fields that the caller's role may not read are left out of before and after."""

    seq: int
    id: UUID
    at: datetime
    type: str
    noun: str
    noun_id: UUID
    version: int
    actor_id: UUID
    actor_kind: Literal["user", "api_key", "system", "form"]
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue]
    cause: str | None
