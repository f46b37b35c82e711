"""Deals on the wire."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.deals.amounts import MOST_OWNERS
from app.domain.deals.competitors import MOST_COMPETITORS
from app.domain.deals.moves import MOST_REASON, Verb
from app.domain.deals.steps import MOST_STEPS
from app.domain.orders import MOST_LINES
from app.domain.pipelines.stages import StageKind
from app.schemas.base import (
    SURVIVING,
    Currency,
    Custom,
    Day,
    External,
    ExternalOut,
    Label,
    Labels,
    Line,
    Money,
    Name,
    Part,
    RecordOut,
    RecordQuery,
    Shape,
    Share,
    Time,
    optional,
)
from app.schemas.competitors import DealCompetitor, DealCompetitorOut
from app.schemas.orders import OrderLine, OrderLineOut
from app.schemas.people import MOST_PEOPLE, DealPerson, DealPersonOut
from app.schemas.pipelines import StageKey


class DealFields(Shape):
    """What can be written of a deal at any time; where it stands and whose it is are changed by verbs."""

    name: Name = optional()
    contact_id: UUID | None = Field(None, description=SURVIVING)
    company_id: UUID | None = Field(None, description=SURVIVING)
    people: list[DealPerson] = Field(
        default_factory=list,
        max_length=MOST_PEOPLE,
        description="Others than the contact, or the contact with a role; whoever is merged becomes their survivor.",
    )
    amount: Money | None = Field(None, description="What the lines come to, where there are any.")
    currency: Currency = optional()
    lines: list[OrderLine] = Field(default_factory=list, max_length=MOST_LINES)
    competitors: list[DealCompetitor] = Field(
        default_factory=list, max_length=MOST_COMPETITORS, description="In play, each of them once."
    )
    probability: Share | None = Field(
        None, description="Its own, in place of its stage's, while it stands there."
    )
    expected_close: Day | None = None
    channel: Label | None = None
    campaign: Label | None = None
    next_step: Line | None = None
    next_step_on: Day | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "name": "海蓝科技 年度茶礼",
    "currency": "CNY",
    "amount": "48000.00",
    "expected_close": "2026-12-15",
    "next_step": "寄样品",
    "next_step_on": "2026-11-30",
}


class DealOpen(DealFields):
    """A new deal."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    currency: Currency
    pipeline_id: UUID | None = Field(None, description="The oldest pipeline when left out.")
    stage: StageKey | None = Field(
        None, description="One in which deals are opened; the first of these when left out."
    )
    owner_id: UUID | None = None
    at: Time | None = Field(None, description="When it was opened; now when left out.")


class DealEdit(DealFields):
    """Changes to a deal."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"next_step": "报价", "amount": "52000.00"}]})


class DealCame(Part):
    """That a deal came to a stage, by the verb that the stage asks for."""

    stage: StageKey
    at: Time
    why: Annotated[str, Field(min_length=1, max_length=MOST_REASON)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON)] | None = Field(
        None, description="Why it was lost, where it was."
    )
    lost_to_id: UUID | None = Field(None, description="The competitor that won it, where it was lost.")


class _Came(Shape):
    pipeline_id: UUID | None = Field(
        None, description="Of a new deal, the oldest pipeline when left out; a deal stays in its own."
    )
    owner_id: UUID | None = Field(None, description="Of a deal that is there, null takes it from nobody.")
    steps: list[DealCame] = Field(
        default_factory=list,
        max_length=MOST_STEPS,
        description="The stages that it came to, in the order of time; opened in the first of them."
        " Those that its history has are nothing new.",
    )


_CAME = _EXAMPLE | {
    "external_ids": {"hubspot": "51234"},
    "steps": [
        {"stage": "new", "at": "2026-03-01T10:30:00+08:00"},
        {"stage": "lost", "at": "2026-03-21T17:00:00+08:00", "reason": "价格高于竞品"},
    ],
}


class DealAdd(DealFields, _Came):
    """A new deal with the stages that it has gone through."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CAME]})

    name: Name
    currency: Currency


class DealUpsert(DealFields, _Came):
    """A deal to open, or to edit and take on when its id or an external id is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CAME]})

    id: UUID | None = None


class Credit(Part):
    """Somebody's part of a deal's success."""

    user_id: UUID
    share: Money = Field(description="Per cent; all shares come to 100.")


class CreditOut(BaseModel):
    """Somebody's part of a deal's success, in per cent."""

    user_id: UUID
    share: str


class ApprovalOut(BaseModel):
    """That somebody agreed to a deal's next stage, with the amount that they saw."""

    stage: str
    by_id: UUID | None
    at: datetime
    amount: str | None
    currency: str


class DealOut(RecordOut, DealFields):
    """A deal."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    lines: list[OrderLineOut] = Field(default_factory=list)  # type: ignore[assignment]  # more than was written
    people: list[DealPersonOut] = Field(default_factory=list)  # type: ignore[assignment]
    competitors: list[DealCompetitorOut] = Field(default_factory=list)  # type: ignore[assignment]
    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit
    pipeline_id: UUID | None = None
    stage: str | None = Field(None, description="The key of a stage of its pipeline.")
    status: StageKind | None = Field(None, description="The kind of its stage.")
    owner_id: UUID | None = None
    lost_reason: str | None = None
    lost_to_id: UUID | None = Field(None, description="The competitor that won it.")
    opened_at: datetime | None = None
    entered_at: datetime | None = Field(None, description="When it came to its stage.")
    closed_at: datetime | None = None
    closed_from: str | None = Field(None, description="The stage that it was closed in.")
    credit: list[CreditOut] | None = Field(
        None, description="Whose success it is; all its owner's when there is none."
    )

    approvals: list[ApprovalOut] | None = Field(
        None,
        description="While it has stood in its stage; shown to those who may read its amount and currency.",
    )


class DealQuery(RecordQuery):
    """Simple filters over deals."""

    pipeline_id: UUID | None = None
    stage: StageKey | None = None
    status: StageKind | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    lost_to_id: UUID | None = None
    channel: Label | None = None
    campaign: Label | None = None
    entered_before: Time | None = Field(None, description="For deals that stand where they are since long.")
    overdue: bool | None = Field(
        None, description="Open, and longer in their stage than it expects; false: all others."
    )
    next_step_before: Day | None = Field(None, description="For steps that are due.")
    closes_since: Day | None = None
    closes_before: Day | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = RecordQuery.tests | {
        "entered_before": ("entered_at", "lt"),
        "next_step_before": ("next_step_on", "lt"),
        "closes_since": ("expected_close", "gte"),
        "closes_before": ("expected_close", "lt"),
    }
    apart: ClassVar[frozenset[str]] = RecordQuery.apart | {"overdue"}


class _Step(Shape):
    why: Annotated[str, Field(min_length=1, max_length=MOST_REASON)] | None = Field(
        None, description="For the stage history."
    )
    at: Time | None = Field(
        None, description="When; now when left out. What stages ask for is judged as of then."
    )


class DealMove(_Step):
    """To another open stage."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "quote", "why": "样品确认"}]})

    to: StageKey


class DealWin(_Step):
    """Won."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    to: StageKey | None = Field(None, description="The first won stage when left out.")


class DealLose(_Step):
    """Lost, for a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "价格高于竞品"}]})

    reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON)]
    lost_to_id: UUID | None = Field(
        None, description="The competitor that won it, whether or not it stands among those in play."
    )
    to: StageKey | None = Field(None, description="The first lost stage when left out.")


class DealReopen(_Step):
    """Back among the open ones."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    to: StageKey | None = Field(
        None, description="The stage that it was closed in when left out, where that is allowed."
    )


class DealReassign(Shape):
    """Somebody else's from now on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"owner_id": "01a20000-0000-7000-8000-000000000001"}]}
    )

    owner_id: UUID


class DealSplit(Shape):
    """Credit between owners."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "credit": [
                        {"user_id": "01a20000-0000-7000-8000-000000000001", "share": "60"},
                        {"user_id": "01a20000-0000-7000-8000-000000000002", "share": "40"},
                    ]
                }
            ]
        }
    )

    credit: list[Credit] = Field(min_length=1, max_length=MOST_OWNERS)


class DealApprove(Shape):
    """Agreement that a deal goes to a stage."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "agreement"}]})

    to: StageKey


class DealTarget(BaseModel):
    """A stage of a deal's pipeline, the verb that leads there, and why it cannot be had now."""

    stage: str
    verb: Literal["move", "win", "lose", "reopen"]
    allowed: bool = Field(description="By the deal as it stands and the roles that you have.")
    code: str | None = Field(description="Of the refusal that the verb would meet.")
    reason: str | None
    facts: dict[str, Any] = Field(description="Such as the fields that are missing.")


class DealStep(BaseModel):
    """An entry of a deal's stage history."""

    verb: Verb
    from_stage: str | None
    to_stage: str
    at: datetime
    by_id: UUID | None = Field(description="Who did it; nobody for what a change of the pipeline did.")
    why: str | None
    seconds: int | None = Field(description="That it stood in the stage that it left.")
    business_seconds: int | None = Field(description="Those of them within the organisation's opening hours.")


class BoardQuery(Shape):
    """What to show on a board."""

    pipeline_id: UUID | None = Field(None, description="The oldest pipeline when left out.")
    limit: int = Field(20, ge=0, le=100, description="Deals shown of each stage, the longest there first.")
    owner_id: UUID | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    channel: Label | None = None
    campaign: Label | None = None
    tag: Label | None = None
    entered_before: Time | None = Field(None, description="For deals that stand where they are since long.")
    closes_since: Day | None = None
    closes_before: Day | None = None

    def filters(self) -> list[tuple[str, str, Any]]:
        """The filters that were given, as (field, operator, value)."""
        given = self.model_dump(exclude_none=True, exclude={"pipeline_id", "limit"})
        return [(*DealQuery.tests.get(name, (name, "eq")), value) for name, value in given.items()]


class BoardTotal(BaseModel):
    """What deals of one currency come to."""

    currency: str
    deals: int
    amount: str
    weighted: str | None = Field(
        description="Each amount times its probability; null where those are hidden from your role."
    )


class BoardStage(BaseModel):
    """An open stage with those of its deals that you see."""

    stage: str
    name: str
    count: int
    totals: list[BoardTotal] | None = Field(
        description="Of those with an amount; null where amounts are hidden from your role."
    )
    deals: list[DealOut]


class Board(BaseModel):
    """A pipeline with its open deals, stage by stage."""

    pipeline_id: UUID
    stages: list[BoardStage]
