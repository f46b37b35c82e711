"""Custom fields."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.custom_fields import CUSTOM_FIELDS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.custom_fields import (
    CustomFieldAdd,
    CustomFieldEdit,
    CustomFieldOut,
    CustomFieldQuery,
    CustomFieldUpsert,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import bulk, plain

router = Router(prefix="/custom_fields", tags=["custom_fields"])
Reading = Annotated[Reads, reads(Scope.custom_fields_read)]
Writing = Annotated[UnitOfWork, writes(Scope.custom_fields_write)]


@router.get("", **docs.page(CustomFieldOut))
async def list_custom_fields(query: Annotated[CustomFieldQuery, Query()], door: Reading) -> Response:
    """List custom fields by simple filters."""
    return await answers.listing(door, CUSTOM_FIELDS, query)


@router.post("/search", **docs.page(CustomFieldOut))
async def search_custom_fields(query: Search, door: Reading) -> Response:
    """List custom fields by a full condition."""
    return await answers.search(door, CUSTOM_FIELDS, query)


@router.post("/count", **docs.count())
async def count_custom_fields(query: CountQuery, door: Reading) -> Response:
    """Count custom fields by a full condition."""
    return await answers.count(door, CUSTOM_FIELDS, query)


@router.get("/{id:uuid}", **docs.one(CustomFieldOut))
async def get_custom_field(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a custom field."""
    return await answers.record(door, CUSTOM_FIELDS, id_, request, fields)


@router.post("", **docs.made(CustomFieldOut))
async def add_custom_field(body: CustomFieldAdd, uow: Writing) -> Response:
    """Add a custom field."""
    made = await plain.add(uow, CUSTOM_FIELDS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, CUSTOM_FIELDS, made, 201)


@router.post("/bulk", **docs.bulk(CustomFieldUpsert))
async def upsert_custom_fields(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 custom fields, each known by its id, or its noun and key."""
    items = await bodies.items_of(request, CustomFieldAdd, CustomFieldUpsert)
    await bulk.upsert(uow, CUSTOM_FIELDS, items)
    return answers.outcomes(uow, items)


@router.patch("/{id:uuid}", **docs.changed(CustomFieldOut))
async def edit_custom_field(id_: Id, body: CustomFieldEdit, version: Version, uow: Writing) -> Response:
    """Edit a custom field; what is left out stays."""
    await plain.edit(uow, CUSTOM_FIELDS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, CUSTOM_FIELDS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CustomFieldOut))
async def archive_custom_field(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a custom field away; it leaves the lists and can be restored."""
    await plain.archive(uow, CUSTOM_FIELDS, id_, version=version)
    return await answers.changed(uow, CUSTOM_FIELDS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CustomFieldOut))
async def restore_custom_field(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived custom field back."""
    await plain.restore(uow, CUSTOM_FIELDS, id_, version=version)
    return await answers.changed(uow, CUSTOM_FIELDS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_custom_field_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of a custom field, newest first."""
    return answers.body(await history.of_record(door, CUSTOM_FIELDS, id_, query.limit, query.cursor))
