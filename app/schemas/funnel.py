"""Funnels on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.deals.cohorts import Cohort, Group, Part
from app.domain.pipelines.stages import StageKind
from app.schemas.base import NUMBER, Country, Cursor, Day, Label, Shape, Time
from app.schemas.conditions import Where
from app.schemas.pipelines import StageKey

_EXAMPLE: dict[str, JsonValue] = {
    "since": "2026-01-01",
    "before": "2026-02-01",
    "group_by": "owner",
    "where": {"field": "channel", "op": "eq", "value": "wechat"},
}


def _always() -> dict[str, JsonValue]:
    return {"all": []}


class CohortAsk(Shape):
    """Deals of one pipeline in a window of days of the organisation's time zone."""

    pipeline_id: UUID | None = Field(None, description="The oldest pipeline when left out.")
    since: Day
    before: Day = Field(description="Not counted itself.")
    as_of: Time | None = Field(
        None,
        description="Only what happened up to then counts of stages, closing and membership; now when left out. Other fields"
        " of deals are as they are now.",
    )
    where: Where = Field(default_factory=_always)
    team_id: UUID | None = Field(None, description="Of its owner.")
    product_id: UUID | None = None
    region: Label | None = Field(None, description="Of its company.")
    country: Country | None = Field(None, description="Of its company.")
    segment_id: UUID | None = Field(None, description="That its contact is in.")
    group_by: Group | None = None

    def cohort(self, now: datetime) -> Cohort:
        """The deals that are asked about."""
        by = {"team": self.team_id, "product": self.product_id, "region": self.region}
        by |= {"country": self.country, "segment": self.segment_id}
        as_of = self.as_of or now
        return Cohort(self.pipeline_id, self.since, self.before, as_of, self.where, by, self.group_by)


class FunnelQuestion(CohortAsk):
    """Which deals to follow, by when they were opened."""

    compare_since: Day | None = Field(
        None,
        description="An earlier window, seen as of as long after its beginning. By month or quarter, no group is in both.",
    )
    compare_before: Day | None = None

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class FunnelDealsQuestion(CohortAsk):
    """Which number to look behind."""

    stage: StageKey | None = Field(None, description="All deals of the window when left out.")
    part: Part = Part.ENTERED
    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"since": "2026-01-01", "before": "2026-02-01", "stage": "quote", "part": "lost"}]
        }
    )


class Proportion(BaseModel):
    """A share from 0 to 1, with Wilson's interval at 95 per cent; null of nothing."""

    of: int
    count: int
    rate: float | None
    low: float | None
    high: float | None


class ProportionChange(BaseModel):
    """How a share differs from that of the earlier window, with Newcombe's interval at 95 per cent."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None = Field(
        description="Of a pooled two-proportion z test: how likely so much by chance."
    )


class StageTime(BaseModel):
    """Seconds of the stays that ended."""

    stays: int
    median: int | None
    p90: int | None
    business_median: int | None = Field(description="Within the organisation's opening hours.")
    business_p90: int | None


class DropOff(BaseModel):
    """Why deals were lost."""

    reason: str | None
    deals: int


class FunnelStage(BaseModel):
    """What became of the deals that came to a stage; a deal counts once in each stage that it was ever in.

    entered = moved_on + went_back + lost + elsewhere + standing, by how the last stay ended.
    """

    stage: str
    name: str
    kind: StageKind
    entered: int
    reached: int = Field(
        description="Entered it, or an open stage behind it, or were won: who skips it got as far."
    )
    moved_on: int
    went_back: int
    lost: int
    elsewhere: int = Field(description="In a stage that the pipeline has no more.")
    standing: int
    next: Proportion | None = Field(
        description="Of those that reached it, how many reached the next step; null of closed ones."
    )
    won: Proportion | None = Field(
        description="Of those that reached it, how many were ever won; null of closed ones."
    )
    next_change: ProportionChange | None = Field(description="Null where nothing is compared.")
    won_change: ProportionChange | None
    time: StageTime
    drop_off: list[DropOff] | None = Field(
        description="Null where reasons are hidden from your role; the most common first, no more than twenty."
    )


class FunnelGroup(BaseModel):
    """Deals of one group, or all."""

    key: str | None = Field(
        description="An id of an owner, team, product or segment; a channel, campaign, region, country; 2026-03 or 2026-Q1."
    )
    deals: int
    stages: list[FunnelStage]


class FunnelOut(BaseModel):
    """A funnel over the deals that you see."""

    pipeline_id: UUID
    pipeline: str
    since: date
    before: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether any deal is hidden from you.")
    group_by: Group | None
    total: FunnelGroup | None = Field(description="Null where they are taken apart by groups.")
    groups: list[FunnelGroup] = Field(description="The largest first, no more than a hundred.")
    groups_in_all: int
