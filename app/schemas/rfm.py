"""RFM scores and findings on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.domain.rfm import BINS, Returns, Segment, Tier
from app.schemas.base import NUMBER, Currency, Money, Part, Shape, Time

_Whole = Annotated[int, Field(ge=0, le=2_147_483_647), NUMBER]
Score = Annotated[int, Field(ge=1, le=BINS)]


class RfmBins(Part):
    """Four ascending edges per measure; a measure without is cut into fifths of the customers."""

    recency: list[_Whole] | None = Field(
        None,
        min_length=BINS - 1,
        max_length=BINS - 1,
        description="Days: 5 up to the first edge, 1 beyond the last.",
    )
    frequency: list[_Whole] | None = Field(
        None,
        min_length=BINS - 1,
        max_length=BINS - 1,
        description="Sales: 1 below the first edge, 5 from the last on.",
    )
    monetary: list[Money] | None = Field(
        None,
        min_length=BINS - 1,
        max_length=BINS - 1,
        description="In the base currency: 1 below the first edge.",
    )


class RfmAsk(Shape):
    """How customers are to be scored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"as_of": "2026-03-01T00:00:00+08:00", "returns": "net"}]}
    )

    as_of: Time | None = Field(None, description="What happened before counts; now when left out.")
    returns: Returns = Field(
        Returns.NET, description="net: refunds and orders below zero reduce money; ignore: sales alone count."
    )
    window_days: Annotated[int, Field(ge=1, le=36_500), NUMBER] | None = Field(
        None, description="Only orders of so many days before as_of; all when left out."
    )
    bins: RfmBins | None = None


class RfmQuery(Shape):
    """Which run."""

    run: UUID | None = Field(None, description="A run's id; as_of is not looked at then.")
    as_of: Time | None = Field(
        None,
        description="The latest run up to this moment, of those by the usual rules: net, no window, fifths.",
    )


class RfmContactQuery(RfmQuery):
    """Which contacts of a run."""

    segment: Segment | None = None
    tier: Tier | None = None
    cluster: int | None = Field(None, ge=1, le=8)
    r: Score | None = None
    f: Score | None = None
    m: Score | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=2000)


class RfmPrevious(BaseModel):
    """The run that movements are counted from."""

    id: UUID
    as_of: datetime


class RfmRunTold(BaseModel):
    """How customers were scored."""

    id: UUID
    as_of: datetime
    returns: Returns
    window_days: int | None
    bins: RfmBins | None
    currency: Currency = Field(description="The base currency, in which all money here is.")
    rules: int = Field(description="The version of the rules by which this was computed.")
    finished_at: datetime
    previous: RfmPrevious | None


class _Group(BaseModel):
    contacts: int
    share: float | None = Field(description="Of all contacts that are counted.")
    revenue: str
    revenue_share: float | None


class RfmGroup(_Group):
    """Contacts, their money, and their averages."""

    recency_days: float | None
    frequency: float | None
    monetary: str | None


class RfmSegment(RfmGroup):
    """A segment; the same number may mean other people in another run."""

    segment: Segment


class RfmTier(RfmGroup):
    """What customers are worth: vip has the monetary score 5, regular 4 and 3, potential 2 and 1."""

    tier: Tier


class RfmDays(BaseModel):
    """A score of recency or frequency, and the least and the most that has it."""

    score: Score
    contacts: int
    least: int | None
    most: int | None


class RfmMoney(BaseModel):
    """A score of money, and the least and the most that has it."""

    score: Score
    contacts: int
    least: str | None
    most: str | None


class RfmDistribution(BaseModel):
    """How many contacts have which score."""

    recency: list[RfmDays]
    frequency: list[RfmDays]
    monetary: list[RfmMoney]


class RfmMove(BaseModel):
    """How many contacts went from one segment to another since the previous run; null is no customer."""

    before: Segment | None
    after: Segment | None
    contacts: int


class RfmLeftOut(BaseModel):
    """Orders in a currency without an exchange rate of their day or before; they are not counted."""

    currency: Currency
    orders: int


class RfmWindow(BaseModel):
    """What the numbers were made from."""

    sales: int
    first_at: datetime | None
    last_at: datetime | None
    left_out: list[RfmLeftOut]


class RfmCluster(_Group):
    """A cluster with its medians; 1 spends the most."""

    cluster: int
    recency_days: int
    frequency: int
    monetary: str
    tenure_days: int


class RfmCandidate(BaseModel):
    """A number of clusters that was tried."""

    k: int
    silhouette: float | None = Field(
        description="Mean silhouette, from -1 to 1; higher is better told apart."
    )
    inertia: float = Field(description="Sum of squared distances to the centres.")


class RfmWhy(BaseModel):
    """The choice in a sentence."""

    en: str
    zh: str


class RfmClusters(BaseModel):
    """Groups found by k-means; how they were found is told to whoever sees every contact."""

    k: int
    seed: int
    why: RfmWhy | None
    candidates: list[RfmCandidate] | None
    fitted: int | None = Field(description="Customers that the centres were found from.")
    compared: int | None = Field(description="Of these, how many were compared for the silhouette.")
    profiles: list[RfmCluster]


class RfmOut(BaseModel):
    """What a run found. Contacts erased since are in the numbers over all still, and in no list."""

    run: RfmRunTold
    over: Literal["all", "seen"] = Field(
        description="Whether the numbers are over all contacts, or over those that you see."
    )
    contacts: int
    revenue: str
    window: RfmWindow | None = Field(description="Null where the numbers are over those that you see.")
    distribution: RfmDistribution
    segments: list[RfmSegment]
    tiers: list[RfmTier]
    movement: list[RfmMove] | None = Field(description="Null where there is no run before by the same rules.")
    clusters: RfmClusters | None = Field(description="Null where fewer than three customers differ.")


class _Scores(BaseModel):
    recency_days: int
    frequency: int
    monetary: str
    tenure_days: int = Field(description="Days since the first sale.")
    r: Score
    f: Score
    m: Score
    segment: Segment
    tier: Tier
    cluster: int | None


class RfmContact(_Scores):
    """A contact as a run scored it."""

    contact_id: UUID
    name: str | None = Field(None, description="Left out where names are hidden from your role.")


class RfmHistoryItem(_Scores):
    """How one run scored the contact."""

    run_id: UUID
    as_of: datetime
    returns: Returns
    window_days: int | None
    own_bins: bool = Field(description="Whether it was scored by edges that somebody chose.")
