"""The organisation's settings."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import reads, writes
from app.api.etag import Version, etag
from app.api.routing import Router
from app.db import history
from app.db.organisations import settings
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.organisations import SettingsEdit, SettingsOut
from app.usecases import organisations

router = Router(prefix="/settings", tags=["settings"])
Reading = Annotated[Reads, reads(Scope.settings_read)]
Writing = Annotated[UnitOfWork, writes(Scope.settings_write)]


@router.get("", **docs.one(SettingsOut))
async def get_settings(request: Request, door: Reading) -> Response:
    """Get the organisation's settings."""
    row = await door.row(settings)
    return answers.tagged(request, row[1], etag(row[2]))


@router.patch("", **docs.changed(SettingsOut))
async def edit_settings(body: SettingsEdit, version: Version, uow: Writing) -> Response:
    """Edit the organisation's settings; what is left out stays."""
    await organisations.edit_settings(uow, body.model_dump(exclude_unset=True), version=version)
    if not uow.actor.may(Scope.settings_read):
        return answers.told(uow, 204, b"")
    question = settings(uow.actor)
    row = (await uow.fetch(question.statement.sql, *question.statement.values(question.binds)))[0]
    return answers.told(uow, 200, row[1].encode(), {"ETag": etag(row[2])})


@router.get("/history", **docs.page(EventOut))
async def list_settings_history(query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of the organisation's settings, newest first."""
    return answers.body(await history.of_settings(door, query.limit, query.cursor))
