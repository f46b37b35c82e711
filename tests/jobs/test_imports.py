"""Imports whose worker is killed at random moments come to what they would have come to."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.engine import Row
from app.db.imports import Verdict
from app.db.uow import UnitOfWork
from app.jobs.base import do_batch
from app.kit import clock, tables
from app.settings import Settings
from app.usecases.imports import work
from app.usecases.imports.apply import apply
from tests.api.test_imports_bad_files import book
from tests.makers.files import Body, begun, sent
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, run_row, until, work_off

MANY = 10_000
KILLS = 10
ROWS = 100
"""That one batch applies."""


def people(many: int = MANY) -> str:
    """Contacts with faults, with rows that repeat others near and far, and with companies that are made on the way."""
    lines = ["name,email,birthday,company,tags"]
    for n in range(many):
        who = n - 7 if n % 11 == 8 else n - 6_000 if n % 13 == 9 and n > 6_000 else n
        if n % 29 == 5:
            lines.append(f"Ragged {n},r{n}@example.com")
        else:
            day = "31/02/1990" if n % 10 == 3 else "1990-05-17"
            lines.append(f"Person {n},p{who}@example.com,{day},Firm {n % 700},t{n % 5}")
    return "\n".join(lines)


def sales() -> str:
    """Lines of orders, some of them far from the others of their order."""
    lines = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID"]
    for n in range(MANY):
        order = n // 4 if n % 4 < 3 else (n // 4 + 900) % (MANY // 4)
        quantity = "many" if n % 97 == 13 else n % 9 + 1
        number = "" if n % 401 == 7 else 10_000 + order
        lines.append(
            f"{number},S{n % 300},Thing {n % 300},{quantity},2011-03-{order % 28 + 1:02} 10:00:00,{n % 300 + 1}.25,{order % 800}"
        )
    return "\n".join(lines)


async def asked(org: Organisation) -> list[Body]:
    """Both imports, begun, each with its run."""
    one = await sent(org, people(), target="contact", plan={"match": ["email"]})
    other = await sent(org, sales(), "sales.csv", preset="transaction-lines")
    return [each | {"run": (await begun(org, each)).rpartition("/")[2]} for each in (one, other)]


async def stands(org: Organisation, imports: list[Body]) -> list[tuple[Any, ...]]:
    rows = [await run_row(org, one["run"]) for one in imports]
    return [(row["status"], row["done"], row["checkpoint"]) for row in rows]


async def all_ended(org: Organisation, imports: list[Body]) -> bool:
    return all(status in {"done", "failed"} for status, _, _ in await stands(org, imports))


_TOLD = {
    "rows": "select i.name, r.line, r.outcome, r.code, r.detail, r.record_id is not null from import_rows r"
    " join imports i on i.org_id = r.org_id and i.id = r.id where r.org_id = $1",
    "contacts": "select c.name, c.email, c.birth_date, c.tags, f.name, c.version from contacts c"
    " left join companies f on f.org_id = c.org_id and f.id = c.company_id where c.org_id = $1",
    "companies": "select name, version from companies where org_id = $1",
    "products": "select sku, name, price, version from products where org_id = $1",
    "orders": "select o.number, o.total, o.placed_at, o.version, c.name, (select array_agg((p.sku, l.quantity,"
    " l.unit_price)::text order by l.position) from order_lines l left join products p on p.org_id = l.org_id"
    " and p.id = l.product_id where l.org_id = o.org_id and l.order_id = o.id) from orders o left join contacts c"
    " on c.org_id = o.org_id and c.id = o.contact_id where o.org_id = $1",
    "events": "select type, noun_id from events where org_id = $1 and cause like 'import:%' and noun <> 'import'",
}


async def holdings(org: Organisation) -> dict[str, list[tuple[Any, ...]]]:
    async with org.database.connection(org.id) as connection:
        return {
            what: [tuple(map(str, row)) for row in await connection.fetch(sql, org.id)]
            for what, sql in _TOLD.items()
        }


def of_records(events: list[tuple[Any, ...]]) -> Counter[tuple[str, int]]:
    """How many records have so many events of a type."""
    return Counter((kind, count) for (kind, _), count in Counter(events).items())


async def test_imports_of_one_organisation_take_turns(
    service: FastAPI, org: Organisation, other: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "APPLIED", 40)
    at_it: list[UUID] = []

    async def alone(uow: UnitOfWork, one: Row, rows: Sequence[Row]) -> list[Verdict]:
        assert uow.org_id not in at_it
        at_it.append(uow.org_id)
        await asyncio.sleep(0.01)
        told = await apply(uow, one, rows)
        at_it.remove(uow.org_id)
        return told

    monkeypatch.setattr(work, "apply", alone)
    runs = []
    for each in (org, org, other):
        one = await sent(each, people(300), target="contact", plan={"match": ["email"]})
        runs.append((each, await begun(each, one)))
    await work_off(service, seconds=60)
    found = [(await each.admin.get(run)).json() for each, run in runs]
    assert [(run["status"], run["error"]) for run in found] == [("done", None)] * 3


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    ("name", "data"), [("x.csv", b"name\nAnna\n"), ("x.xlsx", book([["name"], ["Anna"]]))]
)
async def test_a_worker_that_is_stopped_while_it_reads_hands_the_work_back(
    org: Organisation, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, times: int
):
    loop, in_it, real = asyncio.get_running_loop(), asyncio.Event(), tables.rows

    def slowly(*given: Any) -> Iterator[Any]:
        loop.call_soon_threadsafe(in_it.set)
        time.sleep(0.5)  # in a thread
        yield from real(*given)

    run = UUID((await begun(org, await sent(org, data, name, mode="create"))).rpartition("/")[2])
    monkeypatch.setattr(tables, "rows", slowly)
    working = asyncio.create_task(do_batch(org.database, org.id, run))
    await asyncio.wait_for(in_it.wait(), 5)
    for _ in range(times):
        working.cancel()
        await asyncio.sleep(0.1)
    with pytest.raises(asyncio.CancelledError):
        await working
    row = await run_row(org, run)
    assert (row["lease"], row["attempts"], row["error"]) == (None, 0, None)


@pytest.mark.slow
async def test_a_workbook_whose_reader_is_killed_is_taken_over_within_a_lease(
    chosen: Settings, org: Organisation
):
    lease, many = 1.0, 20_000
    data = book([["name", "email"], *[[f"P {n}", f"p{n}@example.com"] for n in range(many)]])
    one = await sent(org, data, "x.xlsx", target="contact", plan={"match": ["email"]})
    small = await sent(org, "name,email\nAnna,anna@example.com\n")

    async def taken(run: str, attempts: int) -> bool:
        row = await run_row(org, run)
        return row["lease"] is not None and row["attempts"] == attempts

    async def ended(run: str) -> bool:
        return (await run_row(org, run))["status"] not in {"queued", "running"}

    with Worker(chosen, lease=lease) as second:
        # It is up and waits, so that how long a process takes to start is no part of what is measured.
        first_run = (await begun(org, small)).rpartition("/")[2]
        await until(lambda: ended(first_run))
        second.pause()
        run = (await begun(org, one, "try")).rpartition("/")[2]
        with Worker(chosen, lease=lease) as worker:
            await until(lambda: taken(run, 0))
            await asyncio.sleep(0.2)
            worker.kill()
        row = await run_row(org, run)
        assert (row["checkpoint"], row["attempts"]) == (None, 0), (
            "it is to die while it reads; make it longer"
        )
        killed = clock.now()
        second.go_on()
        await until(lambda: taken(run, 1))
        assert clock.now() - killed < timedelta(seconds=lease + 5)
        await until(lambda: ended(run), 100)
    row = await run_row(org, run)
    assert (row["status"], row["result"]["created"]) == ("done", many), row["error"]


@pytest.mark.slow
async def test_imports_killed_at_ten_moments_come_to_what_they_would_have_come_to(
    chosen: Settings, org: Organisation, other: Organisation
):
    chance = random.Random(20)
    quiet = await asked(other)
    with Worker(chosen, lease=10, rows=ROWS):
        await until(lambda: all_ended(other, quiet), 150)
    imports = await asked(org)
    for kill in range(KILLS):
        with Worker(chosen, lease=2, rows=ROWS) as worker:
            before = await stands(org, imports)

            async def further(since: list[tuple[Any, ...]] = before) -> bool:
                found = zip(await stands(org, imports), since, strict=True)
                return all(now != then or now[0] == "done" for now, then in found)

            await until(further, 60)
            await asyncio.sleep(chance.random() * 0.5)
            worker.kill()
        assert not await all_ended(org, imports), f"it was over before kill {kill}; make it longer"
    with Worker(chosen, lease=10, rows=ROWS):
        await until(lambda: all_ended(org, imports), 150)
    expected, found = await holdings(other), await holdings(org)
    for undisturbed, one in zip(quiet, imports, strict=True):
        accounts = [
            (await of.admin.get(f"/v1/imports/{which['id']}")).json()["account"]
            for of, which in ((other, undisturbed), (org, one))
        ]
        assert accounts[0] == accounts[1] is not None
        assert accounts[0]["failed"] > 100
    for what in _TOLD.keys() - {"events"}:
        assert Counter(found[what]) == Counter(expected[what]), what
        assert len(expected[what]) > 250
    added = Counter(record for kind, record in found["events"] if kind.endswith(".added"))
    assert set(added.values()) == {1}
    assert len(added) == sum(len(found[what]) for what in ("contacts", "companies", "products", "orders"))
    assert of_records(found["events"]) == of_records(expected["events"])
