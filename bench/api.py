"""Requests per second of one API process beside a hand-written endpoint, on one million contacts.

    python -m bench.api [--rows 1000000] [--seconds 5]

The hand-written service is asyncpg + orjson in FastAPI, with the same SQL result and nothing else: no
authentication, no tenant policy, no access check, no event beyond a plain insert. Both services run as one process
each, one after the other, round by round, against the same PostgreSQL; the load is keep-alive HTTP over loopback
with 16 connections. Ratios are of the medians.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from app.db.engine import Database
from app.db.migrate import migrate
from app.embedded.servers import servers
from app.usecases.bootstrap import bootstrap
from bench import load, people

SECRET = "a secret of the bench, long enough for HS256"
ROUNDS = 3


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(target: str, env: dict[str, str]) -> Iterator[str]:
    """One uvicorn process; ends with the block."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        target,
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    process = subprocess.Popen([*command, "--loop", "uvloop", "--http", "httptools"], env=os.environ | env)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/livez").status_code == 200:
                    break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


async def deep_cursor(url: str, headers: dict[str, str], database: Database, org: UUID, rows: int) -> str:
    """The cursor in the middle of the list, made from the record that stands there."""
    from app.kit import cursor

    async with database.connection() as connection:
        row = await connection.fetchrow(
            "select created_at, id from contacts where org_id = $1 order by created_at desc, id desc offset $2 limit 1",
            org,
            rows // 2,
        )
    return cursor.seal("contact:-created_at,-id", [row["created_at"].isoformat(), str(row["id"])])


async def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        Path(place).chmod(0o711)
        with servers(Path(place), durable=False) as running:
            await asyncio.to_thread(migrate, running.database_url)
            first = await bootstrap(running.database_url)
            assert first is not None
            env = {
                "DATABASE_URL": running.database_url,
                "REDIS_URL": running.redis_url,
                "RAPPORT_SECRET_KEY": SECRET,
                "RAPPORT_LOG_LEVEL": "WARNING",
            }
            owner = Database(running.database_url, role=None, size=1)
            async with owner.connection() as connection:
                org = await connection.fetchval("select id from organisations limit 1")
            small = min(chosen.rows // 10, 100_000)
            await people.fill(owner, org, 0, small)
            with (
                service("app.main:app", env) as ours,
                service("bench.by_hand:app", env | {"ORG": str(org)}) as theirs,
            ):
                headers = {"Authorization": f"Bearer {first.key}"}
                print(f"{small:,} contacts")
                before = await measure(
                    ours, theirs, headers, owner, org, small, chosen.seconds, chosen.rounds
                )
                print(f"{chosen.rows:,} contacts")
                await people.fill(owner, org, small, chosen.rows)
                after = await measure(
                    ours, theirs, headers, owner, org, chosen.rows, chosen.seconds, chosen.rounds
                )
                for name in before:
                    print(
                        f"{name:28} cost at {chosen.rows:,} / at {small:,} rows: {before[name] / after[name]:5.2f}"
                    )
            await owner.close()


async def measure(
    ours: str,
    theirs: str,
    headers: dict[str, str],
    owner: Database,
    org: UUID,
    rows: int,
    seconds: float,
    rounds: int,
) -> dict[str, float]:
    """Every case, both services in turn; our requests per second by case."""
    ids = await people.some_ids(owner, org, 500)
    deep = await deep_cursor(ours, headers, owner, org, rows)
    async with owner.connection() as connection:
        at, id_ = await connection.fetchrow(
            "select created_at, id from contacts where org_id = $1 order by created_at desc, id desc offset $2 limit 1",
            org,
            rows // 2,
        )
    where = {
        "where": {
            "all": [
                {"field": "stage", "op": "eq", "value": "customer"},
                {"field": "tags", "op": "has", "value": "vip"},
            ]
        }
    }
    get = load.cycle([("GET", f"/v1/contacts/{one}", None) for one in ids])
    cases: dict[str, tuple[Any, Any]] = {
        "get one": (get, get),
        "list 50, first page": (load.same("GET", "/v1/contacts"), load.same("GET", "/v1/contacts")),
        "list 50, deep page": (
            load.same("GET", f"/v1/contacts?cursor={deep}"),
            load.same("GET", f"/v1/contacts?at={at.isoformat().replace('+', '%2B')}&id={id_}"),
        ),
        "filtered search": (
            load.same("POST", "/v1/contacts/search", where),
            load.same("POST", "/v1/contacts/search", where),
        ),
        "create": (
            load.each("POST", "/v1/contacts", people.one),
            load.each("POST", "/v1/contacts", people.one),
        ),
    }
    rates: dict[str, float] = {}
    print(
        f"{'case':28} {'ours/s':>8} {'p50 ms':>7} {'p95 ms':>7} {'theirs/s':>9} {'p50 ms':>7} {'p95 ms':>7} {'ratio':>6}"
    )
    for name, (mine, other) in cases.items():
        pairs = [
            (await load.run(ours, mine, headers, seconds), await load.run(theirs, other, {}, seconds))
            for _ in range(rounds)
        ]
        a, b = load.median([p[0] for p in pairs]), load.median([p[1] for p in pairs])
        rates[name] = a.rate
        print(
            f"{name:28} {a.rate:8.0f} {a.p50:7.2f} {a.p95:7.2f} {b.rate:9.0f} {b.p50:7.2f} {b.p95:7.2f} {a.rate / b.rate:6.2f}"
        )
    rates |= await bulk(ours, headers, owner, org, rounds)
    return rates


async def bulk(
    ours: str, headers: dict[str, str], owner: Database, org: UUID, rounds: int
) -> dict[str, float]:
    """10,000 contacts through the bulk endpoint beside COPY into a temporary table and INSERT … ON CONFLICT."""
    speeds: dict[str, list[tuple[float, float]]] = {"bulk, all new": [], "bulk, all changed": []}
    async with httpx.AsyncClient(base_url=ours, headers=headers, timeout=120) as client:
        for _ in range(rounds):
            fresh = people.many(10_000)
            changed = [one | {"job_title": f"t{time.time_ns()}"} for one in fresh]
            for name, items in (("bulk, all new", fresh), ("bulk, all changed", changed)):
                body = json.dumps({"items": items})
                begun = time.perf_counter()
                answer = await client.post(
                    "/v1/contacts/bulk", content=body, headers={"content-type": "application/json"}
                )
                mine = 10_000 / (time.perf_counter() - begun)
                counts = answer.json()
                assert counts["created" if items is fresh else "updated"] == 10_000, answer.text[:500]
                speeds[name].append((mine, 0.0))
            raw = people.many(10_000)
            for position, name in enumerate(speeds):
                other = await people.copy_and_upsert(owner, org, raw, second=position == 1)
                speeds[name][-1] = (speeds[name][-1][0], other)
    for name, pairs in speeds.items():
        mine, other = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
        print(
            f"{name:28} {mine:8.0f} rows/s      raw COPY + ON CONFLICT {other:9.0f} rows/s      {mine / other:6.2f}"
        )
    return {name: statistics.median(p[0] for p in pairs) for name, pairs in speeds.items()}


if __name__ == "__main__":
    asyncio.run(main())
