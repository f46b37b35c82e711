"""Teams."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.teams import TeamAdd, TeamEdit, TeamOut, TeamQuery, TeamUpsert
from app.usecases import teams

router = Router(prefix="/teams", tags=["teams"])
Reading = Annotated[Reads, reads(Scope.users_read)]
Writing = Annotated[UnitOfWork, writes(Scope.users_write)]


@router.get("", **docs.page(TeamOut))
async def list_teams(query: Annotated[TeamQuery, Query()], door: Reading) -> Response:
    """List teams by simple filters."""
    return await answers.listing(door, TEAMS, query)


@router.post("/search", **docs.page(TeamOut))
async def search_teams(query: Search, door: Reading) -> Response:
    """List teams by a full condition."""
    return await answers.search(door, TEAMS, query)


@router.post("/count", **docs.count())
async def count_teams(query: CountQuery, door: Reading) -> Response:
    """Count teams by a full condition."""
    return await answers.count(door, TEAMS, query)


@router.get("/{id:uuid}", **docs.one(TeamOut))
async def get_team(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a team."""
    return await answers.record(door, TEAMS, id_, request, fields)


@router.post("", **docs.made(TeamOut))
async def add_team(body: TeamAdd, uow: Writing) -> Response:
    """Add a team."""
    made = await teams.add_team(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, TEAMS, made, 201)


@router.post("/bulk", **docs.bulk(TeamUpsert))
async def upsert_teams(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 teams, each known by its id, an external id or its name."""
    items = await bodies.items_of(request, TeamAdd, TeamUpsert)
    await teams.upsert_teams(uow, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(TeamOut))
async def get_team_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the team that another system calls so."""
    return await answers.by_external_id(door, TEAMS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(TeamOut))
async def upsert_team(system: Key, external_id: Code, body: TeamUpsert, uow: Writing) -> Response:
    """Add the team that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, TeamAdd, system, external_id)
    await teams.upsert_teams(uow, [item])
    return await answers.upserted(uow, TEAMS, item)


@router.patch("/{id:uuid}", **docs.changed(TeamOut))
async def edit_team(id_: Id, body: TeamEdit, version: Version, uow: Writing) -> Response:
    """Edit a team; what is left out stays."""
    await teams.edit_team(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, TEAMS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(TeamOut))
async def archive_team(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an empty team away; it leaves the lists and can be restored."""
    await teams.archive_team(uow, id_, version=version)
    return await answers.changed(uow, TEAMS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(TeamOut))
async def restore_team(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived team back."""
    await teams.restore_team(uow, id_, version=version)
    return await answers.changed(uow, TEAMS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_team_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a team, newest first."""
    return answers.body(await history.of_record(door, TEAMS, id_, query.limit, query.cursor))
