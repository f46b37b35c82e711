"""Alive, ready, and measured."""

import asyncio
import os
from typing import Any

import asyncpg
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from redis.exceptions import RedisError

from app.api.answers import plain
from app.db import migrate, walls
from app.domain.errors import Busy
from app.schemas.health import Alive, Readiness

router = APIRouter(tags=["health"])
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own variable: a folder that several processes keep their numbers in; it is read when the library is loaded."""

_READY: dict[int | str, dict[str, Any]] = {
    200: {"model": Readiness, "description": "Requests can be served."},
    503: {"model": Readiness, "description": "They cannot; faults says why."},
}
_METRICS = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}


@router.get("/livez")
async def check_alive() -> Alive:
    """Whether the process answers at all."""
    return Alive()


async def _faults(request: Request) -> list[str]:
    faults = []
    try:
        database = request.app.state.database
        if await migrate.revision(database) != migrate.head():
            faults.append("The database is not migrated; run `rapport migrate`.")
        async with database.connection() as connection:
            looks_past = await walls.role_faults(connection)
        if looks_past:
            faults.append("The database role could look past row-level security; see RAPPORT_APP_ROLE.")
    except (Busy, asyncpg.PostgresError):
        faults.append("PostgreSQL cannot be reached as the app's role; see `rapport doctor`.")
    try:
        await request.app.state.queue.ping()
    except (RedisError, OSError):
        faults.append("Redis cannot be reached.")
    return faults


@router.get("/readyz", response_model=None, responses=_READY)
async def check_ready(request: Request) -> Response:
    """Whether requests can be served: migrated, the right role, PostgreSQL and Redis reachable."""
    faults = await _faults(request)
    found = Readiness(status="not ready" if faults else "ready", faults=faults)
    return plain(found.model_dump(), 503 if faults else 200)


@router.get("/metrics", response_class=PlainTextResponse, responses={200: _METRICS})
async def get_metrics() -> Response:
    """Prometheus metrics of the API, of all its processes together."""
    return Response(await asyncio.to_thread(_measured), media_type=CONTENT_TYPE_LATEST)


def _measured() -> bytes:
    """What was measured, as text; of several processes it is read from the files that they share."""
    if not os.environ.get(SHARED):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it carries no types
    return generate_latest(registry)
