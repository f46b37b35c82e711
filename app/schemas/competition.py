"""What comes of deals with competitors, on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.deals.cohorts import Group
from app.domain.deals.competition import Outcome
from app.schemas.base import NUMBER, Currency, Cursor
from app.schemas.funnel import CohortAsk, Proportion


class CompetitionQuestion(CohortAsk):
    """Which deals to look at, by when they were closed. Months and quarters are of when they were opened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "region"}]
        }
    )


class CompetitionDealsQuestion(CohortAsk):
    """Which number to look behind."""

    outcome: Outcome = Outcome.DEALS
    competitor_id: UUID | None = Field(None, description="All deals, with competitors or not, when left out.")
    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "outcome": "lost_to"}]
        }
    )


class PricePosition(BaseModel):
    """How our prices stand beside those of a competitor.

    A pair is a line of a deal, at its price for one after discount, and a price that held on the day when the deal was
    closed, of what stands against the same product; where currencies differ, at that day's exchange rates.
    """

    pairs: int
    ratio: float | None = Field(
        description="The median of ours divided by theirs: above 1, we are dearer. Null without pairs."
    )


class CompetitorStanding(BaseModel):
    """What came of the deals in which a competitor was in play, or to which they were lost.

    Money is in the base currency, at the exchange rates of the days when deals were closed; null where amounts are
    hidden from your role.
    """

    competitor_id: UUID
    name: str
    deals: int
    won: int
    lost: int = Field(description="Whoever won them.")
    lost_to: int
    win_rate: Proportion = Field(description="Of the deals, how many were won.")
    share_of_wins: Proportion = Field(
        description="Of all deals that we or a named competitor won, how many it won."
    )
    won_amount: str | None
    lost_amount: str | None
    lost_to_amount: str | None
    unconverted: int | None = Field(description="Deals whose amount has no exchange rate, and is left out.")
    prices: PricePosition | None = Field(
        description="Null where prices, ours or theirs, are hidden from you."
    )


class CompetitionGroup(BaseModel):
    """Deals of one group, or all."""

    key: str | None = Field(
        description="An id of an owner, team, product or segment; a channel, campaign, region, country; 2026-03 or 2026-Q1."
    )
    deals: int
    won: int
    lost: int
    lost_to: int = Field(description="To a competitor that is named.")
    share_of_wins: Proportion = Field(
        description="Of the deals that we or a named competitor won, how many we won: what can be known of a share of the"
        " market from one's own deals."
    )
    competitors: list[CompetitorStanding] = Field(
        description="Those with the most deals first, no more than a hundred."
    )
    competitors_in_all: int


class CompetitionOut(BaseModel):
    """What came of the deals that you see."""

    pipeline_id: UUID
    pipeline: str
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any deal is hidden from you.")
    currency: Currency = Field(description="The base currency.")
    group_by: Group | None
    total: CompetitionGroup | None = Field(description="Null where they are taken apart by groups.")
    groups: list[CompetitionGroup] = Field(description="The largest first, no more than a hundred.")
    groups_in_all: int
