"""Orders on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.orders import MOST_LINES, OrderStatus
from app.schemas.base import (
    SURVIVING,
    Code,
    Currency,
    Custom,
    Day,
    External,
    ExternalOut,
    Label,
    Labels,
    Line,
    Money,
    Part,
    RecordOut,
    RecordQuery,
    Shape,
    SignedMoney,
    SignedQuantity,
    Time,
    optional,
)


class OrderLine(Part):
    """One product, or one described thing; below zero what is taken back."""

    product_id: UUID | None = None
    description: Line | None = None
    quantity: SignedQuantity
    unit_price: Money
    discount: Money = Decimal(0)


class OrderLineOut(Shape):
    """A line as it is kept."""

    id: UUID
    product_id: UUID | None
    description: str | None
    quantity: str
    unit_price: str
    discount: str
    amount: str


class OrderFields(Shape):
    """What can be written of an order. Money can be changed while the order is placed and not yet paid or shipped."""

    number: Code = optional()
    contact_id: UUID | None = Field(None, description=SURVIVING)
    company_id: UUID | None = Field(None, description=SURVIVING)
    channel: Label | None = None
    country: Label | None = Field(None, description="Where it was sold to, as the source says it.")
    currency: Currency = optional()
    lines: list[OrderLine] = Field(default_factory=list, max_length=MOST_LINES)
    discount: Money = Decimal(0)
    tax: Money = Decimal(0)
    total: SignedMoney = optional(
        description="Checked against the lines, discount and tax; computed when left out."
    )
    placed_at: Time = optional()
    due_on: Day | None = None
    owner_id: UUID | None = None
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


class _Progress(Shape):
    paid_at: Time | None = Field(None, description="For an order that comes in as it stands elsewhere.")
    shipped_at: Time | None = None
    cancelled_at: Time | None = None
    refunded: Money = Decimal(0)
    refunded_at: Time | None = None


_EXAMPLE: dict[str, JsonValue] = {
    "number": "SO-2026-0001",
    "currency": "CNY",
    "placed_at": "2026-03-01T10:30:00+08:00",
    "channel": "web",
    "lines": [{"description": "龙井 特级 250g", "quantity": "2", "unit_price": "168.00"}],
    "total": "336.00",
}


class OrderAdd(OrderFields, _Progress):
    """A new order; its status follows from what happened to it: placed, paid, shipped, refunded or cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    number: Code
    currency: Currency
    placed_at: Time


class OrderEdit(OrderFields):
    """Changes to an order; paying, shipping, refunding and cancelling are verbs of their own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"due_on": "2026-04-01"}]})


class OrderUpsert(OrderFields, _Progress):
    """An order to add, or to bring up to its state elsewhere when its id, number or an external id is known."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"paid_at": "2026-03-01T10:31:00+08:00"}]}
    )

    id: UUID | None = None


class OrderOut(RecordOut, OrderFields):
    """An order."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit
    lines: list[OrderLineOut] = Field(default_factory=list)  # type: ignore[assignment]  # more than was written
    status: OrderStatus | None = None
    subtotal: str | None = None
    refunded: str | None = None
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    refunded_at: datetime | None = None
    cancelled_at: datetime | None = None


class OrderQuery(RecordQuery):
    """Simple filters over orders."""

    number: Code | None = None
    status: OrderStatus | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    channel: Label | None = None
    placed_since: Time | None = None
    placed_before: Time | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = RecordQuery.tests | {
        "placed_since": ("placed_at", "gte"),
        "placed_before": ("placed_at", "lt"),
    }


class OrderPay(Shape):
    """Paid in full."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"at": "2026-03-02T09:00:00+08:00"}]})

    at: Time | None = Field(None, description="When; now when left out.")


class OrderShip(OrderPay):
    """Sent off."""


class OrderCancel(OrderPay):
    """Called off before it was paid or shipped."""


class OrderRefund(Shape):
    """Money given back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "168.00"}]})

    amount: Money | None = Field(None, description="All that is left when left out.")
    at: Time | None = None


class OrderStanding(BaseModel):
    """What decides what may happen to an order."""

    status: str
    total: Decimal
    refunded: Decimal
    paid_at: datetime | None
    placed_at: datetime
    archived_at: datetime | None


class OrderTarget(BaseModel):
    """Something that can happen to an order, and why it cannot now."""

    verb: Literal["pay", "ship", "cancel", "refund"]
    status: OrderStatus = Field(description="Where the order stands after it.")
    allowed: bool = Field(description="By the order as it stands; your role is another matter.")
    code: str | None = Field(description="Of the refusal that the verb would meet.")
    reason: str | None
