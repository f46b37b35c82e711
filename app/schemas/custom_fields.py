"""Custom field definitions on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from app.domain.fields import Kind
from app.schemas.base import DatedQuery, Flag, Key, Label, Line, Name, RecordOut, Shape, optional

NounName = Literal["contact", "company", "product", "order", "deal", "task", "interaction"]
Choices = Annotated[list[Label], Field(max_length=200)]


class CustomFieldFields(Shape):
    """What can be written of a definition once values may exist."""

    label: Name = optional()
    label_zh: Line | None = None
    choices: Choices = Field(
        default_factory=list, description="All allowed values, of a text or labels field."
    )
    required: Flag = False


class CustomFieldAdd(CustomFieldFields):
    """A new field of a noun. It is closed to every role but the administrator's until a role opens it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"noun": "contact", "key": "shoe_size", "kind": "integer", "label": "Shoe size"}]
        }
    )

    noun: NounName
    key: Key
    kind: Kind
    label: Name


class CustomFieldEdit(CustomFieldFields):
    """Changes to a definition; its noun, key and kind are for good."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label_zh": "鞋码"}]})


class CustomFieldUpsert(CustomFieldFields):
    """A definition to add, or to edit when its id is known, or its noun and key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"noun": "contact", "key": "shoe_size", "kind": "integer", "label": "Shoe size"}]
        }
    )

    id: UUID | None = None
    noun: NounName = optional()
    key: Key = optional()
    kind: Kind = optional()


class CustomFieldOut(RecordOut, CustomFieldFields):
    """A definition."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: NounName = optional()
    key: Key = optional()
    kind: Kind = optional()


class CustomFieldQuery(DatedQuery):
    """Simple filters over definitions."""

    noun: NounName | None = None
    key: Key | None = None
