"""Rows per second of an import beside COPY of the rows that it made, with the memory that the API and the worker took.

    python -m bench.import [--rows 1000000] [--only contacts|lines]

A file of contacts and one of order lines (ten to an order) go through `POST /v1/imports` as any client would send
them: read, mapped, checked, normalised and written with their events. Then the records, not their events, are copied
out, their tables emptied, and the same rows copied in again by COPY, with all indexes and foreign keys, into the same
database: three times, of which the median counts. A tenth of the rows goes first, to processes of its own, so that
memory that grows with the rows is seen.
"""

import argparse
import asyncio
import contextlib
import csv
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.db.engine import driver_url
from app.db.migrate import migrate
from app.embedded.servers import Servers, servers
from app.usecases.bootstrap import bootstrap
from bench import people
from bench.api import SECRET, free_port

LINES_OF_AN_ORDER = 10
PRODUCTS = 4_000
COPIES = 3


@dataclass(frozen=True)
class Case:
    """A file, how it is sent, and the tables whose rows it makes."""

    name: str
    path: Path
    params: dict[str, str]
    tables: Sequence[str]


@dataclass(frozen=True)
class Result:
    """What one import and the COPY beside it came to: seconds, and peaks of memory in MB."""

    ours: float
    copied: float
    api: float
    worker: float


def contacts(path: Path, rows: int) -> Case:
    """A file of contacts, no two the same."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Record ID", "Name", "Email", "Phone", "Job title", "Source", "Stage", "Tags"])
        for n in range(rows):
            one = people.one()
            email, phone = one["emails"][0]["address"], one["phones"][0]["number"]
            known = (one["job_title"], one["source"], one["stage"], ";".join(one["tags"]))
            out.writerow([n, one["name"], email, phone, *known])
    return Case("contacts", path, {"target": "contact"}, ["contacts", "external_ids"])


def lines(path: Path, rows: int) -> Case:
    """A file of order lines as a shop's till writes them."""
    some = random.Random(11)
    customers = max(rows // 50, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(
            [
                "InvoiceNo",
                "StockCode",
                "Description",
                "Quantity",
                "InvoiceDate",
                "UnitPrice",
                "CustomerID",
                "Country",
            ]
        )
        for order in range(-(-rows // LINES_OF_AN_ORDER)):
            at = f"2026-{1 + order % 12:02}-{1 + order % 28:02} {order % 24:02}:{order % 60:02}:00"
            customer = some.randrange(customers)
            for _ in range(min(LINES_OF_AN_ORDER, rows - order * LINES_OF_AN_ORDER)):
                sku = some.randrange(PRODUCTS)
                price = f"{1 + sku % 90}.{sku % 100:02}"
                out.writerow(
                    [
                        f"N{order}",
                        f"S{sku}",
                        f"Article {sku}",
                        some.randint(1, 12),
                        at,
                        price,
                        customer,
                        "France",
                    ]
                )
    made = ["contacts", "products", "orders", "order_lines", "external_ids"]
    return Case("order lines", path, {"preset": "transaction-lines"}, made)


@contextlib.contextmanager
def process(command: Sequence[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, which ends with the block."""
    started = subprocess.Popen([sys.executable, "-m", *command], env=os.environ | env)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


def peak(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


async def measured(running: Servers, case: Case, rows: int) -> Result:
    """One import into a database of its own, and COPY of what it made."""
    name = f"of_{time.time_ns()}"
    first = await asyncpg.connect(driver_url(running.database_url))
    await first.execute(f"create database {name}")
    url = running.database_url.replace("/rapport?", f"/{name}?")
    await asyncio.to_thread(migrate, url)
    made = await bootstrap(url)
    assert made is not None
    env = {
        "DATABASE_URL": url,
        "REDIS_URL": running.redis_url,
        "RAPPORT_SECRET_KEY": SECRET,
        "RAPPORT_LOG_LEVEL": "WARNING",
    }
    port = free_port()
    api = ["uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    with process(api, env) as serving, process(["app.cli", "worker"], env) as working:
        headers = {"Authorization": f"Bearer {made.key}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/v1", headers=headers, timeout=600
        ) as client:
            await until_alive(client)
            begun = time.perf_counter()
            account = await imported(client, case)
            ours = time.perf_counter() - begun
        assert account["created"] == account["read"] == rows, account
        memory = peak(serving.pid), peak(working.pid)
    copied = await copied_again(url, case.tables)
    await first.execute(f"drop database {name} with (force)")
    await first.close()
    return Result(ours, copied, *memory)


async def until_alive(client: httpx.AsyncClient) -> None:
    """Wait for the API."""
    for _ in range(200):
        with contextlib.suppress(httpx.HTTPError):
            if (await client.get("/../livez")).status_code == 200:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError("The API did not start.")


async def imported(client: httpx.AsyncClient, case: Case) -> dict[str, Any]:
    """Send the file, begin, wait; the account."""

    async def parts() -> Any:
        with case.path.open("rb") as file:
            while part := file.read(1 << 20):
                yield part

    sent = await client.post("/imports", params={"name": case.path.name, **case.params}, content=parts())
    assert sent.status_code == 201, sent.text
    here = f"/imports/{sent.json()['id']}"
    begun = await client.post(f"{here}/start", headers={"If-Match": "*"})
    assert begun.status_code == 202, begun.text
    while True:
        run = (await client.get(f"/runs/{begun.json()['id']}")).json()
        if run["status"] not in {"queued", "running"}:
            assert run["status"] == "done", run
            return dict(run["result"])
        await asyncio.sleep(0.2)


async def copied_again(url: str, tables: Sequence[str]) -> float:
    """Seconds of COPY of the tables' rows into the emptied tables, the median of some.

    Each table is counted once it is full, outside of these seconds: else the foreign keys that lead to it are checked as
    if it were empty, now and then by an index that reads all of it for each row.
    """
    connection = await asyncpg.connect(driver_url(url), timeout=600)
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        for table in tables:
            await connection.copy_from_query(
                f"select * from {table}", output=f"{place}/{table}", format="binary"
            )
        spent = []
        for _ in range(COPIES):
            await connection.execute(f"truncate {', '.join(tables)} cascade")
            seconds = 0.0
            for table in tables:
                begun = time.perf_counter()
                await connection.copy_to_table(
                    table, source=f"{place}/{table}", format="binary", timeout=3600
                )
                seconds += time.perf_counter() - begun
                await connection.execute(f"analyze {table}")
            spent.append(seconds)
    await connection.close()
    return statistics.median(spent)


async def main() -> None:
    """Write the files, import, copy, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["contacts", "lines"])
    chosen = parser.parse_args()
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-bench-")))
        place.chmod(0o711)
        running = stack.enter_context(servers(place / "state", durable=False))
        for make in (contacts, lines):
            if chosen.only and make.__name__ != chosen.only:
                continue
            for rows in (chosen.rows // 10, chosen.rows):
                case = make(place / f"{make.__name__}.csv", rows)
                found = await measured(running, case, rows)
                print(
                    f"{case.name:12} {rows:9,} rows   ours {rows / found.ours:7,.0f} rows/s"
                    f"   COPY {rows / found.copied:7,.0f} rows/s   ratio {found.copied / found.ours:5.2f}"
                    f"   peak memory: API {found.api:4.0f} MB, worker {found.worker:4.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    asyncio.run(main())
