"""The relay: carries runs that are due from PostgreSQL to the queue in Redis, and starts their batches there.

Redis may be slow, away or emptied at any moment: what it forgets is due in PostgreSQL still, and the next sweep
carries it again. A job's id is made from the run and the time it came due, which moves with every batch taken or
ended: what waits in the queue is not queued twice, and what a dead worker left there does not block what comes after.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from redis.exceptions import RedisError

from app.db import runs
from app.db.engine import Database, Row
from app.domain.errors import Busy
from app.jobs.base import DEFAULT_QUEUE, do_batch, queue_of
from app.kit import clock, json

MOST_CARRIED = 1_000
"""Runs carried in one sweep; those behind them are carried when these have been taken."""
GOES_ON = 3.0
"""Seconds for which a run goes on before others of its queue have theirs; each way through the queue takes a tenth."""
GOES_ON_ALONE = 20.0
"""The same while none of them waits, shorter than a lease, after which the queue offers the job to others."""
LOST = (
    RedisError,
    OSError,
    Busy,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""What a server that is away looks like; a loop that meets it waits and goes on."""
_log = structlog.get_logger()


def pack(value: Any) -> bytes:
    """A job as JSON, never pickle; what has no JSON form only stands in the log of failed jobs."""
    return orjson.dumps(value, default=repr)


@contextlib.asynccontextmanager
async def queue_at(redis_url: str) -> AsyncIterator[ArqRedis]:
    """The queue; it connects when it is used, and again whenever the connection was lost."""
    queue: ArqRedis = ArqRedis.from_url(
        redis_url,
        socket_connect_timeout=1,
        socket_timeout=5,
        health_check_interval=15,
    )
    queue.job_serializer, queue.job_deserializer = pack, json.loads
    try:
        yield queue
    finally:
        await queue.aclose(close_connection_pool=True)


def name_of(queue: str) -> str:
    """A queue's name in Redis."""
    return f"rapport:queue:{queue}"


async def nudge(queue: ArqRedis) -> None:
    """Have a worker sweep now rather than within a second; if that cannot be, only the second is lost."""
    try:
        async with asyncio.timeout(1):
            await queue.enqueue_job("sweep", _job_id="sweep", _queue_name=name_of(DEFAULT_QUEUE))
    except (RedisError, OSError, TimeoutError) as fault:
        _log.warning("the queue cannot be reached; what is due is carried later", reason=str(fault))


def _job_id(run_id: UUID, due_at: datetime) -> str:
    return f"{run_id}:{due_at.timestamp():.6f}"


async def _carry(queue: ArqRedis, org_id: UUID, run_id: UUID, kind: str, due_at: datetime) -> None:
    await queue.enqueue_job(
        "batch",
        str(org_id),
        str(run_id),
        kind,
        _job_id=_job_id(run_id, due_at),
        _queue_name=name_of(queue_of(kind)),
    )


async def carry_due(database: Database, queue: ArqRedis, at: datetime) -> int:
    """Put every run that is due into its queue, unless it waits there already; how many are due."""
    found = await runs.due(database, at, MOST_CARRIED)
    for run in await _not_waiting(queue, found):
        await _carry(queue, *run)
    return len(found)


async def _not_waiting(queue: ArqRedis, found: Sequence[Row]) -> list[Row]:
    """Those that are in no queue yet, asked for in one round trip: where much waits, the sweep meets it every second."""
    if not found:
        return []
    jobs = await queue.mget([job_key_prefix + _job_id(run["id"], run["due_at"]) for run in found])
    return [run for run, job in zip(found, jobs, strict=True) if job is None]


async def batch(ctx: dict[str, Any], org_id: str, run_id: str, kind: str) -> None:
    """The queue's one kind of work: the next batches of a run for one turn; then it goes to the end of the queue.

    The kind is what the queue was chosen by; a release may have renamed it since.
    """
    org, run, began = UUID(org_id), UUID(run_id), clock.monotonic()
    try:
        while due_at := await do_batch(ctx["database"], org, run):
            spent = clock.monotonic() - began
            if ctx["stops"]() or spent >= GOES_ON_ALONE or (spent >= GOES_ON and await ctx["others_wait"]()):
                break
    except Busy as fault:  # the run is due still, and the next sweep carries it again
        _log.warning("batch waits for the database", run=run_id, reason=str(fault))
        return
    if due_at is not None:
        await _carry(ctx["redis"], org, run, kind, due_at)


async def sweep(ctx: dict[str, Any]) -> None:
    """What a nudge asks for."""
    await carry_due(ctx["database"], ctx["redis"], clock.now())
