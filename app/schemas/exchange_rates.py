"""Exchange rates on the wire."""

from uuid import UUID

from pydantic import ConfigDict

from app.schemas.base import Currency, DatedQuery, Day, Rate, RecordOut, Shape, optional


class ExchangeRateFields(Shape):
    """What can be written of a rate."""

    rate: Rate = optional()


class ExchangeRateAdd(ExchangeRateFields):
    """How many units of base one unit of currency is worth from a day on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"currency": "USD", "base": "CNY", "on_date": "2026-01-02", "rate": "7.0312"}]
        }
    )

    currency: Currency
    base: Currency
    on_date: Day
    rate: Rate


class ExchangeRateEdit(ExchangeRateFields):
    """A corrected rate."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rate": "7.0300"}]})


class ExchangeRateUpsert(ExchangeRateFields):
    """A rate to add, or to correct when its id is known, or its two currencies and the day."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"currency": "USD", "base": "CNY", "on_date": "2026-01-02", "rate": "7.0300"}]
        }
    )

    id: UUID | None = None
    currency: Currency = optional()
    base: Currency = optional()
    on_date: Day = optional()


class ExchangeRateOut(RecordOut, ExchangeRateFields):
    """A rate."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    currency: Currency = optional()
    base: Currency = optional()
    on_date: Day = optional()


class ExchangeRateQuery(DatedQuery):
    """Simple filters over rates."""

    currency: Currency | None = None
    base: Currency | None = None
    on_date: Day | None = None
