"""Workers in processes of their own are killed, and their servers with them; every batch counts once all the same."""

import asyncio
import signal
from collections import Counter
from functools import partial

import pytest
from redis.asyncio import Redis

from app.embedded.servers import Servers
from app.settings import Settings
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, run_row, until

MANY = 5_000


async def _rename_many(org: Organisation, count: int = MANY) -> tuple[str, list[str]]:
    """A tag on many contacts, and the run that renames it; the contacts' ids."""
    here = (await org.admin.post("/v1/tags", json={"name": "old"})).headers["location"]
    items = [
        {"name": f"n{i}", "tags": ["old", "kept"], "external_ids": {"erp": str(i)}} for i in range(count)
    ]
    made = await org.admin.post("/v1/contacts/bulk", json={"items": items}, timeout=60)
    assert made.json()["created"] == count
    asked = await org.admin.post(f"{here}/rename", json={"name": "new"}, headers={"If-Match": "*"})
    assert asked.status_code == 202, asked.text
    return asked.json()["id"], [item["id"] for item in made.json()["items"]]


async def _progress(org: Organisation, run: str, least: int) -> bool:
    row = await run_row(org, run)
    return row["done"] >= least or row["status"] in {"done", "failed"}


async def _each_renamed_once(org: Organisation, run: str, ids: list[str]) -> None:
    async def ended() -> bool:
        return (await run_row(org, run))["status"] not in {"queued", "running"}

    await until(ended, 60)
    row = await run_row(org, run)
    assert (row["status"], row["result"]) == ("done", {"renamed": len(ids)}), dict(row)
    async with org.database.connection(org.id) as connection:
        tags = await connection.fetch(
            "select tags, version, count(*) from contacts where org_id = $1 group by 1, 2", org.id
        )
        assert [tuple(t) for t in tags] == [(["new", "kept"], 2, len(ids))]
        events = await connection.fetch(
            "select noun_id from events where org_id = $1 and type = 'contact.edited'", org.id
        )
    assert Counter(str(e["noun_id"]) for e in events) == Counter(ids)


@pytest.mark.slow
async def test_a_worker_killed_again_and_again_renames_every_record_once(chosen: Settings, org: Organisation):
    run, ids = await _rename_many(org)
    for least in (200, 2_400):
        with Worker(chosen) as worker:
            await until(partial(_progress, org, run, least))
            worker.kill()
    assert (await run_row(org, run))["status"] == "running"
    with Worker(chosen) as worker:
        await _each_renamed_once(org, run, ids)
        assert worker.stop() == 0


@pytest.mark.slow
async def test_a_worker_killed_as_it_takes_a_job_does_not_keep_it_from_others(
    chosen: Settings, org: Organisation
):
    tag = await org.admin.post("/v1/tags", json={"name": "old"})
    asked = await org.admin.post(
        f"{tag.headers['location']}/rename", json={"name": "new"}, headers={"If-Match": "*"}
    )
    with Worker(chosen, deadly=True) as worker:
        assert await asyncio.to_thread(worker.end) == -signal.SIGKILL
    run = asked.json()["id"]
    assert (await run_row(org, run))["attempts"] == 0, "it was to die before it had taken the run"

    async def done() -> bool:
        return str((await run_row(org, run))["status"]) == "done"

    with Worker(chosen):
        await until(done, seconds=25)


@pytest.mark.slow
async def test_two_processes_and_an_emptied_redis_rename_every_record_once(
    chosen: Settings, running: Servers, org: Organisation
):
    run, ids = await _rename_many(org)
    redis = Redis.from_url(running.redis_url)
    with Worker(chosen), Worker(chosen):
        for least in (200, 1_000, 2_000, 3_000, 4_000):
            await until(partial(_progress, org, run, least))
            await redis.flushall()
        await _each_renamed_once(org, run, ids)
    await redis.aclose()


@pytest.mark.slow
async def test_servers_that_come_and_go_do_not_end_the_worker(
    chosen: Settings, running: Servers, org: Organisation
):
    run, ids = await _rename_many(org)
    with Worker(chosen, lease=3.0) as worker:
        await until(lambda: _progress(org, run, 400))
        await asyncio.to_thread(running.restart_redis)
        await until(lambda: _progress(org, run, 1_600))
        await asyncio.to_thread(running.restart_postgres)
        await _each_renamed_once(org, run, ids)
        assert worker.stop() == 0
