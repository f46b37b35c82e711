"""Observations of the market on the wire."""

from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.observations import ObservationKind
from app.schemas.base import (
    Address,
    DatedQuery,
    Day,
    External,
    ExternalOut,
    Figure,
    Label,
    Labels,
    Line,
    LongText,
    Name,
    RecordOut,
    Shape,
    optional,
)

_EXAMPLE: dict[str, JsonValue] = {
    "topic": "明前茶收购价",
    "kind": "price",
    "observed_on": "2026-03-28",
    "region": "浙江",
    "figure": "412.5",
    "unit": "CNY/kg",
    "source": "中国茶叶流通协会 周报",
    "tags": ["龙井"],
}


class ObservationFields(Shape):
    """What can be written of an observation."""

    topic: Name = optional()
    kind: ObservationKind = optional()
    observed_on: Day = optional(
        description="The day that it is of, not the one on which it was written down."
    )
    region: Line | None = None
    figure: Figure | None = None
    unit: Label | None = Field(None, description="Of the figure, such as CNY/kg, % or index 2020=100.")
    text: LongText | None = None
    source: Name = optional(description="Whom or what it is from, so that a report can cite it.")
    link: Address | None = None
    competitor_id: UUID | None = None
    product_id: UUID | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)


class ObservationAdd(ObservationFields):
    """What was seen of the market, on which day, and where it is from."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    topic: Name
    kind: ObservationKind
    observed_on: Day
    source: Name


class ObservationEdit(ObservationFields):
    """Changes to an observation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"figure": "415"}]})


class ObservationUpsert(ObservationFields):
    """An observation to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"external_ids": {"report": "2026-W13-4"}}]}
    )

    id: UUID | None = None


class ObservationOut(RecordOut, ObservationFields):
    """An observation."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class ObservationQuery(DatedQuery):
    """Simple filters over observations."""

    q: str | None = Field(
        None, min_length=1, max_length=200, description="Words of the topic, the source or the region."
    )
    kind: ObservationKind | None = None
    region: Line | None = None
    competitor_id: UUID | None = None
    product_id: UUID | None = None
    tag: Label | None = None
    observed_since: Day | None = None
    observed_before: Day | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {
        "tag": ("tags", "has"),
        "observed_since": ("observed_on", "gte"),
        "observed_before": ("observed_on", "lt"),
    }
