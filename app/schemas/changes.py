"""Changes of the deals of a pipeline on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.deals.changes import Change
from app.domain.deals.cohorts import Group
from app.schemas.base import NUMBER, Currency, Cursor
from app.schemas.funnel import CohortAsk


class ChangesQuestion(CohortAsk):
    """Between the beginnings of which days; the later moment is `as_of` where that is sooner."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-01-05", "before": "2026-01-12", "group_by": "owner"}]}
    )

    limit: Annotated[int, Field(ge=0, le=200), NUMBER] = Field(
        50, description="Ids told of each change, those of the most money first."
    )


class ChangedDealsQuestion(CohortAsk):
    """Deals that changed in which way."""

    change: Change
    key: str | None = Field(
        None, max_length=200, description="Of the group; null is the group of those without."
    )
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-01-05", "before": "2026-01-12", "change": "slipped"}]}
    )


class ChangeTotal(BaseModel):
    """What deals of one currency come to: at the later moment, or how much more or less where they grew or shrank."""

    currency: Currency
    deals: int
    amount: str


class ChangeTold(BaseModel):
    """The deals that changed so."""

    deals: int
    totals: list[ChangeTotal] = Field(
        description="Of each currency; empty where amount or currency are hidden from your role."
    )
    ids: list[UUID]


class ChangesGroup(BaseModel):
    """How deals of one group, or all, differ between the two moments; a change is null where what it is of is hidden.

    Stages are as of when they are said to have been entered; amounts and days as of when they were written.
    """

    key: str | None = Field(
        description="An id of an owner, team, product or segment; a channel, campaign, region, country; 2026-03 or 2026-Q1."
    )
    entered: ChangeTold | None = Field(description="Not there before.")
    won: ChangeTold | None
    lost: ChangeTold | None
    reopened: ChangeTold | None
    slipped: ChangeTold | None = Field(description="Open both times, and expected to close later.")
    nearer: ChangeTold | None = Field(description="Open both times, and expected to close sooner.")
    grew: ChangeTold | None = Field(description="Open both times, and worth more in the same currency.")
    shrank: ChangeTold | None = Field(description="Open both times, and worth less in the same currency.")


class ChangesOut(BaseModel):
    """Changes of the deals that you see."""

    pipeline_id: UUID
    pipeline: str
    start: datetime
    end: datetime
    over: Literal["all", "seen"] = Field(description="Whether any deal is hidden from you.")
    group_by: Group | None
    total: ChangesGroup | None = Field(description="Null where they are taken apart by groups.")
    groups: list[ChangesGroup] = Field(description="No more than a hundred.")
    groups_in_all: int
