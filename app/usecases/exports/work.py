"""The work on an export, batch by batch: which records, what they hold, and the file of it.

As of when: which records there are, and their order, is settled by one statement at the beginning (as_of). Each is then
written once, as it stands when its batch is read, which for a large export may be minutes later: a change meanwhile may
be in it or not, a new record is not, one that was changed so that it would no longer be listed still is, and one that
whoever asked does not see any more is left out. So rows = listed, less those. Access lost in the middle ends the work.

All formats are first collected as NDJSON; the columns that the records need are known then. CSV is written part by part.
XLSX and Parquet have what was written last at their end, and are made in one go, through a file on disk.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any
from uuid import UUID

from app.db import actors, exports, files, reads, write
from app.db.engine import Row
from app.db.exports import EXPORTS, Held
from app.db.nouns import Noun
from app.db.reads import Reads
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope
from app.domain.errors import RuleBroken
from app.domain.exports import KEPT_FOR, MEDIA_TYPES, Format, Seen, Stage, Table, flat, typed
from app.domain.fields import CUSTOM, Kind
from app.domain.runs import Progress
from app.kit import clock, json, sheets
from app.kit.sheets import Column, Parquet, TooLong, Workbook
from app.usecases.exports.opening import must_match, page_of

WHOLE = frozenset({Format.XLSX, Format.PARQUET})
"""Formats that are written in one go at the end, which takes longer."""
SECONDS = 5.0
"""How long one batch goes on, those apart that write in one go."""
SILENT = 20.0
"""Seconds without a word to PostgreSQL."""
_KINDS: Mapping[Kind, sheets.Kind] = {
    Kind.INTEGER: "integer",
    Kind.NUMBER: "number",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.LABELS: "labels",
}


@dataclass(frozen=True, slots=True)
class _Built:
    """A whole file on disk, and the fields in it."""

    spool: IO[bytes]
    shown: Sequence[str]


async def export_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next batch, in the name of whoever asked, with what they may see now."""
    here = run["checkpoint"]
    if here is None or _reads(here):
        return await _batch(uow, run, None)
    # Nothing is locked: for a transaction that has locked a row, all readers of the log wait until its end.
    one = await exports.of_run(uow, UUID(run["params"]["export_id"]), lock=False)
    if one["format"] not in WHOLE:
        return await _batch(uow, run, None)
    with tempfile.TemporaryFile() as spool:
        return await _batch(uow, run, await _built(uow, one, here, spool))


async def _batch(uow: UnitOfWork, run: Row, built: _Built | None) -> Progress:
    house, here = uow.actor, run["checkpoint"]
    one = await exports.of_run(uow, UUID(run["params"]["export_id"]))
    door = await _door(uow, one)
    uow.actor, uow.cause = door.actor, f"export:{one['id']}"
    try:
        if here is None or await _let_go(uow, here):
            return await _list(uow, door, one)
        if _reads(here):
            return await _read(uow, door, one, here)
        return await (_write(uow, door, one, here) if built is None else _store(uow, door, one, here, built))
    finally:
        uow.actor = house


def _reads(here: Mapping[str, Any]) -> bool:
    """Whether there are records that have not been read."""
    return bool(here["read"] * exports.PACKED < here["listed"])


async def _door(uow: UnitOfWork, one: Row) -> Held:
    """The way to read of whoever asked. Raises RuleBroken and Forbidden where no file may be made."""
    if one["archived_at"] is not None:
        raise RuleBroken("archived", "This export was archived, so no file is made.")

    async def load() -> Actor:
        actor = await actors.load(
            uow.database, uow.org_id, one["owner_id"], key_id=one["key_id"], now=uow.now, held=uow.connection
        )
        actor.needs(Scope.exports_write)
        must_match(actor, one)
        return actor

    return Held(uow, await load(), load)


async def _let_go(uow: UnitOfWork, here: Mapping[str, Any]) -> bool:
    """Whether what was collected so far was let go of, because somebody was erased: then all begins anew."""
    if not here["listed"] or await files.kept(uow, UUID(here["ids"])):
        return False
    for stray in filter(None, (here["ids"], here["raw"], here["file"])):
        await files.forget(uow, UUID(stray))
    return True


async def _list(uow: UnitOfWork, door: Reads, one: Row) -> Progress:
    page, until = page_of(NOUNS[one["noun"]], one["asked"], uow.now), uow.now + KEPT_FOR
    ids = await files.begin(uow, f"{one['name']}.ids", "application/octet-stream", until)
    rows = await files.begin(uow, f"{one['name']}.rows", MEDIA_TYPES[Format.NDJSON], until)
    listed = await exports.keep_ids(door, page, ids)
    await write.change(uow, EXPORTS, [(one, {"as_of": uow.now, "listed": listed})], "export.edited")
    here = {"ids": str(ids), "raw": str(rows), "listed": listed, "read": 0, "parts": 0, "rows": 0}
    return Progress({**here, "file": None, "written": 0, "seen": asdict(Seen())}, 0, total=listed)


async def _read(uow: UnitOfWork, door: Reads, one: Row, here: dict[str, Any]) -> Progress:
    """As many records as go into the time of a batch."""
    noun, ids, raw = NOUNS[one["noun"]], UUID(here["ids"]), UUID(here["raw"])
    seen, began = Seen(**here["seen"]), clock.monotonic()
    read, parts, rows = here["read"], here["parts"], here["rows"]
    while _reads({**here, "read": read}) and clock.monotonic() - began < SECONDS:
        packed = await files.part(uow.connection, uow.org_id, ids, read)
        assert packed is not None, "ids of an export are missing"
        bodies = await reads.bodies(door, noun, one["asked"]["fields"], exports.unpacked(packed))
        if bodies:
            await asyncio.to_thread(_note, seen, bodies)
            await files.append(uow, raw, parts, "".join(f"{body}\n" for body in bodies).encode())
            parts += 1
        read, rows = read + 1, rows + len(bodies)
    must_match(door.actor, one)
    onward = {**here, "read": read, "parts": parts, "rows": rows, "seen": asdict(seen)}
    return Progress(onward, min(read * exports.PACKED, here["listed"]))


def _note(seen: Seen, bodies: Sequence[str]) -> None:
    for body in bodies:
        seen.note(json.loads(body))


async def _write(uow: UnitOfWork, door: Reads, one: Row, here: dict[str, Any]) -> Progress:
    seen, raw = Seen(**here["seen"]), UUID(here["raw"])
    custom, shown = _shown(door.actor, one, seen)
    if one["format"] == Format.NDJSON:
        return await _finish(uow, one, here, raw, shown)
    file = UUID(here["file"]) if here["file"] else await _begin(uow, one)
    table = flat(one["asked"]["fields"], NOUNS[one["noun"]].known(door.actor), custom, seen)
    written = await _lines(uow, raw, file, table, here["written"], here["parts"])
    if written <= here["parts"]:
        return Progress({**here, "file": str(file), "written": written}, here["listed"])
    return await _finish(uow, one, here, file, shown)


def _shown(actor: Actor, one: Row, seen: Seen) -> tuple[list[str], list[str]]:
    """The custom fields in the file, and all its fields. Raises Forbidden for one that is hidden by now."""
    custom = _custom(NOUNS[one["noun"]], actor, one, seen)
    shown = [*(name for name in one["asked"]["fields"] if name != "custom"), *custom]
    must_match(actor, {**one, "fields": shown})
    return custom, shown


def _custom(noun: Noun, actor: Actor, one: Row, seen: Seen) -> list[str]:
    """The custom fields in the file: those that the asker reads, and what records hold beside."""
    if "custom" not in one["asked"]["fields"]:
        return []
    known = [f"{CUSTOM}{key}" for key in noun.custom_keys(actor)]
    return list(dict.fromkeys([*known, *seen.slots.get("custom", ())]))


async def _begin(uow: UnitOfWork, one: Row) -> UUID:
    media_type = MEDIA_TYPES[Format(one["format"])]
    return await files.begin(uow, one["name"], media_type, uow.now + KEPT_FOR)


async def _lines(uow: UnitOfWork, raw: UUID, file: UUID, table: Table, written: int, parts: int) -> int:
    """Parts of CSV, the header as the first of them; how many are written, one more than there are when all are."""
    began = clock.monotonic()
    if written == 0:
        await files.append(uow, file, 0, sheets.csv_head([header for header, _ in table]))
        written = 1
    while written <= parts and clock.monotonic() - began < SECONDS:
        part = await files.part(uow.connection, uow.org_id, raw, written - 1)
        assert part is not None, "rows of an export are missing"
        await files.append(
            uow, file, written, await asyncio.to_thread(lambda p: sheets.csv_lines(_cells(p, table)), part)
        )
        written += 1
    return written


def _cells(part: bytes, table: Table) -> Iterator[list[Any]]:
    for line in part.splitlines():
        record = json.loads(line)
        yield [_plain(get(record)) for _, get in table]


def _plain(value: Any) -> Any:
    return json.text(value) if isinstance(value, list | dict) else value


async def _built(uow: UnitOfWork, one: Row, here: Mapping[str, Any], spool: IO[bytes]) -> _Built:
    """The file on disk; nothing is locked or written in the database."""
    actor, seen = (await _door(uow, one)).actor, Seen(**here["seen"])
    custom, shown = _shown(actor, one, seen)
    noun, names = NOUNS[one["noun"]], one["asked"]["fields"]
    if one["format"] == Format.XLSX:
        table = flat(names, noun.known(actor), custom, seen)
        writer: sheets.Writer = Workbook(spool, noun.plural, [header for header, _ in table])
        convert = _cells
    else:
        table = typed(names, custom)
        columns = [_column(noun, name) for name, _ in table]
        writer = Parquet(spool, columns)
        convert = _typed(columns)
    try:
        async for part in files.parts(uow, UUID(here["raw"])):
            await asyncio.to_thread(lambda p: writer.add(convert(p, table)), part)
    except TooLong as fault:
        raise RuleBroken("cell_too_long", str(fault)) from None
    finally:
        # Also where it failed: a workbook has files of its own on disk.
        await _closed(uow, writer)
    spool.seek(0)
    return _Built(spool, shown)


async def _closed(uow: UnitOfWork, writer: sheets.Writer) -> None:
    """Pack the file; PostgreSQL, which ends transactions that are silent for a minute, is spoken to meanwhile."""
    closing = asyncio.create_task(asyncio.to_thread(writer.close))
    while not (await asyncio.wait({closing}, timeout=SILENT))[0]:
        await uow.speak()
    await closing


def _typed(columns: Sequence[Column]) -> Any:
    kinds = [column.kind for column in columns]

    def cells(part: bytes, table: Table) -> Iterator[list[Any]]:
        for line in part.splitlines():
            record = json.loads(line)
            yield [
                _as_text(get(record)) if kind == "text" else get(record)
                for kind, (_, get) in zip(kinds, table, strict=True)
            ]

    return cells


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.text(value)


def _column(noun: Noun, name: str) -> Column:
    if name not in noun.table.c:
        return Column(name)
    kind = _KINDS.get(noun.fields[name].kind, "text")
    return Column(name, kind, exports.digits(noun, name)) if kind == "number" else Column(name, kind)


async def _store(uow: UnitOfWork, door: Reads, one: Row, here: Mapping[str, Any], built: _Built) -> Progress:
    # What was shown while it was built may be hidden now.
    must_match(door.actor, {**one, "fields": built.shown})
    file, n = await _begin(uow, one), 0
    while part := await asyncio.to_thread(built.spool.read, files.PART):
        await files.append(uow, file, n, part)
        n += 1
    return await _finish(uow, one, here, file, built.shown)


async def _finish(
    uow: UnitOfWork, one: Row, here: Mapping[str, Any], file: UUID, shown: Sequence[str]
) -> Progress:
    digest, size = hashlib.sha256(), 0
    async for part in files.parts(uow, file):
        await asyncio.to_thread(digest.update, part)
        size += len(part)
    await files.close(uow, file, size, digest.hexdigest())
    for spent in {UUID(here["ids"]), UUID(here["raw"])} - {file}:
        await files.forget(uow, spent)
    values = {
        "stage": Stage.DONE,
        "fields": list(shown),
        "rows": here["rows"],
        "size": size,
        "sha256": digest.hexdigest(),
        "file_id": file,
        "expires_at": uow.now + KEPT_FOR,
    }
    await write.change(uow, EXPORTS, [(one, values)], "export.done")
    result = {"export_id": str(one["id"]), "listed": here["listed"], "rows": here["rows"], "size": size}
    return Progress(here, here["listed"], finished=True, result=result)
