"""Competitors."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.competitors import COMPETITORS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.competitors import (
    CompetitorAdd,
    CompetitorEdit,
    CompetitorOut,
    CompetitorQuery,
    CompetitorUpsert,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import bulk, plain

router = Router(prefix="/competitors", tags=["competitors"])
Reading = Annotated[Reads, reads(Scope.competitors_read)]
Writing = Annotated[UnitOfWork, writes(Scope.competitors_write)]


@router.get("", **docs.page(CompetitorOut))
async def list_competitors(query: Annotated[CompetitorQuery, Query()], door: Reading) -> Response:
    """List competitors by simple filters."""
    return await answers.listing(door, COMPETITORS, query)


@router.post("/search", **docs.page(CompetitorOut))
async def search_competitors(query: Search, door: Reading) -> Response:
    """List competitors by a full condition."""
    return await answers.search(door, COMPETITORS, query)


@router.post("/count", **docs.count())
async def count_competitors(query: CountQuery, door: Reading) -> Response:
    """Count competitors by a full condition."""
    return await answers.count(door, COMPETITORS, query)


@router.get("/{id:uuid}", **docs.one(CompetitorOut))
async def get_competitor(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a competitor."""
    return await answers.record(door, COMPETITORS, id_, request, fields)


@router.post("", **docs.made(CompetitorOut))
async def add_competitor(body: CompetitorAdd, uow: Writing) -> Response:
    """Add a competitor."""
    made = await plain.add(uow, COMPETITORS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, COMPETITORS, made, 201)


@router.post("/bulk", **docs.bulk(CompetitorUpsert))
async def upsert_competitors(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 competitors, each known by its id or an external id."""
    items = await bodies.items_of(request, CompetitorAdd, CompetitorUpsert)
    await bulk.upsert(uow, COMPETITORS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(CompetitorOut))
async def get_competitor_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the competitor that another system calls so."""
    return await answers.by_external_id(door, COMPETITORS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(CompetitorOut))
async def upsert_competitor(system: Key, external_id: Code, body: CompetitorUpsert, uow: Writing) -> Response:
    """Add the competitor that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, CompetitorAdd, system, external_id)
    await bulk.upsert(uow, COMPETITORS, [item])
    return await answers.upserted(uow, COMPETITORS, item)


@router.patch("/{id:uuid}", **docs.changed(CompetitorOut))
async def edit_competitor(id_: Id, body: CompetitorEdit, version: Version, uow: Writing) -> Response:
    """Edit a competitor; what is left out stays."""
    await plain.edit(uow, COMPETITORS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, COMPETITORS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CompetitorOut))
async def archive_competitor(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a competitor away; it leaves the lists and can be restored."""
    await plain.archive(uow, COMPETITORS, id_, version=version)
    return await answers.changed(uow, COMPETITORS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CompetitorOut))
async def restore_competitor(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived competitor back."""
    await plain.restore(uow, COMPETITORS, id_, version=version)
    return await answers.changed(uow, COMPETITORS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_competitor_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of a competitor, newest first."""
    return answers.body(await history.of_record(door, COMPETITORS, id_, query.limit, query.cursor))
