"""Quotas."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, newest_first, one_of, points_to
from app.db.nouns import Noun
from app.db.teams import TEAMS
from app.db.users import USERS
from app.domain.quotas import Measure, check_quota


class Quota(Record):
    """How much somebody is to reach, from a day to a day; a team or everybody, where it names no user."""

    __tablename__ = "quotas"
    __table_args__ = (
        points_to("user_id", "users"),
        points_to("team_id", "teams"),
        one_of("measure", Measure),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("ends_on >= begins_on", name="ends_on"),
        CheckConstraint("user_id is null or team_id is null", name="team_id"),
        ExcludeConstraint(
            ("org_id", "="),
            (text("coalesce(user_id, team_id, org_id)"), "="),
            ("measure", "="),
            (text("coalesce(currency, '')"), "="),
            (text("daterange(begins_on, ends_on, '[]')"), "&&"),
            where=text("archived_at is null"),
            name="ex_quotas_days",
        ),
        newest_first("quotas"),
    )

    user_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    team_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    measure: Mapped[str] = mapped_column(info=choice(Measure, "basic"))
    currency: Mapped[str | None] = mapped_column(info=field("basic"))
    begins_on: Mapped[date] = mapped_column(info=field("basic"))
    ends_on: Mapped[date] = mapped_column(info=field("basic"))
    """The last day, in the organisation's time zone as the first."""
    amount: Mapped[Decimal] = mapped_column(info=field("basic"))
    note: Mapped[str | None] = mapped_column(info=field("basic"))


_WHAT = frozenset({"user_id", "team_id", "measure", "currency", "begins_on", "ends_on"})

QUOTAS = Noun(
    name="quota",
    plural="quotas",
    model=Quota,
    custom=False,
    references={"user_id": USERS, "team_id": TEAMS},
    check=check_quota,
    sources=_WHAT,
)
