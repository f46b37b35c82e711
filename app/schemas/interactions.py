"""Interactions on the wire."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.interactions import Direction, InteractionKind
from app.schemas.base import (
    NUMBER,
    SURVIVING,
    Custom,
    DatedQuery,
    External,
    ExternalOut,
    Label,
    Labels,
    Line,
    LongText,
    RecordOut,
    Shape,
    Time,
    optional,
)


class InteractionFields(Shape):
    """What can be written of an interaction."""

    kind: InteractionKind = optional()
    channel: Label | None = None
    direction: Direction | None = None
    at: Time = optional()
    duration_seconds: Annotated[int, Field(ge=0, le=10_000_000), NUMBER] | None = None
    subject: Line | None = None
    body: LongText | None = None
    page: Line | None = None
    campaign: Label | None = None
    session: Label | None = None
    contact_id: UUID | None = Field(None, description=SURVIVING)
    company_id: UUID | None = Field(None, description=SURVIVING)
    product_id: UUID | None = None
    owner_id: UUID | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "kind": "call",
    "direction": "inbound",
    "at": "2026-03-02T14:05:00+08:00",
    "duration_seconds": 380,
    "subject": "询问发货时间",
}


class InteractionAdd(InteractionFields):
    """A new interaction."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    kind: InteractionKind
    at: Time


class InteractionEdit(InteractionFields):
    """Changes to an interaction."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subject": "询问退货"}]})


class InteractionUpsert(InteractionFields):
    """An interaction to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"external_ids": {"pbx": "call-991"}}]}
    )

    id: UUID | None = None


class InteractionOut(RecordOut, InteractionFields):
    """An interaction."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class InteractionQuery(DatedQuery):
    """Simple filters over interactions."""

    kind: InteractionKind | None = None
    channel: Label | None = None
    direction: Direction | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    product_id: UUID | None = None
    owner_id: UUID | None = None
    campaign: Label | None = None
    session: Label | None = None
    tag: Label | None = None
    since: Time | None = None
    before: Time | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {
        "tag": ("tags", "has"),
        "since": ("at", "gte"),
        "before": ("at", "lt"),
    }
