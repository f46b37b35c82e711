"""Forms that anybody may fill in, and the few questions that are asked for those whom nobody knows."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, field, last_changed, newest_first, points_to
from app.db.engine import Database, Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.forms.questions import check_form


class Form(Record):
    """What is asked, in which words, and what is done with the answers."""

    __tablename__ = "forms"
    __table_args__ = (points_to("owner_id", "users"), newest_first("forms"), last_changed("forms"))

    name: Mapped[str] = mapped_column(info=field("basic"))
    """For the house; whoever fills it in reads the title."""
    title: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    intro: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    questions: Mapped[list[dict[str, Any]]] = mapped_column(info=field("basic"))
    consent: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    thanks: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    redirect_url: Mapped[str | None] = mapped_column(info=field("basic"))
    source: Mapped[str | None] = mapped_column(info=field("basic"))
    """Of the contacts that it makes."""
    contact_tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    """Given to whoever sends it."""
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    """Who gets the contacts that it makes, and all that is sent."""
    origins: Mapped[list[str]] = mapped_column(info=field("basic"))
    """Sites whose own pages may send it."""
    active: Mapped[bool] = mapped_column(info=field("basic"))
    key_version: Mapped[int] = mapped_column(info=field("basic", writable=False))
    """Part of the form's address; with the next one the addresses before open nothing any more."""


FORMS = Noun(
    name="form",
    plural="forms",
    model=Form,
    references={"owner_id": USERS},
    custom=False,
    external=False,
    check=check_form,
    derive=lambda row, _, __: {"key_version": row.get("key_version", 1)},
    sources=frozenset({"title", "intro", "thanks", "consent", "questions"}),
)


async def to_fill_in(database: Database, org_id: UUID, form: UUID, key_version: int) -> Row | None:
    """The form that an address opens; None when it is archived, not active, or has another address by now."""
    async with database.connection(org_id) as connection:
        row: Row | None = await connection.fetchrow(
            "select * from forms where org_id = $1 and id = $2 and key_version = $3 and active and archived_at is null",
            org_id,
            form,
            key_version,
        )
    return row


async def still_stands(uow: UnitOfWork, form: UUID, version: int) -> bool:
    """Whether the form is as it was, and it stays so until the end."""
    found = await uow.fetchval(
        "select true from forms where org_id = $1 and id = $2 and version = $3 for share",
        uow.org_id,
        form,
        version,
    )
    return found is not None


async def first_contact(uow: UnitOfWork, ids: list[UUID]) -> UUID | None:
    """Of several contacts who are reached alike, the one who was there first."""
    found: UUID | None = await uow.fetchval(
        "select id from contacts where org_id = $1 and id = any($2::uuid[]) order by created_at, id limit 1",
        uow.org_id,
        ids,
    )
    return found
