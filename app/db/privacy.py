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


async def forget_rows(uow: UnitOfWork, contact: UUID, words: Sequence[str]) -> None:
    """Empty the rows of imports that became the contact or tell of it, and let go of files that wait and may do so.

    The bytes of a packed file, or of one in UTF-16, are not looked into: such a file is let go of in any case.
    """
    await uow.execute(
        "with told as (update import_rows r set cells = null, code = 'erased', outcome = coalesce(outcome, 'skipped'),"
        "   detail = 'Whom this row told of was erased.'"
        "   where r.org_id = $1 and r.cells is not null and (r.record_id = $2 or exists ("
        "     select from unnest($3::text[]) w where strpos(lower(concat(r.cells, ' ', r.detail)), lower(w)) > 0))"
        "   returning r.id)"
        " delete from file_parts p using imports i where p.org_id = $1 and i.org_id = $1 and i.file_id = p.id"
        "   and i.stage = 'ready' and (i.id in (select id from told) or i.layout ->> 'format' = 'xlsx'"
        "     or (i.layout ->> 'gzipped')::boolean or i.layout ->> 'encoding' like 'utf-16%'"
        "     or exists (select from file_parts o join unnest($3::text[]) w"
        "       on position(convert_to(w, 'UTF8') in o.bytes) > 0 where o.org_id = $1 and o.id = p.id))",
        uow.org_id,
        contact,
        list(words),
    )
