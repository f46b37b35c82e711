"""Observations of the market, which reports can cite."""

from collections.abc import Set
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.competitors import COMPETITORS
from app.db.nouns import Noun
from app.db.products import PRODUCTS
from app.domain.access import Actor
from app.domain.observations import ObservationKind
from app.kit import terms


class Observation(Record):
    """What somebody saw, read or measured of the market, and where."""

    __tablename__ = "observations"
    __table_args__ = (
        points_to("competitor_id", "competitors"),
        points_to("product_id", "products"),
        one_of("kind", ObservationKind),
        newest_first("observations"),
        last_changed("observations"),
        Index("ix_observations_observed_on", "org_id", "observed_on"),
        Index("ix_observations_competitor", "org_id", "competitor_id"),
        Index("ix_observations_product", "org_id", "product_id"),
        Index("ix_observations_sought", "org_id", "terms", "tags", postgresql_using="gin"),
    )

    topic: Mapped[str] = mapped_column(info=field("basic"))
    kind: Mapped[str] = mapped_column(info=choice(ObservationKind, "basic"))
    observed_on: Mapped[date] = mapped_column(info=field("basic"))
    region: Mapped[str | None] = mapped_column(info=field("basic"))
    figure: Mapped[Decimal | None] = mapped_column(info=field("basic"))
    unit: Mapped[str | None] = mapped_column(info=field("basic"))
    text: Mapped[str | None] = mapped_column(info=field("content", sortable=False))
    source: Mapped[str] = mapped_column(info=field("basic"))
    link: Mapped[str | None] = mapped_column(info=field("basic"))
    competitor_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    product_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


def _derive(row: dict[str, Any], _: Set[str], __: Actor) -> dict[str, Any]:
    found = terms.index("t", row["topic"]) | terms.index("s", row["source"])
    return {"terms": list(found | terms.index("r", row["region"] or ""))}


OBSERVATIONS = Noun(
    name="observation",
    plural="observations",
    model=Observation,
    custom=False,
    references={"competitor_id": COMPETITORS, "product_id": PRODUCTS},
    search={"t": ("name", "topic"), "s": ("name", "source"), "r": ("name", "region")},
    derive=_derive,
    sources=frozenset({"topic", "source", "region"}),
)
