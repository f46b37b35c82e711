"""Duplicates: contacts that may be one person, companies that may be one firm."""

from decimal import Decimal
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, reads, writes
from app.api.etag import Version, etag
from app.api.routing import Router
from app.db import history
from app.db.duplicates import DUPLICATES
from app.db.linkage import settings
from app.db.merges import MERGES
from app.db.reads import Reads, shown
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.duplicates import (
    DuplicateOut,
    DuplicateQuery,
    DuplicateSettingsEdit,
    DuplicateSettingsOut,
    DuplicateSettingsQuery,
    DuplicatesFind,
    DuplicateShown,
    DuplicatesMerge,
)
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.merges import MergeOut
from app.usecases.duplicates import asking, merging, showing

router = Router(prefix="/duplicates", tags=["duplicates"])
Reading = Annotated[Reads, reads(Scope.duplicates_read)]
Writing = Annotated[UnitOfWork, writes(Scope.duplicates_write)]


@router.get("", **docs.page(DuplicateOut))
async def list_duplicates(query: Annotated[DuplicateQuery, Query()], door: Reading) -> Response:
    """List records that may be one, the surest first; the newest for who may not read scores."""
    if "sort" not in query.model_fields_set and not DUPLICATES.shows(door.actor, "score"):
        query = query.model_copy(update={"sort": "-created_at"})
    return await answers.listing(door, DUPLICATES, query)


@router.post("/search", **docs.page(DuplicateOut))
async def search_duplicates(query: Search, door: Reading) -> Response:
    """List duplicates by a full condition."""
    return await answers.search(door, DUPLICATES, query)


@router.post("/count", **docs.count())
async def count_duplicates(query: CountQuery, door: Reading) -> Response:
    """Count duplicates by a full condition."""
    return await answers.count(door, DUPLICATES, query)


@router.post("/find", **docs.accepted())
async def find_duplicates(body: DuplicatesFind, uow: Writing) -> Response:
    """Have contacts or companies searched for duplicates: those changed since the last search, or all."""
    run = await asking.find_duplicates(uow, body.noun, whole_again=body.whole)
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/settings", **docs.one(DuplicateSettingsOut))
async def get_duplicate_settings(
    request: Request,
    query: Annotated[DuplicateSettingsQuery, Query()],
    door: Annotated[Reads, reads(Scope.settings_read)],
) -> Response:
    """Get what the organisation holds about finding and merging duplicates of contacts, or of companies."""
    row = await door.row(lambda actor: settings(actor, query.noun))
    return answers.tagged(request, row[1], etag(row[2]))


@router.patch("/settings", **docs.changed(DuplicateSettingsOut))
async def edit_duplicate_settings(
    body: DuplicateSettingsEdit,
    query: Annotated[DuplicateSettingsQuery, Query()],
    version: Version,
    uow: Annotated[UnitOfWork, writes(Scope.settings_write)],
) -> Response:
    """Edit what the organisation holds about finding and merging duplicates of a noun; what is left out stays."""
    given = body.model_dump(exclude_unset=True)
    if given.get("auto_merge_at") is not None:
        given["auto_merge_at"] = Decimal(given["auto_merge_at"])
    await asking.edit_duplicate_settings(uow, query.noun, given, version=version)
    if not uow.actor.may(Scope.settings_read):
        return answers.told(uow, 204, b"")
    question = settings(uow.actor, query.noun)
    row = (await uow.fetch(question.statement.sql, *question.statement.values(question.binds)))[0]
    return answers.told(uow, 200, row[1].encode(), {"ETag": etag(row[2])})


@router.get("/{id:uuid}", **docs.answer(DuplicateShown, headers=docs.TAG))
async def get_duplicate(id_: Id, door: Reading) -> Response:
    """Get records that may be one, why, and what a merge would make of them."""
    body, version = await showing.show_duplicate(door, id_)
    made = answers.plain(body)
    made.headers["ETag"] = etag(version, shown(door.actor, DUPLICATES, None))
    return made


@router.post("/{id:uuid}/dismiss", **docs.changed(DuplicateOut))
async def dismiss_duplicate(id_: Id, version: Version, uow: Writing) -> Response:
    """Say that they are not one; they are shown again only when one of them changes."""
    await asking.dismiss_duplicate(uow, id_, version=version)
    return await answers.changed(uow, DUPLICATES, id_)


@router.post("/{id:uuid}/merge", **docs.changed(MergeOut))
async def merge_duplicate(id_: Id, body: DuplicatesMerge, uow: Writing) -> Response:
    """Make them one record; the merge can be undone."""
    values = body.values.model_dump(exclude_unset=True)
    merge = await merging.merge_found(uow, id_, body.survivor_id, values, versions=body.versions)
    return await answers.changed(uow, MERGES, merge)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_duplicate_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List what became of some duplicates, newest first."""
    return answers.body(await history.of_record(door, DUPLICATES, id_, query.limit, query.cursor))
