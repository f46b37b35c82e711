"""Nouns, described on the wire."""

from pydantic import BaseModel, Field

from app.domain.fields import Kind
from app.domain.ops import Op


class NounField(BaseModel):
    """A field, and what the caller may do with it."""

    name: str = Field(description="As in records and conditions; custom.<key> for a custom one.")
    kind: Kind
    choices: list[str] = Field(description="All values that there are; empty where any will do.")
    nullable: bool
    readable: bool
    writable: bool
    filterable: bool = Field(description="Whether conditions may test it.")
    sortable: bool = Field(description="Whether lists may be sorted by it.")
    ops: list[Op] = Field(description="What a condition may do with it.")
    summary: str = Field(description="The label of a custom field; empty for one of the product.")


class NounOut(BaseModel):
    """A kind of record, and those of its fields that the caller may read or write."""

    name: str = Field(description="As in events, roles and custom fields.")
    plural: str = Field(description="As in addresses and scopes.")
    fields: list[NounField]
