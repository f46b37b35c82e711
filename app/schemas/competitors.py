"""Competitors on the wire."""

from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.schemas.base import (
    Country,
    DatedQuery,
    External,
    ExternalOut,
    Line,
    LongText,
    Name,
    Part,
    RecordOut,
    Shape,
    optional,
)
from app.schemas.companies import Domain

_EXAMPLE: dict[str, JsonValue] = {
    "name": "远山茶业",
    "domain": "yuanshan.example",
    "country": "CN",
    "region": "华东",
    "strengths": "Cheap, and delivers the next day.",
}


class CompetitorFields(Shape):
    """What can be written of a competitor."""

    name: Name = optional()
    domain: Domain | None = None
    country: Country | None = None
    region: Line | None = None
    strengths: LongText | None = None
    weaknesses: LongText | None = None
    note: LongText | None = None
    external_ids: External = Field(default_factory=dict)


class CompetitorAdd(CompetitorFields):
    """A new competitor."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name


class CompetitorEdit(CompetitorFields):
    """Changes to a competitor."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"weaknesses": "Slow to answer."}]})


class CompetitorUpsert(CompetitorFields):
    """A competitor to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class CompetitorOut(RecordOut, CompetitorFields):
    """A competitor."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class CompetitorQuery(DatedQuery):
    """Simple filters over competitors."""

    name: Line | None = None
    domain: Line | None = None
    country: Country | None = None
    region: Line | None = None


class DealCompetitor(Part):
    """A competitor in play on a deal."""

    competitor_id: UUID
    note: Line | None = None


class DealCompetitorOut(DealCompetitor):
    """A competitor in play on a deal, as it is kept."""

    id: UUID
