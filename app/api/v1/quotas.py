"""Quotas."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.quotas import QUOTAS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.quotas import (
    QuotaAdd,
    QuotaEdit,
    QuotaOut,
    QuotaQuery,
    QuotaUpsert,
)
from app.usecases import bulk, plain

router = Router(prefix="/quotas", tags=["quotas"])
Reading = Annotated[Reads, reads(Scope.quotas_read)]
Writing = Annotated[UnitOfWork, writes(Scope.quotas_write)]


@router.get("", **docs.page(QuotaOut))
async def list_quotas(query: Annotated[QuotaQuery, Query()], door: Reading) -> Response:
    """List quotas by simple filters."""
    return await answers.listing(door, QUOTAS, query)


@router.post("/search", **docs.page(QuotaOut))
async def search_quotas(query: Search, door: Reading) -> Response:
    """List quotas by a full condition."""
    return await answers.search(door, QUOTAS, query)


@router.post("/count", **docs.count())
async def count_quotas(query: CountQuery, door: Reading) -> Response:
    """Count quotas by a full condition."""
    return await answers.count(door, QUOTAS, query)


@router.get("/{id:uuid}", **docs.one(QuotaOut))
async def get_quota(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a quota."""
    return await answers.record(door, QUOTAS, id_, request, fields)


@router.post("", **docs.made(QuotaOut))
async def add_quota(body: QuotaAdd, uow: Writing) -> Response:
    """Add a quota."""
    made = await plain.add(uow, QUOTAS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, QUOTAS, made, 201)


@router.post("/bulk", **docs.bulk(QuotaUpsert))
async def upsert_quotas(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 quotas, each known by its id or an external id."""
    items = await bodies.items_of(request, QuotaAdd, QuotaUpsert)
    await bulk.upsert(uow, QUOTAS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(QuotaOut))
async def get_quota_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the quota that another system calls so."""
    return await answers.by_external_id(door, QUOTAS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(QuotaOut))
async def upsert_quota(system: Key, external_id: Code, body: QuotaUpsert, uow: Writing) -> Response:
    """Add the quota that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, QuotaAdd, system, external_id)
    await bulk.upsert(uow, QUOTAS, [item])
    return await answers.upserted(uow, QUOTAS, item)


@router.patch("/{id:uuid}", **docs.changed(QuotaOut))
async def edit_quota(id_: Id, body: QuotaEdit, version: Version, uow: Writing) -> Response:
    """Edit a quota; what is left out stays."""
    await plain.edit(uow, QUOTAS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, QUOTAS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(QuotaOut))
async def archive_quota(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a quota away; it leaves the lists and can be restored."""
    await plain.archive(uow, QUOTAS, id_, version=version)
    return await answers.changed(uow, QUOTAS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(QuotaOut))
async def restore_quota(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived quota back."""
    await plain.restore(uow, QUOTAS, id_, version=version)
    return await answers.changed(uow, QUOTAS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_quota_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a quota, newest first."""
    return answers.body(await history.of_record(door, QUOTAS, id_, query.limit, query.cursor))
