"""The work on an import, batch by batch: the file into rows, the rows into records, and the account of it all."""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from app.db import actors, files, imports, write
from app.db.engine import Row
from app.db.imports import IMPORTS, Kept, Verdict
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import RuleBroken
from app.domain.imports import KEPT_FOR, Account, Outcome, Stage, Target
from app.domain.runs import Progress
from app.kit import clock, json, tables
from app.kit.tables import Layout, Unreadable
from app.usecases.imports.apply import TABLES, apply, check_allowed, name_of
from app.usecases.imports.lines import apply_lines

IMPORT = "imports.import"
TRIAL = "imports.try"
READ = 20_000
"""Rows of the file that are kept in one statement."""
SECONDS = 8.0
"""How long one batch reads the file; well inside its lease."""
FIRST = 1_000
"""Rows of the first batch: enough to count, and few to write before anything was counted."""
APPLIED = 5_000
"""Rows that one batch makes into records."""
GROWN = frozenset({0, 1, 2, 4, 8})
"""Batches before which tables may have grown to many times what PostgreSQL has counted; later on it has counted by itself."""
LINES = 20_000
"""Lines that one batch makes into orders, of which there are fewer."""


AGAIN = 10
"""Rows of one record that a trial does anew, before it tries the next ones."""
Name = Callable[[Sequence[str | None]], str | None]
"""From the cells of a row to what its record is matched by."""


class _Undone(Exception):
    """Takes back what a trial has done."""


async def import_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next batch, in the name of whoever sent the file and with what they may now."""
    house = uow.actor
    one = await imports.of_run(uow, UUID(run["params"]["import_id"]))
    if one["run_id"] != run["id"]:
        raise RuleBroken(
            "import_changed", "This import was changed after this work was asked for; start it anew."
        )
    if one["expires_at"] <= uow.now:
        raise RuleBroken("file_gone", "The file was let go, for its time is over; send it anew.")
    person = await actors.load(
        uow.database, uow.org_id, one["owner_id"], key_id=one["key_id"], now=uow.now, held=uow.connection
    )
    person.needs(Scope.imports_write)
    check_allowed(person, one, one["match"])
    uow.actor, uow.cause = person, f"import:{one['id']}"
    try:
        here = run["checkpoint"] or {"read": 0, "whole": False}
        if here["whole"]:
            return await _apply(uow, one, run, here)
        await must_be_kept(uow, one)
        return await _read(uow, one, run, here)
    finally:
        uow.actor = house


async def must_be_kept(uow: UnitOfWork, one: Row) -> None:
    """Raise RuleBroken when the file was let go before it was read."""
    if not await files.kept(uow, one["file_id"]):
        raise RuleBroken(
            "file_gone",
            "The file was let go: its time is over, or someone whom it may have named was erased; send it anew.",
        )


async def _read(uow: UnitOfWork, one: Row, run: Row, here: dict[str, Any]) -> Progress:
    """As many rows of the file as go into the time of a batch."""
    layout = Layout(**{**one["layout"], "columns": tuple(one["layout"]["columns"])})
    read, began = here["read"], clock.monotonic()
    with tempfile.TemporaryFile() as spool:
        await files.spool(uow, one["file_id"], spool)
        name = name_of(uow, one) if run["kind"] == TRIAL else None
        rows = tables.rows(spool, layout)
        ahead = itertools.islice(rows, read, None)
        try:
            while chunk := await asyncio.to_thread(_chunk, ahead, one, name):
                await imports.add_rows(uow, one["id"], chunk)
                read += len(chunk)
                if len(chunk) < READ or clock.monotonic() - began > SECONDS:
                    break
        except Unreadable as fault:
            raise RuleBroken(fault.code, fault.detail) from None
        rows.close()
    whole = len(chunk) < READ
    if whole and run["kind"] == IMPORT:
        await files.forget(uow, one["file_id"])
    return Progress({"read": read, "whole": whole}, 0, total=read if whole else None)


def _chunk(rows: Iterator[tables.Row], one: Row, name: Name | None) -> list[Kept]:
    return [kept(row, one, name) for row in itertools.islice(rows, READ)]


def kept(row: tables.Row, one: Mapping[str, Any], name: Name | None = None) -> Kept:
    """A row of a file as it is kept: a line with the number of its order, without which it belongs nowhere."""
    cells, fault = json.text(row.cells), row.fault
    if one["target"] == Target.LINE:
        column = next((column for column, path in one["mapping"].items() if path == "number"), None)
        place = len(row.cells) if column is None else one["layout"]["columns"].index(column)
        number = row.cells[place] if place < len(row.cells) else None
        if number is None:
            fault = fault or ("number_missing", "The number is empty: which order is this line of?")
        return Kept(row.line, cells, number, fault)
    return Kept(row.line, cells, name(row.cells) if name and fault is None else None, fault)


async def _apply(uow: UnitOfWork, one: Row, run: Row, here: dict[str, Any]) -> Progress:
    await imports.take_turn(uow)
    lines, turn = one["target"] == Target.LINE, here.get("turn", 0)
    if turn in GROWN:
        await imports.analyse(uow, TABLES[Target(one["target"])])
    most = FIRST if turn == 0 else LINES if lines else APPLIED
    rows = await (imports.groups_ahead if lines else imports.ahead)(uow, one["id"], most)
    if not rows:
        return await _finish(uow, one, run, here)
    trial = run["kind"] == TRIAL
    verdicts = await (_tried if trial else _written)(uow, one, rows)
    await imports.settle(uow, one["id"], verdicts, keep=trial)
    return Progress(here | {"turn": turn + 1}, run["done"] + len(verdicts))


async def _written(uow: UnitOfWork, one: Row, rows: Sequence[Row]) -> list[Verdict]:
    return await (apply_lines if one["target"] == Target.LINE else apply)(uow, one, rows)


async def _tried(uow: UnitOfWork, one: Row, rows: Sequence[Row]) -> list[Verdict]:
    """What would become of the rows. Nothing of it is kept, so what batches before did to the same records is done anew."""
    verdicts: list[Verdict] = []
    with contextlib.suppress(_Undone):
        async with uow.savepoint():
            if one["target"] == Target.LINE:
                verdicts = await apply_lines(uow, one, rows)
            else:
                before = await imports.earlier(uow, one["id"], rows, AGAIN)
                verdicts = await apply(uow, one, rows, earlier=before)
            await uow.execute("set constraints all immediate")
            raise _Undone
    return [
        replace(verdict, record_id=None) if verdict.outcome is Outcome.CREATED else verdict
        for verdict in verdicts
    ]


async def _finish(uow: UnitOfWork, one: Row, run: Row, here: dict[str, Any]) -> Progress:
    account = Account(read=here["read"], **await imports.account(uow, one["id"]))
    if not account.even():
        raise RuleBroken("account_uneven", f"The account does not come out even: {account}.")
    told = account.told()
    if run["kind"] == TRIAL:
        await write.change(uow, IMPORTS, [(one, {"trial": told})], "import.tried")
    else:
        after = {"stage": Stage.DONE, "account": told, "expires_at": uow.now + KEPT_FOR}
        await write.change(uow, IMPORTS, [(one, after)], "import.done")
    return Progress(here, here["read"], finished=True, result=told)
