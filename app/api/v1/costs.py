"""Costs of winning customers."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.costs import COSTS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.costs import (
    CostAdd,
    CostEdit,
    CostOut,
    CostQuery,
    CostUpsert,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import bulk, plain

router = Router(prefix="/costs", tags=["costs"])
Reading = Annotated[Reads, reads(Scope.costs_read)]
Writing = Annotated[UnitOfWork, writes(Scope.costs_write)]


@router.get("", **docs.page(CostOut))
async def list_costs(query: Annotated[CostQuery, Query()], door: Reading) -> Response:
    """List costs by simple filters."""
    return await answers.listing(door, COSTS, query)


@router.post("/search", **docs.page(CostOut))
async def search_costs(query: Search, door: Reading) -> Response:
    """List costs by a full condition."""
    return await answers.search(door, COSTS, query)


@router.post("/count", **docs.count())
async def count_costs(query: CountQuery, door: Reading) -> Response:
    """Count costs by a full condition."""
    return await answers.count(door, COSTS, query)


@router.get("/{id:uuid}", **docs.one(CostOut))
async def get_cost(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a cost."""
    return await answers.record(door, COSTS, id_, request, fields)


@router.post("", **docs.made(CostOut))
async def add_cost(body: CostAdd, uow: Writing) -> Response:
    """Add a cost."""
    made = await plain.add(uow, COSTS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, COSTS, made, 201)


@router.post("/bulk", **docs.bulk(CostUpsert))
async def upsert_costs(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 costs, each known by its id or an external id."""
    items = await bodies.items_of(request, CostAdd, CostUpsert)
    await bulk.upsert(uow, COSTS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(CostOut))
async def get_cost_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the cost that another system calls so."""
    return await answers.by_external_id(door, COSTS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(CostOut))
async def upsert_cost(system: Key, external_id: Code, body: CostUpsert, uow: Writing) -> Response:
    """Add the cost that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, CostAdd, system, external_id)
    await bulk.upsert(uow, COSTS, [item])
    return await answers.upserted(uow, COSTS, item)


@router.patch("/{id:uuid}", **docs.changed(CostOut))
async def edit_cost(id_: Id, body: CostEdit, version: Version, uow: Writing) -> Response:
    """Edit a cost; what is left out stays."""
    await plain.edit(uow, COSTS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, COSTS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CostOut))
async def archive_cost(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a cost away; it leaves the lists and can be restored."""
    await plain.archive(uow, COSTS, id_, version=version)
    return await answers.changed(uow, COSTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CostOut))
async def restore_cost(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived cost back."""
    await plain.restore(uow, COSTS, id_, version=version)
    return await answers.changed(uow, COSTS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_cost_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a cost, newest first."""
    return answers.body(await history.of_record(door, COSTS, id_, query.limit, query.cursor))
