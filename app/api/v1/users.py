"""Users."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.users import UserAdd, UserEdit, UserNew, UserOut, UserPassword, UserQuery, UserUpsert
from app.usecases import users

router = Router(prefix="/users", tags=["users"])
Reading = Annotated[Reads, reads(Scope.users_read)]
Writing = Annotated[UnitOfWork, writes(Scope.users_write)]


@router.get("", **docs.page(UserOut))
async def list_users(query: Annotated[UserQuery, Query()], door: Reading) -> Response:
    """List users by simple filters."""
    return await answers.listing(door, USERS, query)


@router.post("/search", **docs.page(UserOut))
async def search_users(query: Search, door: Reading) -> Response:
    """List users by a full condition."""
    return await answers.search(door, USERS, query)


@router.post("/count", **docs.count())
async def count_users(query: CountQuery, door: Reading) -> Response:
    """Count users by a full condition."""
    return await answers.count(door, USERS, query)


@router.get("/{id:uuid}", **docs.one(UserOut))
async def get_user(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a user."""
    return await answers.record(door, USERS, id_, request, fields)


@router.post("", **docs.made(UserOut))
async def add_user(body: UserAdd, uow: Writing) -> Response:
    """Add a user, with at most the access that you have."""
    made = await users.add_user(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, USERS, made, 201)


@router.post("/bulk", **docs.bulk(UserUpsert))
async def upsert_users(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 users, each known by their id, an external id or their e-mail address."""
    items = await bodies.items_of(request, UserNew, UserUpsert)
    await users.upsert_users(uow, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(UserOut))
async def get_user_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the user that another system calls so."""
    return await answers.by_external_id(door, USERS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(UserOut))
async def upsert_user(system: Key, external_id: Code, body: UserUpsert, uow: Writing) -> Response:
    """Add the user that another system calls so, or edit them when they are there."""
    item = bodies.one_item(body, UserNew, system, external_id)
    await users.upsert_users(uow, [item])
    return await answers.upserted(uow, USERS, item)


@router.patch("/{id:uuid}", **docs.changed(UserOut))
async def edit_user(id_: Id, body: UserEdit, version: Version, uow: Writing) -> Response:
    """Edit a user; what is left out stays. One who is not active is signed out everywhere."""
    await users.edit_user(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, USERS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(UserOut))
async def archive_user(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a user away, signed out everywhere; their records stay theirs."""
    await users.archive_user(uow, id_, version=version)
    return await answers.changed(uow, USERS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(UserOut))
async def restore_user(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived user back."""
    await users.restore_user(uow, id_, version=version)
    return await answers.changed(uow, USERS, id_)


@router.post("/{id:uuid}/set_password", **docs.changed(UserOut))
async def set_password(id_: Id, body: UserPassword, version: Version, uow: Writing) -> Response:
    """Set a user's password; every sign-in of theirs ends, and a lock is lifted."""
    await users.set_password(uow, id_, body.password.get_secret_value(), version=version)
    return await answers.changed(uow, USERS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_user_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a user and their sign-ins, newest first."""
    return answers.body(await history.of_record(door, USERS, id_, query.limit, query.cursor))
