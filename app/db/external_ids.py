"""What other systems call our records."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class ExternalId(Base):
    """One name of one record in one other system; unique per organisation, noun and system."""

    __tablename__ = "external_ids"
    __table_args__ = (Index("ix_external_ids_record", "org_id", "noun_id"),)

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    noun_id: Mapped[UUID]
