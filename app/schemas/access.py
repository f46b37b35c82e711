"""Explanations of access on the wire."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints
from pydantic.json_schema import WithJsonSchema

from app.domain.access import Scope
from app.schemas.base import Key, Shape


class ExplainQuery(Shape):
    """What to explain: a scope, a noun, one record of it, one field of it; oneself where no user is named."""

    noun: Key | None = None
    record_id: UUID | None = None
    field: Annotated[str, StringConstraints(pattern=r"^(custom\.)?[a-z][a-z0-9_]{0,62}$")] | None = None
    user_id: UUID | None = None
    scope: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[a-z_]{1,40}:[a-z_]{1,20}$"),
            WithJsonSchema({"type": "string", "enum": [str(scope) for scope in Scope]}),
        ]
        | None
    ) = None


class Ruling(BaseModel):
    """What one rule says."""

    rule: Literal["active", "scope", "sight", "read", "write"]
    subject: str = Field(description="The scope, the noun or the field that it is about.")
    allowed: bool
    why: str
    roles: list[str] = Field(
        description="The roles that let the user; empty when none does, or when you may not read roles."
    )


class Explanation(BaseModel):
    """What lets or stops a user."""

    user_id: UUID
    kind: Literal["user", "api_key"]
    may_read: bool | None = Field(
        description="Of the noun, record and field asked about; null without a noun."
    )
    may_write: bool | None
    rules: list[Ruling]
