"""Velocity on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.deals.cohorts import Group
from app.domain.deals.velocity import Behind
from app.schemas.base import NUMBER, Currency, Cursor
from app.schemas.funnel import CohortAsk, Proportion
from app.schemas.pipelines import StageKey


class VelocityQuestion(CohortAsk):
    """Deals closed in the window, and those open as of the moment; by month or quarter, it is of when they were opened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "channel"}]
        }
    )


class VelocityDealsQuestion(CohortAsk):
    """Which number to look behind."""

    part: Behind
    stage: StageKey | None = Field(None, description="Where they stood as of the moment.")
    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-01-01", "before": "2026-04-01", "part": "overdue"}]}
    )


class VelocityValue(BaseModel):
    """What deals come to in the base currency, at the rates of the days on which they were closed."""

    deals: int
    left_out: int = Field(description="Others, without an amount or an exchange rate.")
    total: str
    mean: str | None
    median: str | None


class VelocityTotal(BaseModel):
    """What won deals of one currency come to."""

    currency: Currency
    deals: int
    total: str


class VelocityCycle(BaseModel):
    """From opening to closing, in days of 24 hours."""

    mean: float | None
    median: float | None
    p90: float | None


class VelocityAge(BaseModel):
    """Since deals came to their stage, in days of 24 hours."""

    median: float | None
    p90: float | None
    longest: float | None


class VelocitySpan(BaseModel):
    """Open deals by the days of 24 hours since they were opened."""

    from_days: int
    below_days: int | None = Field(description="Null where there is no end.")
    deals: int


class VelocityStage(BaseModel):
    """The open deals of a stage."""

    stage: str
    name: str
    deals: int
    days: VelocityAge
    expected_days: int | None
    overdue: int | None = Field(
        description="Since whose day of entry more business days than expected have begun; null without an expectation."
    )


class VelocityGroup(BaseModel):
    """How fast deals of one group, or all, are closed; money is null where amount or currency are hidden from your role."""

    key: str | None = Field(
        description="An id of an owner, team, product or segment; a channel, campaign, region, country; 2026-03 or 2026-Q1."
    )
    opened: int = Field(description="In the window.")
    won: int = Field(description="Closed last in the window, and not reopened by `as_of`.")
    lost: int
    open: int = Field(description="As of the moment, whenever they were opened.")
    win_rate: Proportion
    win_rate_by_value: float | None = Field(
        description="The value won, of that won and lost, from 0 to 1; what is left out of either counts for nothing."
    )
    won_value: VelocityValue | None
    lost_value: VelocityValue | None
    won_by_currency: list[VelocityTotal] | None
    cycle_won: VelocityCycle
    cycle_lost: VelocityCycle
    sales_velocity: str | None = Field(
        description="Money a day in the base currency: open deals times win rate times mean won value, by the mean days of"
        " won deals. Null where there are none of them."
    )
    open_for: list[VelocitySpan]
    stages: list[VelocityStage]
    elsewhere: int = Field(description="Open then in a stage that the pipeline has no more as an open one.")


class VelocityOut(BaseModel):
    """Velocity over the deals that you see."""

    pipeline_id: UUID
    pipeline: str
    currency: Currency = Field(description="The base currency.")
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any deal is hidden from you.")
    group_by: Group | None
    total: VelocityGroup | None = Field(description="Null where they are taken apart by groups.")
    groups: list[VelocityGroup] = Field(
        description="Those with the most closed deals first, no more than a hundred."
    )
    groups_in_all: int
