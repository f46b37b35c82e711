"""Activity on the wire."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.deals.cohorts import Group
from app.schemas.funnel import CohortAsk


class ActivityQuestion(CohortAsk):
    """Deals closed last in the window; by month or quarter, it is of when they were opened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-04-01", "group_by": "channel"}]
        }
    )


class ActivityNumber(BaseModel):
    """How much was done for deals."""

    in_all: int
    mean: float | None = Field(description="Per deal, as the median is; null without deals.")
    median: int | None


class ActivityOutcome(BaseModel):
    """What was done for the deals of one outcome."""

    deals: int
    interactions: ActivityNumber = Field(
        description="With the deal's contact or its company, from its opening to its closing."
    )
    tasks: ActivityNumber = Field(description="Of the deal, done before its closing.")


class ActivityGroup(BaseModel):
    """What was done for the deals of one group, or all; /velocity/deals lists them."""

    key: str | None = Field(
        description="An id of an owner, team, product or segment; a channel, campaign, region, country; 2026-03 or 2026-Q1."
    )
    won: ActivityOutcome
    lost: ActivityOutcome


class ActivityOut(BaseModel):
    """Activity over the deals, interactions and tasks that you see."""

    pipeline_id: UUID
    pipeline: str
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any of them is hidden from you.")
    group_by: Group | None
    total: ActivityGroup | None = Field(description="Null where they are taken apart by groups.")
    groups: list[ActivityGroup] = Field(
        description="Those with the most closed deals first, no more than a hundred."
    )
    groups_in_all: int
