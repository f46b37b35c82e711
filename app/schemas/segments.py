"""Segments on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.segments import SegmentKind, Stage, Why
from app.schemas.base import NUMBER, DatedQuery, Key, Label, Line, Name, RecordOut, Shape, Time, optional
from app.schemas.conditions import Where
from app.schemas.contacts import ContactOut

MOST_AT_ONCE = 10_000
_TAG = (
    "Put on contacts that enter, taken off those that leave. It publishes who is in the segment: whoever may read a"
    " contact's tags sees it, whatever else they may read."
)
_EXAMPLE: dict[str, JsonValue] = {
    "all": [
        {"of": "orders", "measure": "count", "days": [180, 90], "op": "gte", "value": 2},
        {"of": "orders", "measure": "count", "days": [90, 0], "op": "eq", "value": 0},
    ]
}


class SegmentFields(Shape):
    """What can be written of a segment at any time."""

    description: Line | None = None
    condition: Where | None = Field(
        None, description="The condition of a dynamic segment; a static one has none."
    )


class SegmentAdd(SegmentFields):
    """A new segment."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Gone quiet", "kind": "dynamic", "condition": _EXAMPLE}]}
    )

    name: Name
    kind: SegmentKind = Field(
        SegmentKind.DYNAMIC, description="static: members are put in by hand; dynamic: by a condition."
    )
    tag: Label | None = Field(None, description=_TAG)


class SegmentEdit(SegmentFields):
    """Changes to a segment; another condition has it built anew."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "No order in 90 days."}]})

    name: Name = optional()


class SegmentOut(RecordOut, SegmentFields):
    """A segment; shown to who may read all that its conditions have ever looked at."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    name: Name = optional()
    kind: SegmentKind = optional()
    tag: Label | None = Field(None, description=_TAG)
    stage: Stage = optional(description="building until a run has gone over all contacts.")
    run_id: UUID | None = Field(None, description="The last run that built it.")
    problem: str | None = Field(None, description="Why it stands still, when it does.")


class SegmentQuery(DatedQuery):
    """Simple filters over segments."""

    name: Name | None = None
    kind: SegmentKind | None = None
    tag: Label | None = None


class SegmentPreview(Shape):
    """A condition to try before it is kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"condition": _EXAMPLE, "limit": 20}]})

    condition: Where
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 20
    fields: list[Key] | None = Field(None, max_length=100)


class SegmentPreviewed(BaseModel):
    """How many contacts a condition holds for, among those you see, and the newest of them."""

    count: int
    data: list[ContactOut]
    next: str | None


class MembersQuery(Shape):
    """A page of a segment's members."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=60_000)
    sort: str = Field("-created_at", max_length=200)
    fields: str | None = Field(None, max_length=2000)
    as_of: Time | None = Field(None, description="Who was in it then, rather than who is.")


_Ids = Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)]


class MembersChange(Shape):
    """Contacts to put into a static segment and to take out of it; one that was merged stands for its survivor."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"add": ["0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"]}]}
    )

    add: _Ids = Field(default_factory=list)
    remove: _Ids = Field(default_factory=list)


class MembersChanged(BaseModel):
    """How many entered and left; who was there already, or is archived, did neither."""

    entered: int
    left: int


class MovementsQuery(Shape):
    """A page of movements."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2_000)


class Movement(BaseModel):
    """A contact entered a segment, or left it."""

    at: datetime
    contact_id: UUID
    entered: bool
    why: Why


class StaysQuery(MovementsQuery):
    """A page of the segments of a contact."""

    past: bool = Field(False, description="Also those that the contact has left.")


class Stay(BaseModel):
    """A contact in a segment, from when to when."""

    segment_id: UUID
    name: str
    entered_at: datetime
    left_at: datetime | None
    entered_why: Why
    left_why: Why | None
