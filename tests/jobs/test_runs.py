"""Batches count once, and a run that was taken away, stood still or failed goes on or says why."""

import asyncio
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI

from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain import runs as rules
from app.domain.errors import Busy, RuleBroken
from app.domain.runs import MOST_ATTEMPTS, Progress
from app.jobs import base
from app.jobs.base import UNEXPECTED, do_batch, job
from app.kit import clock
from app.usecases import runs
from tests.makers.organisations import Organisation
from tests.makers.runs import SHORT, count_to, events_of, started, tags_of
from tests.makers.work import run_row, work_off


async def test_a_run_goes_batch_by_batch_and_its_log_tells_only_the_turns(
    service: FastAPI, org: Organisation, known
):
    job("tests.count")(count_to)
    run = await started(org, "tests.count", to=7)
    await work_off(service)
    row = await run_row(org, run)
    assert (row["status"], row["done"], row["result"], row["lease"]) == ("done", 7, {"places": 7}, None)
    assert row["finished_at"] >= row["started_at"]
    assert await tags_of(org, run) == list(range(1, 8))
    assert await events_of(org, run) == ["run.queued", "run.started", "run.done"]


async def test_two_workers_at_once_do_each_batch_once(service: FastAPI, org: Organisation, known):
    job("tests.count")(count_to)
    asked = [await started(org, "tests.count", to=5) for _ in range(6)]
    await work_off(service, workers=2)
    for run in asked:
        assert await tags_of(org, run) == [1, 2, 3, 4, 5]


async def test_a_batch_offered_to_many_at_once_is_done_by_one(org: Organisation, known):
    job("tests.count")(count_to)
    run = await started(org, "tests.count", to=1)
    await asyncio.gather(*(do_batch(org.database, org.id, run) for _ in range(8)))
    assert await tags_of(org, run) == [1]


async def test_a_batch_that_fails_is_tried_again_and_nothing_of_it_stays(
    service: FastAPI, org: Organisation, known, at_once
):
    failures = [Busy("try_again", "Somebody is in the way."), ValueError("a secret"), ZeroDivisionError()]

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        progress = await count_to(uow, run)
        if run["checkpoint"] and failures:
            raise failures.pop()
        return progress

    job("tests.flaky")(batch)
    run = await started(org, "tests.flaky", to=3)
    await work_off(service)
    row = await run_row(org, run)
    assert (row["status"], row["error"], row["attempts"]) == ("done", None, 0)
    assert await tags_of(org, run) == [1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (RuleBroken("no", "The moon is full."), "The moon is full."),
        (ValueError("secret of a stack"), UNEXPECTED),
        (TimeoutError("a socket's, not the batch's"), UNEXPECTED),
    ],
)
async def test_what_fails_every_time_ends_with_a_sentence(
    service: FastAPI, org: Organisation, known, at_once, fault, sentence
):
    calls = 0

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        nonlocal calls
        calls += 1
        await count_to(uow, run)
        raise fault

    job("tests.failing")(batch)
    run = await started(org, "tests.failing", to=1)
    await work_off(service)
    row = await run_row(org, run)
    assert (row["status"], row["error"], calls) == ("failed", sentence, MOST_ATTEMPTS)
    assert await tags_of(org, run) == []
    assert await events_of(org, run) == ["run.queued", "run.started", "run.failed"]


async def test_what_somebody_else_holds_is_waited_for_as_long_as_it_takes(
    service: FastAPI, org: Organisation, known
):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await uow.execute("set local lock_timeout = '10ms'")
        await take(uow)
        return await count_to(uow, run)

    async def take(uow: UnitOfWork) -> None:
        await uow.execute("select from users where org_id = $1 for update", org.id)

    job("tests.count")(batch)
    run = await started(org, "tests.count", to=1)
    dues = []
    async with await org.work() as holder:
        await take(holder)
        for _ in range(MOST_ATTEMPTS + 2):
            await do_batch(org.database, org.id, run)
            row = (await org.admin.get(f"/v1/runs/{run}")).json()
            assert (row["status"], row["attempts"]) == ("running", 0), row
            assert "Somebody else" in row["error"]
            since = datetime.fromisoformat(row["waiting_since"])
            dues.append(datetime.fromisoformat(row["due_at"]) - clock.now())
            async with await org.work() as later:  # as if ten seconds had gone by
                await later.execute(
                    "update runs set due_at = $3, waiting_since = waiting_since - interval '10 seconds'"
                    " where org_id = $1 and id = $2",
                    *(org.id, run, clock.now()),
                )
                await later.commit()
    assert clock.now() - since > timedelta(seconds=10 * MOST_ATTEMPTS)
    assert dues[0] < timedelta(seconds=3)
    assert timedelta(seconds=50) < dues[-1] <= rules.MOST_PATIENCE
    await work_off(service)
    row = await run_row(org, run)
    assert (row["status"], row["error"], row["waiting_since"]) == ("done", None, None)
    assert await tags_of(org, run) == [1]


@pytest.mark.parametrize("code", ["took_too_long", "database_unreachable"])
async def test_what_a_batch_may_have_brought_upon_itself_counts(org: Organisation, known, code: str):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        raise Busy(code, "Ask for less.")

    job("tests.greedy")(batch)
    run = await started(org, "tests.greedy")
    await do_batch(org.database, org.id, run)
    row = await run_row(org, run)
    assert (row["attempts"], row["error"], row["waiting_since"]) == (1, "Ask for less.", None)


async def test_a_failed_attempt_waits_before_the_next(org: Organisation, known):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        raise RuleBroken("no", "Not now.")

    job("tests.failing")(batch)
    run = await started(org, "tests.failing")
    await do_batch(org.database, org.id, run)
    row = await run_row(org, run)
    assert (row["status"], row["attempts"], row["error"]) == ("running", 1, "Not now.")
    assert row["due_at"] > clock.now() + timedelta(seconds=1)
    await do_batch(org.database, org.id, run)
    assert (await run_row(org, run))["version"] == row["version"]


async def test_a_batch_that_takes_too_long_is_stopped_and_fails(
    org: Organisation, known, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rules, "LIMIT", SHORT)

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await count_to(uow, run)
        await uow.execute("select pg_sleep(20)")
        return Progress({}, 1, finished=True)

    job("tests.long")(batch)
    run = await started(org, "tests.long", to=1)
    await do_batch(org.database, org.id, run)
    row = await run_row(org, run)
    assert (row["attempts"], row["lease"]) == (1, None)
    assert "took longer" in row["error"]
    assert await tags_of(org, run) == []


async def test_a_kind_that_nobody_knows_fails_with_a_sentence(service: FastAPI, org: Organisation, at_once):
    run = await started(org, "tests.unheard_of")
    await work_off(service)
    row = await run_row(org, run)
    assert row["status"] == "failed"
    assert "tests.unheard_of" in row["error"]


async def test_a_batch_that_kills_its_worker_every_time_is_given_up(org: Organisation, known):
    job("tests.deadly")(count_to)
    run = await started(org, "tests.deadly", to=1)
    for _ in range(MOST_ATTEMPTS + 1):
        async with base._unit(org.database, org.id, f"run:{run}") as uow:
            await runs.take_batch(uow, run, lease=timedelta(0))
            await uow.commit()
    row = await run_row(org, run)
    assert (row["status"], row["error"]) == ("failed", rules.DIED)


async def test_a_cancelled_run_keeps_nothing_of_the_batch_under_way(
    service: FastAPI, org: Organisation, known
):
    in_it, go_on = asyncio.Event(), asyncio.Event()

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        progress = await count_to(uow, run)
        if progress.done == 2:
            in_it.set()
            await go_on.wait()
        return progress

    job("tests.count")(batch)
    run = await started(org, "tests.count", to=5)
    working = asyncio.create_task(work_off(service))
    await in_it.wait()
    cancelled = await org.admin.post(f"/v1/runs/{run}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled"), cancelled.text
    go_on.set()
    await working
    assert await tags_of(org, run) == [1]
    again = await org.admin.post(f"/v1/runs/{run}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "status_not_allowed")
    retried = await org.admin.post(f"/v1/runs/{run}/retry")
    assert retried.json()["status"] == "queued"
    await work_off(service)
    assert await tags_of(org, run) == [1, 2, 3, 4, 5]
    assert await events_of(org, run) == [
        *("run.queued", "run.started", "run.cancelled"),
        *("run.queued", "run.started", "run.done"),
    ]
