"""Tags."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.tags import TagAdd, TagEdit, TagOut, TagQuery, TagRename, TagUpsert
from app.usecases import plain, tags

router = Router(prefix="/tags", tags=["tags"])
Reading = Annotated[Reads, reads(Scope.tags_read)]
Writing = Annotated[UnitOfWork, writes(Scope.tags_write)]


@router.get("", **docs.page(TagOut))
async def list_tags(query: Annotated[TagQuery, Query()], door: Reading) -> Response:
    """List tags by simple filters."""
    return await answers.listing(door, TAGS, query)


@router.post("/search", **docs.page(TagOut))
async def search_tags(query: Search, door: Reading) -> Response:
    """List tags by a full condition."""
    return await answers.search(door, TAGS, query)


@router.post("/count", **docs.count())
async def count_tags(query: CountQuery, door: Reading) -> Response:
    """Count tags by a full condition."""
    return await answers.count(door, TAGS, query)


@router.get("/{id:uuid}", **docs.one(TagOut))
async def get_tag(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a tag."""
    return await answers.record(door, TAGS, id_, request, fields)


@router.post("", **docs.made(TagOut))
async def add_tag(body: TagAdd, uow: Writing) -> Response:
    """Add a tag."""
    made = await tags.add_tag(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, TAGS, made, 201)


@router.post("/bulk", **docs.bulk(TagUpsert))
async def upsert_tags(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 tags, each known by its id or its name."""
    items = await bodies.items_of(request, TagAdd, TagUpsert)
    await tags.upsert_tags(uow, items)
    return answers.outcomes(uow, items)


@router.patch("/{id:uuid}", **docs.changed(TagOut))
async def edit_tag(id_: Id, body: TagEdit, version: Version, uow: Writing) -> Response:
    """Edit a tag's colour and description; its name changes by the verb rename."""
    await plain.edit(uow, TAGS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, TAGS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(TagOut))
async def archive_tag(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a tag away; records keep carrying its name."""
    await plain.archive(uow, TAGS, id_, version=version)
    return await answers.changed(uow, TAGS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(TagOut))
async def restore_tag(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived tag back."""
    await tags.restore_tag(uow, id_, version=version)
    return await answers.changed(uow, TAGS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_tag_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a tag, newest first."""
    return answers.body(await history.of_record(door, TAGS, id_, query.limit, query.cursor))


@router.post("/{id:uuid}/rename", **docs.accepted())
async def rename_tag(id_: Id, body: TagRename, version: Version, uow: Writing) -> Response:
    """Rename a tag, here at once and on every record by a run; the name of another tag joins the two."""
    run = await tags.rename_tag(uow, id_, body.name, version=version)
    return await answers.changed(uow, RUNS, run, 202)
