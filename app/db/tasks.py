"""Tasks, and the questions asked of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.deals import DEALS
from app.db.engine import Database
from app.db.nouns import Noun, Through
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.tasks import Priority, TaskKind, TaskStatus, follows


class Task(Record):
    """Something that somebody is to do."""

    __tablename__ = "tasks"
    __table_args__ = (
        points_to("contact_id", "contacts"),
        points_to("company_id", "companies"),
        points_to("deal_id", "deals"),
        points_to("owner_id", "users"),
        one_of("kind", TaskKind),
        one_of("priority", Priority),
        one_of("status", TaskStatus),
        newest_first("tasks"),
        last_changed("tasks"),
        Index("ix_tasks_contact", "org_id", "contact_id"),
        Index("ix_tasks_company", "org_id", "company_id"),
        Index("ix_tasks_deal", "org_id", "deal_id"),
        Index("ix_tasks_owner", "org_id", "owner_id", "status", "due_at"),
        Index(
            "ix_tasks_remind",
            "remind_at",
            postgresql_where=text("status = 'open' and archived_at is null and reminded_at is null"),
        ),
    )

    kind: Mapped[str] = mapped_column(info=choice(TaskKind, "basic"))
    title: Mapped[str] = mapped_column(info=field("basic"))
    notes: Mapped[str | None] = mapped_column(info=field("content", sortable=False))
    priority: Mapped[str] = mapped_column(info=choice(Priority, "basic"))
    due_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    remind_at: Mapped[datetime | None] = mapped_column(info=field("basic"))
    reminded_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    status: Mapped[str] = mapped_column(info=choice(TaskStatus, "basic", writable=False))
    closed_at: Mapped[datetime | None] = mapped_column(info=field("basic", writable=False))
    closed_by_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    contact_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    company_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    deal_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    """Who is to do it."""
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())


TASKS = Noun(
    name="task",
    plural="tasks",
    model=Task,
    owned=True,
    through=(Through("contact_id", CONTACTS), Through("company_id", COMPANIES), Through("deal_id", DEALS)),
    references={"contact_id": CONTACTS, "company_id": COMPANIES, "deal_id": DEALS, "owner_id": USERS},
    derive=lambda row, _, __: follows(row),
    sources=frozenset({"remind_at"}),
)


async def with_reminders(database: Database, at: datetime) -> Sequence[UUID]:
    """The organisations in which somebody is to be reminded of a task by now."""
    async with database.connection() as connection:
        rows = await connection.fetch("select org_id from rapport_reminders($1)", at)
    return [row["org_id"] for row in rows]


async def to_remind_of(uow: UnitOfWork, most: int) -> list[UUID]:
    """Tasks of which somebody is to be reminded by now, locked, but for those that somebody is just changing."""
    rows = await uow.fetch(
        "select id from tasks where org_id = $1 and status = 'open' and archived_at is null and reminded_at is null"
        " and remind_at <= $2 order by remind_at, id limit $3 for update skip locked",
        uow.org_id,
        uow.now,
        most,
    )
    return [row["id"] for row in rows]
