"""Dated exchange rates."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.nouns import Noun, for_good
from app.domain.errors import InvalidInput


class ExchangeRate(Record):
    """How many units of the base currency one unit of another was worth from a day on."""

    __tablename__ = "exchange_rates"
    __table_args__ = (
        UniqueConstraint("org_id", "currency", "base", "on_date", name="uq_exchange_rates_day"),
        CheckConstraint("rate > 0", name="rate"),
        newest_first("exchange_rates"),
    )

    currency: Mapped[str] = mapped_column(info=field("basic"))
    base: Mapped[str] = mapped_column(info=field("basic"))
    on_date: Mapped[date] = mapped_column(info=field("basic"))
    rate: Mapped[Decimal] = mapped_column(Numeric(20, 10), info=field("basic"))


def _check(row: Mapping[str, Any]) -> None:
    if row["currency"] == row["base"]:
        raise InvalidInput("same_currency", "A rate is between two different currencies.", field="base")


_DAY = ("currency", "base", "on_date")

EXCHANGE_RATES = Noun(
    name="exchange_rate",
    plural="exchange_rates",
    model=ExchangeRate,
    custom=False,
    external=False,
    keys=(_DAY,),
    check=_check,
    sources=frozenset({"currency", "base"}),
    guard=for_good("rate", frozenset(_DAY), "archive it and add another one"),
    guarded=frozenset(_DAY),
)
