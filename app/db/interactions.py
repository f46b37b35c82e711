"""Interactions, partitioned by the month in which they happened, and the questions asked of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun, Through
from app.db.products import PRODUCTS
from app.db.users import USERS
from app.domain.interactions import Direction, InteractionKind


class Interaction(Record):
    """Something that happened between a person and us."""

    __tablename__ = "interactions"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id", "at"),
        points_to("contact_id", "contacts"),
        points_to("company_id", "companies"),
        points_to("product_id", "products"),
        points_to("owner_id", "users"),
        one_of("kind", InteractionKind),
        one_of("direction", Direction),
        CheckConstraint("duration_seconds >= 0", name="duration_seconds"),
        newest_first("interactions"),
        last_changed("interactions"),
        Index("ix_interactions_contact", "org_id", "contact_id", text("at desc"), text("id desc")),
        Index("ix_interactions_company", "org_id", "company_id", text("at desc"), text("id desc")),
        Index("ix_interactions_owner", "org_id", "owner_id"),
        Index("ix_interactions_at", "org_id", text("at desc"), text("id desc")),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    kind: Mapped[str] = mapped_column(info=choice(InteractionKind, "basic"))
    channel: Mapped[str | None] = mapped_column(info=field("basic"))
    direction: Mapped[str | None] = mapped_column(info=choice(Direction, "basic"))
    at: Mapped[datetime] = mapped_column(primary_key=True, info=field("basic"))
    """In the key because a partition's key must hold what it is cut by."""
    duration_seconds: Mapped[int | None] = mapped_column(info=field("basic"))
    subject: Mapped[str | None] = mapped_column(info=field("basic"))
    body: Mapped[str | None] = mapped_column(info=field("content", sortable=False))
    page: Mapped[str | None] = mapped_column(info=field("basic"))
    """Address or path of what was looked at."""
    campaign: Mapped[str | None] = mapped_column(info=field("basic"))
    session: Mapped[str | None] = mapped_column(info=field("basic"))
    contact_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    company_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    product_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())


INTERACTIONS = Noun(
    name="interaction",
    plural="interactions",
    model=Interaction,
    owned=True,
    through=(Through("contact_id", CONTACTS), Through("company_id", COMPANIES)),
    references={"contact_id": CONTACTS, "company_id": COMPANIES, "product_id": PRODUCTS, "owner_id": USERS},
)
