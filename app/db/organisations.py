"""Organisations: the tenants, their settings, and the stamp that every cached access depends on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base


class Organisation(Base):
    """A tenant."""

    __tablename__ = "organisations"
    __table_args__ = (UniqueConstraint("slug"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    region: Mapped[str]
    """ISO 3166 code of the country whose phone numbers need no prefix."""
    time_zone: Mapped[str]
    """IANA name; days, weeks and business hours are counted in it."""
    currency: Mapped[str]
    """ISO 4217 code of the base currency."""
    language: Mapped[str]
    stamp: Mapped[int] = mapped_column(BigInteger, default=1)
    """Moves with every change of users, teams, roles, keys, sessions, custom fields and settings."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
