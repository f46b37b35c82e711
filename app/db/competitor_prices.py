"""What competitors ask for what they sell, from a day on."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, last_changed, newest_first, points_to
from app.db.competitors import COMPETITORS
from app.db.lists import Also
from app.db.nouns import Noun
from app.db.products import PRODUCTS


class CompetitorPrice(Record):
    """A price that holds from a day until the next one of the same thing, and for good when there is none."""

    __tablename__ = "competitor_prices"
    __table_args__ = (
        points_to("competitor_id", "competitors"),
        points_to("product_id", "products"),
        UniqueConstraint(
            "org_id", "competitor_id", "their_product", "valid_from", name="uq_competitor_prices_day"
        ),
        CheckConstraint("price >= 0", name="price"),
        newest_first("competitor_prices"),
        last_changed("competitor_prices"),
        Index("ix_competitor_prices_product", "org_id", "product_id"),
    )

    competitor_id: Mapped[UUID] = mapped_column(info=field("basic"))
    their_product: Mapped[str] = mapped_column(info=field("basic"))
    """What the competitor calls it: by this, prices of one thing are told from those of others."""
    product_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    """Ours that it stands against."""
    price: Mapped[Decimal] = mapped_column(info=field("basic"))
    currency: Mapped[str] = mapped_column(info=field("basic"))
    valid_from: Mapped[date] = mapped_column(info=field("basic"))
    source: Mapped[str | None] = mapped_column(info=field("basic"))
    link: Mapped[str | None] = mapped_column(info=field("basic"))


_THING = ("competitor_id", "their_product")

COMPETITOR_PRICES = Noun(
    name="competitor_price",
    plural="competitor_prices",
    model=CompetitorPrice,
    custom=False,
    references={"competitor_id": COMPETITORS, "product_id": PRODUCTS},
    keys=((*_THING, "valid_from"),),
)


def latest(prices: str, day: str) -> str:
    """SQL that is true of a price that began to hold by a day, where no later one did; what is put away never held."""
    same = " and ".join(f"n.{name} = {prices}.{name}" for name in ("org_id", *_THING))
    return (
        f"({prices}.valid_from <= {day} and not exists (select from competitor_prices n where {same}"
        f" and n.valid_from > {prices}.valid_from and n.valid_from <= {day} and n.archived_at is null))"
    )


def on(day: date) -> Also:
    """Of each thing the price that held on a day."""
    return Also(
        "on",
        sa.text(latest("competitor_prices", ":on_day")).bindparams(sa.bindparam("on_day", type_=sa.Date())),
        {"on_day": day},
        frozenset({*_THING, "valid_from"}),
    )
