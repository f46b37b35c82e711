"""Pipelines, and the questions asked of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, newest_first
from app.db.engine import Prepared, Row
from app.db.nouns import Noun
from app.db.reads import Question, Reads
from app.db.uow import UnitOfWork


class Pipeline(Record):
    """The stages that deals go through, and which of them may follow which."""

    __tablename__ = "pipelines"
    __table_args__ = (UniqueConstraint("org_id", "name", name="uq_pipelines_name"), newest_first("pipelines"))

    name: Mapped[str] = mapped_column(info=field("basic"))
    stages: Mapped[list[dict[str, Any]]] = mapped_column(info=field("basic"))
    """In their order; see `app.domain.pipelines.definitions`."""
    moves: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))


PIPELINES = Noun(
    name="pipeline", plural="pipelines", model=Pipeline, custom=False, external=False, keys=(("name",),)
)


_KNOWN = Prepared(
    "select o.stamp, p.* from organisations o join pipelines p on p.org_id = o.id and p.id = $2 where o.id = $1",
    ("org", "pipeline"),
)


async def held(uow: UnitOfWork, pipeline: UUID) -> Row | None:
    """A pipeline, kept as it is until the unit of work ends; several may keep it so at once."""
    rows = await uow.fetch(
        "select * from pipelines where org_id = $1 and id = $2 for share", uow.org_id, pipeline
    )
    return rows[0] if rows else None


async def all_held(uow: UnitOfWork) -> dict[UUID, Row]:
    """Every pipeline, the oldest first, kept as it is until the unit of work ends."""
    rows = await uow.fetch(
        "select * from pipelines where org_id = $1 order by created_at, id for share", uow.org_id
    )
    return {row["id"]: row for row in rows}


async def known(door: Reads, pipeline: UUID) -> Row:
    """A pipeline as the rules know it."""
    return await door.row(lambda actor: Question(_KNOWN, {"org": actor.org_id, "pipeline": pipeline}))


async def oldest(uow: UnitOfWork) -> UUID | None:
    """The pipeline that deals go through when nobody says which."""
    found: UUID | None = await uow.fetchval(
        "select id from pipelines where org_id = $1 and archived_at is null order by created_at, id limit 1",
        uow.org_id,
    )
    return found


async def role_names(uow: UnitOfWork) -> Sequence[str]:
    """The names of the organisation's roles, of which stages may ask approval."""
    rows = await uow.fetch("select name from roles where org_id = $1 and archived_at is null", uow.org_id)
    return [row["name"] for row in rows]


async def any_asks(uow: UnitOfWork, role: str) -> bool:
    """Whether a pipeline, archived or not, asks a role of this name for approval."""
    found: bool = await uow.fetchval(
        "select exists (select from pipelines, jsonb_array_elements(stages) stage"
        " where org_id = $1 and stage -> 'approvers' ? $2)",
        uow.org_id,
        role,
    )
    return found
