"""A file is read once, however many batches it takes."""

import gzip
import json
from typing import Any

import pytest
from fastapi import FastAPI

from app.db import files, imports
from app.db.engine import Row
from app.db.imports import Verdict
from app.db.uow import UnitOfWork
from app.kit import clock, tables
from app.usecases.imports import reading, work
from tests.api.test_imports_bad_files import book
from tests.makers.files import Body, account, begun, done, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

LINES = [[f"P {n}", f"p{n}@example.com", "two\nlines" if n % 7 == 0 else "x"] for n in range(60)]
CSV = "name,email,job title\n" + "".join(f'{name},{email},"{title}"\n' for name, email, title in LINES)
OBJECTS = "\n".join(
    json.dumps({"name": name, "email": email, "job title": title}) for name, email, title in LINES
)


@pytest.mark.parametrize(
    ("data", "name", "whole"),
    [
        (CSV.encode(), "x.csv", False),
        (gzip.compress(CSV.encode()), "x.csv.gz", True),
        (CSV.encode("utf-16"), "x.csv", True),
        (OBJECTS.encode(), "x.ndjson", False),
        (book([["name", "email", "job title"], *LINES]), "x.xlsx", True),
    ],
)
async def test_batches_go_on_where_the_one_before_has_ended(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, data: bytes, name: str, whole: bool
):
    monkeypatch.setattr(reading, "READ", 10)
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    monkeypatch.setattr(reading, "WORTH", 0.0)
    monkeypatch.setattr(files, "PART", 64)
    begins: list[Any] = []
    heads: list[bytes] = []
    real = tables.rows

    def read(file: Any, layout: Any, at: Any = None) -> Any:
        begins.append(at)
        file.seek(0)
        heads.append(file.read(1))
        return real(file, layout, at)

    one = await sent(org, data, name)
    monkeypatch.setattr(tables, "rows", read)
    one = await done(service, org, one)
    assert one["account"] == account(created=60)
    assert len(begins) == (1 if name == "x.xlsx" else 7)
    assert len(set(begins)) == len(begins)
    assert heads[0] == data[:1]
    assert (heads[-1] == data[:1]) is whole, "what was read before is fetched again"


async def test_a_batch_that_was_long_on_its_way_reads_on_for_as_long(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    seconds = 0.0
    ways: list[int] = []
    spool, add_rows = files.spool, imports.add_rows

    async def far(*given: Any) -> None:
        nonlocal seconds
        ways.append(0)
        await spool(*given)
        seconds += 1_000

    async def slow(*given: Any) -> None:
        nonlocal seconds
        ways[-1] += 1
        await add_rows(*given)
        seconds += 100

    one = await sent(org, gzip.compress(CSV.encode()), "x.csv.gz")
    monkeypatch.setattr(reading, "READ", 3)
    monkeypatch.setattr(clock, "monotonic", lambda: seconds)
    monkeypatch.setattr(files, "spool", far)
    monkeypatch.setattr(imports, "add_rows", slow)
    one = await done(service, org, one)
    assert one["account"] == account(created=60)
    assert ways == [11, 9]


async def _batches(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, one: Body
) -> tuple[Body, list[list[Row]]]:
    """The import when it is done, and the rows of each of its batches."""
    real, found = work._written, []

    async def written(uow: UnitOfWork, one: Row, rows: list[Row]) -> list[Verdict]:
        found.append(rows)
        return await real(uow, one, rows)

    monkeypatch.setattr(work, "_written", written)
    monkeypatch.setattr(work, "TEXT", 1_000)
    return await done(service, org, one), found


async def test_a_batch_has_room_for_so_much_text(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    text = "name,remark\n" + "".join(f"P{n},{'x' * (5_000 if n == 3 else 400)}\n" for n in range(8))
    one = await sent(org, text, target="contact", mode="create")
    one, batches = await _batches(service, org, monkeypatch, one)
    assert one["account"] == account(created=8)
    assert [[row["line"] for row in rows] for rows in batches] == [[2, 3, 4], [5], [6, 7, 8], [9]]


async def test_a_batch_has_room_for_so_much_text_of_whole_orders(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "PACKED", 2)
    numbers = "AABBCCACAB"
    text = "number,at,sku,quantity,unit price,remark\n" + "".join(
        f"{number},2026-03-01,S,1,2,{'x' * 200}\n" for number in numbers
    )
    one = await sent(org, text, "lines.csv", target="line")
    one, batches = await _batches(service, org, monkeypatch, one)
    assert one["account"] == account(created=10)
    assert [{row["key"] for row in rows} for rows in batches] == [{"A", "B"}, {"C"}]
    assert sum(1 + len(row["further"] or ()) for rows in batches for row in rows) == 10


async def test_a_workbook_holds_nothing_back_while_it_is_read(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    oldest: list[bool] = []
    real = reading.collect

    async def collect(uow: Any, *given: Any) -> None:
        await real(uow, *given)
        oldest.append(await uow.fetchval("select pg_current_xact_id_if_assigned() is null"))

    monkeypatch.setattr(reading, "collect", collect)
    one = await done(
        service, org, await sent(org, book([["name", "email"], ["Anna", "a@example.com"]]), "x.xlsx"), "try"
    )
    assert one["trial"] == account(created=1)
    await done(service, org, one)
    assert oldest == [True, True]


async def test_a_file_that_is_let_go_in_the_middle_ends_the_work(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "READ", 10)
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    monkeypatch.setattr(reading, "WORTH", 0.0)
    one = await sent(org, CSV)
    place = await begun(org, one)
    real = imports.add_rows

    async def add_rows(uow: Any, *given: Any) -> None:
        await real(uow, *given)
        await uow.execute("delete from file_parts where org_id = $1", org.id)

    monkeypatch.setattr(imports, "add_rows", add_rows)
    for _ in range(6):  # each failed attempt is tried again a little later
        await work_off(service)
        async with org.database.connection(org.id) as connection:
            await connection.execute(
                "update runs set due_at = now() where org_id = $1 and status in ('queued', 'running')", org.id
            )
    run = (await org.admin.get(place)).json()
    assert (run["status"], run["error"].startswith("The file was let go")) == ("failed", True), run
    assert all(row["outcome"] is None for row in await rows(org, one))
