"""Tasks on the wire."""

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from app.domain.tasks import Priority, TaskKind, TaskStatus
from app.schemas.base import (
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

_YES = BeforeValidator(lambda typed: True if typed == "true" else typed)


class TaskFields(Shape):
    """What can be written of a task."""

    kind: TaskKind = TaskKind.TODO
    title: Line = optional()
    notes: LongText | None = None
    priority: Priority = Priority.NORMAL
    due_at: Time | None = None
    remind_at: Time | None = Field(
        None,
        description="The event task.reminded comes then, as long as it is open; another moment is another one.",
    )
    contact_id: UUID | None = Field(None, description=SURVIVING)
    company_id: UUID | None = Field(None, description=SURVIVING)
    deal_id: UUID | None = None
    owner_id: UUID | None = Field(None, description="Who is to do it.")
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "kind": "call",
    "title": "回访样品",
    "due_at": "2026-12-01T15:00:00+08:00",
    "remind_at": "2026-12-01T14:30:00+08:00",
}


class TaskAdd(TaskFields):
    """A new task."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    title: Line


class TaskEdit(TaskFields):
    """Changes to a task; what becomes of it has verbs of its own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"due_at": "2026-12-02T15:00:00+08:00"}]})


class TaskUpsert(TaskFields):
    """A task to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"external_ids": {"calendar": "ev-991"}}]}
    )

    id: UUID | None = None


class TaskOut(RecordOut, TaskFields):
    """A task."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit
    status: TaskStatus = optional()
    reminded_at: Time | None = None
    closed_at: Time | None = Field(None, description="When it was done or cancelled.")
    closed_by_id: UUID | None = None


class TaskQuery(DatedQuery):
    """Simple filters over tasks."""

    kind: TaskKind | None = None
    status: TaskStatus | None = None
    priority: Priority | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    deal_id: UUID | None = None
    owner_id: UUID | None = None
    tag: Label | None = None
    due_since: Time | None = None
    due_before: Time | None = None
    overdue: Annotated[Literal[True] | None, _YES] = Field(
        None, description="Only open ones that were due before now."
    )

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {
        "tag": ("tags", "has"),
        "due_since": ("due_at", "gte"),
        "due_before": ("due_at", "lt"),
    }

    def filters(self) -> list[tuple[str, str, Any]]:
        """The simple filters that were given, as (field, operator, value)."""
        given = [one for one in super().filters() if one[0] != "overdue"]
        late = [("status", "eq", TaskStatus.OPEN), ("due_at", "lt", {"days_ago": 0})]
        return [*given, *(late if self.overdue else [])]
