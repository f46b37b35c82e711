"""What costs are divided by which new customers."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from app.domain.costs import CostKind
from app.domain.deals.cohorts import check_window
from app.domain.errors import InvalidInput


class Customers(StrEnum):
    """By what somebody becomes a customer."""

    ORDERS = "orders"
    """The contact of an order, by the first in the window, who had bought nothing before."""
    DEALS = "deals"
    """The company of a deal, or else its contact, by the first that was ever won."""


class By(StrEnum):
    """What costs and customers are taken apart by."""

    MONTH = "month"
    QUARTER = "quarter"
    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    """Orders carry none."""
    KIND = "kind"
    """Of costs; no customer carries it."""


class Reason(StrEnum):
    """Why there is no cost of a customer."""

    NOT_TOLD_APART = "not_told_apart"
    """Customers do not carry what costs are taken apart by."""
    HIDDEN = "hidden"
    NO_NEW_CUSTOMERS = "no_new_customers"
    NO_COSTS = "no_costs"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Costs and new customers of a window of days of the organisation's time zone, `before` excluded."""

    since: date
    before: date
    as_of: datetime
    customers: Customers
    group_by: By | None = None
    kind: CostKind | None = None
    """Of costs alone."""
    channel: str | None = None
    campaign: str | None = None

    def __post_init__(self) -> None:
        """Raise InvalidInput for a window without days, and for a campaign of orders."""
        check_window(self.since, self.before, "before")
        if self.campaign is not None and self.customers is Customers.ORDERS:
            raise InvalidInput(
                "campaign_not_carried",
                "Orders carry no campaign; count customers by deals, or leave the campaign out.",
                field="campaign",
            )

    def tells_apart(self) -> bool:
        """Whether customers carry what costs are taken apart by."""
        return self.group_by is not By.KIND and (
            self.group_by is not By.CAMPAIGN or self.customers is Customers.DEALS
        )

    def looks_at(self) -> frozenset[str]:
        """The fields that costs and customers are filtered and taken apart by, as far as both carry them."""
        names = {By.CHANNEL.value: self.channel, By.CAMPAIGN.value: self.campaign}
        by = self.group_by if self.tells_apart() else None
        return frozenset(name for name, value in names.items() if value is not None or by == name)
