"""Quotas on the wire."""

from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.domain.quotas import Measure
from app.schemas.base import (
    Code,
    Currency,
    DatedQuery,
    Day,
    External,
    ExternalOut,
    Line,
    Money,
    RecordOut,
    Shape,
    optional,
)

_EXAMPLE: dict[str, JsonValue] = {
    "measure": "won_amount",
    "currency": "CNY",
    "begins_on": "2026-10-01",
    "ends_on": "2026-12-31",
    "amount": "1200000.00",
}


class QuotaFields(Shape):
    """What can be written of a quota."""

    user_id: UUID | None = Field(None, description="Whose it is; a team's or everybody's when left out.")
    team_id: UUID | None = Field(None, description="Of all in this team and in those below it.")
    measure: Measure = optional()
    currency: Currency | None = Field(None, description="Of a measure in money, and of no other.")
    begins_on: Day = optional()
    ends_on: Day = optional()
    amount: Money = optional()
    note: Line | None = None
    external_ids: External = Field(default_factory=dict)


class QuotaAdd(QuotaFields):
    """How much is to be reached, from the first day to the last, in the organisation's time zone."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    measure: Measure
    begins_on: Day
    ends_on: Day
    amount: Money


class QuotaEdit(QuotaFields):
    """Changes to a quota."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "1350000.00"}]})


class QuotaUpsert(QuotaFields):
    """A quota to add, or to edit when its id or one of its external ids is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class QuotaOut(RecordOut, QuotaFields):
    """A quota."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class QuotaQuery(DatedQuery):
    """Simple filters over quotas."""

    user_id: UUID | None = None
    team_id: UUID | None = None
    measure: Measure | None = None
    currency: Code | None = None
    ends_since: Day | None = Field(None, description="For those that go on on this day or later.")
    begins_before: Day | None = None

    tests = DatedQuery.tests | {"ends_since": ("ends_on", "gte"), "begins_before": ("begins_on", "lt")}
