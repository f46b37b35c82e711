"""What an organisation holds about finding and merging duplicates of each noun, and where the last search ended."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.engine import Prepared
from app.db.nouns import Noun
from app.db.reads import Question
from app.db.uow import UnitOfWork
from app.domain.access import Actor


class DuplicateRules(Base):
    """One row per noun for which anything was said or searched."""

    __tablename__ = "duplicate_rules"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    noun: Mapped[str] = mapped_column(primary_key=True)
    rules: Mapped[dict[str, Any]]
    sources: Mapped[list[str]]
    identifying: Mapped[list[str]]
    auto_merge_at: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    nightly: Mapped[bool]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    model: Mapped[dict[str, Any] | None]
    looked_at: Mapped[datetime | None]


SETTINGS = ("rules", "sources", "identifying", "auto_merge_at", "nightly")
_DEFAULTS: Mapping[str, Any] = {
    "rules": {},
    "sources": [],
    "identifying": [],
    "auto_merge_at": None,
    "nightly": True,
    "version": 0,
    "model": None,
    "looked_at": None,
}
_SHOWN = (
    "json_build_object('rules', coalesce(r.rules, '{}'), 'sources', coalesce(r.sources, '{}'),"
    " 'identifying', coalesce(r.identifying, '{}'), 'auto_merge_at', r.auto_merge_at::text,"
    " 'nightly', coalesce(r.nightly, true), 'looked_at', r.looked_at)::text, coalesce(r.version, 0) as version"
)


def settings(actor: Actor, noun: str) -> Question:
    """What the organisation holds: (stamp, body, version)."""
    sql = (
        f"select o.stamp, {_SHOWN} from organisations o"
        " left join duplicate_rules r on r.org_id = o.id and r.noun = $2 where o.id = $1"
    )
    return Question(Prepared(sql, ("org", "noun")), {"org": actor.org_id, "noun": noun})


async def held(uow: UnitOfWork, noun: Noun, *, lock: bool = False) -> Mapping[str, Any]:
    """What the organisation holds, or the defaults; locked when it is to be changed."""
    if lock:
        await uow.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"duplicate rules {uow.org_id}"
        )
    rows = await uow.fetch(
        "select * from duplicate_rules where org_id = $1 and noun = $2", uow.org_id, noun.name
    )
    return rows[0] if rows else _DEFAULTS


async def hold(uow: UnitOfWork, noun: Noun, values: Mapping[str, Any]) -> None:
    """Keep all settings."""
    await uow.execute(
        "insert into duplicate_rules"
        " (org_id, noun, rules, sources, identifying, auto_merge_at, nightly, version, updated_at)"
        " values ($1, $2, $3, $4, $5, $6, $7, 1, $8) on conflict (org_id, noun) do update set rules = $3, sources = $4,"
        " identifying = $5, auto_merge_at = $6, nightly = $7, version = duplicate_rules.version + 1, updated_at = $8",
        uow.org_id,
        noun.name,
        *(values[name] for name in SETTINGS),
        uow.now,
    )


async def looked(uow: UnitOfWork, noun: Noun, at: datetime, model: Mapping[str, Any]) -> None:
    """Remember until when everything was looked at, and what was learnt."""
    await uow.execute(
        "insert into duplicate_rules"
        " (org_id, noun, rules, sources, identifying, nightly, version, updated_at, looked_at, model)"
        " values ($1, $2, '{}', '{}', '{}', true, 1, $3, $4, $5)"
        " on conflict (org_id, noun) do update set looked_at = $4, model = $5",
        uow.org_id,
        noun.name,
        uow.now,
        at,
        dict(model),
    )


async def look_anew(uow: UnitOfWork, noun: Noun) -> None:
    """Forget what was learnt and looked at: the next search is a whole one."""
    await uow.execute(
        "update duplicate_rules set model = null, looked_at = null where org_id = $1 and noun = $2",
        uow.org_id,
        noun.name,
    )


async def worth_a_night(uow: UnitOfWork, noun: Noun) -> bool:
    """Whether a nightly search is wanted and records have changed since the last one."""
    found: bool = await uow.fetchval(
        f"select coalesce(r.nightly, true) and exists (select from {noun.plural} c where c.org_id = o.id"
        " and (r.looked_at is null or c.updated_at > r.looked_at))"
        " from organisations o left join duplicate_rules r on r.org_id = o.id and r.noun = $2 where o.id = $1",
        uow.org_id,
        noun.name,
    )
    return found
