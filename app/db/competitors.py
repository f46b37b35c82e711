"""Competitors, and where they are in play."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Keyed, Record, field, newest_first, points_to
from app.db.nouns import Child, Noun


class Competitor(Record):
    """A firm that sells to the same customers."""

    __tablename__ = "competitors"
    __table_args__ = (
        newest_first("competitors"),
        Index("ix_competitors_domain", "org_id", "domain"),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    domain: Mapped[str | None] = mapped_column(info=field("basic"))
    country: Mapped[str | None] = mapped_column(info=field("basic"))
    region: Mapped[str | None] = mapped_column(info=field("basic"))
    strengths: Mapped[str | None] = mapped_column(info=field("content"))
    weaknesses: Mapped[str | None] = mapped_column(info=field("content"))
    note: Mapped[str | None] = mapped_column(info=field("content"))


class DealCompetitor(Keyed):
    """A competitor in play on a deal."""

    __tablename__ = "deal_competitors"
    __table_args__ = (
        points_to("deal_id", "deals"),
        points_to("competitor_id", "competitors"),
        Index("ix_deal_competitors_deal", "org_id", "deal_id"),
        Index("ix_deal_competitors_competitor", "org_id", "competitor_id"),
    )

    deal_id: Mapped[UUID]
    position: Mapped[int]
    competitor_id: Mapped[UUID]
    note: Mapped[str | None]


COMPETITORS = Noun(name="competitor", plural="competitors", model=Competitor, custom=False)

IN_PLAY = Child(
    table=DealCompetitor.__table__,  # type: ignore[arg-type]  # declarative types it as FromClause
    parent="deal_id",
    columns=("id", "competitor_id", "note"),
    references={"competitor_id": COMPETITORS},
)
"""The competitors of a deal."""
