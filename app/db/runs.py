"""Runs: a durable row for every piece of background work. PostgreSQL holds the truth, Redis only carries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, newest_first, one_of
from app.db.nouns import Noun
from app.domain.runs import RunStatus


class Run(Record):
    """One piece of work: asked for, going on, or ended, with where it stands."""

    __tablename__ = "runs"
    __table_args__ = (
        one_of("status", RunStatus),
        newest_first("runs"),
        Index("ix_runs_due", "due_at", postgresql_where=text("status in ('queued', 'running')")),
    )

    kind: Mapped[str] = mapped_column(info=field("basic"))
    """The job's name, such as tags.rename."""
    status: Mapped[str] = mapped_column(info=choice(RunStatus, "basic"))
    params: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    done: Mapped[int] = mapped_column(info=field("basic"))
    total: Mapped[int | None] = mapped_column(info=field("basic"))
    checkpoint: Mapped[dict[str, Any] | None] = mapped_column(info=field(internal=True))
    """Where the next batch begins."""
    result: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    error: Mapped[str | None] = mapped_column(info=field("basic"))
    requested_by: Mapped[UUID | None] = mapped_column(info=field("basic"))
    started_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    finished_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    due_at: Mapped[datetime] = mapped_column(info=field("basic"))
    """When the next batch may start; pushed ahead while one is under way, so that a dead worker's run comes due again."""
    attempts: Mapped[int] = mapped_column(info=field("basic"))
    """Failed attempts at the present batch."""


RUNS = Noun(name="run", plural="runs", model=Run, custom=False, external=False)
