"""Orders with their lines, and the questions asked of them."""

from collections.abc import Set
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Keyed, Record, choice, field, last_changed, newest_first, one_of, points_to, sought
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Child, Noun, Through
from app.db.products import PRODUCTS
from app.db.users import USERS
from app.domain import orders
from app.domain.access import Actor
from app.domain.orders import OrderStatus
from app.kit import terms


class Order(Record):
    """What somebody bought."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("org_id", "number", name="uq_orders_number"),
        points_to("contact_id", "contacts"),
        points_to("company_id", "companies"),
        points_to("owner_id", "users"),
        one_of("status", OrderStatus),
        CheckConstraint("refunded >= 0 and refunded <= greatest(total, 0)", name="refunded"),
        newest_first("orders"),
        last_changed("orders"),
        Index(
            "ix_orders_contact",
            "org_id",
            "contact_id",
            text("placed_at desc"),
            text("id desc"),
            # Sums of a customer's orders: read from here they take half as long.
            postgresql_include=[
                "status",
                "currency",
                "total",
                "refunded",
                "refunded_at",
                "cancelled_at",
                "archived_at",
            ],
        ),
        Index("ix_orders_company", "org_id", "company_id", text("placed_at desc"), text("id desc")),
        Index("ix_orders_placed", "org_id", text("placed_at desc"), text("id desc")),
        Index("ix_orders_owner", "org_id", "owner_id"),
        sought("orders"),
    )

    number: Mapped[str] = mapped_column(info=field("basic"))
    contact_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    company_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    channel: Mapped[str | None] = mapped_column(info=field("basic"))
    country: Mapped[str | None] = mapped_column(info=field("basic"))
    """Where it was sold to, as the source says it: a code or a name."""
    status: Mapped[str] = mapped_column(info=choice(OrderStatus, "basic", writable=False))
    currency: Mapped[str] = mapped_column(info=field("basic"))
    subtotal: Mapped[Decimal] = mapped_column(info=field("basic", writable=False))
    discount: Mapped[Decimal] = mapped_column(info=field("basic"))
    tax: Mapped[Decimal] = mapped_column(info=field("basic"))
    total: Mapped[Decimal] = mapped_column(info=field("basic"))
    """Sum of the line amounts, minus discount, plus tax; checked against what the writer states. Below zero when more is
    taken back than sold."""
    refunded: Mapped[Decimal] = mapped_column(info=field("basic"))
    placed_at: Mapped[datetime] = mapped_column(info=field("basic"))
    due_on: Mapped[date | None] = mapped_column(info=field("basic"))
    paid_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    shipped_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    refunded_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    cancelled_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


class OrderLine(Keyed):
    """One product, or one described thing, in an order."""

    __tablename__ = "order_lines"
    __table_args__ = (
        points_to("order_id", "orders"),
        points_to("product_id", "products"),
        Index("ix_order_lines_order", "org_id", "order_id"),
        Index("ix_order_lines_product", "org_id", "product_id"),
    )

    order_id: Mapped[UUID]
    position: Mapped[int]
    product_id: Mapped[UUID | None]
    description: Mapped[str | None]
    quantity: Mapped[Decimal]
    unit_price: Mapped[Decimal]
    discount: Mapped[Decimal]
    amount: Mapped[Decimal]


def _derive(row: dict[str, Any], given: Set[str], _: Actor) -> dict[str, Any]:
    sums = orders.totals(row["lines"], row["discount"], row["tax"])
    if "total" in given:
        orders.check_total(row["total"], sums.total)
    orders.check_refunded(row["refunded"], sums.total)
    after = row | {"total": sums.total}
    return {
        "lines": list(sums.lines),
        "subtotal": sums.subtotal,
        "total": sums.total,
        "status": orders.status_of(after),
        "terms": list(terms.index_code("c", row["number"])),
    }


ORDERS = Noun(
    name="order",
    plural="orders",
    model=Order,
    owned=True,
    through=(Through("contact_id", CONTACTS), Through("company_id", COMPANIES)),
    references={"contact_id": CONTACTS, "company_id": COMPANIES, "owner_id": USERS},
    children={
        "lines": Child(
            table=OrderLine.__table__,  # type: ignore[arg-type]  # declarative types it as FromClause
            parent="order_id",
            columns=("id", "product_id", "description", "quantity", "unit_price", "discount", "amount"),
            references={"product_id": PRODUCTS},
        )
    },
    keys=(("number",),),
    search={"c": ("code", "number")},
    derive=_derive,
    sources=frozenset(
        {"number", "lines", "discount", "tax", "total", "refunded", "cancelled_at", "shipped_at", "paid_at"}
    ),
    computed=frozenset({"id", "amount"}),
    guard=orders.check_edit,
    guarded=frozenset({"status"}),
)
