"""Exports on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.exports import Format, Stage
from app.schemas.base import CountQuery, DatedQuery, Key, RecordOut, Shape, optional


class ExportAdd(CountQuery):
    """A list to be made into a file: which records, as a search says it, and what of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "noun": "contact",
                    "format": "csv",
                    "fields": ["name", "emails", "phones", "tags"],
                    "where": {"all": [{"field": "stage", "op": "eq", "value": "customer"}]},
                    "sort": "name",
                }
            ]
        }
    )

    noun: Key = Field(description="Of what kind the records are; GET /v1/nouns lists the kinds.")
    format: Format = Field(
        Format.CSV,
        description="csv and xlsx have flat columns that an import understands; ndjson has a record a line, as a list"
        " shows it; parquet has typed columns.",
    )
    fields: list[Key] | None = Field(None, max_length=100, description="All that you may read when left out.")
    sort: str = Field("-created_at", max_length=200)


class ExportOut(RecordOut):
    """A list made into a file, and how it came out."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: str = optional()
    format: Format = optional()
    name: str = optional(description="The file's.")
    owner_id: UUID | None = Field(None, description="Whoever asked; nobody else can open the file.")
    fields: list[str] = optional(description="In the file.")
    stage: Stage = optional()
    run_id: UUID | None = None
    as_of: datetime | None = Field(None, description="When it was settled which records they are.")
    listed: int | None = Field(None, description="How many they were then.")
    rows: int | None = Field(
        None, description="In the file: as many as listed, less those out of your sight by then."
    )
    size: int | None = Field(None, description="Bytes.")
    sha256: str | None = None
    expires_at: datetime | None = Field(None, description="When the file is let go; this record stays.")


class ExportQuery(DatedQuery):
    """Simple filters over exports."""

    noun: Key | None = None
    format: Format | None = None
    stage: Stage | None = None
    owner_id: UUID | None = None


class LinkQuery(Shape):
    """How long a link is to last."""

    seconds: int = Field(3600, ge=60, le=604_800, description="At most seven days, and as long as the file.")


class LinkOut(BaseModel):
    """An address that opens the file without a key, until it expires."""

    url: str
    expires_at: datetime
