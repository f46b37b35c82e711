"""Imports: files on their way into records, with every row and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy import ARRAY, BigInteger, Index, Integer, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.engine import LOST, Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.imports import Mode, Outcome, Stage, Target
from app.kit import json
from app.kit.written import Number

_log = structlog.get_logger()


class Import(Record):
    """A file, what its columns mean, and the account of its rows."""

    __tablename__ = "imports"
    __table_args__ = (
        points_to("file_id", "files"),
        points_to("owner_id", "users"),
        one_of("target", Target),
        one_of("mode", Mode),
        one_of("stage", Stage),
        newest_first("imports"),
        last_changed("imports"),
        Index("ix_imports_owner", "org_id", "owner_id", "created_at", "id"),
    )

    name: Mapped[str] = mapped_column(info=field("basic", writable=False))
    """The file's."""
    size: Mapped[int] = mapped_column(BigInteger, info=field("basic", writable=False))
    sha256: Mapped[str] = mapped_column(info=field("basic", writable=False))
    file_id: Mapped[UUID] = mapped_column(info=field(internal=True, writable=False))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """Whoever sent it; it is carried out in their name, with what they may."""
    key_id: Mapped[UUID | None] = mapped_column(info=field(internal=True, writable=False))
    """The API key that it was sent by, which may do less than its holder."""
    target: Mapped[str] = mapped_column(info=choice(Target, "basic"))
    mode: Mapped[str] = mapped_column(info=choice(Mode, "basic"))
    match: Mapped[list[str]] = mapped_column(info=field("basic"))
    """What rows and records are matched by, in this order."""
    layout: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Format, encoding, delimiter, sheet and columns, as they were found or stated."""
    mapping: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    """Column to path; a column that is not here is not carried over."""
    options: Mapped[dict[str, Any]] = mapped_column(info=field("basic"))
    stage: Mapped[str] = mapped_column(info=choice(Stage, "basic", writable=False))
    run_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """The run that is, or was last, at it."""
    account: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic", writable=False))
    """read = created + updated + unchanged + skipped + failed; null until it is done."""
    undone: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic", writable=False))
    """restored + archived + kept: every record that it had touched; null until it is undone."""
    expires_at: Mapped[datetime] = mapped_column(info=field("basic", writable=False))
    """When the file, and the rows of it that were left out, are let go."""
    trial: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic", writable=False))
    """The account that a trial came to, in which nothing was kept."""


class ImportRow(Base):
    """Rows of a file, as they stood there, one or neighbours of one order; its id is the import's.

    The lines of an order mostly stand together, and are kept, taken and settled as one at a fraction of the cost.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        PrimaryKeyConstraint("org_id", "id", "line"),
        points_to("id", "imports"),
        Index("ix_import_rows_ahead", "org_id", "id", "line", postgresql_where=text("outcome is null")),
        Index("ix_import_rows_key", "org_id", "id", "key", "line", postgresql_where=text("key is not null")),
        Index(
            "ix_import_rows_told",
            "org_id",
            "id",
            "line",
            postgresql_where=text("outcome in ('skipped', 'failed') and cells is not null"),
        ),
    )

    org_id: Mapped[UUID]
    id: Mapped[UUID]
    line: Mapped[int]
    """Where it begins in the file, from 1."""
    further: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    """Where those begin that are kept with it."""
    cells: Mapped[str | None]
    """A JSON array of each row's cells, text and null; text to the database while it writes. Null once they went well."""
    key: Mapped[str | None]
    """What rows share that make one record together: the number of an order; of a trial, what its record is matched by."""
    outcome: Mapped[str | None]
    """Null until the row has had its turn."""
    record_id: Mapped[UUID | None]
    code: Mapped[str | None]
    detail: Mapped[str | None]
    """Why it was skipped or failed."""


def _untried(*_: Any) -> dict[str, Any]:
    """What was tried was something else, and work that asks for it goes on no more."""
    return {"trial": None, "run_id": None}


IMPORTS = Noun(
    name="import",
    plural="imports",
    model=Import,
    owned=True,
    references={"owner_id": USERS},
    derive=_untried,
    sources=frozenset({"target", "mode", "match", "mapping", "options"}),
    custom=False,
    external=False,
)


_TEXTS = frozenset({str, type(None)})
SHOWN = 100
"""Rows that a preview can show."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row and those that are kept with it."""

    line: int
    outcome: Outcome
    record_id: UUID | None = None
    code: str | None = None
    detail: str | None = None


@dataclass(slots=True)
class Kept:
    """A row of the file, or some of one order, on its way in."""

    lines: list[int]
    cells: list[str]
    """A JSON array for each."""
    key: str | None
    fault: tuple[str, str] | None
    """A stable code and a sentence, when it cannot be read."""


async def of_run(uow: UnitOfWork, import_id: UUID, *, lock: bool = True) -> Row:
    """The import that a run is at, with the time zone and the currency of its organisation."""
    rows = await uow.fetch(
        "select i.*, o.time_zone, o.currency from imports i join organisations o on o.id = i.org_id"
        f" where i.org_id = $1 and i.id = $2{' for no key update of i' if lock else ''}",
        uow.org_id,
        import_id,
    )
    return rows[0]


async def take_turn(uow: UnitOfWork) -> None:
    """Wait until no other import of the organisation is writing: two that meet the same records could block each other."""
    await uow.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"imports {uow.org_id}")


async def clear_rows(uow: UnitOfWork, import_id: UUID) -> None:
    """Let the sample go, or what a trial has kept, before the file is read."""
    await uow.execute("delete from import_rows where org_id = $1 and id = $2", uow.org_id, import_id)


async def add_rows(uow: UnitOfWork, import_id: UUID, rows: Sequence[Kept]) -> None:
    """Keep rows of the file; those that cannot be read have had their turn."""
    # COPY does not go through row-level security.
    await uow.execute(
        "insert into import_rows (org_id, id, line, further, cells, key, outcome, code, detail)"
        " select $1, $2, r.line, r.further::int[], r.cells, r.key, case when r.code is not null then 'failed' end,"
        " r.code, r.detail from unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])"
        " r(line, further, cells, key, code, detail)",
        uow.org_id,
        import_id,
        [row.lines[0] for row in rows],
        [f"{{{str(row.lines[1:])[1:-1]}}}" if len(row.lines) > 1 else None for row in rows],
        [f"[{','.join(row.cells)}]" for row in rows],
        [row.key for row in rows],
        [row.fault and row.fault[0] for row in rows],
        [row.fault and row.fault[1] for row in rows],
    )


async def fail_long(uow: UnitOfWork, import_id: UUID, most: int) -> None:
    """Let all rows of a key that has more than so many fail."""
    await uow.execute(
        """update import_rows set outcome = 'failed', code = 'order_too_long', detail = format(
            'The number %L stands in more than %s lines, which no order has; which column has the numbers of orders?',
            left(key, 100), $3::int)
          where org_id = $1 and id = $2 and outcome is null and key = any(array(
            select key from import_rows where org_id = $1 and id = $2 and key is not null group by key
            having sum(1 + coalesce(cardinality(further), 0)) > $3::int))""",
        uow.org_id,
        import_id,
        most,
    )


async def groups_ahead(uow: UnitOfWork, import_id: UUID, most: int, text: int) -> Sequence[Row]:
    """The rows of the records that the next rows belong to, up to so many, and none more once they have so many bytes;
    whole records, and the first in any case.

    Rows of line, further, cells, key, and whether one of the record's rows is missing.
    """
    return await uow.fetch(
        """with upto as (select key, line, lines, sum(lines) over (order by line) as upto from (
              select key, line, 1 + coalesce(cardinality(further), 0) as lines from import_rows
              where org_id = $1 and id = $2 and outcome is null order by line limit $3) r),
          ahead as (select key, min(line) as line from upto where upto - lines < $3 group by key),
          sized as (select a.key, a.line, s.lines, s.bytes, s.broken from ahead a cross join lateral (
            select sum(1 + coalesce(cardinality(further), 0)) as lines, coalesce(sum(octet_length(cells)), 0) as bytes,
              bool_or(outcome = 'failed' or code = 'erased') is true as broken
            from import_rows r where org_id = $1 and id = $2 and r.key = a.key) s),
          cut as (select key, broken, sum(lines) over w - lines as before,
            sum(bytes) over w - bytes as bytes_before from sized window w as (order by line))
          select r.line, r.further, r.cells, r.key, c.broken from cut c join import_rows r
            on r.org_id = $1 and r.id = $2 and r.key = c.key
          where r.outcome is null and c.before < $3 and c.bytes_before <= $4 order by r.line""",
        uow.org_id,
        import_id,
        most,
        text,
    )


async def earlier(uow: UnitOfWork, import_id: UUID, rows: Sequence[Row], most: int) -> Sequence[Row]:
    """For each key of the rows the last rows before them that went well under it: line, further, cells."""
    begins = {row["key"]: row["line"] for row in reversed(rows) if row["key"]}
    return await uow.fetch(
        # One key by one, backwards from where its rows begin: all rows of a file may share a key.
        "select r.* from unnest($3::text[], $4::int[]) k(key, begins), lateral ("
        " select line, further, cells from import_rows where org_id = $1 and id = $2 and key = k.key"
        " and line < k.begins and outcome in ('created', 'updated', 'unchanged') and cells is not null"
        " order by line desc limit $5) r order by r.line",
        uow.org_id,
        import_id,
        list(begins),
        list(begins.values()),
        most,
    )


async def ahead(uow: UnitOfWork, import_id: UUID, most: int, text: int) -> Sequence[Row]:
    """The next rows that have not had their turn, up to so many, and none more once they have so many bytes: line,
    further, cells, key.
    """
    return await uow.fetch(
        "select line, further, cells, key from (select r.*, sum(bytes) over (order by line) - bytes as before from ("
        " select line, further, cells, key, coalesce(octet_length(cells), 0) as bytes from import_rows"
        " where org_id = $1 and id = $2 and outcome is null order by line limit $3) r) r"
        " where before <= $4 order by line",
        uow.org_id,
        import_id,
        most,
        text,
    )


async def settle(
    uow: UnitOfWork, import_id: UUID, verdicts: Sequence[Verdict], *, keep: bool = False
) -> None:
    """Write down what became of rows, and let the cells of those go that went well, unless all are to be kept."""
    await uow.execute(
        "update import_rows r set outcome = v.outcome, record_id = v.record_id, code = v.code, detail = v.detail,"
        " cells = case when $8 or v.outcome in ('skipped', 'failed') then r.cells end"
        " from unnest($3::int[], $4::text[], $5::uuid[], $6::text[], $7::text[]) v(line, outcome, record_id, code, detail)"
        " where r.org_id = $1 and r.id = $2 and r.line = v.line",
        uow.org_id,
        import_id,
        [verdict.line for verdict in verdicts],
        [verdict.outcome for verdict in verdicts],
        [verdict.record_id for verdict in verdicts],
        [verdict.code for verdict in verdicts],
        [verdict.detail for verdict in verdicts],
        keep,
    )


async def analyse(uow: UnitOfWork, tables: Sequence[str]) -> None:
    """Let the planner count the tables' rows now.

    It takes a table that it has never counted for an empty one, and may keep to a plan that reads all of it for every
    row that points there; PostgreSQL counts by itself, but a minute of an import later. What keeps it from counting now
    keeps nobody from going on.
    """
    try:
        async with uow.database.aside(uow.org_id) as connection:
            await connection.execute("select rapport_analyse($1)", list(tables))
    except (asyncpg.PostgresError, *LOST) as fault:
        _log.warning("tables not counted", tables=list(tables), reason=str(fault))


async def account(uow: UnitOfWork, import_id: UUID) -> dict[str, int]:
    """How many rows had each outcome; those that wait for their turn as "waiting"."""
    rows = await uow.fetch(
        "select coalesce(outcome, 'waiting') as outcome, sum(1 + coalesce(cardinality(further), 0)) as n"
        " from import_rows where org_id = $1 and id = $2 group by outcome",
        uow.org_id,
        import_id,
    )
    return {row["outcome"]: row["n"] for row in rows}


async def under_way(uow: UnitOfWork, run: UUID | None) -> bool:
    """Whether a run has not ended."""
    found: bool = await uow.fetchval(
        "select exists (select from runs where org_id = $1 and id = $2 and status in ('queued', 'running'))",
        uow.org_id,
        run,
    )
    return found


def cells_kept(cells: Sequence[str | None]) -> str:
    """Cells as they are kept: text, and what the file itself holds as a number as one, in a list if no float stands for it."""
    return orjson.dumps(cells, default=_number_kept, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _number_kept(cell: Number) -> float | list[str]:
    near = float(cell)
    return near if Decimal(repr(near)) == Decimal(cell) else [str(cell)]


def kept_of(row: Mapping[str, Any]) -> list[tuple[int, list[str | None]]]:
    """The lines of what is kept as one row, each with its cells."""
    return list(
        zip((row["line"], *(row["further"] or ())), map(as_cells, json.loads(row["cells"])), strict=True)
    )


def as_cells(kept: Sequence[str | float | list[str] | None]) -> list[str | None]:
    """What `cells_kept` kept."""
    if _TEXTS.issuperset(map(type, kept)):  # as nearly all are
        return cast("list[str | None]", kept)
    return [
        cell if cell is None or isinstance(cell, str) else Number(cell[0] if isinstance(cell, list) else cell)
        for cell in kept
    ]


async def sample(uow: UnitOfWork, import_id: UUID) -> list[list[str | None]]:
    """The cells of the first rows that can be read."""
    rows = await uow.fetch(
        "select line, further, cells from import_rows where org_id = $1 and id = $2 and cells is not null"
        f" and code is null order by line limit {SHOWN}",
        uow.org_id,
        import_id,
    )
    return [cells for row in rows for _, cells in kept_of(row)][:SHOWN]
