"""Observations of the market."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.observations import OBSERVATIONS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.observations import (
    ObservationAdd,
    ObservationEdit,
    ObservationOut,
    ObservationQuery,
    ObservationUpsert,
)
from app.usecases import bulk, plain

router = Router(prefix="/observations", tags=["observations"])
Reading = Annotated[Reads, reads(Scope.observations_read)]
Writing = Annotated[UnitOfWork, writes(Scope.observations_write)]


@router.get("", **docs.page(ObservationOut))
async def list_observations(query: Annotated[ObservationQuery, Query()], door: Reading) -> Response:
    """List observations by simple filters and words."""
    return await answers.listing(door, OBSERVATIONS, query)


@router.post("/search", **docs.page(ObservationOut))
async def search_observations(query: Search, door: Reading) -> Response:
    """List observations by a full condition."""
    return await answers.search(door, OBSERVATIONS, query)


@router.post("/count", **docs.count())
async def count_observations(query: CountQuery, door: Reading) -> Response:
    """Count observations by a full condition."""
    return await answers.count(door, OBSERVATIONS, query)


@router.get("/{id:uuid}", **docs.one(ObservationOut))
async def get_observation(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an observation."""
    return await answers.record(door, OBSERVATIONS, id_, request, fields)


@router.post("", **docs.made(ObservationOut))
async def add_observation(body: ObservationAdd, uow: Writing) -> Response:
    """Add an observation."""
    made = await plain.add(uow, OBSERVATIONS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, OBSERVATIONS, made, 201)


@router.post("/bulk", **docs.bulk(ObservationUpsert))
async def upsert_observations(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 observations, each known by its id or an external id."""
    items = await bodies.items_of(request, ObservationAdd, ObservationUpsert)
    await bulk.upsert(uow, OBSERVATIONS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(ObservationOut))
async def get_observation_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the observation that another system calls so."""
    return await answers.by_external_id(door, OBSERVATIONS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(ObservationOut))
async def upsert_observation(
    system: Key, external_id: Code, body: ObservationUpsert, uow: Writing
) -> Response:
    """Add the observation that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, ObservationAdd, system, external_id)
    await bulk.upsert(uow, OBSERVATIONS, [item])
    return await answers.upserted(uow, OBSERVATIONS, item)


@router.patch("/{id:uuid}", **docs.changed(ObservationOut))
async def edit_observation(id_: Id, body: ObservationEdit, version: Version, uow: Writing) -> Response:
    """Edit an observation; what is left out stays."""
    await plain.edit(uow, OBSERVATIONS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, OBSERVATIONS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(ObservationOut))
async def archive_observation(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an observation away; it leaves the lists and can be restored."""
    await plain.archive(uow, OBSERVATIONS, id_, version=version)
    return await answers.changed(uow, OBSERVATIONS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ObservationOut))
async def restore_observation(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived observation back."""
    await plain.restore(uow, OBSERVATIONS, id_, version=version)
    return await answers.changed(uow, OBSERVATIONS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_observation_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of an observation, newest first."""
    return answers.body(await history.of_record(door, OBSERVATIONS, id_, query.limit, query.cursor))
