"""Attainment of quotas on the wire."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.quotas import Measure
from app.schemas.base import Cursor, Day, Shape, Time


class AttainmentQuery(Shape):
    """Of which quotas, and as of when."""

    on: Day | None = Field(None, description="Quotas that hold on this day; today when left out.")
    as_of: Time | None = Field(
        None,
        description="Only stages that were come to up to then count; now when left out. Amounts, credit, owners and teams"
        " are as they are now.",
    )


class CreditedQuery(Shape):
    """As of when."""

    as_of: Time | None = Field(None, description="As of attainment; now when left out.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = Field(None, max_length=2_000)


class Attained(BaseModel):
    """A quota, and what has come of it."""

    id: UUID
    user_id: UUID | None
    team_id: UUID | None
    measure: Measure
    currency: str | None
    begins_on: date
    ends_on: date
    amount: str
    achieved: str = Field(
        description="By credit; money in the quota's currency, at the rates of the day of each win."
    )
    share: str = Field(description="Achieved over amount: 1 is all of it.")
    left: str
    due: str = Field(description="What the business time that has passed would ask for.")
    ahead: str = Field(description="Achieved less due; below 0 is behind.")
    unconverted: int = Field(description="Wins left out, because there is no exchange rate for them.")
    rank: int = Field(
        description="By share among those of the same measure and days, people apart from teams; equal shares have one place."
    )


class AttainmentOut(BaseModel):
    """Every quota of a day, the best of each measure first."""

    day: date
    as_of: datetime
    over: Literal["all", "seen"] = Field(description="Whether all deals count, or those that you see.")
    data: list[Attained]
