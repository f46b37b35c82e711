"""API keys."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.api_keys import API_KEYS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.api_keys import ApiKeyAdd, ApiKeyEdit, ApiKeyMade, ApiKeyOut, ApiKeyQuery
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import api_keys

router = Router(prefix="/api_keys", tags=["api_keys"])
Reading = Annotated[Reads, reads(Scope.api_keys_read)]
Writing = Annotated[UnitOfWork, writes(Scope.api_keys_write)]


@router.get("", **docs.page(ApiKeyOut))
async def list_api_keys(query: Annotated[ApiKeyQuery, Query()], door: Reading) -> Response:
    """List API keys by simple filters."""
    return await answers.listing(door, API_KEYS, query)


@router.post("/search", **docs.page(ApiKeyOut))
async def search_api_keys(query: Search, door: Reading) -> Response:
    """List API keys by a full condition."""
    return await answers.search(door, API_KEYS, query)


@router.post("/count", **docs.count())
async def count_api_keys(query: CountQuery, door: Reading) -> Response:
    """Count API keys by a full condition."""
    return await answers.count(door, API_KEYS, query)


@router.get("/{id:uuid}", **docs.one(ApiKeyOut))
async def get_api_key(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an API key."""
    return await answers.record(door, API_KEYS, id_, request, fields)


@router.post("", **docs.made(ApiKeyMade))
async def add_api_key(body: ApiKeyAdd, uow: Writing) -> Response:
    """Add an API key; this answer alone shows it. The same Idempotency-Key again gets the answer with key null."""
    made, key = await api_keys.add_api_key(uow, body.model_dump(), body.model_fields_set)
    return await answers.made_with_secret(uow, API_KEYS, made, "key", key)


@router.patch("/{id:uuid}", **docs.changed(ApiKeyOut))
async def edit_api_key(id_: Id, body: ApiKeyEdit, version: Version, uow: Writing) -> Response:
    """Edit an API key; what is left out stays."""
    await api_keys.edit_api_key(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, API_KEYS, id_)


@router.post("/{id:uuid}/revoke", **docs.changed(ApiKeyOut))
async def revoke_api_key(id_: Id, version: Version, uow: Writing) -> Response:
    """End an API key for good; it is refused from its next request on."""
    await api_keys.revoke_api_key(uow, id_, version=version)
    return await answers.changed(uow, API_KEYS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_api_key_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of an API key, newest first."""
    return answers.body(await history.of_record(door, API_KEYS, id_, query.limit, query.cursor))
