"""The two doors of every route: one to read by, one to write by; each asks for a scope and lets nobody else in."""

import asyncio
import hashlib
import hmac
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from app.api.bodies import inexact
from app.api.doorman import Caller, Doorman, Load
from app.api.problems import request_id
from app.db import idempotency
from app.db.engine import Connection
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope
from app.domain.errors import Forbidden, InvalidInput
from app.kit import clock, json

_LONG = 2**16
"""Bytes of a body whose numbers would keep the other requests waiting while they are looked at."""


class Door:
    """Asks for a scope; a scope of None admits every known caller."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def enter(self, request: Request) -> tuple[Caller, Load]:
        """The caller, let in, with a way to load and check their access again."""
        _only_known_parameters(request, self.own_parameters)
        doorman: Doorman = request.app.state.doorman
        caller = await doorman.caller(request)
        try:
            self.check(caller.actor)
        except Forbidden:
            self.check(await caller.reload())  # what is remembered of the caller may be out of date
        await _only_exact_numbers(request)

        async def reload(held: Connection | None = None) -> Actor:
            actor = await caller.reload(held)
            self.check(actor)
            return actor

        return caller, reload

    own_parameters: frozenset[str] = frozenset()

    def check(self, actor: Actor) -> None:
        """Raise Forbidden when the actor lacks the scope."""
        if self.scope is not None:
            actor.needs(self.scope)


class ReadDoor(Door):
    """Opens a way to read."""

    async def __call__(self, request: Request) -> Reads:
        """The dependency."""
        caller, reload = await self.enter(request)
        return Reads(request.app.state.database, caller.actor, reload)


class WriteDoor(Door):
    """Opens a unit of work; what is done in it is committed before the response leaves."""

    own_parameters = frozenset({"dry_run"})

    async def __call__(self, request: Request) -> AsyncIterator[UnitOfWork]:
        """The dependency."""
        caller, reload = await self.enter(request)
        key = idempotency.checked_key(request.headers.get("idempotency-key"))

        async def claim(uow: UnitOfWork) -> None:
            if key is not None:
                await idempotency.claim(uow, key, _fingerprint(request, body))

        uow = UnitOfWork(
            request.app.state.database,
            caller.actor,
            now=clock.now(),
            cause=request_id(request),
            dry_run=_flag(request, "dry_run"),
            reload=reload,
            reload_on=reload,
            first=claim,
        )
        # Before a connection is held, which a slow sender would keep from everybody else.
        async with self.taken(request) as body, uow:
            yield uow
            if key is not None:
                await idempotency.keep(uow, key)
            await uow.commit()
        if uow.nudges:
            await request.app.state.nudge()

    @asynccontextmanager
    async def taken(self, request: Request) -> AsyncIterator[bytes]:
        """What was sent, or what stands for it when it is too large to be held."""
        yield await request.body()


class UploadDoor(WriteDoor):
    """Opens a unit of work for a file, which is taken to disk first; it is at request.state.file."""

    @asynccontextmanager
    async def taken(self, request: Request) -> AsyncIterator[bytes]:
        """The file's hash."""
        digest = hashlib.sha256()
        with tempfile.TemporaryFile() as file:
            async for part in request.stream():
                digest.update(part)
                await asyncio.to_thread(file.write, part)
            file.seek(0)
            request.state.file = file
            yield digest.digest()


def reads(scope: Scope | None) -> Any:
    """Depend on a way to read."""
    return Depends(ReadDoor(scope))


def writes(scope: Scope | None) -> Any:
    """Depend on a unit of work, committed when the handler has returned and before anything is sent."""
    return Depends(WriteDoor(scope), scope="function")


def uploads(scope: Scope) -> Any:
    """Depend on a unit of work with a file."""
    return Depends(UploadDoor(scope), scope="function")


def _fingerprint(request: Request, body: bytes) -> str:
    # Keyed, because a body may hold a password, and a plain hash of it could be guessed from.
    made = hmac.new(request.app.state.doorman.secret.encode(), digestmod="sha256")
    for part in (request.method.encode(), request.url.path.encode(), request.url.query.encode()):
        made.update(part + b"\0")
    made.update(body)
    return made.hexdigest()


def _flag(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "false")
    if given not in {"true", "false"}:
        raise InvalidInput("parameter_invalid", f"{name} is true or false, not {given!r}.", field=name)
    return given == "true"


def _only_known_parameters(request: Request, own: frozenset[str]) -> None:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    if not request.scope["query_string"]:
        return
    known = {field.alias for field in route.dependant.query_params} | own
    for field in route.dependant.query_params:
        shape = field.field_info.annotation
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            if shape.model_config.get("extra") == "forbid":
                return  # it says itself what it does not know
            known |= shape.model_fields.keys()
    for name in request.query_params:
        if name not in known:
            raise InvalidInput("parameter_unknown", f"There is no parameter {name!r} here.", field=name)


async def _only_exact_numbers(request: Request) -> None:
    """Refuse a body whose numbers would be read as others; bulk bodies, of no shape here, are judged item by item."""
    if request.scope["route"].body_field is None:
        return
    body = await request.body()
    refusal = await asyncio.to_thread(_inexact, body) if len(body) > _LONG else _inexact(body)
    if refusal is not None:
        raise refusal


def _inexact(body: bytes) -> InvalidInput | None:
    try:
        read, odd = json.exactly(body)
    except ValueError:
        return None  # the shape refuses what is no JSON
    return inexact(read) if odd else None


class _TextConvertor(Convertor[str]):
    """The rest of an address, whatever it is: other systems' ids hold slashes, too."""

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", _TextConvertor())

Id = Annotated[UUID, Path(alias="id")]
"""The record that an address names."""
Shown = Annotated[str | None, Query(max_length=2000, description="Fields to show, comma-separated.")]
"""The fields parameter of a route that shows one record."""
