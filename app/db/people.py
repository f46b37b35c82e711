"""People on deals, besides the contact."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from app.db.base import Keyed, points_to
from app.db.contacts import CONTACTS
from app.db.nouns import Child


class DealPerson(Keyed):
    """Somebody who has a say in a deal, or is to know of it."""

    __tablename__ = "deal_people"
    __table_args__ = (
        points_to("deal_id", "deals"),
        points_to("contact_id", "contacts"),
        Index("ix_deal_people_deal", "org_id", "deal_id"),
        Index("ix_deal_people_contact", "org_id", "contact_id"),
    )

    deal_id: Mapped[UUID]
    position: Mapped[int]
    contact_id: Mapped[UUID]
    role: Mapped[str | None]


PEOPLE = Child(
    table=DealPerson.__table__,  # type: ignore[arg-type]  # declarative types it as FromClause
    parent="deal_id",
    columns=("id", "contact_id", "role"),
    references={"contact_id": CONTACTS},
)
"""The people of a deal."""
