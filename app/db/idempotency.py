"""Idempotency keys: claimed, and answered, in the transaction of the work they stand for."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import references
from app.db.base import Base
from app.db.engine import Row
from app.db.registry import NOUNS
from app.db.uow import Answer, UnitOfWork
from app.domain.access import fingerprint
from app.domain.errors import InvalidInput, RuleBroken


class IdempotencyKey(Base):
    """A caller's key, what it asked for, and what it was told."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("ix_idempotency_keys_created", "created_at"),
        # Erasure finds the answers that show a person.
        Index(
            "ix_idempotency_keys_record", "org_id", "noun_id", postgresql_where=text("noun_id is not null")
        ),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    actor_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[str]
    """HMAC-SHA-256 of method, path, query and body."""
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[str | None]
    access: Mapped[str | None]
    """Fingerprint of what the caller could see when it was told."""
    noun: Mapped[str | None]
    noun_id: Mapped[UUID | None]
    """The record that the answer shows."""
    created_at: Mapped[datetime]


KEPT_FOR = timedelta(days=2)


class Replayed(Exception):
    """The same request was answered before."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


def checked_key(key: str | None) -> str | None:
    """A caller's key, or None. Raises InvalidInput."""
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise InvalidInput(
            "idempotency_key_invalid", "An Idempotency-Key has 1 to 200 printable ASCII characters."
        )
    return key


async def claim(uow: UnitOfWork, key: str, request_hash: str) -> None:
    """Take the key for this request; one that comes at the same time waits here until this one has ended.

    Raises Replayed when the request was answered before, InvalidInput when the key stood for another request.
    """
    if uow.dry_run:
        return
    kept = await _take(uow, key, request_hash)
    if kept is None:
        return
    if kept["request_hash"] != request_hash:
        raise InvalidInput(
            "idempotency_key_reused", "This Idempotency-Key was used for another request; choose a new one."
        )
    if kept["access"] != fingerprint(uow.actor) or not await _sees(uow, kept["noun"], kept["noun_id"]):
        raise RuleBroken(
            "answer_withheld",
            "This request was carried out, but what you may see has changed since; read it anew.",
        )
    raise Replayed(Answer(kept["status"], kept["body"].encode(), kept["headers"]))


async def _take(uow: UnitOfWork, key: str, request_hash: str) -> Row | None:
    """What is kept under the key already; None when it is this request's from now on."""
    owner = (uow.org_id, uow.actor.id, key)
    while True:  # an old key may be forgotten between the two statements, and can be taken then
        if await uow.fetchval(
            "insert into idempotency_keys (org_id, actor_id, key, request_hash, created_at)"
            " values ($1, $2, $3, $4, $5) on conflict do nothing returning true",
            *owner,
            request_hash,
            uow.now,
        ):
            return None
        rows = await uow.fetch(
            "select request_hash, status, headers, body, access, noun, noun_id from idempotency_keys"
            " where (org_id, actor_id, key) = ($1, $2, $3)",
            *owner,
        )
        if rows:
            return rows[0]


async def _sees(uow: UnitOfWork, name: str | None, record: UUID | None) -> bool:
    noun = NOUNS.get(name or "")
    return noun is None or record is None or record in await references.seen(uow, noun, {record})


async def keep(uow: UnitOfWork, key: str) -> None:
    """Store the answer with the key."""
    if uow.dry_run:
        return
    answer = uow.answer
    assert answer is not None, "a route that writes answers by app.api.answers"
    await uow.execute(
        "update idempotency_keys set status = $4, headers = $5, body = $6, access = $7, noun = $8, noun_id = $9"
        " where (org_id, actor_id, key) = ($1, $2, $3)",
        uow.org_id,
        uow.actor.id,
        key,
        answer.status,
        answer.headers,
        answer.body.decode(),
        fingerprint(uow.actor),
        answer.noun,
        answer.noun_id,
    )
