"""Interactions."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.interactions import INTERACTIONS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.interactions import (
    InteractionAdd,
    InteractionEdit,
    InteractionOut,
    InteractionQuery,
    InteractionUpsert,
)
from app.usecases import bulk, plain

router = Router(prefix="/interactions", tags=["interactions"])
Reading = Annotated[Reads, reads(Scope.interactions_read)]
Writing = Annotated[UnitOfWork, writes(Scope.interactions_write)]


@router.get("", **docs.page(InteractionOut))
async def list_interactions(query: Annotated[InteractionQuery, Query()], door: Reading) -> Response:
    """List interactions by simple filters."""
    return await answers.listing(door, INTERACTIONS, query)


@router.get("/{id:uuid}", **docs.one(InteractionOut))
async def get_interaction(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an interaction."""
    return await answers.record(door, INTERACTIONS, id_, request, fields)


@router.post("", **docs.made(InteractionOut))
async def add_interaction(body: InteractionAdd, uow: Writing) -> Response:
    """Add an interaction."""
    made = await plain.add(uow, INTERACTIONS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, INTERACTIONS, made, 201)


@router.post("/search", **docs.page(InteractionOut))
async def search_interactions(query: Search, door: Reading) -> Response:
    """List interactions by a full condition."""
    return await answers.search(door, INTERACTIONS, query)


@router.post("/count", **docs.count())
async def count_interactions(query: CountQuery, door: Reading) -> Response:
    """Count interactions by a full condition."""
    return await answers.count(door, INTERACTIONS, query)


@router.post("/bulk", **docs.bulk(InteractionUpsert))
async def upsert_interactions(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 interactions, each known by its id or an external id."""
    items = await bodies.items_of(request, InteractionAdd, InteractionUpsert)
    await bulk.upsert(uow, INTERACTIONS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(InteractionOut))
async def get_interaction_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the interaction that another system calls so."""
    return await answers.by_external_id(door, INTERACTIONS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(InteractionOut))
async def upsert_interaction(
    system: Key, external_id: Code, body: InteractionUpsert, uow: Writing
) -> Response:
    """Add the interaction that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, InteractionAdd, system, external_id)
    await bulk.upsert(uow, INTERACTIONS, [item])
    return await answers.upserted(uow, INTERACTIONS, item)


@router.patch("/{id:uuid}", **docs.changed(InteractionOut))
async def edit_interaction(id_: Id, body: InteractionEdit, version: Version, uow: Writing) -> Response:
    """Edit an interaction; what is left out stays."""
    await plain.edit(uow, INTERACTIONS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, INTERACTIONS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(InteractionOut))
async def archive_interaction(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an interaction away; it leaves the lists and can be restored."""
    await plain.archive(uow, INTERACTIONS, id_, version=version)
    return await answers.changed(uow, INTERACTIONS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(InteractionOut))
async def restore_interaction(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived interaction back."""
    await plain.restore(uow, INTERACTIONS, id_, version=version)
    return await answers.changed(uow, INTERACTIONS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_interaction_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of an interaction, newest first."""
    return answers.body(await history.of_record(door, INTERACTIONS, id_, query.limit, query.cursor))
