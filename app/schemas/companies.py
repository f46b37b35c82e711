"""Companies on the wire."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.schemas.base import (
    NUMBER,
    SURVIVING,
    Country,
    Custom,
    External,
    ExternalOut,
    Labels,
    Line,
    Name,
    RecordOut,
    RecordQuery,
    Shape,
    optional,
)

Domain = Annotated[str, Field(max_length=253, pattern=r"^[^\x00-\x20/:@A-Z]+\.[^\x00-\x20/:@A-Z.]+$")]


class CompanyFields(Shape):
    """What can be written of a company."""

    name: Name = optional()
    domain: Domain | None = Field(
        None, description="The site's name in lower case, without https:// or path."
    )
    industry: Line | None = None
    employees: Annotated[int, Field(ge=0, le=100_000_000), NUMBER] | None = None
    region: Line | None = None
    country: Country | None = None
    parent_id: UUID | None = Field(None, description=SURVIVING)
    owner_id: UUID | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "name": "深圳市海蓝科技有限公司",
    "domain": "hailan.example",
    "industry": "电子",
    "country": "CN",
}


class CompanyAdd(CompanyFields):
    """A new company."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name


class CompanyEdit(CompanyFields):
    """Changes to a company."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"employees": 240}]})


class CompanyUpsert(CompanyFields):
    """A company to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE | {"external_ids": {"erp": "K-77"}}]})

    id: UUID | None = None


class CompanyOut(RecordOut, CompanyFields):
    """A company."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    merged_into_id: UUID | None = Field(None, description="The company that this one became part of.")
    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class CompanyQuery(RecordQuery):
    """Simple filters over companies."""

    domain: Line | None = None
    industry: Line | None = None
    country: Country | None = None
    region: Line | None = None
    parent_id: UUID | None = None
