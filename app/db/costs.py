"""What is spent on winning customers."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.nouns import Noun
from app.db.teams import TEAMS
from app.db.users import USERS
from app.domain.costs import CostKind


class Cost(Record):
    """An amount that was spent on a day."""

    __tablename__ = "costs"
    __table_args__ = (
        points_to("owner_id", "users"),
        points_to("team_id", "teams"),
        one_of("kind", CostKind),
        CheckConstraint("amount >= 0", name="amount"),
        newest_first("costs"),
        last_changed("costs"),
        Index("ix_costs_day", "org_id", "day"),
        Index("ix_costs_owner", "org_id", "owner_id"),
        Index("ix_costs_team", "org_id", "team_id"),
    )

    day: Mapped[date] = mapped_column(info=field("basic"))
    """In the organisation's time zone."""
    kind: Mapped[str] = mapped_column(info=choice(CostKind, "basic"))
    amount: Mapped[Decimal] = mapped_column(info=field("basic"))
    currency: Mapped[str] = mapped_column(info=field("basic"))
    channel: Mapped[str | None] = mapped_column(info=field("basic"))
    """As orders and deals call theirs; so does the campaign."""
    campaign: Mapped[str | None] = mapped_column(info=field("basic"))
    source: Mapped[str | None] = mapped_column(info=field("basic"))
    team_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    note: Mapped[str | None] = mapped_column(info=field("basic"))


COSTS = Noun(
    name="cost",
    plural="costs",
    model=Cost,
    owned=True,
    custom=False,
    references={"team_id": TEAMS, "owner_id": USERS},
)
