"""Merges: contacts, or companies, that became one, and the way back."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.routing import Router
from app.db import history
from app.db.merges import MERGES
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import json
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.merges import MergeOut, MergeQuery, MergeUndone
from app.usecases.duplicates import undoing

router = Router(prefix="/merges", tags=["merges"])
Reading = Annotated[Reads, reads(Scope.merges_read)]
Writing = Annotated[UnitOfWork, writes(Scope.merges_write)]


@router.get("", **docs.page(MergeOut))
async def list_merges(query: Annotated[MergeQuery, Query()], door: Reading) -> Response:
    """List merges by simple filters."""
    return await answers.listing(door, MERGES, query)


@router.post("/search", **docs.page(MergeOut))
async def search_merges(query: Search, door: Reading) -> Response:
    """List merges by a full condition."""
    return await answers.search(door, MERGES, query)


@router.post("/count", **docs.count())
async def count_merges(query: CountQuery, door: Reading) -> Response:
    """Count merges by a full condition."""
    return await answers.count(door, MERGES, query)


@router.get("/{id:uuid}", **docs.one(MergeOut))
async def get_merge(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a merge."""
    return await answers.record(door, MERGES, id_, request, fields)


@router.post("/{id:uuid}/undo", **docs.answer(MergeUndone))
async def undo_merge(id_: Id, uow: Writing) -> Response:
    """Take a merge back: what nobody has changed since is as before to the letter, the rest is listed."""
    told = await undoing.undo_merge(uow, id_)
    return answers.told(uow, 200, json.dumps(told))


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_merge_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List what became of a merge, newest first."""
    return answers.body(await history.of_record(door, MERGES, id_, query.limit, query.cursor))
