"""Competitors."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.nouns import Noun


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


COMPETITORS = Noun(name="competitor", plural="competitors", model=Competitor, custom=False)
