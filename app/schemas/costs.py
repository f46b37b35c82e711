"""Costs on the wire."""

from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.costs import CostKind
from app.schemas.base import (
    Code,
    Currency,
    DatedQuery,
    Day,
    External,
    ExternalOut,
    Label,
    Line,
    Money,
    RecordOut,
    Shape,
    optional,
)

_EXAMPLE: dict[str, JsonValue] = {
    "day": "2026-10-12",
    "kind": "advertising",
    "amount": "3200.00",
    "currency": "CNY",
    "channel": "web",
    "campaign": "秋茶上新",
    "source": "百度推广 账单",
}


class CostFields(Shape):
    """What can be written of a cost."""

    day: Day = optional(description="On which it was spent, in the organisation's time zone.")
    kind: CostKind = CostKind.OTHER
    amount: Money = optional()
    currency: Currency = optional()
    channel: Label | None = Field(None, description="As orders and deals call theirs.")
    campaign: Label | None = Field(None, description="As deals call theirs.")
    source: Line | None = Field(None, description="Where the figure is from.")
    team_id: UUID | None = None
    owner_id: UUID | None = Field(None, description="Whose cost it is; who sees only their own sees theirs.")
    note: Line | None = None
    external_ids: External = Field(default_factory=dict)


class CostAdd(CostFields):
    """What was spent on winning customers on a day."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    day: Day
    amount: Money
    currency: Currency


class CostEdit(CostFields):
    """Changes to a cost."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "3150.00"}]})


class CostUpsert(CostFields):
    """A cost to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"external_ids": {"ads": "2026-10-12/7"}}]}
    )

    id: UUID | None = None


class CostOut(RecordOut, CostFields):
    """A cost."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class CostQuery(DatedQuery):
    """Simple filters over costs."""

    kind: CostKind | None = None
    currency: Code | None = None
    channel: Label | None = None
    campaign: Label | None = None
    team_id: UUID | None = None
    owner_id: UUID | None = None
    since: Day | None = None
    before: Day | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {
        "since": ("day", "gte"),
        "before": ("day", "lt"),
    }
