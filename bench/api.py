"""Requests per second of one API process beside a hand-written endpoint, on a tenth of a million contacts and a million.

    python -m bench.api [--rows 1000000] [--seconds 5]

The hand-written service is asyncpg + orjson in FastAPI, with the same SQL result and nothing else: no
authentication, no tenant policy, no access check, no event beyond a plain insert. Both services run as one process
each, one after the other, round by round, against the same PostgreSQL, for both sizes in turn: a machine that is
slower for a while is so for all of them. The load is keep-alive HTTP over loopback with 16 connections. Ratios are the
medians of those of the rounds.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from app.db.engine import Database
from app.db.migrate import migrate
from app.embedded.servers import Servers, servers
from app.kit import cursor
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


@dataclass
class World:
    """A database of so many contacts, with both services on it."""

    rows: int
    org: UUID
    owner: Database
    ours: str
    theirs: str
    headers: dict[str, str]
    cases: dict[str, tuple[load.Make, load.Make]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Our requests, or rows, per second by case, round by round."""


async def main() -> None:
    """Load, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    chosen = parser.parse_args()
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    async with contextlib.AsyncExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-bench-"))
        Path(place).chmod(0o711)
        running = stack.enter_context(servers(Path(place), durable=False))
        small = min(chosen.rows // 10, 100_000)
        worlds = [await world(stack, running, f"of_{rows}", rows) for rows in (small, chosen.rows)]
        for name in worlds[0].cases:
            await measured(name, worlds, chosen.seconds, chosen.rounds)
        await bulk(worlds, chosen.rounds)
        for name in worlds[0].rates:
            few, many = (one.rates[name] for one in worlds)
            cost = statistics.median(a / b for a, b in zip(few, many, strict=True))
            print(f"{name:28} cost at {chosen.rows:,} / at {small:,} rows: {cost:5.2f}")


async def world(stack: contextlib.AsyncExitStack, running: Servers, name: str, rows: int) -> World:
    """A new database with its contacts and services, for as long as the stack stands."""
    url = running.database_url.replace("/rapport?", f"/{name}?")
    first = Database(running.database_url, role=None, size=1)
    async with first.connection() as connection:
        await connection.execute(f"create database {name}")
    await first.close()
    await asyncio.to_thread(migrate, url)
    made = await bootstrap(url)
    assert made is not None
    owner = Database(url, role=None, size=1)
    stack.push_async_callback(owner.close)
    async with owner.connection() as connection:
        org = await connection.fetchval("select id from organisations limit 1")
    await people.fill(owner, org, 0, rows)
    env = {
        "DATABASE_URL": url,
        "REDIS_URL": running.redis_url,
        "RAPPORT_SECRET_KEY": SECRET,
        "RAPPORT_LOG_LEVEL": "WARNING",
    }
    ours = stack.enter_context(service("app.main:app", env))
    theirs = stack.enter_context(service("bench.by_hand:app", env | {"ORG": str(org)}))
    found = World(rows, org, owner, ours, theirs, {"Authorization": f"Bearer {made.key}"})
    found.cases = await cases(found)
    return found


async def cases(here: World) -> dict[str, tuple[load.Make, load.Make]]:
    """By name, what is asked of our service and of the other."""
    ids = await people.some_ids(here.owner, here.org, 500)
    async with here.owner.connection() as connection:
        at, id_ = await connection.fetchrow(
            "select created_at, id from contacts where org_id = $1 order by created_at desc, id desc offset $2 limit 1",
            here.org,
            here.rows // 2,
        )
    deep = cursor.seal("contact:-created_at,-id", [at.isoformat(), str(id_)])
    where = {
        "where": {
            "all": [
                {"field": "stage", "op": "eq", "value": "customer"},
                {"field": "tags", "op": "has", "value": "vip"},
            ]
        }
    }
    get = load.cycle([("GET", f"/v1/contacts/{one}", None) for one in ids])
    first = load.same("GET", "/v1/contacts")
    search = load.same("POST", "/v1/contacts/search", where)
    create = load.each("POST", "/v1/contacts", people.one)
    return {
        "get one": (get, get),
        "list 50, first page": (first, first),
        "list 50, deep page": (
            load.same("GET", f"/v1/contacts?cursor={deep}"),
            load.same("GET", f"/v1/contacts?at={at.isoformat().replace('+', '%2B')}&id={id_}"),
        ),
        "filtered search": (search, search),
        "create": (create, create),
    }


async def measured(name: str, worlds: Sequence[World], seconds: float, rounds: int) -> None:
    """One case, both services and all sizes in turn."""
    results: list[list[tuple[load.Result, load.Result]]] = [[] for _ in worlds]
    for _ in range(rounds):
        for here, found in zip(worlds, results, strict=True):
            mine, other = here.cases[name]
            ours = await load.run(here.ours, mine, here.headers, seconds)
            theirs = await load.run(here.theirs, other, {}, seconds)
            found.append((ours, theirs))
            here.rates[name].append(ours.rate)
    for here, found in zip(worlds, results, strict=True):
        a, b = load.median([ours for ours, _ in found]), load.median([theirs for _, theirs in found])
        ratio = statistics.median(ours.rate / theirs.rate for ours, theirs in found)
        print(
            f"{name:24} {here.rows:9,} rows"
            f"   ours {a.rate:6.0f}/s, p50 {a.p50:6.2f} ms, p95 {a.p95:6.2f} ms"
            f"   by hand {b.rate:6.0f}/s, p50 {b.p50:6.2f} ms, p95 {b.p95:6.2f} ms   ratio {ratio:5.2f}",
            flush=True,
        )


async def bulk(worlds: Sequence[World], rounds: int) -> None:
    """10,000 contacts through the bulk endpoint beside COPY into a temporary table and INSERT … ON CONFLICT."""
    names = ("bulk, all new", "bulk, all changed")
    raw: list[dict[str, list[float]]] = [defaultdict(list) for _ in worlds]
    for _ in range(rounds):
        for here, found in zip(worlds, raw, strict=True):
            fresh = people.many(10_000)
            changed = [one | {"job_title": f"t{time.time_ns()}"} for one in fresh]
            ready = people.many(10_000)
            for name, items in zip(names, (fresh, changed), strict=True):
                here.rates[name].append(await upserted(here, items, new=items is fresh))
                second = items is changed
                found[name].append(await people.copy_and_upsert(here.owner, here.org, ready, second=second))
    for name in names:
        for here, found in zip(worlds, raw, strict=True):
            ours, theirs = here.rates[name], found[name]
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            print(
                f"{name:24} {here.rows:9,} rows   ours {statistics.median(ours):6.0f} rows/s"
                f"   COPY + ON CONFLICT {statistics.median(theirs):6.0f} rows/s   ratio {ratio:5.2f}"
            )


async def upserted(here: World, items: list[dict[str, Any]], *, new: bool) -> float:
    """Rows per second of one request to the bulk endpoint."""
    body = json.dumps({"items": items})
    async with httpx.AsyncClient(base_url=here.ours, headers=here.headers, timeout=120) as client:
        await client.get("/livez")
        begun = time.perf_counter()
        answer = await client.post(
            "/v1/contacts/bulk", content=body, headers={"content-type": "application/json"}
        )
        spent = time.perf_counter() - begun
    assert answer.json()["created" if new else "updated"] == len(items), answer.text[:500]
    return len(items) / spent


if __name__ == "__main__":
    asyncio.run(main())
