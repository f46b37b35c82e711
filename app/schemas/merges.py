"""Merges on the wire."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.duplicates import MergeStatus
from app.schemas.base import DatedQuery, RecordOut, optional


class MergeMember(BaseModel):
    """One of the contacts, the survivor first."""

    id: UUID
    member_id: UUID


class MergeOut(RecordOut):
    """Contacts that became one; shown only to who sees all of them."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: Literal["contact"] = optional()
    survivor_id: UUID = optional()
    status: MergeStatus = optional()
    members: list[MergeMember] = optional()


class MergeKept(BaseModel):
    """Fields of a contact that others have changed since, and that were left as they are."""

    contact_id: UUID
    fields: list[str]


class MergeUndone(BaseModel):
    """What came of undoing a merge; what was hung on any of its contacts after it stays with the survivor."""

    id: UUID
    status: MergeStatus
    restored: list[UUID] = Field(description="Contacts that are as they were before to the letter.")
    kept: list[MergeKept]


class MergeQuery(DatedQuery):
    """Simple filters over merges."""

    noun: Literal["contact"] | None = None
    status: MergeStatus | None = None
    survivor_id: UUID | None = None
