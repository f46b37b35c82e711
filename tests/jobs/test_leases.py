"""A batch that goes on keeps its lease, and what has lost it keeps nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.engine import Database, Row
from app.db.runs import renew
from app.db.uow import UnitOfWork
from app.domain import runs as rules
from app.domain.errors import Busy, RuleBroken
from app.domain.runs import Progress
from app.jobs import base
from app.jobs.base import JOBS, do_batch, job
from app.kit import clock
from app.settings import Settings
from app.usecases import runs
from tests.makers.organisations import Organisation
from tests.makers.runs import SHORT, count_to, started, tags_of, taken
from tests.makers.work import run_row, until


async def test_a_worker_that_comes_late_keeps_nothing(org: Organisation, known):
    """Its lease ran out while it was at work, and another took the run over and was done."""
    slow, calls = asyncio.Event(), 0

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        nonlocal calls
        calls += 1
        progress = await count_to(uow, run)
        if calls == 1:
            # Until the other is done: longer than its lease, as if this process had been suspended.
            await slow.wait()
        return progress

    job("tests.slow")(batch)
    run = await started(org, "tests.slow", to=1)
    late = asyncio.create_task(_silent(org, run))
    await until(lambda: taken(org, run))
    await asyncio.sleep(SHORT.total_seconds() * 1.1)
    await do_batch(org.database, org.id, run)
    slow.set()
    assert await late == "lost"
    assert await tags_of(org, run) == [1]
    assert (await run_row(org, run))["status"] == "done"


async def _silent(org: Organisation, run: UUID) -> str:
    """A batch whose lease nobody renews."""
    async with base._unit(org.database, org.id, f"run:{run}") as uow:
        taken = await runs.take_batch(uow, run, lease=SHORT)
        await uow.commit()
    assert taken is not None
    return (await base._work(org.database, JOBS["tests.slow"], taken, lambda: None))[0]


async def test_a_batch_that_goes_on_for_longer_than_a_lease_keeps_it(
    org: Organisation, chosen: Settings, known, short
):
    in_it, calls = asyncio.Event(), 0

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        nonlocal calls
        calls += 1
        in_it.set()
        await asyncio.sleep(5 * SHORT.total_seconds())
        return await count_to(uow, run)

    job("tests.long")(batch)
    run = await started(org, "tests.long", to=1)
    assert chosen.database_url
    full = Database(chosen.database_url, role=chosen.app_role, size=1)  # its one connection is the batch's
    working = asyncio.create_task(do_batch(full, org.id, run))
    await in_it.wait()
    while not working.done():
        assert await do_batch(org.database, org.id, run) is None
        await asyncio.sleep(SHORT.total_seconds() / 8)
    await full.close()
    row = await run_row(org, run)
    assert (row["status"], row["attempts"], row["lease"], calls) == ("done", 0, None, 1)
    assert await tags_of(org, run) == [1]


async def test_a_long_batch_ends_when_it_ends_and_nothing_is_seen_of_its_renewing(
    org: Organisation, known, short
):
    seen = []

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await asyncio.sleep(SHORT.total_seconds())
        seen.extend([run, await run_row(org, run["id"]), clock.now()])
        return Progress({}, 1, finished=True)

    job("tests.long")(batch)
    run = await started(org, "tests.long")
    await do_batch(org.database, org.id, run)
    taken, renewed, over = seen
    assert renewed["due_at"] > taken["due_at"]
    assert (renewed["version"], renewed["updated_at"]) == (taken["version"], taken["updated_at"])
    row = await run_row(org, run)
    assert row["updated_at"] == row["finished_at"] == row["due_at"] >= over


async def test_a_lease_stands_for_as_long_as_it_should_though_the_clocks_of_workers_differ(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    real = clock.now

    async def take(minutes: int) -> Row | None:
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
        async with base._unit(org.database, org.id, f"run:{run}") as uow:
            found = await runs.take_batch(uow, run, lease=rules.LEASE)
            await uow.commit()
        return found

    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=1))
    run = await started(org, "tests.count", to=1)
    first = await take(-1)
    assert first is not None
    assert [await take(minutes) for minutes in (0, 1)] == [None, None]
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(minutes=1))
    assert await renew(org.database, first, rules.LEASE)
    assert [await take(minutes) for minutes in (0, 1)] == [None, None]


async def test_a_batch_keeps_its_lease_until_its_end_has_locked_the_run(
    org: Organisation, known, short, monkeypatch: pytest.MonkeyPatch
):
    ends, end, offers = 0, runs.end_batch, []

    async def slowly(*given: Any) -> bool:
        nonlocal ends
        ends += 1
        await asyncio.sleep(2 * SHORT.total_seconds())
        offers.append(await do_batch(org.database, org.id, given[1]["id"]))
        return await end(*given)

    monkeypatch.setattr(runs, "end_batch", slowly)
    job("tests.count")(count_to)
    run = await started(org, "tests.count", to=1)
    await do_batch(org.database, org.id, run)
    assert (ends, offers) == (1, [None])
    assert (await run_row(org, run))["status"] == "done"


async def test_a_batch_whose_lease_is_lost_is_broken_off(org: Organisation, known, short):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        progress = await count_to(uow, run)
        await uow.execute("select pg_sleep(20)")
        return progress

    job("tests.long")(batch)
    run = await started(org, "tests.long", to=1)
    working = asyncio.create_task(do_batch(org.database, org.id, run))
    await until(lambda: taken(org, run))
    assert (await org.admin.post(f"/v1/runs/{run}/cancel")).status_code == 200
    assert await asyncio.wait_for(working, 5) is None
    row = await run_row(org, run)
    assert (row["status"], row["error"]) == ("cancelled", None)
    assert await tags_of(org, run) == []


async def test_a_lease_that_cannot_be_renewed_for_a_moment_is_renewed_later(
    org: Organisation, known, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rules, "LEASE", timedelta(seconds=2))
    renewed, faults = asyncio.Event(), [OSError("away"), Busy("try_again", "In use.")]

    async def sometimes(*given: Any, **more: Any) -> bool:
        monkeypatch.setattr(rules, "LEASE", SHORT)  # no waiting from here on
        if faults:
            raise faults.pop()
        stands = await renew(*given, **more)
        renewed.set()
        return stands

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await renewed.wait()
        return await count_to(uow, run)

    monkeypatch.setattr(base, "renew", sometimes)
    job("tests.long")(batch)
    run = await started(org, "tests.long", to=1)
    await asyncio.wait_for(do_batch(org.database, org.id, run), 10)
    assert (await run_row(org, run))["status"] == "done"


async def test_a_batch_fails_by_its_own_fault_though_its_renewing_failed_before(
    org: Organisation, known, monkeypatch: pytest.MonkeyPatch
):
    async def failing(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr(base, "_renew", failing)
    assert await _refused(org, UnitOfWork.speak) == "Not now."


async def _refused(org: Organisation, work: Callable[[UnitOfWork], Awaitable[object]]) -> str:
    """What a run says of a batch that is refused after this work."""

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await work(uow)
        raise RuleBroken("no", "Not now.")

    job("tests.unrenewed")(batch)
    run = await started(org, "tests.unrenewed")
    await asyncio.wait_for(do_batch(org.database, org.id, run), 5)
    said: str = (await run_row(org, run))["error"]
    return said


async def test_a_renewal_that_is_cancelled_ends_whatever_comes_of_the_cancellation(
    org: Organisation, known, short, monkeypatch: pytest.MonkeyPatch
):
    renewing = asyncio.Event()

    async def obscured(*_: Any, **__: Any) -> bool:
        renewing.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError from None
        return True

    monkeypatch.setattr(base, "renew", obscured)
    assert await _refused(org, lambda _: renewing.wait()) == "Not now."


async def test_a_stopped_worker_hands_its_batch_back(service: FastAPI, org: Organisation, known):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await uow.execute("select pg_sleep(20)")
        return Progress({}, 1, finished=True)

    job("tests.long")(batch)
    run = await started(org, "tests.long")
    working = asyncio.create_task(do_batch(org.database, org.id, run))
    await until(lambda: taken(org, run))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    row = await run_row(org, run)
    assert (row["lease"], row["attempts"], row["status"]) == (None, 0, "running")
    assert row["due_at"] <= clock.now()
