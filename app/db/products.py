"""Products and the questions asked of them."""

from collections.abc import Set
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.nouns import Noun
from app.domain.access import Actor
from app.kit import terms


class Product(Record):
    """Something we sell."""

    __tablename__ = "products"
    __table_args__ = (
        UniqueConstraint("org_id", "sku", name="uq_products_sku"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("cost >= 0", name="cost"),
        newest_first("products"),
        Index("ix_products_category", "org_id", "category"),
        Index("ix_products_terms", "org_id", "terms", postgresql_using="gin"),
    )

    sku: Mapped[str] = mapped_column(info=field("basic"))
    name: Mapped[str] = mapped_column(info=field("basic"))
    category: Mapped[str | None] = mapped_column(info=field("basic"))
    price: Mapped[Decimal] = mapped_column(info=field("basic"))
    cost: Mapped[Decimal | None] = mapped_column(info=field("cost"))
    """What one piece costs us."""
    currency: Mapped[str] = mapped_column(info=field("basic"))
    active: Mapped[bool] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


def _derive(row: dict[str, Any], _: Set[str], __: Actor) -> dict[str, Any]:
    return {"terms": sorted(terms.index("n", row["name"]) | terms.index_code("c", row["sku"]))}


PRODUCTS = Noun(
    name="product",
    plural="products",
    model=Product,
    keys=("sku",),
    search={"n": ("name", "name"), "c": ("code", "sku")},
    derive=_derive,
)
