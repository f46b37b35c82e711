"""Roles."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.roles import ROLES
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.roles import RoleAdd, RoleEdit, RoleOut, RoleQuery, RoleUpsert
from app.usecases import roles

router = Router(prefix="/roles", tags=["roles"])
Reading = Annotated[Reads, reads(Scope.roles_read)]
Writing = Annotated[UnitOfWork, writes(Scope.roles_write)]


@router.get("", **docs.page(RoleOut))
async def list_roles(query: Annotated[RoleQuery, Query()], door: Reading) -> Response:
    """List roles by simple filters."""
    return await answers.listing(door, ROLES, query)


@router.post("/search", **docs.page(RoleOut))
async def search_roles(query: Search, door: Reading) -> Response:
    """List roles by a full condition."""
    return await answers.search(door, ROLES, query)


@router.post("/count", **docs.count())
async def count_roles(query: CountQuery, door: Reading) -> Response:
    """Count roles by a full condition."""
    return await answers.count(door, ROLES, query)


@router.get("/{id:uuid}", **docs.one(RoleOut))
async def get_role(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a role."""
    return await answers.record(door, ROLES, id_, request, fields)


@router.post("", **docs.made(RoleOut))
async def add_role(body: RoleAdd, uow: Writing) -> Response:
    """Add a role that opens at most what you have."""
    made = await roles.add_role(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, ROLES, made, 201)


@router.post("/bulk", **docs.bulk(RoleUpsert))
async def upsert_roles(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 roles, each known by its id or its name."""
    items = await bodies.items_of(request, RoleAdd, RoleUpsert)
    await roles.upsert_roles(uow, items)
    return answers.outcomes(uow, items)


@router.patch("/{id:uuid}", **docs.changed(RoleOut))
async def edit_role(id_: Id, body: RoleEdit, version: Version, uow: Writing) -> Response:
    """Edit a role; it counts for its holders from their next request on."""
    await roles.edit_role(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, ROLES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(RoleOut))
async def archive_role(id_: Id, version: Version, uow: Writing) -> Response:
    """Put away a role that nobody holds; it leaves the lists and can be restored."""
    await roles.archive_role(uow, id_, version=version)
    return await answers.changed(uow, ROLES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(RoleOut))
async def restore_role(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived role back."""
    await roles.restore_role(uow, id_, version=version)
    return await answers.changed(uow, ROLES, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_role_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a role, newest first."""
    return answers.body(await history.of_record(door, ROLES, id_, query.limit, query.cursor))
