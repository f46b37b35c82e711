"""Revenue on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.revenue import Buyer, By, Revenue
from app.schemas.base import NUMBER, Currency, Cursor, Day, Shape, Time
from app.schemas.conditions import Where


def _always() -> dict[str, JsonValue]:
    return {"all": []}


class _RevenueAsk(Shape):
    since: Day
    before: Day = Field(description="Not counted itself.")
    as_of: Time | None = Field(
        None,
        description="Only orders, cancellations and the last refunds up to then count; now when left out. Other fields of"
        " orders are as they are now.",
    )
    where: Where = Field(
        default_factory=_always, description="Over orders; customers are told apart by all their orders."
    )
    lapsed_after: Annotated[int, Field(ge=1, le=3_650), NUMBER] = Field(
        365, description="Days without buying anything after which a customer comes back."
    )
    group_by: By | None = None

    def asked(self, now: datetime) -> Revenue:
        """The orders that are asked about."""
        as_of = self.as_of or now
        return Revenue(self.since, self.before, as_of, self.where, self.lapsed_after, self.group_by)


class RevenueQuestion(_RevenueAsk):
    """Orders placed in a window of days of the organisation's time zone. Deals are not counted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "channel"}]
        }
    )


class RevenueOrdersQuestion(_RevenueAsk):
    """Which number to look behind."""

    buyer: Buyer | None = Field(None, description="All when left out.")
    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-01-01", "before": "2026-04-01", "buyer": "new"}]}
    )


class RevenuePart(BaseModel):
    """Orders without those that are cancelled, and what is left of them after refunds."""

    customers: int
    orders: int
    revenue: str = Field(description="In the base currency, at the rates of the days of the orders.")
    left_out: int = Field(description="Orders without an exchange rate, which revenue is without.")


class RevenueGroup(BaseModel):
    """Revenue of one group, or all, by what customers were when they first ordered in the window, or month, or quarter.

    What they had bought before are orders above zero that you see.
    """

    key: str | None = Field(description="A channel, country, region; 2026-03 or 2026-Q1.")
    all: RevenuePart
    new: RevenuePart = Field(description="Had bought nothing before.")
    returning: RevenuePart
    came_back: RevenuePart = Field(description="Had bought nothing for longer than `lapsed_after`.")
    unknown: RevenuePart = Field(description="Orders that name no contact.")


class RevenueOut(BaseModel):
    """Revenue over the orders that you see."""

    currency: Currency = Field(description="The base currency.")
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any order is hidden from you.")
    group_by: By | None
    total: RevenueGroup | None = Field(description="Null where it is taken apart by groups.")
    groups: list[RevenueGroup] = Field(description="The largest first, no more than a hundred.")
    groups_in_all: int
