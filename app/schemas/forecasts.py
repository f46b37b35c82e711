"""Forecasts on the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.forecasts import Likelihood, Promotion, Span, Subject
from app.schemas.base import NUMBER, Currency, Cursor, Day, Label, Name, Part, Shape, Time


class ForecastPromotion(Part):
    """Days on which more was, or is to be, done to sell, in the past and to come."""

    name: Name = Field(description="The same for promotions of the same sort, such as 双十一 of each year.")
    since: Day
    until: Day = Field(description="The last day.")

    def told(self) -> Promotion:
        """The same for the rules."""
        return Promotion(self.name, self.since, self.until)


class ForecastAsk(Shape):
    """What is to be forecast: what a pipeline will win in a month or a quarter, or what will be sold step by step."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "pipeline", "unit": "quarter", "day": "2026-12-01"}]}
    )

    kind: Subject
    unit: Span | None = Field(
        None,
        description="Of a pipeline month or quarter (when left out); of revenue day (when left out), week or month.",
    )
    as_of: Time | None = Field(
        None,
        description="Nothing that came later is looked at; now when left out. Of a pipeline, what is expected begins with the"
        " next midnight; of revenue, with the step under way.",
    )
    pipeline_id: UUID | None = Field(None, description="The oldest pipeline when left out. Of a pipeline.")
    day: Day | None = Field(
        None,
        description="A day of the month or quarter; that of as_of when left out. No period that is over. Of a pipeline.",
    )
    ahead: Annotated[int, Field(ge=1, le=366), NUMBER] | None = Field(
        None,
        description="Steps, 28 when left out; no more than 366 days, 104 weeks or 36 months. Of revenue.",
    )
    channel: Label | None = Field(None, description="Orders of this channel alone. Of revenue.")
    region: Label | None = Field(None, description="Orders of companies in this region alone. Of revenue.")
    promotions: list[ForecastPromotion] | None = Field(None, max_length=200, description="Of revenue.")

    def given(self) -> list[str]:
        """What is asked of one kind alone."""
        own = ("pipeline_id", "day", "ahead", "channel", "region", "promotions")
        return [name for name in own if getattr(self, name) is not None]


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


class _Made(BaseModel):
    id: UUID = Field(description="Also that of the run which made it.")
    unit: Span
    starts_on: date
    ends_on: date = Field(description="The day after the last.")
    as_of: datetime
    currency: Currency = Field(description="The base currency, in which all money here is.")
    method: int = Field(description="The version of how numbers come about.")
    finished_at: datetime


class ForecastListed(_Made):
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
    without_amount: int | None = Field(
        description="Deals without an amount; open ones count with what deals were won with. Null for who reads no amounts."
    )
    without_rate: int | None = Field(
        description="Deals in a currency without an exchange rate; open ones count with what deals were won with, won"
        " ones do not count. Null for who reads no amounts."
    )


class ForecastOut(_Made):
    """What a pipeline is expected to win in a period.

    Null is what is hidden from your role, what is said of all deals together where you do not see them all, and what needs
    more history.
    """

    kind: Literal[Subject.PIPELINE]
    pipeline_id: UUID
    pipeline: str
    model: Literal["history", "probability"] = Field(
        description="history: learnt from what became of deals before; probability: too little history for that, so no"
        " more than amounts times the probabilities of their stages."
    )
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


class ForecastStep(BaseModel):
    """A day, week or month."""

    starts_on: date
    mean: str
    low: str = Field(description="Of the interval that is to hold 80 in 100 outcomes.")
    high: str
    lowest: str = Field(description="Of the one that is to hold 95.")
    highest: str


class ForecastScore(BaseModel):
    """How a model did on the latest values, which were held back."""

    model: str
    mae: str = Field(description="Mean absolute error of a step.")
    mase: float | None = Field(description="The same in units of the mean step from season to season.")
    bias: str = Field(description="Mean of forecast less truth.")
    coverage: float = Field(description="Part of the truth that its 80 % intervals held.")


class ForecastChoice(BaseModel):
    """How the model was chosen."""

    model: str
    why: ForecastWhy
    beats_naive: bool | None = Field(description="Null where there was too little to hold anything back.")
    tests: int
    ahead: int
    level: int
    scores: list[ForecastScore] = Field(description="The best first, beside naive and seasonal_naive.")


class ForecastSold(BaseModel):
    """How much it was made from."""

    steps: int
    orders: int
    without_rate: int = Field(
        description="Orders in a currency without an exchange rate of their day; they do not count."
    )
    first_on: date | None


class RevenueForecastOut(_Made):
    """What orders are expected to come to, less what is given back."""

    kind: Literal[Subject.REVENUE]
    channel: str | None
    region: str | None
    promotions: list[ForecastPromotion]
    model: str | None
    expected: str | None = Field(description="Of all steps; null where nothing was sold before.")
    steps: list[ForecastStep]
    choice: ForecastChoice | None
    regressors: list[str] = Field(
        description="What was counted of each step: holidays and workdays made up for, of the organisation's calendar, and"
        " days of each promotion. The model called regression uses those that the past can tell apart."
    )
    made_from: ForecastSold


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
