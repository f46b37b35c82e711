"""Batches count once, and a run that was taken away, stood still or failed goes on or says why."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.engine import Database, Row
from app.db.runs import start as start_run
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain import runs as rules
from app.domain.errors import Busy, RuleBroken
from app.domain.runs import MOST_ATTEMPTS, Progress
from app.jobs import base
from app.jobs.base import JOBS, UNEXPECTED, do_batch, job
from app.jobs.housekeeping import forget, make_months
from app.kit import clock
from app.settings import Settings
from app.usecases import plain, runs
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, until, work_off

SHORT = timedelta(seconds=0.4)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between failed attempts."""
    monkeypatch.setattr(rules, "pause", lambda _: timedelta(0))


@pytest.fixture
def known() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(JOBS)
    yield
    JOBS.clear()
    JOBS.update(before)


async def started(org: Organisation, kind: str, **params: object) -> UUID:
    async with await org.work() as uow:
        run = await start_run(uow, kind, params)
        await uow.commit()
    return run


async def count_to(uow: UnitOfWork, run: Row) -> Progress:
    """Adds one tag a batch, so that a batch that counted twice shows."""
    place = (run["checkpoint"] or {"place": 0})["place"] + 1
    values = {"name": f"{run['id']} {place} {clock.monotonic()}", "colour": None, "description": None}
    await plain.add(uow, TAGS, values, set())
    finished = place == run["params"]["to"]
    return Progress(
        {"place": place}, place, finished=finished, result={"places": place} if finished else None
    )


async def tags_of(org: Organisation, run: UUID) -> list[int]:
    async with org.database.connection(org.id) as connection:
        names = await connection.fetch(
            "select name from tags where org_id = $1 and name like $2", org.id, f"{run} %"
        )
    return sorted(int(row["name"].split()[1]) for row in names)


async def events_of(org: Organisation, record: UUID) -> list[str]:
    async with org.database.connection(org.id) as connection:
        rows = await connection.fetch(
            "select type from events where org_id = $1 and noun_id = $2 order by seq", org.id, record
        )
    return [row["type"] for row in rows]


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
    await asyncio.gather(*(do_batch(org.database, org.id, run, "tests.count") for _ in range(8)))
    assert await tags_of(org, run) == [1]


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
    await until(lambda: _taken(org, run))
    await asyncio.sleep(SHORT.total_seconds() * 1.1)
    await do_batch(org.database, org.id, run, "tests.slow")
    slow.set()
    assert await late == "lost"
    assert await tags_of(org, run) == [1]
    assert (await run_row(org, run))["status"] == "done"


async def _taken(org: Organisation, run: UUID) -> bool:
    return (await run_row(org, run))["lease"] is not None


async def _silent(org: Organisation, run: UUID) -> str:
    """A batch whose lease nobody renews."""
    async with base._unit(org.database, org.id, f"run:{run}") as uow:
        taken = await runs.take_batch(uow, run, lease=SHORT)
        await uow.commit()
    assert taken is not None
    return (await base._work(org.database, JOBS["tests.slow"], taken, lambda: None))[0]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are soon over."""
    monkeypatch.setattr(rules, "LEASE", SHORT)


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
    working = asyncio.create_task(do_batch(full, org.id, run, "tests.long"))
    await in_it.wait()
    while not working.done():
        assert await do_batch(org.database, org.id, run, "tests.long") is None
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
    await do_batch(org.database, org.id, run, "tests.long")
    taken, renewed, over = seen
    assert renewed["due_at"] > taken["due_at"]
    assert (renewed["version"], renewed["updated_at"]) == (taken["version"], taken["updated_at"])
    row = await run_row(org, run)
    assert row["updated_at"] == row["finished_at"] == row["due_at"] >= over


async def test_a_batch_keeps_its_lease_until_its_end_has_locked_the_run(
    org: Organisation, known, short, monkeypatch: pytest.MonkeyPatch
):
    ends, end, offers = 0, runs.end_batch, []

    async def slowly(*given: Any) -> bool:
        nonlocal ends
        ends += 1
        await asyncio.sleep(2 * SHORT.total_seconds())
        offers.append(await do_batch(org.database, org.id, given[1]["id"], "tests.count"))
        return await end(*given)

    monkeypatch.setattr(runs, "end_batch", slowly)
    job("tests.count")(count_to)
    run = await started(org, "tests.count", to=1)
    await do_batch(org.database, org.id, run, "tests.count")
    assert (ends, offers) == (1, [None])
    assert (await run_row(org, run))["status"] == "done"


async def test_a_batch_whose_lease_is_lost_is_broken_off(org: Organisation, known, short):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        progress = await count_to(uow, run)
        await uow.execute("select pg_sleep(20)")
        return progress

    job("tests.long")(batch)
    run = await started(org, "tests.long", to=1)
    working = asyncio.create_task(do_batch(org.database, org.id, run, "tests.long"))
    await until(lambda: _taken(org, run))
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
    renew = base.renew

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
    await asyncio.wait_for(do_batch(org.database, org.id, run, "tests.long"), 10)
    assert (await run_row(org, run))["status"] == "done"


async def test_a_batch_fails_by_its_own_fault_though_its_renewing_failed_before(
    org: Organisation, known, monkeypatch: pytest.MonkeyPatch
):
    async def failing(*_: Any) -> None:
        raise OSError

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await uow.speak()
        raise RuleBroken("no", "Not now.")

    monkeypatch.setattr(base, "_renew", failing)
    job("tests.unrenewed")(batch)
    run = await started(org, "tests.unrenewed")
    await do_batch(org.database, org.id, run, "tests.unrenewed")
    assert (await run_row(org, run))["error"] == "Not now."


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

    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await renewing.wait()
        raise RuleBroken("no", "Not now.")

    monkeypatch.setattr(base, "renew", obscured)
    job("tests.unrenewed")(batch)
    run = await started(org, "tests.unrenewed", to=1)
    await asyncio.wait_for(do_batch(org.database, org.id, run, "tests.unrenewed"), 5)
    assert (await run_row(org, run))["error"] == "Not now."


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
            await do_batch(org.database, org.id, run, "tests.count")
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
    await do_batch(org.database, org.id, run, "tests.greedy")
    row = await run_row(org, run)
    assert (row["attempts"], row["error"], row["waiting_since"]) == (1, "Ask for less.", None)


async def test_a_failed_attempt_waits_before_the_next(org: Organisation, known):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        raise RuleBroken("no", "Not now.")

    job("tests.failing")(batch)
    run = await started(org, "tests.failing")
    await do_batch(org.database, org.id, run, "tests.failing")
    row = await run_row(org, run)
    assert (row["status"], row["attempts"], row["error"]) == ("running", 1, "Not now.")
    assert row["due_at"] > clock.now() + timedelta(seconds=1)
    await do_batch(org.database, org.id, run, "tests.failing")
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
    await do_batch(org.database, org.id, run, "tests.long")
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


async def test_a_stopped_worker_hands_its_batch_back(service: FastAPI, org: Organisation, known):
    async def batch(uow: UnitOfWork, run: Row) -> Progress:
        await uow.execute("select pg_sleep(20)")
        return Progress({}, 1, finished=True)

    job("tests.long")(batch)
    run = await started(org, "tests.long")
    working = asyncio.create_task(do_batch(org.database, org.id, run, "tests.long"))
    await until(lambda: _taken(org, run))
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    row = await run_row(org, run)
    assert (row["lease"], row["attempts"], row["status"]) == (None, 0, "running")
    assert row["due_at"] <= clock.now()


async def test_housekeeping_makes_months_and_forgets_what_is_over(org: Organisation, owner):
    far = clock.now() + timedelta(days=31 * 16)
    body = {"kind": "note", "at": far.isoformat(), "subject": "far ahead"}
    made = await org.admin.post("/v1/interactions", json=body, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201
    later = clock.now() + timedelta(days=31 * 8)
    first, second = await asyncio.gather(make_months(org.database, later), make_months(org.database, later))
    assert first["events"] + second["events"] >= 6
    first, second = await asyncio.gather(forget(org.database, later), forget(org.database, later))
    assert first["keys"] + second["keys"] >= 1
    found = await org.admin.get(made.headers["location"])
    assert found.json()["subject"] == "far ahead"
    async with owner.connection() as connection:
        where = await connection.fetchval(
            "select tableoid::regclass::text from interactions where id = $1", UUID(found.json()["id"])
        )
    assert where == f"interactions_p{far:%Y%m}"
    assert (await make_months(org.database, later))["interactions"] == 0
