"""Alive, ready, and measured."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from arq.connections import ArqRedis, RedisSettings, create_pool
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError

from app.api.answers import plain
from app.db import migrate
from app.domain.errors import Busy
from app.settings import Settings

router = APIRouter(tags=["health"])


@contextlib.asynccontextmanager
async def redis_of(own: Settings) -> AsyncIterator[ArqRedis | None]:
    """The queue, or None while Redis is away: runs wait in PostgreSQL, and a sweep carries them later."""
    assert own.redis_url, "REDIS_URL is set by `rapport up`, or by you"
    address = RedisSettings.from_dsn(own.redis_url)
    address.conn_retries = 0
    try:
        pool = await create_pool(address)
    except (RedisError, OSError):
        pool = None
    try:
        yield pool
    finally:
        if pool is not None:
            await pool.aclose()


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
        queue = request.app.state.queue
        if queue is None:
            async with redis_of(request.app.state.settings) as again:
                faults += [] if again is not None else ["Redis cannot be reached."]
        else:
            await queue.ping()
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
