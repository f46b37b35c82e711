"""Forecasts: what was asked of each, what was found, and the deals behind it; their runs have the same ids.

A deal of a forecast has no foreign key, like a score (see app/db/rfm.py).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Numeric, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Keyed, one_of, points_to
from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.forecasts import METHOD, Likelihood, Subject


class Forecast(Keyed):
    """What was asked, as of when, and what was found."""

    __tablename__ = "forecasts"
    __table_args__ = (
        points_to("id", "runs"),
        points_to("pipeline_id", "pipelines"),
        one_of("kind", Subject),
        Index("ix_forecasts_latest", "org_id", text("as_of desc"), text("id desc")),
    )

    kind: Mapped[str]
    pipeline_id: Mapped[UUID | None]
    unit: Mapped[str]
    """How long a period is, or how far apart the values of a series are."""
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """The day after the last."""
    as_of: Mapped[datetime]
    asked: Mapped[dict[str, Any]]
    """What else was asked."""
    currency: Mapped[str]
    """The base currency of then."""
    method: Mapped[int]
    findings: Mapped[dict[str, Any] | None]
    """Over all there is, once the run is over."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ForecastDeal(Base):
    """A deal as one forecast of a pipeline saw it."""

    __tablename__ = "forecast_deals"
    __table_args__ = (PrimaryKeyConstraint("org_id", "forecast_id", "deal_id"), one_of("part", Likelihood))

    org_id: Mapped[UUID]
    forecast_id: Mapped[UUID]
    deal_id: Mapped[UUID]
    owner_id: Mapped[UUID | None]
    part: Mapped[str]
    chance: Mapped[Decimal] = mapped_column(Numeric(7, 6))
    """To be won within the period; 1 of what was won."""
    amount: Mapped[Decimal | None] = mapped_column(Numeric(24, 2))
    """What it was won with, or would be; unknown of what was won without an exchange rate."""


async def add(uow: UnitOfWork, forecast: UUID, values: Mapping[str, Any]) -> None:
    """What a run that was started is asked: kind, pipeline_id, unit, starts_on, ends_on, as_of and asked."""
    names = ("kind", "pipeline_id", "unit", "starts_on", "ends_on", "as_of", "asked")
    await uow.execute(
        f"insert into forecasts (org_id, id, currency, method, created_at, {', '.join(names)})"
        " select o.id, $2, o.currency, $3, $4, $5, $6, $7, $8, $9, $10, $11 from organisations o where o.id = $1",
        *(uow.org_id, forecast, METHOD, uow.now, *(values[name] for name in names)),
    )


async def of_run(uow: UnitOfWork, run: UUID) -> Row:
    """What a run is asked, with the organisation's time zone."""
    rows = await uow.fetch(
        "select f.*, o.time_zone from forecasts f join organisations o on o.id = f.org_id"
        " where f.org_id = $1 and f.id = $2",
        *(uow.org_id, run),
    )
    return rows[0]


async def add_deals(
    uow: UnitOfWork,
    forecast: UUID,
    deals: Sequence[tuple[UUID, UUID | None, Likelihood, Decimal, Decimal | None]],
) -> None:
    """Keep the deals behind a forecast: id, owner, part, chance and amount."""
    columns = [list(column) for column in zip(*deals, strict=True)] or [[], [], [], [], []]
    await uow.execute(
        "insert into forecast_deals (org_id, forecast_id, deal_id, owner_id, part, chance, amount) select $1, $2, d.*"
        " from unnest($3::uuid[], $4::uuid[], $5::text[], $6::numeric[], $7::numeric[]) d",
        *(uow.org_id, forecast, *columns),
    )


async def finish(uow: UnitOfWork, forecast: UUID, findings: Mapping[str, Any]) -> None:
    """Publish what was found."""
    await uow.execute(
        "update forecasts set findings = $3, finished_at = $4 where org_id = $1 and id = $2",
        *(uow.org_id, forecast, dict(findings), uow.now),
    )
