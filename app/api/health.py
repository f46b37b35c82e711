"""Alive, ready, and measured."""

from typing import Any

import asyncpg
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError

from app.api.answers import plain
from app.db import migrate
from app.domain.errors import Busy

router = APIRouter(tags=["health"])


@router.get("/livez")
async def check_alive() -> dict[str, str]:
    """Whether the process answers at all."""
    return {"status": "alive"}


async def _faults(request: Request) -> list[str]:
    faults = []
    try:
        database = request.app.state.database
        if await migrate.revision(database) != migrate.head():
            faults.append("The database is not migrated; run `rapport migrate`.")
        async with database.connection() as connection:
            role = await connection.fetchrow(
                "select r.rolsuper or r.rolbypassrls as bypasses, exists (select from pg_class c"
                " where c.relname = 'contacts' and c.relowner = r.oid) as owns from pg_roles r"
                " where r.rolname = current_user"
            )
        if role is None or role["bypasses"] or role["owns"]:
            faults.append("The database role could look past row-level security; see RAPPORT_APP_ROLE.")
    except (Busy, asyncpg.PostgresError):
        faults.append("PostgreSQL cannot be reached as the app's role; see `rapport doctor`.")
    try:
        await request.app.state.queue.ping()
    except (RedisError, OSError):
        faults.append("Redis cannot be reached.")
    return faults


@router.get("/readyz")
async def check_ready(request: Request) -> Response:
    """Whether requests can be served: migrated, the right role, PostgreSQL and Redis reachable."""
    faults: list[Any] = await _faults(request)
    return plain({"status": "not ready" if faults else "ready", "faults": faults}, 503 if faults else 200)


@router.get("/metrics")
async def get_metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
