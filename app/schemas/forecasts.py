"""Forecasts on the wire."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.forecasts import Likelihood, Span, Subject
from app.schemas.base import Currency, Cursor, Day, Shape, Time


class ForecastAsk(Shape):
    """What is to be forecast: what a pipeline will win in a month or a quarter."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "pipeline", "unit": "quarter", "day": "2026-12-01"}]}
    )

    kind: Literal[Subject.PIPELINE]
    pipeline_id: UUID | None = Field(None, description="The oldest pipeline when left out.")
    unit: Span = Span.QUARTER
    day: Day | None = Field(
        None,
        description="A day of the month or quarter; that of as_of when left out. No period that is over.",
    )
    as_of: Time | None = Field(
        None,
        description="Nothing that came later is looked at; now when left out. What is expected begins with the next midnight.",
    )


class ForecastQuery(Shape):
    """Which forecasts."""

    kind: Subject | None = None
    pipeline_id: UUID | None = None
    unit: Span | None = None
    day: Day | None = Field(None, description="Of periods that this day lies in.")
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = Field(None, max_length=2000)


class ForecastDealQuery(Shape):
    """Which deals behind a forecast."""

    part: Likelihood | None = None
    owner_id: UUID | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = Field(None, max_length=2000)


class _Asked(BaseModel):
    id: UUID = Field(description="Also that of the run which made it.")
    kind: Subject
    pipeline_id: UUID
    unit: Span
    starts_on: date
    ends_on: date = Field(description="The day after the last.")
    as_of: datetime
    currency: Currency = Field(description="The base currency, in which all money here is.")
    method: int = Field(description="The version of how numbers come about.")
    model: Literal["history", "probability"] = Field(
        description="history: learnt from what became of deals before; probability: too little history for that, so no"
        " more than amounts times the probabilities of their stages."
    )
    finished_at: datetime


class ForecastListed(_Asked):
    """A forecast beside what came; null without all deals in sight, or where amounts are hidden from your role."""

    expected: str | None
    low: str | None = Field(description="One in ten outcomes was to be lower.")
    high: str | None = Field(description="One in ten outcomes was to be higher.")
    actual: str | None = Field(
        description="What was won in the period, by what is known now; null until it is over."
    )


class ForecastWhy(BaseModel):
    """How good it is, in a sentence."""

    en: str
    zh: str


class ForecastPart(BaseModel):
    """Deals of one part: won in the period already, or open, as commit (a chance of 0.7 or more), best_case (0.3) or pipeline.

    Each deal is in one part. Where others speak of the best case, they add the commitment to it.
    """

    part: Likelihood
    deals: int
    amount: str | None = Field(description="What they come to if all are won.")
    expected: str | None = Field(description="The same times their chances.")


class _Group(BaseModel):
    open_deals: int
    won: str | None
    expected: str | None = Field(description="Won, and expected of open deals; without deals not opened yet.")
    target: str | None = Field(description="Of quotas of won_amount that fill the period.")
    gap: str | None = Field(description="Target less expected; below 0 is ahead.")


class ForecastOwner(_Group):
    """Deals of one owner, not by credit; null is nobody's."""

    owner_id: UUID | None


class ForecastTeam(_Group):
    """Deals of all in a team and below it."""

    team_id: UUID


class ForecastTarget(BaseModel):
    """What quotas ask for the period, and what the expected falls short of it by."""

    amount: str
    of: Literal["all", "owners"] = Field(description="The quota of everybody, or else the sum of people's.")
    gap: str


class ForecastErrors(BaseModel):
    """Of this model, of amounts times probabilities, and of the same period before."""

    expected: str
    by_probability: str
    naive: str


class ForecastPast(BaseModel):
    """A past period, forecast again from what was known on its first morning, and what came."""

    starts_on: date
    ends_on: date
    expected: str
    low: str
    high: str
    by_probability: str
    naive: str
    actual: str


class ForecastBacktest(BaseModel):
    """How good the same model would have been."""

    periods: int
    mae: ForecastErrors | None = Field(description="Mean absolute error.")
    bias: ForecastErrors | None = Field(description="Mean of forecast less actual.")
    coverage: float = Field(
        description="Part of the periods whose sum lay between low and high; 0.8 is meant."
    )
    beats_baselines: bool
    past: list[ForecastPast] | None


class ForecastHistory(BaseModel):
    """How much it was made from."""

    deals: int
    won: int
    open: int
    first_on: date | None = Field(description="When the first of them was opened.")
    without_amount: int = Field(
        description="Deals without an amount; open ones count with what deals were won with."
    )
    without_rate: int = Field(
        description="Deals in a currency without an exchange rate; open ones count with what deals were won with, won"
        " ones do not count."
    )


class ForecastOut(_Asked):
    """What a pipeline is expected to win in a period.

    Null is what is hidden from your role, what is said of all deals together where you do not see them all, and what needs
    more history.
    """

    pipeline: str
    over: Literal["all", "seen"] = Field(
        description="Whether the numbers are over all deals, or those that you see."
    )
    why: ForecastWhy | None
    won: str | None = Field(description="Within the period, up to as_of.")
    expected: str | None = Field(description="won, of_open and of_new together.")
    of_open: str | None
    of_new: str | None = Field(description="Of deals that are not opened yet.")
    new_deals: float | None = Field(description="How many of them are expected to be won.")
    low: str | None = Field(description="One in ten outcomes is lower.")
    middle: str | None
    high: str | None = Field(description="One in ten outcomes is higher.")
    shock: float | None = Field(description="Deviation of what all deals share, in parts of the sum.")
    seed: int | None = Field(description="Of the simulation.")
    parts: list[ForecastPart]
    target: ForecastTarget | None
    chance_of_target: float | None
    owners: list[ForecastOwner] = Field(description="The largest first.")
    teams: list[ForecastTeam] | None = Field(description="The largest first.")
    made_from: ForecastHistory | None
    backtest: ForecastBacktest | None


class ForecastDeal(BaseModel):
    """A deal behind a forecast."""

    deal_id: UUID
    name: str | None = Field(None, description="Left out where names are hidden from your role.")
    owner_id: UUID | None = Field(description="As of then.")
    part: Likelihood
    chance: float = Field(description="To be won within the period; 1 of what was won.")
    amount: str | None = Field(
        description="What it was won with, or would be; null where amounts are hidden."
    )
    expected: str | None
