"""@job: a function that does one short batch of a run. What it takes to do so safely stands here, once.

PostgreSQL holds the truth, so nothing here trusts the queue: a batch may be offered twice, late, or to two workers
at once, and a worker may die at any line. See app/domain/runs.py for the protocol.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter, Histogram

from app.db import actors
from app.db.engine import Database, Row
from app.db.runs import renew
from app.db.uow import UnitOfWork
from app.domain import runs as rules
from app.domain.access import Actor
from app.domain.errors import Busy, DomainError, RuleBroken
from app.domain.runs import TOO_MUCH, Progress
from app.kit import clock, tasks
from app.usecases import runs

DEFAULT_QUEUE = "default"
FILES_QUEUE = "files"
"""Of imports and exports, whose batches are long: whatever else is to be done does not wait behind them."""
ANALYTICS_QUEUE = "analytics"
"""Of work that reads very much, and takes long."""
UNEXPECTED = "Something unexpected went wrong; what it was stands in the worker's log under this run's id."
_BATCHES = Counter(
    "rapport_batches", "Batches of background work, by what came of them.", ["kind", "outcome"]
)
_SECONDS = Histogram("rapport_batch_seconds", "Seconds that a batch took.", ["kind"])
_log = structlog.get_logger()

Batch = Callable[[UnitOfWork, Row], Awaitable[Progress]]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of background work."""

    kind: str
    batch: Batch
    queue: str


JOBS: dict[str, Job] = {}
"""Every kind of work that this process knows."""


def job(kind: str, *, queue: str = DEFAULT_QUEUE) -> Callable[[Batch], Batch]:
    """Make the function the batch of this kind of run: one step from run.checkpoint, all of it in the unit of work.

    It may be run again from the same checkpoint after it was rolled back, so it does nothing outside the database
    that cannot be done twice.
    """

    def register(batch: Batch) -> Batch:
        JOBS[kind] = Job(kind, batch, queue)
        return batch

    return register


def queue_of(kind: str) -> str:
    """The queue of a kind of work; the default one for a kind that only other workers know."""
    return JOBS[kind].queue if kind in JOBS else DEFAULT_QUEUE


async def do_batch(database: Database, org_id: UUID, run_id: UUID) -> datetime | None:
    """Do the run's next batch, if it is due and nobody else is at it; since when the one after is due, if there is one."""
    async with _unit(database, org_id, f"run:{run_id}") as uow:
        run = await runs.take_batch(uow, run_id, lease=rules.LEASE)
        await uow.commit()
    if run is None:
        return None
    kind = run["kind"]
    known = JOBS.get(kind)
    began = clock.monotonic()
    outcome, following = "failed", None
    try:
        if known is None:
            raise RuleBroken(
                "kind_unknown", f"No worker that took this run knows the work {kind}; update the workers."
            )
        async with _renewed(database, run) as enough:
            outcome, following = await _work(database, known, run, enough)
    except _Lost:
        outcome = "lost"
    except asyncio.CancelledError:
        outcome = "released"
        await tasks.ended(asyncio.create_task(_end(database, run, runs.release_batch)))
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is, it is logged, and the run says a sentence about it
        told = {"kind": kind, "run": str(run_id), "org": str(org_id)}
        sentence = _sentence(fault)
        if isinstance(fault, Busy) and fault.code not in TOO_MUCH:
            outcome = "waits"
            _log.info("batch waits", **told, reason=sentence)
            await _end(database, run, partial(runs.put_off_batch, sentence=sentence))
            return None
        if isinstance(fault, Busy):  # the database is away, which is nothing to look for in our own lines
            _log.warning("batch failed", **told, reason=sentence)
        else:
            _log.error("batch failed", **told, exc_info=fault)
        await _end(database, run, partial(runs.fail_batch, sentence=sentence))
    finally:
        _BATCHES.labels(kind, outcome).inc()
        _SECONDS.labels(kind).observe(clock.monotonic() - began)
    return following


async def _work(
    database: Database, known: Job, run: Row, enough: Callable[[], object]
) -> tuple[str, datetime | None]:
    async with _unit(database, run["org_id"], f"run:{run['id']}") as uow:
        progress = await known.batch(uow, run)
        uow.now = clock.now()  # the batch may have taken long, and the run ends now
        if not await runs.end_batch(uow, run, progress):
            return "lost", None  # cancelled, or taken over: leaving without a commit takes the work back
        enough()  # the run is locked by now, and nobody else can take it
        await uow.commit()
        return "done", None if progress.finished or progress.wait else uow.now


class _Lost(Exception):
    """The run was cancelled, or another worker has taken it over."""


class _TooLong(Exception):
    """The batch went on for longer than one may."""


@contextlib.asynccontextmanager
async def _renewed(database: Database, run: Row) -> AsyncIterator[Callable[[], object]]:
    """Renew the lease for as long as the block goes on, or until what is given is called.

    Breaks the block off once the lease is lost, and raises _Lost, or once it has gone on for too long, and raises
    _TooLong.
    """
    lost = asyncio.Event()
    try:
        async with asyncio.timeout(rules.LIMIT.total_seconds()) as limit:
            renewing = asyncio.create_task(_renew(database, run, limit, lost))
            try:
                yield renewing.cancel
            finally:
                renewing.cancel()
                await asyncio.wait({renewing})
    except Exception as fault:
        if lost.is_set():
            raise _Lost from None
        if limit.expired():
            raise _TooLong from fault
        raise


async def _renew(database: Database, run: Row, limit: asyncio.Timeout, lost: asyncio.Event) -> None:
    """Renew the lease again and again; once it is lost, the time of the batch is over."""
    own = cast("asyncio.Task[None]", asyncio.current_task())
    while not own.cancelling():  # a cancellation can come out as another fault
        await asyncio.sleep(rules.LEASE.total_seconds() / 3)
        try:
            stands = await renew(database, run, rules.LEASE)
        except Exception as fault:  # noqa: BLE001 - it is tried again, and who takes the run meanwhile is met at the end
            _log.warning("lease not renewed", run=str(run["id"]), reason=str(fault))
            continue
        if not stands:
            lost.set()
            if not limit.expired():
                limit.reschedule(0)
            return


async def _end(database: Database, run: Row, end: Callable[[UnitOfWork, Row], Awaitable[None]]) -> None:
    """Give the lease back, with what came of the batch; when even that fails, the lease runs out by itself."""
    try:
        async with _unit(database, run["org_id"], f"run:{run['id']}") as uow:
            await end(uow, run)
            await uow.commit()
    except (DomainError, asyncpg.PostgresError, OSError) as fault:
        _log.warning("lease not given back", run=str(run["id"]), reason=str(fault))


def _sentence(fault: Exception) -> str:
    match fault:
        case DomainError():
            return fault.detail
        case _TooLong():
            return f"A batch of this work took longer than the {rules.LIMIT} that it has."
        case _:
            return UNEXPECTED


async def step(
    database: Database, org_id: UUID, cause: str, work: Callable[[UnitOfWork], Awaitable[_Made]]
) -> _Made:
    """Do something small that needs no run, in a unit of work of the house itself, and keep it."""
    async with _unit(database, org_id, cause) as uow:
        made = await work(uow)
        await uow.commit()
    return made


@contextlib.asynccontextmanager
async def _unit(database: Database, org_id: UUID, cause: str) -> AsyncIterator[UnitOfWork]:
    """A unit of work of the house itself."""

    async def load() -> Actor:
        return await actors.system(database, org_id)

    uow = UnitOfWork(database, await load(), now=clock.now(), cause=cause, reload=load)
    async with uow:
        yield uow
