"""Tasks."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.tasks import TASKS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.tasks import TaskStatus
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.tasks import (
    TaskAdd,
    TaskEdit,
    TaskOut,
    TaskQuery,
    TaskUpsert,
)
from app.usecases import bulk, plain, tasks

router = Router(prefix="/tasks", tags=["tasks"])
Reading = Annotated[Reads, reads(Scope.tasks_read)]
Writing = Annotated[UnitOfWork, writes(Scope.tasks_write)]


@router.get("", **docs.page(TaskOut))
async def list_tasks(query: Annotated[TaskQuery, Query()], door: Reading) -> Response:
    """List tasks by simple filters."""
    return await answers.listing(door, TASKS, query)


@router.get("/{id:uuid}", **docs.one(TaskOut))
async def get_task(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a task."""
    return await answers.record(door, TASKS, id_, request, fields)


@router.post("", **docs.made(TaskOut))
async def add_task(body: TaskAdd, uow: Writing) -> Response:
    """Add a task."""
    made = await plain.add(uow, TASKS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, TASKS, made, 201)


@router.post("/search", **docs.page(TaskOut))
async def search_tasks(query: Search, door: Reading) -> Response:
    """List tasks by a full condition."""
    return await answers.search(door, TASKS, query)


@router.post("/count", **docs.count())
async def count_tasks(query: CountQuery, door: Reading) -> Response:
    """Count tasks by a full condition."""
    return await answers.count(door, TASKS, query)


@router.post("/bulk", **docs.bulk(TaskUpsert))
async def upsert_tasks(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 tasks, each known by its id or an external id."""
    items = await bodies.items_of(request, TaskAdd, TaskUpsert)
    await bulk.upsert(uow, TASKS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(TaskOut))
async def get_task_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the task that another system calls so."""
    return await answers.by_external_id(door, TASKS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(TaskOut))
async def upsert_task(system: Key, external_id: Code, body: TaskUpsert, uow: Writing) -> Response:
    """Add the task that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, TaskAdd, system, external_id)
    await bulk.upsert(uow, TASKS, [item])
    return await answers.upserted(uow, TASKS, item)


@router.patch("/{id:uuid}", **docs.changed(TaskOut))
async def edit_task(id_: Id, body: TaskEdit, version: Version, uow: Writing) -> Response:
    """Edit a task; what is left out stays."""
    await plain.edit(uow, TASKS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, TASKS, id_)


@router.post("/{id:uuid}/complete", **docs.changed(TaskOut))
async def complete_task(id_: Id, version: Version, uow: Writing) -> Response:
    """Say that a task is done."""
    await tasks.change_status(uow, id_, TaskStatus.DONE, version=version)
    return await answers.changed(uow, TASKS, id_)


@router.post("/{id:uuid}/cancel", **docs.changed(TaskOut))
async def cancel_task(id_: Id, version: Version, uow: Writing) -> Response:
    """Say that a task will not be done."""
    await tasks.change_status(uow, id_, TaskStatus.CANCELLED, version=version)
    return await answers.changed(uow, TASKS, id_)


@router.post("/{id:uuid}/reopen", **docs.changed(TaskOut))
async def reopen_task(id_: Id, version: Version, uow: Writing) -> Response:
    """Say that a task is to be done after all."""
    await tasks.change_status(uow, id_, TaskStatus.OPEN, version=version)
    return await answers.changed(uow, TASKS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(TaskOut))
async def archive_task(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a task away; it leaves the lists and can be restored."""
    await plain.archive(uow, TASKS, id_, version=version)
    return await answers.changed(uow, TASKS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(TaskOut))
async def restore_task(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived task back."""
    await plain.restore(uow, TASKS, id_, version=version)
    return await answers.changed(uow, TASKS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_task_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a task, newest first."""
    return answers.body(await history.of_record(door, TASKS, id_, query.limit, query.cursor))
