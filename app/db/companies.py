"""Companies and the questions asked of them."""

from collections.abc import Set
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, last_changed, newest_first, points_to, sought
from app.db.nouns import Noun
from app.db.users import USERS
from app.domain.access import Actor
from app.kit import terms


class Company(Record):
    """An organisation that we sell to, buy from or work with."""

    __tablename__ = "companies"
    __table_args__ = (
        points_to("parent_id", "companies"),
        points_to("merged_into_id", "companies"),
        points_to("owner_id", "users"),
        newest_first("companies"),
        last_changed("companies"),
        Index("ix_companies_name", "org_id", "name_key", "id"),
        Index("ix_companies_owner", "org_id", "owner_id"),
        Index("ix_companies_domain", "org_id", "domain"),
        Index("ix_companies_parent", "org_id", "parent_id"),
        Index(
            "ix_companies_merged",
            "org_id",
            "merged_into_id",
            postgresql_where=text("merged_into_id is not null"),
        ),
        Index("ix_companies_called", "org_id", text("lower(name)")),
        sought("companies"),
    )

    name: Mapped[str] = mapped_column(info=field("basic", sorted_by="name_key"))
    name_key: Mapped[str] = mapped_column(info=field(internal=True))
    domain: Mapped[str | None] = mapped_column(info=field("basic"))
    industry: Mapped[str | None] = mapped_column(info=field("basic"))
    employees: Mapped[int | None] = mapped_column(info=field("basic"))
    region: Mapped[str | None] = mapped_column(info=field("basic"))
    country: Mapped[str | None] = mapped_column(info=field("basic"))
    parent_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    merged_into_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """The company that this one, put away, became part of."""
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


def _derive(row: dict[str, Any], _: Set[str], __: Actor) -> dict[str, Any]:
    found = terms.index("n", row["name"])
    if row.get("domain"):
        found |= terms.index_code("d", row["domain"])
    return {"name_key": terms.sort_key(row["name"], person=False), "terms": list(found)}


COMPANIES = Noun(
    name="company",
    plural="companies",
    model=Company,
    owned=True,
    references={"owner_id": USERS},
    parents=frozenset({"parent_id"}),
    search={"n": ("name", "name"), "d": ("code", "domain")},
    derive=_derive,
    sources=frozenset({"name", "domain"}),
)
