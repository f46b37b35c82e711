"""Where a person's data lies besides their own record, and how it is taken away there."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.runs import ENDED
from app.kit import json


async def records_of(uow: UnitOfWork, noun: Noun, contact: UUID, after: UUID | None, most: int) -> list[UUID]:
    """The next records that hang on a contact, in the order of their ids."""
    rows = await uow.fetch(
        f"select id from {noun.plural} where org_id = $1 and contact_id = $2 and ($3::uuid is null or id > $3)"
        " order by id limit $4",
        uow.org_id,
        contact,
        after,
        most,
    )
    return [row["id"] for row in rows]


async def scrub(uow: UnitOfWork, records: Sequence[UUID], names: Sequence[str] | None = None) -> None:
    """Take from the log what it tells of these records, or of these fields of theirs.

    That they changed, by whom and when stays.
    """
    await uow.execute("select rapport_scrub($1, $2)", list(records), None if names is None else list(names))


async def forget_answers(uow: UnitOfWork, noun: str, records: Sequence[UUID]) -> None:
    """Empty the answers kept for Idempotency-Keys that show one of the records; the keys still do nothing twice.

    Answers to many at once hold ids and outcomes alone.
    """
    await uow.execute(
        "update idempotency_keys set body = '{}' where org_id = $1 and noun = $2 and noun_id = any($3::uuid[])"
        " and body <> '{}'",
        uow.org_id,
        noun,
        list(records),
    )


async def runs_with(
    uow: UnitOfWork, words: Sequence[str], after: UUID | None, most: int
) -> tuple[Sequence[Row], UUID | None]:
    """Those of the next ended runs in which one of the words stands, locked; and where to look on, None at the end."""
    ahead = await uow.fetch(
        "select id, exists (select from unnest($5::text[]) w"
        " where strpos(concat(params::text, ' ', result::text, ' ', error), w) > 0) as tells"
        " from runs where org_id = $1 and status = any($2) and ($3::uuid is null or id > $3) order by id limit $4",
        uow.org_id,
        sorted(ENDED),
        after,
        most,
        list(words),
    )
    # One that goes on meanwhile is left alone.
    rows = await uow.fetch(
        "select id, params, result, error from runs where org_id = $1 and status = any($2) and id = any($3::uuid[])"
        " order by id for update",
        uow.org_id,
        sorted(ENDED),
        [row["id"] for row in ahead if row["tells"]],
    )
    return rows, ahead[-1]["id"] if len(ahead) == most else None


async def rewrite_runs(uow: UnitOfWork, kept: Sequence[Mapping[str, Any]]) -> None:
    """Give ended runs, by their ids, parameters, result and error without the person."""
    await uow.execute(
        "update runs r set version = r.version + 1, updated_at = $2, params = k.params, result = k.result,"
        " error = k.error, checkpoint = null from unnest($3::text[]) u(row),"
        " jsonb_to_record(u.row::jsonb) k(id uuid, params jsonb, result jsonb, error text)"
        " where r.org_id = $1 and r.id = k.id",
        uow.org_id,
        uow.now,
        [json.text(one) for one in kept],
    )
