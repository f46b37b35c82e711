"""Imports: files into records."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, uploads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history, undone
from app.db.imports import IMPORTS
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.imports import (
    ImportAdd,
    ImportEdit,
    ImportOut,
    ImportQuery,
    Preview,
    PreviewQuery,
    RowOut,
    RowQuery,
    UndoneOut,
    UndoneQuery,
)
from app.usecases import plain
from app.usecases.imports import look, opening, undo

router = Router(prefix="/imports", tags=["imports"])
Reading = Annotated[Reads, reads(Scope.imports_read)]
Writing = Annotated[UnitOfWork, writes(Scope.imports_write)]
Uploading = Annotated[UnitOfWork, uploads(Scope.imports_write)]


@router.get("", **docs.page(ImportOut))
async def list_imports(query: Annotated[ImportQuery, Query()], door: Reading) -> Response:
    """List imports by simple filters."""
    return await answers.listing(door, IMPORTS, query)


@router.post("/search", **docs.page(ImportOut))
async def search_imports(query: Search, door: Reading) -> Response:
    """List imports by a full condition."""
    return await answers.search(door, IMPORTS, query)


@router.post("/count", **docs.count())
async def count_imports(query: CountQuery, door: Reading) -> Response:
    """Count imports by a full condition."""
    return await answers.count(door, IMPORTS, query)


@router.get("/{id:uuid}", **docs.one(ImportOut))
async def get_import(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an import with its account."""
    return await answers.record(door, IMPORTS, id_, request, fields)


@router.post("", **docs.uploaded(ImportOut))
async def add_import(query: Annotated[ImportAdd, Query()], request: Request, uow: Uploading) -> Response:
    """Send a file as the body; what it is and what its columns mean is told as far as it is not said."""
    made = await opening.open_import(uow, request.state.file, query.name, query.model_dump())
    return await answers.changed(uow, IMPORTS, made, 201)


@router.patch("/{id:uuid}", **docs.changed(ImportOut))
async def edit_import(id_: Id, body: ImportEdit, version: Version, uow: Writing) -> Response:
    """Say what the columns mean and what is to be done, before it begins."""
    await opening.edit_import(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, IMPORTS, id_)


@router.get("/{id:uuid}/preview", **docs.answer(Preview))
async def preview_import(id_: Id, query: Annotated[PreviewQuery, Query()], door: Reading) -> Response:
    """Show the first rows as they would be read, with what is wrong with them."""
    return answers.plain(await look.preview(door, id_, query.limit))


@router.post("/{id:uuid}/start", **docs.accepted())
async def start_import(id_: Id, version: Version, uow: Writing) -> Response:
    """Begin; the run that does it can be watched, cancelled and gone on with."""
    run = await opening.start_import(uow, id_, version=version)
    return await answers.changed(uow, RUNS, run, 202)


@router.post("/{id:uuid}/try", **docs.accepted())
async def try_import(id_: Id, version: Version, uow: Writing) -> Response:
    """See what would become of every row; nothing is kept but that, and it can be begun in earnest afterwards."""
    run = await opening.try_import(uow, id_, version=version)
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/{id:uuid}/rows", **docs.page(RowOut))
async def list_import_rows(id_: Id, query: Annotated[RowQuery, Query()], door: Reading) -> Response:
    """List rows of the file in its order, with what became of them."""
    return answers.body(await look.list_rows(door, id_, query.outcome, query.limit, query.cursor))


@router.get("/{id:uuid}/failures.csv", **docs.file("text/csv"))
async def get_import_failures(id_: Id, door: Reading) -> Response:
    """Download what was skipped or has failed: the file's own columns and why, to be corrected and sent anew; for 30 days."""
    return answers.file(await look.list_failures(door, id_), "failures.csv", "text/csv; charset=utf-8")


@router.post("/{id:uuid}/undo", **docs.accepted())
async def undo_import(id_: Id, version: Version, uow: Writing) -> Response:
    """Take back everything that an import did and nobody has changed since; what others changed stays and is listed."""
    run = await undo.undo_import(uow, id_, version=version)
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/{id:uuid}/undone", **docs.page(UndoneOut))
async def list_undone(id_: Id, query: Annotated[UndoneQuery, Query()], door: Reading) -> Response:
    """List the records that an undone import had touched, with what became of them and the fields that were left."""
    return answers.body(await undone.list_undone(door, id_, query.outcome, query.limit, query.cursor))


@router.post("/{id:uuid}/archive", **docs.changed(ImportOut))
async def archive_import(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an import away; what it made stays."""
    await plain.archive(uow, IMPORTS, id_, version=version)
    return await answers.changed(uow, IMPORTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ImportOut))
async def restore_import(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived import back."""
    await plain.restore(uow, IMPORTS, id_, version=version)
    return await answers.changed(uow, IMPORTS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_import_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of an import, newest first."""
    return answers.body(await history.of_record(door, IMPORTS, id_, query.limit, query.cursor))
