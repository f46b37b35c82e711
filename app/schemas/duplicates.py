"""Duplicates and merges on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from app.domain.duplicates import MOST, Rule, Status
from app.schemas.base import DatedQuery, Flag, Key, Label, RecordOut, Shape, optional
from app.schemas.companies import CompanyEdit, CompanyFields, CompanyOut
from app.schemas.contacts import ContactEdit, ContactFields, ContactOut

FieldName = Annotated[str, StringConstraints(pattern=r"^(custom\.)?[a-z][a-z0-9_]{0,62}$")]
_Probability = Annotated[str, StringConstraints(pattern=r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$")]


Searched = Literal["contact", "company"]
"""What duplicates are found of."""


class DuplicateMember(BaseModel):
    """One of the records."""

    id: UUID
    noun: Searched
    member_id: UUID


class DuplicateOut(RecordOut):
    """Contacts that may be one person, or companies that may be one firm; shown only to who sees all of them."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    noun: Searched = optional()
    status: Status = optional()
    score: str = optional(
        description="The probability that they are one, of the least sure link among them;"
        " shown to who may read all that is compared, of contacts and of companies."
    )
    size: int = optional(description="How many they are.")
    run_id: UUID | None = None
    merge_id: UUID | None = Field(None, description="The merge that made them one.")
    members: list[DuplicateMember] = optional()


class Reason(BaseModel):
    """What one comparison says."""

    field: str
    level: str
    weight: float = Field(
        description="log2 of how many times likelier it makes that they are one; below zero, that not."
    )
    en: str
    zh: str


class DuplicatePair(BaseModel):
    """Two of them, and why; what is made of fields hidden from the caller is left out."""

    left_id: UUID
    right_id: UUID
    score: str | None = Field(description="Null for who may not read all that is compared.")
    reasons: list[Reason]


class Suggestion(BaseModel):
    """The record that had best survive, and the values that it would take from the others."""

    survivor_id: UUID
    values: dict[str, JsonValue]


class DuplicateShown(DuplicateOut):
    """With the records themselves, the reasons, and what a merge would make of them."""

    contacts: list[ContactOut]
    companies: list[CompanyOut]
    pairs: list[DuplicatePair]
    suggestion: Suggestion | None


class DuplicateQuery(DatedQuery):
    """Simple filters over duplicates."""

    noun: Searched | None = None
    status: Status | None = None
    sort: str = Field("-score", max_length=200, description="Fields, comma-separated, `-` for downwards.")


class DuplicatesFind(Shape):
    """A search to be made."""

    noun: Searched = "contact"
    whole: Flag = Field(
        False, description="Compare all with all and learn anew, not only what changed since the last one."
    )


class DuplicatesMerge(Shape):
    """What was found is to become one record."""

    survivor_id: UUID | None = Field(None, description="The suggested one when left out.")
    values: ContactEdit | CompanyEdit = Field(
        default_factory=ContactEdit, description="Instead of what the rules choose, as they are of the noun."
    )
    versions: dict[UUID, int] = Field(
        default_factory=dict,
        max_length=MOST,
        description="Versions of the records that you know; others refuse.",
    )


class ContactMerge(Shape):
    """Contacts that are to become part of this one; what is hung on them by their ids later is hung on this one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"others": ["01935d0e-0000-7000-8000-000000000002"], "values": {"job_title": "采购总监"}}
            ]
        }
    )

    others: list[UUID] = Field(min_length=1, max_length=MOST - 1)
    values: ContactEdit = Field(default_factory=ContactEdit, description="Instead of what the rules choose.")
    versions: dict[UUID, int] = Field(
        default_factory=dict,
        max_length=MOST,
        description="Versions of contacts that you know; others refuse.",
    )


class DuplicateSettingsQuery(Shape):
    """Of which noun."""

    # Every write takes dry_run besides; the door refuses what nobody knows.
    model_config = ConfigDict(extra="ignore")

    noun: Searched = "contact"


class DuplicateSettingsOut(BaseModel):
    """What the organisation holds about finding and merging duplicates of a noun."""

    rules: dict[str, Rule]
    sources: list[str]
    identifying: list[str]
    auto_merge_at: str | None
    nightly: bool
    looked_at: datetime | None


class DuplicateSettingsEdit(Shape):
    """Other settings; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"rules": {"job_title": "most_recent", "name": "longest"}, "identifying": ["passport"]}
            ]
        }
    )

    rules: dict[FieldName, Rule] = Field(
        default_factory=dict,
        max_length=200,
        description="Field to the rule by which its value survives; the survivor's own, if it has one, for the others.",
    )
    sources: list[Label] = Field(
        default_factory=list,
        max_length=100,
        description="Channels that records came by, the most trusted first; companies have none.",
    )
    identifying: list[Key] = Field(
        default_factory=list,
        max_length=20,
        description="Custom text fields whose values belong to one person, or one firm, alone.",
    )
    auto_merge_at: _Probability | None = Field(
        None,
        description='Merge by itself what is at least as sure, such as "0.999"; null, as it is at first, for never.',
    )
    nightly: Flag = optional(description="Whether to search every night in which something has changed.")


class ContactMatch(Shape):
    """A contact that may be there already."""

    contact: ContactFields


class ContactMatched(BaseModel):
    """A contact that may be the same person, with how sure that is and why."""

    contact: ContactOut
    score: str
    reasons: list[Reason]


class CompanyMatch(Shape):
    """A company that may be there already."""

    company: CompanyFields


class CompanyMatched(BaseModel):
    """A company that may be the same firm, with how sure that is and why."""

    company: CompanyOut
    score: str
    reasons: list[Reason]


class CompanyMatches(BaseModel):
    """The likeliest first."""

    data: list[CompanyMatched]


class ContactMatches(BaseModel):
    """The likeliest first."""

    data: list[ContactMatched]
