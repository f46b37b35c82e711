"""Prices of competitors on the wire."""

from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from app.schemas.base import (
    Address,
    Code,
    Currency,
    DatedQuery,
    Day,
    External,
    ExternalOut,
    Line,
    Money,
    Name,
    RecordOut,
    Shape,
    optional,
)

_EXAMPLE: dict[str, JsonValue] = {
    "competitor_id": "01a20000-0000-7000-8000-000000000001",
    "their_product": "远山 龙井 250g",
    "price": "158.00",
    "currency": "CNY",
    "valid_from": "2026-10-01",
    "source": "天猫旗舰店",
}


class CompetitorPriceFields(Shape):
    """What can be written of a price of a competitor."""

    competitor_id: UUID = optional()
    their_product: Name = optional(
        description="What the competitor calls it; prices under one name are of one thing."
    )
    product_id: UUID | None = Field(None, description="Ours that it stands against.")
    price: Money = optional()
    currency: Currency = optional()
    valid_from: Day = optional(description="It holds until the next one of the same thing.")
    source: Line | None = Field(None, description="Where it was seen.")
    link: Address | None = None
    external_ids: External = Field(default_factory=dict)


class CompetitorPriceAdd(CompetitorPriceFields):
    """What a competitor asks for something from a day on."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    competitor_id: UUID
    their_product: Name
    price: Money
    currency: Currency
    valid_from: Day


class CompetitorPriceEdit(CompetitorPriceFields):
    """Changes to a price of a competitor; one that changed is a new one instead."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"source": "价目表"}]})


class CompetitorPriceUpsert(CompetitorPriceFields):
    """A price to add, or to edit when its id, an external id, or what it is of and from which day is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class CompetitorPriceOut(RecordOut, CompetitorPriceFields):
    """A price of a competitor."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class CompetitorPriceQuery(DatedQuery):
    """Simple filters over prices of competitors."""

    competitor_id: UUID | None = None
    product_id: UUID | None = None
    their_product: Line | None = None
    currency: Code | None = None
    on: Day | None = Field(None, description="Of each thing the price that held on this day.")

    tests = DatedQuery.tests | {"on": ("valid_from", "lte")}
