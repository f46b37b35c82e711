"""Exports: lists into files."""

import base64
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import files, history
from app.db.engine import Database
from app.db.exports import EXPORTS
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.exports import MEDIA_TYPES, Format
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.exports import ExportAdd, ExportOut, ExportQuery, LinkOut, LinkQuery
from app.usecases import plain
from app.usecases.exports import opening

router = Router(prefix="/exports", tags=["exports"])
Reading = Annotated[Reads, reads(Scope.exports_read)]
Writing = Annotated[UnitOfWork, writes(Scope.exports_write)]
_FILE: dict[str, Any] = {
    "response_class": StreamingResponse,
    "response_model": None,
    "responses": {
        200: {
            "description": "The file, whole.",
            "content": {
                kind.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
                for kind in MEDIA_TYPES.values()
            },
        },
        409: docs.problem(409),
    },
}


@router.get("", **docs.page(ExportOut))
async def list_exports(query: Annotated[ExportQuery, Query()], door: Reading) -> Response:
    """List exports by simple filters."""
    return await answers.listing(door, EXPORTS, query)


@router.post("/search", **docs.page(ExportOut))
async def search_exports(query: Search, door: Reading) -> Response:
    """List exports by a full condition."""
    return await answers.search(door, EXPORTS, query)


@router.post("/count", **docs.count())
async def count_exports(query: CountQuery, door: Reading) -> Response:
    """Count exports by a full condition."""
    return await answers.count(door, EXPORTS, query)


@router.get("/{id:uuid}", **docs.one(ExportOut))
async def get_export(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an export with what came of it."""
    return await answers.record(door, EXPORTS, id_, request, fields)


@router.post("", **docs.accepted())
async def add_export(body: ExportAdd, uow: Writing) -> Response:
    """Have a list or a search made into a file, of all its records; the run that does it names the export."""
    asked = body.model_dump(mode="json", include={"fields", "where", "q", "sort", "archived"})
    run = await opening.ask_for(uow, body.noun, body.format, asked)
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/{id:uuid}/file", **_FILE)
async def get_export_file(id_: Id, request: Request, door: Reading) -> Response:
    """Get the file, when it is done; only for whoever asked for it."""
    row = await opening.opened(door, id_)
    return _streamed(request.app.state.database, door.actor.org_id, row)


@router.get("/{id:uuid}/link", **docs.answer(LinkOut, problems=[409]))
async def get_export_link(
    id_: Id, query: Annotated[LinkQuery, Query()], request: Request, door: Reading
) -> Response:
    """Get an address that opens the file without a key, for a while."""
    secret: str = request.app.state.doorman.secret
    link = await opening.link(door, id_, secret, timedelta(seconds=query.seconds))
    url = request.url_for("download_export", id=str(id_)).include_query_params(token=link.token)
    made = answers.plain({"url": str(url), "expires_at": link.expires_at})
    made.headers["Cache-Control"] = "no-store"
    return made


@router.get("/{id:uuid}/download", **{**_FILE, "responses": _FILE["responses"] | {404: docs.problem(404)}})
async def download_export(
    id_: Id, token: Annotated[str, Query(max_length=2_000)], request: Request
) -> Response:
    """Get the file by a link, which says all that is to be known of the caller."""
    database: Database = request.app.state.database
    door, row = await opening.by_link(database, request.app.state.doorman.secret, id_, token)
    return _streamed(database, door.actor.org_id, row)


@router.post("/{id:uuid}/archive", **docs.changed(ExportOut))
async def archive_export(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an export away and let go of its file; links to it open nothing any more."""
    await opening.archive_export(uow, id_, version=version)
    return await answers.changed(uow, EXPORTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ExportOut))
async def restore_export(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring the record of an archived export back; its file is gone."""
    await plain.restore(uow, EXPORTS, id_, version=version)
    return await answers.changed(uow, EXPORTS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_export_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of an export, newest first."""
    return answers.body(await history.of_record(door, EXPORTS, id_, query.limit, query.cursor))


def _streamed(database: Database, org_id: UUID, row: Mapping[str, Any]) -> Response:
    digest = base64.b64encode(bytes.fromhex(row["sha256"])).decode()
    headers = {
        "Content-Disposition": f'attachment; filename="{row["name"]}"',
        # A client that gets less knows that it got less.
        "Content-Length": str(row["size"]),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    parts = _parts(database, org_id, row["file_id"], row["size"])
    return StreamingResponse(parts, media_type=MEDIA_TYPES[Format(row["format"])], headers=headers)


async def _parts(database: Database, org_id: UUID, file: UUID, size: int) -> AsyncIterator[bytes]:
    n = sent = 0
    while sent < size:
        # No connection is held between two parts, however slowly they are taken.
        async with database.connection(org_id) as connection:
            part = await files.part(connection, org_id, file, n)
        if part is None:
            raise EOFError("The file was let go while it was sent.")
        sent += len(part)
        n += 1
        yield part
