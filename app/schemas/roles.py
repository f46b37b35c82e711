"""Roles on the wire."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from app.domain.access import Sight
from app.schemas.base import DatedQuery, Line, Name, RecordOut, ScopeName, Shape, optional

_Noun = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z_]{0,62})$")]
_Field = Annotated[str, StringConstraints(pattern=r"^(\*|(custom\.)?[a-z][a-z0-9_]{0,62})$")]
FieldsByNoun = Annotated[
    dict[_Noun, Annotated[list[_Field], Field(max_length=500)]],
    Field(max_length=100, description='Noun to the fields that are open; ["*"] is all of them.'),
]


class RoleFields(Shape):
    """What can be written of a role."""

    name: Name = optional()
    scopes: list[ScopeName] = Field(
        default_factory=list, max_length=200, description='Such as contacts:read; "*" is every scope.'
    )
    sight: dict[_Noun, Sight] = Field(
        default_factory=dict,
        max_length=100,
        description="Noun to own, team or all; own where it is left out.",
    )
    read: FieldsByNoun = Field(default_factory=dict)
    write: FieldsByNoun = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "name": "call centre",
    "scopes": ["contacts:read", "interactions:read", "interactions:write"],
    "sight": {"contact": "all", "interaction": "own"},
    "read": {"contact": ["name", "phones"], "interaction": ["*"]},
    "write": {"interaction": ["*"]},
}


class RoleAdd(RoleFields):
    """A new role."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name


class RoleEdit(RoleFields):
    """Changes to a role; each of the lists replaces the old one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sight": {"contact": "team"}}]})


class RoleUpsert(RoleFields):
    """A role to add, or to edit when its id or its name is known; each of the lists replaces the old one."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class RoleOut(RecordOut, RoleFields):
    """A role."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    builtin: bool = optional()


class RoleQuery(DatedQuery):
    """Simple filters over roles."""

    name: Line | None = None
    builtin: bool | None = None
