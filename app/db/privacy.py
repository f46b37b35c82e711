"""Where a person's data lies besides their own record, and how it is taken away there."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.runs import ENDED
from app.kit import json

_ALSO: Mapping[str, str] = {
    # On which they stand beside somebody else.
    "deal": " union select deal_id from deal_people where org_id = $1 and contact_id = any($2::uuid[])",
    # Of their deals, where it names nobody else.
    "task": " union select t.id from deals d join tasks t on t.org_id = d.org_id and t.deal_id = d.id"
    " where d.org_id = $1 and d.contact_id = any($2::uuid[]) and t.contact_id is null",
}
_WIDE = "０１２３４５６７８９"


async def records_of(
    uow: UnitOfWork, noun: Noun, contacts: Sequence[UUID], after: UUID | None, most: int
) -> list[UUID]:
    """The next records that hang on one of the contacts, in the order of their ids."""
    rows = await uow.fetch(
        f"select id from (select id from {noun.plural} where org_id = $1 and contact_id = any($2::uuid[])"
        f"{_ALSO.get(noun.name, '')}) x where $3::uuid is null or id > $3 order by id limit $4",
        uow.org_id,
        contacts,
        after,
        most,
    )
    return [row["id"] for row in rows]


async def scrub(
    uow: UnitOfWork,
    records: Sequence[UUID],
    names: Sequence[str] | None = None,
    causes: Sequence[str] | None = None,
) -> None:
    """Take from the log what it tells of these records, or of these fields of theirs, or of what had these causes.

    That they changed, by whom and when stays.
    """
    await uow.execute(
        "select rapport_scrub($1, $2, $3)",
        list(records),
        None if names is None else list(names),
        None if causes is None else list(causes),
    )


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
        " where strpos(lower(concat(params::text, ' ', result::text, ' ', error)), lower(w)) > 0) as tells"
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


async def hold_files(uow: UnitOfWork) -> None:
    """Wait for the batches of imports and exports that are under way, and let none begin until the end.

    Comes before any contact is locked: a batch holds its import, then waits for contacts.
    """
    # Most are over by then; for one that goes on, the erasure is put off.
    await uow.execute("set local lock_timeout = '20s'")
    await uow.execute(
        "select from imports where org_id = $1 and stage in ('ready', 'started') order by id for no key update",
        uow.org_id,
    )
    await uow.execute(
        "select from exports where org_id = $1 and stage = 'started' order by id for no key update",
        uow.org_id,
    )
    await uow.execute("set local lock_timeout to default")


async def forget_imported(uow: UnitOfWork) -> None:
    """Let go of every file that waits to be imported.

    What their bytes tell is not looked for: they may be packed, and say a number in any form.
    """
    await uow.execute(
        "delete from file_parts p using imports i where p.org_id = $1 and i.org_id = $1 and p.id = i.file_id",
        uow.org_id,
    )


async def forget_exported(uow: UnitOfWork, nouns: Sequence[str]) -> None:
    """Let go of the files that exports of these nouns are in, or are made of, whatever their bytes tell."""
    await uow.execute(
        """with spent as materialized (
          select f.id::uuid as id from exports e left join runs r on r.org_id = e.org_id and r.id = e.run_id,
            lateral (values (e.file_id::text), (r.checkpoint ->> 'ids'), (r.checkpoint ->> 'raw'), (r.checkpoint ->> 'file'))
              f(id)
          where e.org_id = $1 and e.noun = any($2))
        delete from file_parts p using spent s where p.org_id = $1 and p.id = s.id""",
        uow.org_id,
        list(nouns),
    )


async def exports_of(uow: UnitOfWork, nouns: Sequence[str], words: Sequence[str]) -> list[UUID]:
    """The exports of these nouns whose file could still be had, and all that were asked for with one of the words."""
    rows = await uow.fetch(
        "select id from exports where org_id = $1 and (noun = any($2) and expires_at > $3"
        " or exists (select from unnest($4::text[]) w where strpos(lower(asked::text), lower(w)) > 0)) order by id",
        uow.org_id,
        list(nouns),
        uow.now,
        list(words),
    )
    return [row["id"] for row in rows]


async def rows_with(
    uow: UnitOfWork, contact: UUID, words: Sequence[str], digits: Sequence[str]
) -> Sequence[Row]:
    """Kept rows of imports that became the contact, or in which a word, or digits whatever stands between them, may stand."""
    return await uow.fetch(
        f"""select r.id, r.line, r.record_id, r.cells, r.detail from import_rows r,
          lateral (select lower(concat(r.cells, ' ', r.detail)) as text offset 0) t
        where r.org_id = $1 and r.cells is not null and (r.record_id = $2
          or exists (select from unnest($3::text[]) w where strpos(t.text, lower(w)) > 0)
          or exists (select from unnest($4::text[]) d
            where strpos(regexp_replace(translate(t.text, '{_WIDE}', '0123456789'), '[^0-9]', '', 'g'), d) > 0))""",
        uow.org_id,
        contact,
        list(words),
        list(digits),
    )


async def forget_rows(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    """Empty rows of imports; those that wait for their turn are left out."""
    await uow.execute(
        "update import_rows r set cells = null, code = 'erased', outcome = coalesce(r.outcome, 'skipped'),"
        " detail = 'Whom this row told of was erased.' from unnest($2::uuid[], $3::int[]) e(id, line)"
        " where r.org_id = $1 and r.id = e.id and r.line = e.line",
        uow.org_id,
        [row["id"] for row in rows],
        [row["line"] for row in rows],
    )
