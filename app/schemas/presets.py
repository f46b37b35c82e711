"""Presets on the wire."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.config import JsonDict

from app.domain.imports import Mode, Target
from app.schemas.base import DatedQuery, Label, Line, RecordOut, Shape, optional
from app.schemas.imports import Mapping, Match, Options

_EXAMPLE: JsonDict = {
    "key": "our-shop",
    "target": "contact",
    "mode": "upsert",
    "match": ["email"],
    "mapping": {"姓名": "name", "邮箱": "email"},
}


class PresetFields(Shape):
    """What can be written of a preset."""

    note: Line | None = Field(None, description="What it is for.")
    mode: Mode = Mode.UPSERT
    match: Match = Field(
        default_factory=list, description="What rows are matched by; told from the columns when empty."
    )
    options: Options = Field(default_factory=Options)


class PresetAdd(PresetFields):
    """What the columns of a file mean that comes again and again."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    key: Label = Field(description="What imports name it by; it comes before a shipped one of the same key.")
    target: Target
    mapping: Mapping


class PresetEdit(PresetFields):
    """Changes: what is left out stays, a mapping is given whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mapping": {"姓名": "name"}}]})

    key: Label = optional()
    target: Target = optional()
    mode: Mode = optional()
    mapping: Mapping = optional()


class PresetUpsert(PresetEdit):
    """A preset to add, or to change when its id or key is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class PresetOut(RecordOut):
    """A preset of the organisation's own."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    key: str = optional()
    note: str | None = None
    target: Target = optional()
    mode: Mode = optional()
    match: list[str] = Field(default_factory=list)
    mapping: dict[str, str] = optional()
    options: dict[str, JsonValue] = optional()


class PresetQuery(DatedQuery):
    """Simple filters over presets."""

    key: Label | None = None
    target: Target | None = None


class Shipped(BaseModel):
    """A preset for the export of a well-known system."""

    key: str
    title: str
    title_zh: str
    target: Target
    system: str = Field(description="Whose ids the records keep.")
    note: str = Field(description="What is not carried over.")
    columns: dict[str, str] = Field(description="Label of a column to where it goes.")


class ShippedPage(BaseModel):
    """All of them."""

    data: list[Shipped]
