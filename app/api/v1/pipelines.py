"""Pipelines."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.pipelines import PIPELINES
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.pipelines.templates import written_all
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.pipelines import (
    PipelineAdd,
    PipelineChange,
    PipelineEdit,
    PipelineOut,
    PipelineQuery,
    TemplateOut,
    TemplatesQuery,
)
from app.usecases import pipelines, plain

router = Router(prefix="/pipelines", tags=["pipelines"])
Reading = Annotated[Reads, reads(Scope.pipelines_read)]
Writing = Annotated[UnitOfWork, writes(Scope.pipelines_write)]


@router.get("", **docs.page(PipelineOut))
async def list_pipelines(query: Annotated[PipelineQuery, Query()], door: Reading) -> Response:
    """List pipelines by simple filters."""
    return await answers.listing(door, PIPELINES, query)


@router.get("/templates", **docs.page(TemplateOut))
async def list_pipeline_templates(query: Annotated[TemplatesQuery, Query()], door: Reading) -> Response:
    """List the pipelines to begin with."""
    return answers.plain({"data": written_all(chinese=query.language == "zh"), "next": None})


@router.get("/{id:uuid}", **docs.one(PipelineOut))
async def get_pipeline(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a pipeline."""
    return await answers.record(door, PIPELINES, id_, request, fields)


@router.post("", **docs.made(PipelineOut))
async def add_pipeline(body: PipelineAdd, uow: Writing) -> Response:
    """Add a pipeline, written out or made from a template."""
    made = await pipelines.add_pipeline(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, PIPELINES, made, 201)


@router.post("/search", **docs.page(PipelineOut))
async def search_pipelines(query: Search, door: Reading) -> Response:
    """List pipelines by a full condition."""
    return await answers.search(door, PIPELINES, query)


@router.post("/count", **docs.count())
async def count_pipelines(query: CountQuery, door: Reading) -> Response:
    """Count pipelines by a full condition."""
    return await answers.count(door, PIPELINES, query)


@router.patch("/{id:uuid}", **docs.changed(PipelineOut))
async def edit_pipeline(id_: Id, body: PipelineEdit, version: Version, uow: Writing) -> Response:
    """Give a pipeline another name."""
    await plain.edit(uow, PIPELINES, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, PIPELINES, id_)


@router.post("/{id:uuid}/change", **docs.changed(PipelineOut))
async def change_pipeline(id_: Id, body: PipelineChange, version: Version, uow: Writing) -> Response:
    """Change stages or moves of a pipeline; deals that stand in stages that are gone go where it is said."""
    await pipelines.change_pipeline(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, PIPELINES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(PipelineOut))
async def archive_pipeline(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a pipeline away in which no open deals stand; it leaves the lists and can be restored."""
    await pipelines.archive_pipeline(uow, id_, version=version)
    return await answers.changed(uow, PIPELINES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(PipelineOut))
async def restore_pipeline(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived pipeline back."""
    await plain.restore(uow, PIPELINES, id_, version=version)
    return await answers.changed(uow, PIPELINES, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_pipeline_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a pipeline, newest first."""
    return answers.body(await history.of_record(door, PIPELINES, id_, query.limit, query.cursor))
