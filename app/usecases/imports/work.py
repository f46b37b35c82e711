"""The work on an import, batch by batch: the file into rows, the rows into records, and the account of it all."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import IO, Any
from uuid import UUID

from app.db import actors, files, imports, write
from app.db.engine import Row
from app.db.imports import IMPORTS, Verdict
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import RuleBroken
from app.domain.imports import KEPT_FOR, Account, Outcome, Stage, Target
from app.domain.orders import MOST_LINES
from app.domain.runs import Progress
from app.usecases.imports import reading
from app.usecases.imports.apply import TABLES, apply, check_allowed, name_of
from app.usecases.imports.lines import apply_lines

IMPORT = "imports.import"
TRIAL = "imports.try"
FIRST = 1_000
"""Rows of the first batch: enough to count, and few to write before anything was counted."""
APPLIED = 5_000
"""Rows that one batch makes into records: about a second, for which others wait who write the same nouns."""
GROWN = frozenset({0, 1, 2, 4, 8})
"""Batches before which tables may have grown to many times what PostgreSQL has counted; later on it has counted by itself."""
LINES = 30_000
"""Lines that one batch makes into orders, of which there are fewer: about a second, too."""
TEXT = 32 * 1024**2
"""Bytes of cells after which a batch takes no further row: of as many long ones nothing else would have room."""
AGAIN = 10
"""Rows of one record that a trial does anew, before it tries the next ones; what more of them did, it may tell wrong."""


class _Undone(Exception):
    """Takes back what a trial has done."""


async def import_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next batch, in the name of whoever sent the file and with what they may now."""
    import_ = await imports.of_run(uow, UUID(run["params"]["import_id"]), lock=False)
    if run["checkpoint"] is not None or import_["layout"]["format"] != "xlsx":
        return await _batch(uow, run)
    with tempfile.TemporaryFile() as collected:
        async with _for_sender(uow, import_, run):
            await reading.collect(uow, import_, collected, _name(uow, import_, run))
        return await _batch(uow, run, collected)


async def _batch(uow: UnitOfWork, run: Row, collected: IO[bytes] | None = None) -> Progress:
    import_, here = await imports.of_run(uow, UUID(run["params"]["import_id"])), run["checkpoint"]
    async with _for_sender(uow, import_, run):
        if here is None or not here["whole"]:
            return await _read(uow, import_, run, collected)
        return await _apply(uow, import_, run, here)


@contextlib.asynccontextmanager
async def _for_sender(uow: UnitOfWork, import_: Row, run: Row) -> AsyncIterator[None]:
    """Let the unit of work be theirs who sent the file. Raises RuleBroken and Forbidden where it may not go on."""
    house = uow.actor
    if import_["run_id"] != run["id"]:
        raise RuleBroken(
            "import_changed", "This import was changed after this work was asked for; start it anew."
        )
    if import_["expires_at"] <= uow.now:
        raise RuleBroken("file_gone", "The file was let go, for its time is over; send it anew.")
    person = await actors.load(
        uow.database,
        uow.org_id,
        import_["owner_id"],
        key_id=import_["key_id"],
        now=uow.now,
        held=uow.connection,
    )
    person.needs(Scope.imports_write)
    check_allowed(person, import_, import_["match"])
    uow.actor, uow.cause = person, f"import:{import_['id']}"
    try:
        yield
    finally:
        uow.actor = house


def _name(uow: UnitOfWork, import_: Row, run: Row) -> reading.Name | None:
    return name_of(uow, import_) if run["kind"] == TRIAL else None


async def _read(uow: UnitOfWork, import_: Row, run: Row, collected: IO[bytes] | None) -> Progress:
    if collected is None:
        here = run["checkpoint"] or reading.NOTHING
        progress = await reading.read(uow, import_, here, _name(uow, import_, run))
    else:
        progress = await reading.keep(uow, import_, collected)
    if progress.checkpoint["whole"] and import_["target"] == Target.LINE:
        await imports.fail_long(uow, import_["id"], MOST_LINES)
    if progress.checkpoint["whole"] and run["kind"] != TRIAL:
        await files.forget(uow, import_["file_id"])
    return progress


async def _apply(uow: UnitOfWork, import_: Row, run: Row, here: dict[str, Any]) -> Progress:
    await imports.take_turn(uow)
    lines, turn = import_["target"] == Target.LINE, here.get("turn", 0)
    if turn in GROWN:
        await imports.analyse(uow, TABLES[Target(import_["target"])])
    most = FIRST if turn == 0 else LINES if lines else APPLIED
    rows = await (imports.groups_ahead if lines else imports.ahead)(uow, import_["id"], most, TEXT)
    if not rows:
        return await _finish(uow, import_, run, here)
    trial = run["kind"] == TRIAL
    verdicts = await (_tried if trial else _written)(uow, import_, rows)
    await imports.settle(uow, import_["id"], verdicts, keep=trial)
    settled = {verdict.line for verdict in verdicts}
    many = sum(1 + len(row["further"] or ()) for row in rows if row["line"] in settled)
    return Progress(here | {"turn": turn + 1}, run["done"] + many)


async def _written(uow: UnitOfWork, import_: Row, rows: Sequence[Row]) -> list[Verdict]:
    return await (apply_lines if import_["target"] == Target.LINE else apply)(uow, import_, rows)


async def _tried(uow: UnitOfWork, import_: Row, rows: Sequence[Row]) -> list[Verdict]:
    """What would become of the rows. Nothing of it is kept, so what batches before did to the same records is done anew."""
    verdicts: list[Verdict] = []
    with contextlib.suppress(_Undone):
        async with uow.savepoint():
            if import_["target"] == Target.LINE:
                verdicts = await apply_lines(uow, import_, rows)
            else:
                before = await imports.earlier(uow, import_["id"], rows, AGAIN)
                verdicts = await apply(uow, import_, rows, earlier=before)
            await uow.execute("set constraints all immediate")
            raise _Undone
    return [
        replace(verdict, record_id=None) if verdict.outcome is Outcome.CREATED else verdict
        for verdict in verdicts
    ]


async def _finish(uow: UnitOfWork, import_: Row, run: Row, here: dict[str, Any]) -> Progress:
    account = Account(read=here["read"], **await imports.account(uow, import_["id"]))
    if not account.even():
        raise RuleBroken("account_uneven", f"The account does not come out even: {account}.")
    told = account.told()
    if run["kind"] == TRIAL:
        await write.change(uow, IMPORTS, [(import_, {"trial": told})], "import.tried")
    else:
        after = {"stage": Stage.DONE, "account": told, "expires_at": uow.now + KEPT_FOR}
        await write.change(uow, IMPORTS, [(import_, after)], "import.done")
    return Progress(here, here["read"], finished=True, result=told)
