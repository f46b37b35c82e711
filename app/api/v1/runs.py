"""Runs: background work and where it stands."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.routing import Router
from app.db import history
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.runs import RunOut, RunQuery
from app.usecases import runs

router = Router(prefix="/runs", tags=["runs"])
Reading = Annotated[Reads, reads(Scope.runs_read)]
Steering = Annotated[UnitOfWork, writes(None)]


@router.get("", **docs.page(RunOut))
async def list_runs(query: Annotated[RunQuery, Query()], door: Reading) -> Response:
    """List background work by simple filters."""
    return await answers.listing(door, RUNS, query)


@router.post("/search", **docs.page(RunOut))
async def search_runs(query: Search, door: Reading) -> Response:
    """List background work by a full condition."""
    return await answers.search(door, RUNS, query)


@router.post("/count", **docs.count())
async def count_runs(query: CountQuery, door: Reading) -> Response:
    """Count background work by a full condition."""
    return await answers.count(door, RUNS, query)


@router.get("/{id:uuid}", **docs.one(RunOut))
async def get_run(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a run with its progress."""
    return await answers.record(door, RUNS, id_, request, fields)


@router.post("/{id:uuid}/cancel", **docs.answer(RunOut, headers=docs.TAG))
async def cancel_run(id_: Id, uow: Steering) -> Response:
    """Stop a run before its next batch; what it has done stays done. A run of somebody else's needs runs:write."""
    await runs.cancel_run(uow, id_)
    return await answers.changed(uow, RUNS, id_)


@router.post("/{id:uuid}/retry", **docs.answer(RunOut, headers=docs.TAG))
async def retry_run(id_: Id, uow: Steering) -> Response:
    """Let a failed or cancelled run go on from where it stood. A run of somebody else's needs runs:write."""
    await runs.retry_run(uow, id_)
    return await answers.changed(uow, RUNS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_run_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List what became of a run, newest first."""
    return answers.body(await history.of_record(door, RUNS, id_, query.limit, query.cursor))
