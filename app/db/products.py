"""Products and the questions asked of them."""

from collections.abc import Sequence, Set
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db import paging
from app.db.base import Record, field, last_changed, newest_first, sought
from app.db.engine import Prepared
from app.db.nouns import Noun
from app.db.reads import Question, Reads, must_see
from app.db.uow import UnitOfWork
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
        last_changed("products"),
        Index("ix_products_category", "org_id", "category"),
        sought("products"),
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
    return {"terms": list(terms.index("n", row["name"]) | terms.index_code("c", row["sku"]))}


PRODUCTS = Noun(
    name="product",
    plural="products",
    model=Product,
    keys=(("sku",),),
    search={"n": ("name", "name"), "c": ("code", "sku")},
    derive=_derive,
    sources=frozenset({"name", "sku"}),
)


_PRICES = ("price", "cost", "currency")
_CONTEXT = "prices"
_CHANGES = Prepared(
    """select e.seq, jsonb_build_object('at', e.at, 'version', e.version, 'actor_id', e.actor_id) || (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(e.after) f
      where f.key = any($3::text[])) as body
    from events e where e.org_id = $1 and e.noun_id = $2 and e.after ?| $3::text[] and e.seq < $4
    order by e.seq desc limit $5::int""",
    ("org", "id", "shown", "before", "more"),
)
_PAGE = paging.paged(_CHANGES, "t.body::text", "json_build_array(t.seq)")


async def prices(reads: Reads, product: UUID, limit: int, after: str | None) -> bytes:
    """A page of the product's prices, read from its events, newest first. Raises NotFound."""
    await must_see(reads, PRODUCTS, product)
    before = paging.opened(_CONTEXT, after, paging.sequence) if after else 2**62

    def build(actor: Actor) -> Question:
        shown = [name for name in _PRICES if actor.reads("product", name)]
        binds = {"org": actor.org_id, "id": product, "shown": shown, "before": before}
        return Question(_PAGE, binds | paging.limits(limit))

    return paging.answer(await reads.row(build), limit, _CONTEXT)


async def price_of(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, tuple[Decimal, str]]:
    """What products cost, and in which currency."""
    rows = await uow.fetch(
        "select id, price, currency from products where org_id = $1 and id = any($2::uuid[])",
        uow.org_id,
        list(ids),
    )
    return {row["id"]: (row["price"], row["currency"]) for row in rows}
