"""Acquisition on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.acquisition import Acquisition, By, Customers, Reason
from app.domain.costs import CostKind
from app.schemas.base import NUMBER, Counted, Currency, Cursor, Day, Label, Shape, Time


class _AcquisitionAsk(Shape):
    since: Day
    before: Day = Field(description="Not counted itself.")
    as_of: Time | None = Field(
        None,
        description="Only costs of days up to then, and orders or deals as they stood then, count; now when left out. Other"
        " fields are as they are now.",
    )
    new_by: Customers = Field(
        Customers.ORDERS,
        description="`orders`: the contacts of orders in the window who had bought nothing before. `deals`, for who keeps no"
        " orders: the companies of deals, or else their contacts, whose first deal ever was won in the window.",
    )
    group_by: By | None = None
    kind: CostKind | None = Field(None, description="Of costs alone; customers are counted all the same.")
    channel: Label | None = Field(
        None, description="Of costs, and of the order or deal that won the customer."
    )
    campaign: Label | None = Field(None, description="As the channel, and of deals alone: orders carry none.")

    def asked(self, now: datetime) -> Acquisition:
        """What is asked about."""
        by = (self.group_by, self.kind, self.channel, self.campaign)
        return Acquisition(self.since, self.before, self.as_of or now, self.new_by, *by)


class AcquisitionQuestion(_AcquisitionAsk):
    """Costs and new customers of a window of days of the organisation's time zone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "channel"}]
        }
    )


class AcquisitionPageQuestion(_AcquisitionAsk):
    """Which number to look behind."""

    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "channel", "key": "web"}]
        }
    )


class AcquisitionCustomer(Counted):
    """A new customer behind a number."""

    noun: Literal["contact", "company"]


class AcquisitionGroup(BaseModel):
    """What was spent on winning the customers of one group, or all."""

    key: str | None = Field(description="A channel, campaign or kind; 2026-03 or 2026-Q1.")
    costs: int
    spent: str | None = Field(
        description="In the base currency, at the rates of the days of the costs; null where it is hidden from your role."
    )
    left_out: int | None = Field(description="Costs without an exchange rate, which it is without.")
    customers: int | None = Field(
        description="New ones; null where customers do not carry what costs are taken apart by."
    )
    cost_per_customer: str | None
    reason: Reason | None = Field(description="Why there is no cost of a customer.")


class AcquisitionOut(BaseModel):
    """Acquisition over the costs, and the orders or deals, that you see."""

    currency: Currency = Field(description="The base currency.")
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any cost, order or deal is hidden from you.")
    new_by: Customers
    group_by: By | None
    total: AcquisitionGroup
    groups: list[AcquisitionGroup] = Field(description="The dearest first, no more than a hundred.")
    groups_in_all: int
