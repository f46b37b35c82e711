"""Merges on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.duplicates import MOST, MergeStatus
from app.schemas.base import DatedQuery, RecordOut, Shape, optional
from app.schemas.companies import CompanyEdit


class MergeMember(BaseModel):
    """One of them, the survivor first."""

    id: UUID
    noun: Literal["contact", "company"]
    member_id: UUID


class MergeOut(RecordOut):
    """Contacts, or companies, that became one; shown only to who sees all of them."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: Literal["contact", "company"] = optional()
    survivor_id: UUID = optional()
    status: MergeStatus = optional()
    members: list[MergeMember] = optional()


class MergeKept(BaseModel):
    """Fields of a record that others have changed since, and that were left as they are; it has the id of its noun."""

    contact_id: UUID = optional()
    company_id: UUID = optional()
    fields: list[str]


class MergeUndone(BaseModel):
    """What came of undoing a merge; what was hung on any of its members after it stays with the survivor."""

    id: UUID
    status: MergeStatus
    restored: list[UUID] = Field(
        description="Members that are as they were before to the letter, as far as you see them."
    )
    kept: list[MergeKept]


class CompanyMerge(Shape):
    """Companies that are to become part of this one; what is hung on them by their ids later is hung on this one.

    The survivor keeps its values, unless a rule says otherwise, and takes from the others what it has none of.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"others": ["01935d0e-0000-7000-8000-000000000002"], "values": {"domain": "hailan.example"}}
            ]
        }
    )

    others: list[UUID] = Field(min_length=1, max_length=MOST - 1)
    values: CompanyEdit = Field(
        default_factory=CompanyEdit, description="Instead of what would be chosen of theirs."
    )
    versions: dict[UUID, int] = Field(
        default_factory=dict,
        max_length=MOST,
        description="Versions of companies that you know; others refuse.",
    )


class MergeQuery(DatedQuery):
    """Simple filters over merges."""

    noun: Literal["contact", "company"] | None = None
    status: MergeStatus | None = None
    survivor_id: UUID | None = None
