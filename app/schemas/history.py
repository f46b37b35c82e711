"""Parameters of the event log."""

from uuid import UUID

from pydantic import Field

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
