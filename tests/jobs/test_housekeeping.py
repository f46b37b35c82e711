"""Months long past that get many rows, as by an import; and what is over."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.engine import Database
from app.db.idempotency import KEPT_FOR
from app.domain.errors import Busy
from app.jobs.housekeeping import forget, make_months, spread_months
from app.kit import clock
from tests.makers.files import ANY, account, begun, done, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import until, work_off

FIRST = datetime(1998, 5, 1, tzinfo=UTC)
ROWS = 3_000


async def imported(org: Organisation, month: datetime, count: int) -> list[str]:
    """So many interactions from the first to the last instant of a month; their ids."""
    end = (month + timedelta(days=32)).replace(day=1) - timedelta(microseconds=1)
    times = [month + (end - month) * n / max(count - 1, 1) for n in range(count)]
    items = [{"kind": "note", "at": at.isoformat(), "subject": f"{n}"} for n, at in enumerate(times)]
    made = await org.admin.post("/v1/interactions/bulk", json={"items": items}, timeout=60)
    assert made.json()["created"] == count, made.text
    return [item["id"] for item in made.json()["items"]]


async def places(owner: Database, org: Organisation) -> dict[str, int]:
    """Which partitions hold how many of the organisation's interactions."""
    async with owner.connection() as connection:
        rows = await connection.fetch(
            "select tableoid::regclass::text as part, count(*) as rows from interactions where org_id = $1 group by 1",
            org.id,
        )
    return {row["part"]: row["rows"] for row in rows}


async def test_a_month_with_many_rows_gets_a_partition_and_one_with_few_does_not(
    org: Organisation, owner: Database
):
    many, few = FIRST, datetime(1998, 7, 1, tzinfo=UTC)
    ids = await imported(org, many, 1_200)
    await imported(org, few, 30)
    assert await places(owner, org) == {"interactions_default": 1_230}
    assert await spread_months(org.database) == 1
    assert await places(owner, org) == {"interactions_p199805": 1_200, "interactions_default": 30}
    assert await spread_months(org.database) == 0
    await imported(org, many, 5)
    assert (await places(owner, org))["interactions_p199805"] == 1_205
    newest = await org.admin.get("/v1/interactions", params={"sort": "-at", "limit": 30})
    assert [row["at"][:7] for row in newest.json()["data"]] == ["1998-07"] * 30
    changed = await org.admin.patch(
        f"/v1/interactions/{ids[-1]}", json={"subject": "moved, and changed"}, headers={"If-Match": "*"}
    )
    assert changed.json()["subject"] == "moved, and changed"
    async with owner.connection() as connection:
        missing = await connection.fetch(
            "select indexrelid from pg_index i where indrelid = 'interactions'::regclass and not exists (select"
            " from pg_inherits h join pg_index c on c.indexrelid = h.inhrelid where h.inhparent = i.indexrelid"
            " and c.indrelid = 'interactions_p199805'::regclass)"
        )
    assert missing == []


async def test_whoever_reads_and_writes_meanwhile_misses_nothing(org: Organisation, owner: Database):
    month = datetime(1997, 2, 1, tzinfo=UTC)
    await imported(org, month, ROWS)
    moved = asyncio.Event()
    written = 0

    async def read() -> None:
        while not moved.is_set():
            counted = await org.admin.post("/v1/interactions/count", json={})
            assert ROWS <= counted.json()["count"] <= ROWS + written + 1

    async def count_anew() -> None:
        async with owner.connection() as connection:
            while not moved.is_set():
                await connection.execute("discard plans")
                [row] = await connection.fetch("select count(*) from interactions where org_id = $1", org.id)
                assert ROWS <= row[0] <= ROWS + written + 1

    async def write() -> None:
        nonlocal written
        while not moved.is_set():
            body = {"kind": "note", "at": month.isoformat(), "subject": "meanwhile"}
            assert (await org.admin.post("/v1/interactions", json=body)).status_code == 201
            written += 1

    async def patient() -> int:
        with contextlib.suppress(Busy):
            return await spread_months(org.database)
        return 0

    async def spread() -> None:
        await asyncio.sleep(0.2)
        await until(patient)
        await asyncio.sleep(0.2)
        moved.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for work in (spread, write, count_anew, read, read):
            group.create_task(work())
    assert written > 1
    assert await places(owner, org) == {"interactions_p199702": ROWS + written}


async def test_while_the_table_is_long_in_use_the_month_waits_and_nobody_else_does(
    org: Organisation, owner: Database
):
    await imported(org, datetime(1996, 3, 1, tzinfo=UTC), 1_000)
    async with owner.connection() as connection:
        await connection.execute("begin; select count(*) from interactions")
        async with asyncio.timeout(3):
            with pytest.raises(Busy):
                await spread_months(org.database)
        await connection.execute("commit")
    assert await spread_months(org.database) == 1


async def forgotten(org: Organisation, at_once: int = 5_000) -> dict[str, int]:
    """What is forgotten now, and how many of each."""
    return {what: n for what, n in (await forget(org.database, clock.now(), at_once)).items() if n}


async def expire(owner: Database, one: dict[str, Any], days: int = 1) -> None:
    """As if the import's time had been over for so long."""
    async with owner.connection() as connection:
        for table, id_ in (("imports", "i.id"), ("files", "i.file_id")):
            await connection.execute(
                f"update {table} t set expires_at = $2 from imports i where i.id = $1 and t.id = {id_}",  # noqa: S608 - the names above
                UUID(one["id"]),
                clock.now() - timedelta(days=days),
            )


async def parts(org: Organisation, one: dict[str, Any]) -> int:
    async with org.database.connection(org.id) as connection:
        found: int = await connection.fetchval(
            "select count(*) from file_parts p join imports i on i.org_id = p.org_id and i.file_id = p.id"
            " where i.org_id = $1 and i.id = $2",
            org.id,
            UUID(one["id"]),
        )
    return found


PEOPLE = "name,email,birthday\nAnna,a@example.com,1990-05-17\nBob,b@example.com,31/02/1990\n"


async def test_a_file_that_nobody_imports_is_let_go(service: FastAPI, org: Organisation, owner: Database):
    waiting, tried, kept = [await sent(org, PEOPLE) for _ in range(3)]
    await done(service, org, tried, "try")
    for one in (waiting, tried):
        left = datetime.fromisoformat(one["expires_at"]) - clock.now()
        assert timedelta(days=29) < left <= timedelta(days=30)
        await expire(owner, one)
    assert await forgotten(org, at_once=1) == {"files": 2, "rows": 4}
    assert await forgotten(org) == {}
    assert [await parts(org, one) for one in (waiting, tried, kept)] == [0, 0, 1]
    assert await rows(org, waiting) == []
    assert len(await rows(org, kept)) == 2
    refused = await org.admin.post(f"/v1/imports/{waiting['id']}/start", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_gone")
    assert (await org.admin.get(f"/v1/imports/{tried['id']}")).json()["trial"] == account(created=1, failed=1)
    assert (await done(service, org, kept))["account"] == account(created=1, failed=1)


async def test_rows_that_failed_can_be_fetched_for_a_month(
    service: FastAPI, org: Organisation, owner: Database
):
    one = await done(service, org, await sent(org, PEOPLE))
    failures = f"/v1/imports/{one['id']}/failures.csv"
    left = datetime.fromisoformat(one["expires_at"]) - clock.now()
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert await forgotten(org) == {}
    assert "Bob" in (await org.admin.get(failures)).text
    await expire(owner, one)
    assert await forgotten(org) == {"rows": 1}
    assert "Bob" not in (await org.admin.get(failures)).text
    told = [
        (row["line"], row["outcome"], row["code"], row["cells"], row["detail"])
        for row in await rows(org, one)
    ]
    assert told == [(2, "created", None, None, None), (3, "failed", "cell_invalid", None, None)]
    assert (await org.admin.get(f"/v1/imports/{one['id']}")).json()["account"] == account(created=1, failed=1)
    assert (await done(service, org, one, "undo"))["undone"]["archived"] == 1


async def test_work_on_a_file_that_is_gone_ends_in_a_sentence(
    service: FastAPI, org: Organisation, owner: Database
):
    one = await sent(org, PEOPLE)
    run = await begun(org, one)
    await expire(owner, one)
    await forgotten(org)
    await work_off(service, seconds=10)
    assert "its time is over" in (await org.admin.get(run)).json()["error"]
    await org.admin.post(f"{run}/cancel")


async def test_old_keys_and_logins_are_forgotten_a_few_at_a_time_until_none_is_left(
    org: Organisation, owner: Database
):
    old = clock.now() - timedelta(days=60)
    async with owner.connection() as connection:
        await connection.execute(
            "insert into idempotency_keys (org_id, actor_id, key, request_hash, created_at)"
            " select $1, $1, n::text, '', $2 from generate_series(1, 25) n",
            org.id,
            old,
        )
        user = await connection.fetchval("select id from users where org_id = $1 limit 1", org.id)
        await connection.execute(
            "insert into logins (org_id, id, user_id, token_hash, created_at, used_at, expires_at)"
            " select $1, gen_random_uuid(), $2, '', $3, $3, $3 from generate_series(1, 12) n",
            org.id,
            user,
            old,
        )
    async with org.database.connection() as connection:
        assert await connection.fetchval("select rapport_forget_keys($1, 10)", old + KEPT_FOR) == 10
    assert await forgotten(org, at_once=5) == {"keys": 15, "logins": 12}
    assert await forgotten(org, at_once=5) == {}


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
