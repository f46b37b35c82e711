"""The worker: does background work, one arq worker per queue, and lives through the loss of either server.

arq's own worker ends when it loses Redis, so each is started again here; the sweep and the housekeeping
only need PostgreSQL and wait for it likewise.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, cast

import prometheus_client
import structlog
import uvloop
from arq.connections import ArqRedis
from arq.worker import Worker, get_kwargs

from app.db import walls
from app.db.engine import Database
from app.domain import runs as rules
from app.jobs import duplicates, exports, forecasts, imports, privacy, rfm, segments, tags  # noqa: F401 - they register their work
from app.jobs.base import ANALYTICS_QUEUE, DEFAULT_QUEUE, FILES_QUEUE, JOBS
from app.jobs.housekeeping import forget, make_months, spread_months
from app.jobs.nights import begin_nights
from app.jobs.relay import LOST, batch, carry_due, name_of, pack, queue_at, sweep
from app.jobs.tasks import remind_due
from app.kit import clock, json, logs, process
from app.settings import Settings, settings

SWEEP_EVERY = timedelta(seconds=1)
HOUSEKEEPING_EVERY = timedelta(days=1)
NIGHTS_EVERY = timedelta(minutes=1)
SPREADING_EVERY = timedelta(seconds=10)
"""So often that few rows have to move at once."""
MOST_PAUSE = 5.0
"""Seconds between attempts while a server is away."""
GRACE = 10.0
"""Seconds that batches under way have to end when the worker is stopped; then they are handed back."""
AGAIN = 2.0
"""Seconds after which what was cancelled and goes on is cancelled again."""
MOST_AT_ONCE = 8
"""Batches at once of one queue."""
_AT_ONCE = {FILES_QUEUE: 4, ANALYTICS_QUEUE: 2}
"""Batches at once where they are large: each holds thousands of rows."""
_log = structlog.get_logger()


class WorkerSettings:
    """What every arq worker here has in common."""

    functions: ClassVar[list[Any]] = [batch, sweep]
    job_serializer = pack
    job_deserializer = json.loads
    keep_result = 0
    """A kept result would block its job's id."""
    max_tries = 1_000
    """Attempts are counted in PostgreSQL."""
    poll_delay = 0.1
    health_check_interval = 10
    log_results = False
    handle_signals = False


def queues() -> list[str]:
    """Every queue that a kind of work has."""
    return sorted({DEFAULT_QUEUE} | {job.queue for job in JOBS.values()})


class _Worker(Worker):
    """An arq worker that lets others have a job whose worker is dead as soon as they may have its run."""

    def __init__(self, **options: Any) -> None:
        super().__init__(job_timeout=rules.LIMIT * 2, **options)  # a batch has its own limit, below
        self.in_progress_timeout_s = rules.LEASE.total_seconds()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Start those that are not under way here, which for arq a job that goes on for longer is not."""
        await super().start_jobs([job for job in job_ids if job.decode() not in self.tasks])


def make_worker(queue_name: str, database: Database, queue: ArqRedis, **options: Any) -> Worker:
    """An arq worker on one queue."""
    name = name_of(queue_name)

    async def others_wait() -> bool:
        # arq takes a job off the queue when it has ended.
        return cast("int", await queue.zcard(name)) > made.max_jobs

    made: Worker = _Worker(
        **get_kwargs(WorkerSettings),  # type: ignore[arg-type]  # arq types it as having all of its settings
        queue_name=name,
        # Its own key: a shared one is deleted by whichever worker stops first.
        health_check_key=f"rapport:health:{queue_name}:{socket.gethostname()}:{os.getpid()}",
        redis_pool=queue,
        max_jobs=_AT_ONCE.get(queue_name, MOST_AT_ONCE),
        ctx={
            "database": database,
            "stops": lambda: not made.allow_pick_jobs,
            "others_wait": others_wait,
        },
        **options,
    )
    return made


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _repeat(
    what: str, every: timedelta, stop: asyncio.Event, do: Callable[[], Awaitable[object]]
) -> None:
    """Do it now and after every interval; while a server is away, or it fails, try again ever more slowly."""
    patience = 0.1
    while not stop.is_set():
        began = clock.monotonic()
        try:
            await do()
            pause = every.total_seconds()
        except Exception as fault:  # noqa: BLE001 - what else is done here must go on, and this is tried again
            if isinstance(fault, LOST):
                _log.warning(f"{what} waits for a server", reason=str(fault))
            else:
                _log.error(f"{what} failed", exc_info=fault)
            patience = 0.1 if clock.monotonic() - began > 2 * MOST_PAUSE else min(patience * 2, MOST_PAUSE)
            pause = patience
        else:
            patience = 0.1
        await _wait(stop, pause)


async def _break_off(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel until all have ended: a library may take a cancellation for the end of a time limit of its own."""
    while left := {task for task in tasks if not task.done()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=AGAIN)


async def _tend(queue_name: str, stop: asyncio.Event, make: Callable[[], Worker]) -> None:
    """Keep an arq worker going until it is to stop, and let its batches end then."""

    async def live() -> None:
        worker = make()
        going = asyncio.create_task(worker.async_run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({going, stopping}, return_when=asyncio.FIRST_COMPLETED)
        worker.allow_pick_jobs = False
        if stop.is_set() and worker.tasks:
            await asyncio.wait(worker.tasks.values(), timeout=GRACE)
            # The batches, too: arq waits no more for one of them when it is cancelled again.
            await _break_off([*worker.tasks.values(), *worker.job_tasks.values()])
        # Without Redis a batch still ends as it should: what it did is in PostgreSQL.
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        stopping.cancel()
        await _break_off([going])
        if not going.cancelled():
            going.result()

    await _repeat(f"the worker of the queue {queue_name}", timedelta(0), stop, live)


async def _find_walls(database: Database, role: str, stop: asyncio.Event) -> None:
    """Wait until the database can be asked for its walls, however long that is. Raises Unwalled when they do not stand."""
    while not stop.is_set():
        try:
            await walls.must_stand(database, role)
        except LOST as fault:
            _log.warning("the worker waits for a server", reason=str(fault))
            await _wait(stop, MOST_PAUSE / 5)
        else:
            return


async def serve(own: Settings, stop: asyncio.Event, only: Collection[str] = ()) -> None:
    """Work until told to stop, on some queues only if they are named. Raises Unwalled."""
    database_url, redis_url = own.needed("database_url"), own.needed("redis_url")
    database = Database(database_url, role=own.app_role, size=own.pool_size, wait=own.pool_wait)
    try:
        await _find_walls(database, own.app_role, stop)
        async with queue_at(redis_url) as queue, asyncio.TaskGroup() as group:
            for name in only or queues():
                group.create_task(_tend(name, stop, partial(make_worker, name, database, queue)))
            group.create_task(
                _repeat("the sweep", SWEEP_EVERY, stop, lambda: carry_due(database, queue, clock.now()))
            )
            group.create_task(
                _repeat(
                    "the following of segments",
                    SWEEP_EVERY,
                    stop,
                    lambda: segments.follow_due(database, clock.now()),
                )
            )
            group.create_task(
                _repeat("the reminders", SWEEP_EVERY, stop, lambda: remind_due(database, clock.now()))
            )
            group.create_task(
                _repeat(
                    "the making of months",
                    HOUSEKEEPING_EVERY,
                    stop,
                    lambda: make_months(database, clock.now()),
                )
            )
            group.create_task(
                _repeat("the nights", NIGHTS_EVERY, stop, lambda: begin_nights(database, clock.now())),
            )
            group.create_task(
                _repeat("the forgetting", HOUSEKEEPING_EVERY, stop, lambda: forget(database, clock.now()))
            )
            group.create_task(
                _repeat("the spreading of months", SPREADING_EVERY, stop, lambda: spread_months(database))
            )
    finally:
        await database.close()


async def _main(own: Settings, only: Collection[str]) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await serve(own, stop, only)


def run(only: Collection[str] = ()) -> None:
    """Run the worker until SIGTERM or SIGINT, on some queues only if they are named."""
    own = settings()
    logs.configure(own.log_level, own.log_format)
    if own.worker_metrics_port is not None:
        prometheus_client.start_http_server(own.worker_metrics_port, addr=own.host)
    process.settle_in()
    uvloop.run(_main(own, only))
