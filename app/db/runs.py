"""Runs: a durable row for every piece of background work. PostgreSQL holds the truth, Redis only carries."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import write
from app.db.base import Record, choice, field, newest_first, one_of
from app.db.engine import Database, Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.runs import Plan, RunStatus
from app.kit import clock
from app.kit.ids import new_id


class Run(Record):
    """One piece of work: asked for, going on, or ended, with where it stands."""

    __tablename__ = "runs"
    __table_args__ = (
        one_of("status", RunStatus),
        newest_first("runs"),
        Index("ix_runs_due", "due_at", postgresql_where=text("status in ('queued', 'running')")),
    )

    kind: Mapped[str] = mapped_column(info=field("basic", writable=False))
    """The job's name, such as tags.rename."""
    status: Mapped[str] = mapped_column(info=choice(RunStatus, "basic", writable=False))
    params: Mapped[dict[str, Any]] = mapped_column(info=field("basic", writable=False))
    done: Mapped[int] = mapped_column(info=field("basic", writable=False))
    total: Mapped[int | None] = mapped_column(info=field("basic", writable=False))
    checkpoint: Mapped[dict[str, Any] | None] = mapped_column(info=field(internal=True, writable=False))
    """Where the next batch begins."""
    result: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic", writable=False))
    error: Mapped[str | None] = mapped_column(info=field("basic", writable=False))
    requested_by: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    started_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    finished_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    due_at: Mapped[datetime] = mapped_column(info=field("basic", writable=False))
    """When the next batch may start; pushed ahead while one is under way, so that a dead worker's run comes due again."""
    attempts: Mapped[int] = mapped_column(info=field("basic", writable=False))
    """Failed attempts at the present batch."""
    waiting_since: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    """Since when somebody else has been in the way of the present batch."""
    lease: Mapped[UUID | None] = mapped_column(info=field(internal=True, writable=False))
    """Of whoever is at a batch now; nothing of it is kept once another lease, or none, stands here."""


RUNS = Noun(name="run", plural="runs", model=Run, custom=False, external=False)


async def start(
    uow: UnitOfWork,
    kind: str,
    params: Mapping[str, Any],
    *,
    total: int | None = None,
    due_at: datetime | None = None,
) -> UUID:
    """Ask for background work, kept with whatever else this unit of work does; now, or at a later time."""
    run = new_id()
    row = {
        "id": run,
        "kind": kind,
        "status": RunStatus.QUEUED,
        "params": dict(params),
        "done": 0,
        "total": total,
        "requested_by": uow.actor.user_id,
        "due_at": due_at or uow.now,
        "attempts": 0,
    }
    await write.add(uow, RUNS, [row], "run.queued")
    uow.nudges.append(run)
    return run


async def due(database: Database, at: datetime, most: int) -> Sequence[Row]:
    """Runs of every organisation whose next batch may start: org_id, id, kind, due_at; the longest waiting first."""
    async with database.connection() as connection:
        rows: Sequence[Row] = await connection.fetch(
            "select org_id, id, kind, due_at from rapport_due($1, $2)", at, most
        )
    return rows


async def kind_asked_for(uow: UnitOfWork, run: UUID) -> str | None:
    """The kind of a run that the actor asked for; None of any other, and where there is none."""
    kind: str | None = await uow.fetchval(
        "select kind from runs where org_id = $1 and id = $2 and requested_by = $3",
        *(uow.org_id, run, uow.actor.user_id),
    )
    return kind


async def take(uow: UnitOfWork, run: UUID) -> Row | None:
    """The run, locked, if it is due and nobody else is just taking it; and taken_at.

    Of leases PostgreSQL's clock decides, for those of two workers may differ.
    """
    rows = await uow.fetch(
        f"select *, {clock.SERVERS} as taken_at from runs where org_id = $1 and id = $2"
        " and status in ('queued', 'running')"
        f" and due_at <= case when lease is null then $3 else {clock.SERVERS} end for update skip locked",
        uow.org_id,
        run,
        uow.now,
    )
    return rows[0] if rows else None


async def held(uow: UnitOfWork, run: UUID, lease: UUID) -> Row | None:
    """The run, locked, if this lease still stands."""
    rows = await uow.fetch(
        "select * from runs where org_id = $1 and id = $2 and lease = $3 for update", uow.org_id, run, lease
    )
    return rows[0] if rows else None


async def renew(database: Database, run: Row, lease: timedelta) -> bool:
    """Let a run's lease stand for so long from now on; False when it stands no more. Raises what the driver raises.

    Nothing has come of the batch yet, so the run keeps its version. All connections of the pool may be in the hands of
    batches, so this takes one of its own.
    """
    async with database.aside(run["org_id"]) as connection:
        rows = await connection.fetch(
            f"update runs set due_at = {clock.SERVERS} + $4 where org_id = $1 and id = $2 and lease = $3 returning id",
            *(run["org_id"], run["id"], run["lease"], lease),
        )
    return bool(rows)


async def apply(uow: UnitOfWork, run: Row, plan: Plan) -> None:
    """Give a locked run its new values; progress alone is worth a version, so that its ETag moves, but no event."""
    if plan.event is not None:
        await write.change(uow, RUNS, [(run, plan.values)], plan.event)
    else:
        await _set(uow, run["id"], plan.values)


async def _set(uow: UnitOfWork, run: UUID, values: Mapping[str, Any]) -> None:
    moves = "".join(f", {name} = ${n}" for n, name in enumerate(values, start=4))
    await uow.execute(
        f"update runs set version = version + 1, updated_at = $3{moves} where org_id = $1 and id = $2",
        uow.org_id,
        run,
        uow.now,
        *values.values(),
    )


async def alone(uow: UnitOfWork, kind: str) -> Sequence[Row]:
    """The organisation's runs of this kind that have not ended; nobody else can ask until this transaction ends."""
    await uow.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{kind} {uow.org_id}")
    return await uow.fetch(
        "select * from runs where org_id = $1 and kind = $2 and status in ('queued', 'running') order by id",
        uow.org_id,
        kind,
    )
