"""Organisations: the tenants, their settings, and the stamp that every cached access depends on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.engine import Connection, Prepared, Row
from app.db.reads import Question
from app.db.uow import UnitOfWork
from app.domain.access import Actor


class Organisation(Base):
    """A tenant."""

    __tablename__ = "organisations"
    __table_args__ = (
        UniqueConstraint("slug"),
        ForeignKeyConstraint(["id", "calendar_id"], ["calendars.org_id", "calendars.id"]),
    )

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
    calendar_id: Mapped[UUID | None]
    """The calendar by which its business time is counted; the standard week's where it has none."""
    stamp: Mapped[int] = mapped_column(BigInteger)
    """Moves with every change of users, teams, roles, keys, sign-ins, custom fields and settings."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


_SHOWN = "id, slug, name, region, time_zone, currency, language, calendar_id, version, created_at, updated_at"


async def take_turns(connection: Connection) -> None:
    """Wait until nobody else founds an organisation; others wait until this connection is closed."""
    await connection.execute("set lock_timeout = '60s'")
    await connection.execute("select pg_advisory_lock(hashtextextended('rapport bootstrap', 0))")


async def founded(connection: Connection) -> list[Row]:
    """Every organisation, the oldest first: its id, slug and whether anybody is in it."""
    rows: list[Row] = await connection.fetch(
        "select o.id, o.slug, exists (select from users u where u.org_id = o.id) as peopled"
        " from organisations o order by o.id"
    )
    return rows


async def add(connection: Connection, id_: UUID, *, name: str, slug: str, at: datetime) -> None:
    """A new organisation, as one in China is; its settings can be changed."""
    await connection.execute(
        "insert into organisations (id, slug, name, region, time_zone, currency, language, stamp, version,"
        " created_at, updated_at) values ($1, $2, $3, 'CN', 'Asia/Shanghai', 'CNY', 'zh-CN', 1, 1, $4, $4)",
        id_,
        slug,
        name,
        at,
    )


async def locked(uow: UnitOfWork) -> Row:
    """The organisation, locked."""
    rows = await uow.fetch(f"select {_SHOWN} from organisations where id = $1 for no key update", uow.org_id)
    return rows[0]


async def language(uow: UnitOfWork) -> str:
    """The organisation's language, as a BCP 47 tag."""
    found: str = await uow.fetchval("select language from organisations where id = $1", uow.org_id)
    return found


async def counts_in(uow: UnitOfWork, time_zone: str) -> bool:
    """Whether PostgreSQL knows the time zone too, by a list of its own."""
    known: bool = await uow.fetchval(
        "select pg_input_is_valid('2000-01-01 00:00 ' || $1::text, 'timestamptz')", time_zone
    )
    return known


async def change(uow: UnitOfWork, values: Mapping[str, Any]) -> None:
    """Give the organisation these settings."""
    await uow.execute(
        "update organisations set name = $2, region = $3, time_zone = $4, currency = $5, language = $6,"
        " calendar_id = $7, version = version + 1, updated_at = $8 where id = $1",
        uow.org_id,
        *(values[name] for name in ("name", "region", "time_zone", "currency", "language", "calendar_id")),
        uow.now,
    )


def settings(actor: Actor) -> Question:
    """The actor's organisation: (stamp, body, version)."""
    shown = ", ".join(f"'{name}', o.{name}" for name in _SHOWN.split(", "))
    sql = f"select o.stamp, json_build_object({shown})::text, o.version from organisations o where o.id = $1"
    return Question(Prepared(sql, ("org",)), {"org": actor.org_id})
