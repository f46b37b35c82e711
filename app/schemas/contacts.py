"""Contacts on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.contacts import ConsentState, Gender, Stage
from app.schemas.base import (
    SURVIVING,
    Country,
    Custom,
    Day,
    External,
    ExternalOut,
    Key,
    Label,
    Labels,
    Language,
    Line,
    Name,
    Part,
    RecordOut,
    RecordQuery,
    Shape,
    Time,
    optional,
)

Channel = Literal["email", "sms", "phone", "post", "wecom", "push", "social"]
Purpose = Annotated[Key, Field(description="What for: marketing, service, research, profiling, …")]


class Email(Part):
    """An address as it was typed."""

    address: Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[^\x00]*$")]
    label: Label | None = None


class EmailOut(Email):
    """With the form that is compared and sent to; null when it could not be understood."""

    normalised: str | None


class Phone(Part):
    """A number as it was typed."""

    number: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    label: Label | None = None


class PhoneOut(Phone):
    """With its E.164 form; null when it could not be understood."""

    e164: str | None


class Address(Part):
    """A postal address."""

    label: Label | None = None
    country: Country | None = None
    province: Line | None = None
    city: Line | None = None
    district: Line | None = None
    street: Line | None = None
    postal_code: Label | None = None


class Consent(Shape):
    """What a person said about one purpose on one channel, and how we know."""

    purpose: Purpose
    channel: Channel
    state: ConsentState
    at: Time | None = Field(None, description="When it was said; now when left out.")
    source: Label = Field(description="Where it was said: form, phone, import, …")
    evidence: Line | None = Field(None, description="The text agreed to, or where the proof lies.")


class ConsentOut(BaseModel):
    """A consent as it is kept."""

    purpose: str
    channel: str
    state: ConsentState
    at: datetime
    source: str
    evidence: str | None
    language: str | None = Field(
        None, description="The language of the text agreed to, when a form showed it."
    )
    form_id: UUID | None = Field(None, description="The form that showed the text.")
    form_version: int | None = Field(None, description="The form's version then.")


class ContactFields(Shape):
    """What can be written of a contact."""

    name: Name = optional()
    given_name: Line | None = None
    family_name: Line | None = None
    emails: list[Email] = Field(default_factory=list, max_length=20)
    phones: list[Phone] = Field(default_factory=list, max_length=20)
    addresses: list[Address] = Field(default_factory=list, max_length=20)
    company_id: UUID | None = Field(None, description=SURVIVING)
    job_title: Line | None = None
    birth_date: Day | None = None
    gender: Gender | None = None
    occupation: Line | None = None
    income_band: Label | None = None
    education: Line | None = None
    source: Label | None = None
    stage: Stage = Stage.LEAD
    language: Language | None = None
    owner_id: UUID | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "name": "张伟",
    "emails": [{"address": "Wei.Zhang@example.com", "label": "work"}],
    "phones": [{"number": "138 0013 8000"}],
    "job_title": "采购经理",
    "source": "exhibition",
    "tags": ["vip"],
    "external_ids": {"erp": "C-10023"},
}


class ContactAdd(ContactFields):
    """A new contact."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name


class ContactEdit(ContactFields):
    """Changes to a contact: what is left out stays, keys of custom and external_ids are set one by one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_title": "采购总监", "tags": ["vip", "2026"]}]}
    )


class ContactUpsert(ContactFields):
    """A contact to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class ContactOut(RecordOut, ContactFields):
    """A contact."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit
    emails: list[EmailOut] = Field(default_factory=list)  # type: ignore[assignment]  # more than was written
    phones: list[PhoneOut] = Field(default_factory=list)  # type: ignore[assignment]
    email: str | None = None
    phone: str | None = None
    consents: list[ConsentOut] = Field(default_factory=list)
    consented: list[str] = Field(default_factory=list)
    merged_into_id: UUID | None = Field(None, description="The contact that this one became part of.")


class CompanyContactQuery(RecordQuery):
    """Simple filters over the contacts of one company."""

    stage: Stage | None = None
    email: Line | None = Field(None, description="The first address, normalised.")
    phone: Line | None = Field(None, description="The first number, in E.164.")
    source: Label | None = None


class ContactQuery(CompanyContactQuery):
    """Simple filters over contacts."""

    company_id: UUID | None = None


class ContactSummary(BaseModel):
    """A contact at a glance; parts that the caller may not read are null."""

    contact_id: UUID
    orders: "OrderSummary | None"
    interactions: "InteractionSummary | None"
    deals: "DealSummary | None"


class Spent(BaseModel):
    """Orders in one currency that were paid, whatever was given back later."""

    currency: str
    orders: int
    total: str
    refunded: str
    average: str


class OrderSummary(BaseModel):
    """What a contact bought."""

    count: int
    open: int = Field(description="Not paid yet, be they shipped or not; cancelled ones are not open.")
    first_at: datetime | None
    last_at: datetime | None
    spent: list[Spent]


class InteractionSummary(BaseModel):
    """What happened with a contact."""

    count: int
    last_at: datetime | None
    last_90_days: dict[str, int]


class Worth(BaseModel):
    """What a contact's deals in one currency come to."""

    currency: str
    open: str
    won: str


class DealSummary(BaseModel):
    """What a contact may buy, and has agreed to buy."""

    open: int
    won: int
    lost: int
    next_step_on: date | None = Field(description="The earliest next step of the open ones.")
    worth: list[Worth]


class TimelineItem(BaseModel):
    """One thing that touched the contact."""

    kind: Literal["interaction", "order", "deal", "task", "event"]
    at: datetime = Field(description="Of a deal: when it came to the stage where it stands.")
    id: UUID
    title: str | None
    detail: dict[str, object] = Field(default_factory=dict)
