"""What is carried to the queue, and what the worker says when a server is away or something else is wrong."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import structlog
from arq.connections import ArqRedis
from arq.worker import Worker

from app import worker
from app.db.engine import Database, Row
from app.db.runs import start
from app.db.uow import UnitOfWork
from app.domain import runs as rules
from app.domain.errors import Busy
from app.domain.runs import Progress
from app.jobs import base, relay
from app.kit import clock, tasks
from app.kit.ids import new_id
from app.settings import Settings
from app.usecases.runs import cancel_run
from tests.makers.organisations import Organisation
from tests.makers.work import run_row


@pytest.fixture(autouse=True)
def fresh_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger remembers where it wrote first; these have not written yet, so what they say can be captured."""
    for module in (base, relay, worker):
        monkeypatch.setattr(module, "_log", structlog.get_logger())


@pytest.mark.parametrize(
    ("fault", "event", "traced"),
    [
        (Busy("database_unreachable", "The database cannot be reached."), "it waits for a server", False),
        (asyncpg.CannotConnectNowError("starting up"), "it waits for a server", False),
        (asyncpg.UndefinedFunctionError("no function rapport_due"), "it failed", True),
        (KeyError("kind"), "it failed", True),
    ],
)
async def test_a_loop_goes_on_and_says_whether_a_server_is_away_or_we_are_wrong(
    fault: Exception, event: str, traced: bool
) -> None:
    stop, done = asyncio.Event(), []

    async def fail_twice() -> None:
        done.append(1)
        if len(done) > 2:
            stop.set()
            return
        raise fault

    with structlog.testing.capture_logs() as captured:
        await asyncio.wait_for(worker._repeat("it", timedelta(0), stop, fail_twice), 5)
    assert [one["event"] for one in captured] == [event] * 2
    assert all(("exc_info" in one) == traced for one in captured)


async def test_a_batch_that_finds_the_database_away_is_put_off_without_a_stack_trace() -> None:
    away = Database("postgresql://rapport@127.0.0.1:1/rapport", role=None, size=1)
    with structlog.testing.capture_logs() as captured:
        await relay.batch({"database": away}, str(new_id()), str(new_id()), "tags.merge")
    await away.close()
    assert [one["event"] for one in captured] == ["batch waits for the database"]


@pytest.fixture
async def queue(chosen: Settings) -> AsyncIterator[ArqRedis]:
    assert chosen.redis_url
    async with relay.queue_at(chosen.redis_url) as made:
        yield made


@pytest.fixture
async def due(org: Organisation, owner: Database) -> AsyncIterator[set[UUID]]:
    """Runs that are due, and called off in the end."""
    async with await org.work() as uow:
        runs = {await start(uow, "tests.waits", {"n": n}) for n in range(20)}
        await uow.commit()
    yield runs
    async with owner.connection() as connection:
        await connection.execute("update runs set status = 'cancelled' where org_id = $1", org.id)


async def test_what_waits_in_the_queue_is_asked_for_at_once_and_not_offered_again(
    queue: ArqRedis, due: set[UUID], org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[Any, ...]] = []
    speak = ArqRedis.execute_command

    async def listen(self: ArqRedis, *words: Any, **options: Any) -> Any:
        said.append(words)
        return await speak(self, *words, **options)

    await relay.carry_due(org.database, queue, clock.now())
    waiting = await queue.zrange(relay.name_of(base.DEFAULT_QUEUE), 0, -1)
    named = {job: job.decode().partition(":")[0] for job in waiting}  # others wait there too, such as sweeps
    assert {str(run) for run in due} <= set(named.values())

    monkeypatch.setattr(ArqRedis, "execute_command", listen)
    assert await relay.carry_due(org.database, queue, clock.now()) >= len(due)
    assert [words[0] for words in said] == ["MGET"]

    forgotten = next(job for job, run in named.items() if run in set(map(str, due)))
    await queue.zrem(relay.name_of(base.DEFAULT_QUEUE), forgotten)
    await queue.delete(f"arq:job:{forgotten.decode()}")
    await relay.carry_due(org.database, queue, clock.now())
    assert forgotten in await queue.zrange(relay.name_of(base.DEFAULT_QUEUE), 0, -1)


async def test_work_on_files_keeps_nothing_else_waiting(queue: ArqRedis, org: Organisation) -> None:
    files = {kind for kind in base.JOBS if kind.startswith(("imports.", "exports."))}
    assert {kind for kind in base.JOBS if base.queue_of(kind) == base.FILES_QUEUE} == files
    assert {base.DEFAULT_QUEUE, base.FILES_QUEUE} <= {*worker.queues()}


async def test_a_long_batch_is_begun_once_and_a_dead_workers_job_is_free_within_a_lease(
    queue: ArqRedis, due: set[UUID], org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "LEASE", timedelta(seconds=0.3))
    begun: list[UUID] = []

    async def go_on(_: Database, __: UUID, run: UUID) -> None:
        begun.append(run)
        if run == min(due):
            await asyncio.sleep(1.5)  # for arq, nobody is at it any more

    monkeypatch.setattr(relay, "do_batch", go_on)
    await relay.carry_due(org.database, queue, clock.now())
    made = worker.make_worker(base.DEFAULT_QUEUE, org.database, queue, burst=True)
    await asyncio.wait_for(made.async_run(), 10)
    assert sorted(run for run in begun if run in due) == sorted(due)


class _Deaf(Worker):
    """A worker that takes its first cancellations for something else, as a library on the way may."""

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.allow_pick_jobs = True
        self.heard = 0

    async def async_run(self) -> None:
        while self.heard < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.heard += 1


async def test_a_worker_that_is_told_to_stop_ends_also_when_a_library_takes_the_cancellation() -> None:
    stop, deaf = asyncio.Event(), _Deaf()
    tended = asyncio.create_task(worker._tend("default", stop, lambda: deaf))
    await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(tended, 10)
    assert (deaf.heard, deaf.allow_pick_jobs) == (2, False)


async def _carried(queue: ArqRedis, org: Organisation, known: base.Job) -> UUID:
    """A run that a worker of its queue takes next."""
    async with await org.work() as uow:
        run = await start(uow, known.kind, {})
        await uow.commit()
    await relay._carry(queue, org.id, run, known.kind, clock.now())
    return run


async def _tended(queue: ArqRedis, org: Organisation, stop: asyncio.Event) -> None:
    """Let a worker of the queue go until it is told to stop."""
    make = partial(worker.make_worker, "tests", org.database, queue)
    await asyncio.wait_for(worker._tend("tests", stop, make), 10)


async def _cancelled(org: Organisation, run: UUID) -> None:
    """Leave nothing due of a kind that no other test knows."""
    async with await org.work() as uow:
        await cancel_run(uow, run)
        await uow.commit()


async def test_a_worker_that_stops_waits_for_a_batch_that_takes_long_to_break_off(
    queue: ArqRedis, org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.05)
    monkeypatch.setattr(worker, "AGAIN", 0.1)
    stop = asyncio.Event()

    async def slow(_: UnitOfWork, __: Row) -> Progress:
        stop.set()
        await tasks.ended(asyncio.create_task(asyncio.sleep(1)))  # as a thread that goes on
        raise AssertionError("It is cancelled.")

    known = base.Job("tests.slow", slow, "tests")
    monkeypatch.setitem(base.JOBS, known.kind, known)
    run = await _carried(queue, org, known)
    await _tended(queue, org, stop)
    row = await run_row(org, run)
    assert (row["lease"], row["attempts"], row["error"]) == (None, 0, None)
    await _cancelled(org, run)


async def test_a_worker_that_stops_begins_no_further_batch(
    queue: ArqRedis, org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()

    async def go(_: UnitOfWork, run: Row) -> Progress:
        stop.set()
        await asyncio.sleep(0.1)
        return Progress({}, run["done"] + 1)

    known = base.Job("tests.stops", go, "tests")
    monkeypatch.setitem(base.JOBS, known.kind, known)
    run = await _carried(queue, org, known)
    await _tended(queue, org, stop)
    row = await run_row(org, run)
    assert (row["lease"], row["done"]) == (None, 1)
    await _cancelled(org, run)


async def test_a_run_goes_on_for_a_turn_and_then_lets_others_have_theirs(
    queue: ArqRedis, org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    seconds = 0.0

    async def go(_: UnitOfWork, run: Row) -> Progress:
        nonlocal seconds
        seconds += relay.GOES_ON / 2
        done.append(run["params"]["name"])
        return Progress({}, run["done"] + 1, finished=run["done"] == 4)

    known = base.Job("tests.turns", go, "tests")
    monkeypatch.setitem(base.JOBS, known.kind, known)
    monkeypatch.setattr(clock, "monotonic", lambda: seconds)
    async with await org.work() as uow:
        runs = [await start(uow, known.kind, {"name": name}) for name in "ab"]
        await uow.commit()
    for run in runs:
        await relay._carry(queue, org.id, run, known.kind, clock.now())
    made = worker.make_worker("tests", org.database, queue, burst=True)
    made.max_jobs, made.sem = 1, asyncio.BoundedSemaphore(2)
    await asyncio.wait_for(made.async_run(), 10)
    assert done == [*"aa", *"bb", *"aa", *"bb", "a", "b"]


async def test_a_run_for_which_no_other_waits_goes_on_in_its_turn(
    queue: ArqRedis, org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[asyncio.Task[Any] | None] = []
    seconds = 0.0

    async def go(_: UnitOfWork, run: Row) -> Progress:
        nonlocal seconds
        seconds += relay.GOES_ON_ALONE / 4
        jobs.append(asyncio.current_task())
        return Progress({}, run["done"] + 1, finished=run["done"] == 4)

    known = base.Job("tests.alone", go, "tests")
    monkeypatch.setitem(base.JOBS, known.kind, known)
    monkeypatch.setattr(clock, "monotonic", lambda: seconds)
    await _carried(queue, org, known)
    made = worker.make_worker("tests", org.database, queue, burst=True)
    await asyncio.wait_for(made.async_run(), 10)
    assert [job is jobs[0] for job in jobs] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("fault", "traced"),
    [(Busy("database_unreachable", "The database connection was lost."), False), (KeyError("kind"), True)],
)
async def test_a_batch_that_loses_the_database_in_the_middle_is_a_warning_in_one_line(
    org: Organisation, owner: Database, monkeypatch: pytest.MonkeyPatch, fault: Exception, traced: bool
) -> None:
    async def fail(_: UnitOfWork, __: Row) -> Progress:
        raise fault

    known = base.Job("tests.loses", fail, base.DEFAULT_QUEUE)
    monkeypatch.setitem(base.JOBS, known.kind, known)
    async with await org.work() as uow:
        run = await start(uow, known.kind, {})
        await uow.commit()
    with structlog.testing.capture_logs() as captured:
        await base.do_batch(org.database, org.id, run)
    async with owner.connection() as connection:
        await connection.execute("update runs set status = 'cancelled' where org_id = $1", org.id)
    (told,) = [one for one in captured if one["event"] == "batch failed"]
    assert (told["log_level"], "exc_info" in told) == (("error", True) if traced else ("warning", False))
    assert told["run"] == str(run)


async def test_what_a_queue_calls_by_an_old_name_is_done_by_the_one_that_the_run_has(
    queue: ArqRedis, org: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go(_: UnitOfWork, run: Row) -> Progress:
        return Progress({}, 1, finished=True, result={"kind": run["kind"]})

    known = base.Job("tests.renamed", go, base.DEFAULT_QUEUE)
    monkeypatch.setitem(base.JOBS, known.kind, known)
    async with await org.work() as uow:
        run = await start(uow, known.kind, {})
        await uow.commit()
    await relay.batch({"database": org.database, "redis": queue}, str(org.id), str(run), "tests.old_name")
    found = await run_row(org, run)
    assert (found["status"], found["attempts"], found["result"]) == ("done", 0, {"kind": known.kind})
