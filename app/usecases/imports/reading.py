"""From the bytes of a file to its rows, kept as they stand there.

A file of lines is read batch by batch, each on from where the one before has ended. A workbook cannot be read from its
middle: it is read in one batch, to a file on disk first, for whoever has locked or written anything holds back the
readers of events until they commit.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from app.db import files, imports
from app.db.engine import Row
from app.db.imports import Kept
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.imports import Target
from app.domain.orders import LONGEST_NUMBER
from app.domain.runs import Progress
from app.kit import clock, json, tables, tasks
from app.kit.lines import Place, Unreadable
from app.kit.tables import Layout

READ = 20_000
"""Rows of the file that are kept in one statement."""
READ_TEXT = 16 * 1024**2
"""Characters after which such a statement takes no further row."""
PACKED = 500
"""Lines of an order that are kept as one row."""
SECONDS = 8.0
"""How long one batch reads a file of lines."""
WORTH = 1.0
"""How many times as long it reads, at least, as it took to get to its place: a packed file is unpacked anew so far."""
SILENT = 20.0
"""Seconds without a word to PostgreSQL."""
Name = Callable[[Sequence[str | None]], str | None]
"""From the cells of a row to what its record is matched by."""
_Chunk = tuple[list[Kept], Place | None]
"""Rows, and where those after them begin."""
NOTHING: Mapping[str, Any] = {"read": 0, "whole": False, "at": None}
"""The checkpoint before anything was read."""


async def must_be_kept(uow: UnitOfWork, import_: Row) -> None:
    """Raise RuleBroken for a file that was let go."""
    if not await files.kept(uow, import_["file_id"]):
        raise RuleBroken(
            "file_gone",
            "The file was let go: its time is over, or someone whom it may have named was erased; send it anew.",
        )


async def read(uow: UnitOfWork, import_: Row, here: Mapping[str, Any], name: Name | None) -> Progress:
    """Keep as many rows as go into the time of a batch. Raises RuleBroken for a file that cannot be read on."""
    await must_be_kept(uow, import_)
    at = None if here["at"] is None else Place(*here["at"])
    layout, count = _layout(import_), here["read"]
    began, until = clock.monotonic(), 0.0
    with tempfile.TemporaryFile() as spool:
        await files.spool(uow, import_["file_id"], spool, tables.first_byte(layout, at))
        if not count:
            await imports.clear_rows(uow, import_["id"])
        with contextlib.closing(tables.rows(spool, layout, at)) as rows:
            reading = _next(rows, import_, name)
            try:
                while (found := await _heard(uow, reading))[0]:
                    chunk, at = found
                    count += _rows_in(chunk)
                    now = clock.monotonic()
                    until = until or now + max(SECONDS, WORTH * (now - began))
                    over = now >= until
                    if not over:
                        reading = _next(rows, import_, name)  # while PostgreSQL writes
                    await imports.add_rows(uow, import_["id"], chunk)
                    if over:
                        break
            finally:
                await tasks.ended(reading)
    return _so_far(count, whole=not found[0], at=at)


async def collect(uow: UnitOfWork, import_: Row, into: IO[bytes], name: Name | None) -> None:
    """Read a whole file, of an import that nobody has locked, to where `keep` can take it from. Raises as `read`."""
    await must_be_kept(uow, import_)
    with tempfile.TemporaryFile() as spool:
        await files.spool(uow, import_["file_id"], spool)
        with contextlib.closing(tables.rows(spool, _layout(import_))) as rows:
            while chunk := (await _heard(uow, _next(rows, import_, name)))[0]:
                await asyncio.to_thread(_collected, chunk, into)
    into.seek(0)


def _collected(chunk: Sequence[Kept], into: IO[bytes]) -> None:
    into.write(json.dumps([[kept.lines, kept.cells, kept.key, kept.fault] for kept in chunk]) + b"\n")


async def keep(uow: UnitOfWork, import_: Row, collected: IO[bytes]) -> Progress:
    """Keep all rows that were collected. Raises RuleBroken when their file was let go meanwhile."""
    await must_be_kept(uow, import_)
    await imports.clear_rows(uow, import_["id"])
    count = 0
    for line in collected:
        chunk = [Kept(*one) for one in await asyncio.to_thread(json.loads, line)]
        await imports.add_rows(uow, import_["id"], chunk)
        count += _rows_in(chunk)
    return _so_far(count, whole=True, at=None)


def _rows_in(chunk: Sequence[Kept]) -> int:
    return sum(len(kept.lines) for kept in chunk)


def _so_far(count: int, *, whole: bool, at: Place | None) -> Progress:
    checkpoint = {"read": count, "whole": whole, "at": None if at is None else [at.byte, at.line]}
    return Progress(checkpoint, 0, total=count if whole else None)


def _layout(import_: Row) -> Layout:
    return Layout(**{**import_["layout"], "columns": tuple(import_["layout"]["columns"])})


def _next(rows: Iterator[tables.Row], import_: Row, name: Name | None) -> asyncio.Future[_Chunk]:
    """Begin to read the next rows, in a thread."""
    return asyncio.get_running_loop().run_in_executor(None, _chunk, rows, import_, name)


async def _heard(uow: UnitOfWork, reading: asyncio.Future[_Chunk]) -> _Chunk:
    """What was read; PostgreSQL, which ends transactions that are silent for a minute, is spoken to meanwhile."""
    try:
        while not (await asyncio.wait({reading}, timeout=SILENT))[0]:
            await uow.speak()
    finally:
        await tasks.ended(reading)  # whoever is stopped meanwhile cannot close what is being read
    return await reading


def _chunk(rows: Iterator[tables.Row], import_: Row, name: Name | None) -> _Chunk:
    keep, packs, after = keeper(import_, name), import_["target"] == Target.LINE, None
    chunk: list[Kept] = []
    try:
        for row in tables.some(rows, READ, READ_TEXT):
            kept, after = keep(row), row.after
            if packs and chunk and _together(chunk[-1], kept):
                chunk[-1].lines += kept.lines
                chunk[-1].cells += kept.cells
            else:
                chunk.append(kept)
    except Unreadable as fault:
        raise RuleBroken(fault.code, fault.detail) from None
    return chunk, after


def _together(last: Kept, row: Kept) -> bool:
    """Whether neighbours are of one order and can be kept as one."""
    return (
        row.key == last.key is not None
        and row.fault is None
        and last.fault is None
        and len(last.lines) < PACKED
    )


def keeper(import_: Mapping[str, Any], name: Name | None = None) -> Callable[[tables.Row], Kept]:
    """A function from a row of a file to how it is kept: a line with the number of its order, without which it belongs
    nowhere.
    """
    if import_["target"] != Target.LINE:

        def kept(row: tables.Row) -> Kept:
            key = name(row.cells) if name and row.fault is None else None
            return Kept([row.line], [imports.cells_kept(row.cells)], key, row.fault)

        return kept
    column = next((column for column, path in import_["mapping"].items() if path == "number"), None)
    place = tables.MOST_COLUMNS if column is None else import_["layout"]["columns"].index(column)

    def kept_line(row: tables.Row) -> Kept:
        number, fault = row.cells[place] if place < len(row.cells) else None, row.fault
        if number is None:
            fault = fault or ("number_missing", "The number is empty: which order is this line of?")
        elif len(number) > LONGEST_NUMBER:
            detail = f"The number has {len(number):,} characters; an order's has up to {LONGEST_NUMBER}."
            number, fault = None, fault or ("number_too_long", detail)
        return Kept([row.line], [imports.cells_kept(row.cells)], number, fault)

    return kept_line
