"""Presets: what the columns of a file mean."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.presets import PRESETS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain import presets as shipped
from app.domain.access import Scope
from app.kit import json
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.presets import (
    PresetAdd,
    PresetEdit,
    PresetOut,
    PresetQuery,
    PresetUpsert,
    ShippedPage,
)
from app.usecases import bulk, plain

router = Router(prefix="/presets", tags=["presets"])
Reading = Annotated[Reads, reads(Scope.imports_read)]
Writing = Annotated[UnitOfWork, writes(Scope.imports_write)]


@router.get("", **docs.page(PresetOut))
async def list_presets(query: Annotated[PresetQuery, Query()], door: Reading) -> Response:
    """List presets by simple filters."""
    return await answers.listing(door, PRESETS, query)


@router.post("/search", **docs.page(PresetOut))
async def search_presets(query: Search, door: Reading) -> Response:
    """List presets by a full condition."""
    return await answers.search(door, PRESETS, query)


@router.post("/count", **docs.count())
async def count_presets(query: CountQuery, door: Reading) -> Response:
    """Count presets by a full condition."""
    return await answers.count(door, PRESETS, query)


@router.get("/shipped", **docs.answer(ShippedPage))
async def list_shipped_presets(door: Reading) -> Response:
    """List the presets for exports of well-known systems."""
    names = ("key", "title", "title_zh", "target", "system", "note")
    listed = [
        {name: getattr(one, name) for name in names} | {"columns": dict(one.columns)}
        for one in shipped.PRESETS.values()
    ]
    return answers.body(json.dumps({"data": listed}))


@router.get("/{id:uuid}", **docs.one(PresetOut))
async def get_preset(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a preset."""
    return await answers.record(door, PRESETS, id_, request, fields)


@router.post("", **docs.made(PresetOut))
async def add_preset(body: PresetAdd, uow: Writing) -> Response:
    """Add a preset."""
    made = await plain.add(uow, PRESETS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, PRESETS, made, 201)


@router.post("/bulk", **docs.bulk(PresetUpsert))
async def upsert_presets(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 presets, each known by its id or key."""
    items = await bodies.items_of(request, PresetAdd, PresetUpsert)
    await bulk.upsert(uow, PRESETS, items)
    return answers.outcomes(uow, items)


@router.patch("/{id:uuid}", **docs.changed(PresetOut))
async def edit_preset(id_: Id, body: PresetEdit, version: Version, uow: Writing) -> Response:
    """Edit a preset; what is left out stays."""
    await plain.edit(uow, PRESETS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, PRESETS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(PresetOut))
async def archive_preset(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a preset away; it leaves the lists and can be restored."""
    await plain.archive(uow, PRESETS, id_, version=version)
    return await answers.changed(uow, PRESETS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(PresetOut))
async def restore_preset(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived preset back."""
    await plain.restore(uow, PRESETS, id_, version=version)
    return await answers.changed(uow, PRESETS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_preset_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a preset, newest first."""
    return answers.body(await history.of_record(door, PRESETS, id_, query.limit, query.cursor))
