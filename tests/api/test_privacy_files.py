"""Erasing a person from files: those that wait to be imported, the rows of those that were, and those of exports."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db import exports
from app.jobs.base import do_batch
from app.usecases.exports import work
from app.usecases.imports import work as imports_work
from tests.makers.files import ANY, account, begun, done, imported, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, work_off

ANNA = {
    "name": "Anna",
    "emails": [{"address": "Anna@Example.com"}],
    "phones": [{"number": "138 0013 8000"}],
}
PEOPLE = "name,email,job title\nAnna,anna@example.com,CEO\nBob,bob@example.com,CTO\n"


async def a_person(org: Organisation) -> str:
    made = await org.admin.post("/v1/contacts", json=ANNA)
    assert made.status_code == 201, made.text
    id_: str = made.json()["id"]
    return id_


async def erase(service: FastAPI, org: Organisation, contact: str) -> None:
    asked = await org.admin.post(f"/v1/contacts/{contact}/erase")
    assert asked.status_code == 202, asked.text
    await work_off(service)
    run = (await org.admin.get(asked.headers["location"])).json()
    assert run["status"] == "done", run


async def kept(org: Organisation) -> str:
    """Everything that is kept of files, rows, and what was asked for."""
    async with org.database.connection(org.id) as connection:
        found = [
            await connection.fetch(question, org.id)
            for question in (
                "select cells, detail from import_rows where org_id = $1",
                "select bytes from file_parts where org_id = $1",
                "select after::text, before::text from events where org_id = $1",
                "select asked::text from exports where org_id = $1",
            )
        ]
    return str([[tuple(row) for row in listed] for listed in found]).lower()


async def _gone(org: Organisation, one: dict[str, Any]) -> None:
    refused = await org.admin.post(f"/v1/imports/{one['id']}/start", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_gone")


async def test_rows_and_waiting_files_tell_of_the_erased_no_more(service: FastAPI, org: Organisation):
    anna = await a_person(org)
    text = "name,email,birthday\nAnna,ANNA@example.com,31/02/1990\nBob,b@x.example,x\n"
    failed = await imported(service, org, text)
    assert failed["account"] == account(failed=2)
    tried = await done(service, org, await sent(org, PEOPLE, "tried.csv"), "try")
    waiting = await sent(org, PEOPLE, "waiting.csv")
    await erase(service, org, anna)
    everything = await kept(org)
    assert "anna" not in everything
    assert "b@x.example" in everything
    first, second = await rows(org, failed)
    assert (first["cells"], first["outcome"], first["code"]) == (None, "failed", "erased")
    assert second["cells"] == ["Bob", "b@x.example", "x"]
    await _gone(org, tried)
    await _gone(org, waiting)


@pytest.mark.parametrize(
    "number",
    ["138-0013-8000", "010-6552 9988; 138.0013.8000", "+86 (138) 00138000", "１３８００１３８０００"],
)
async def test_a_row_tells_of_the_erased_in_whatever_form(service: FastAPI, org: Organisation, number: str):
    anna = await a_person(org)
    failed = await imported(
        service, org, f"name,phone,birthday\nA. Novak,{number},x\nBob,139-0013-8000,x\nEve,21380013,x\n"
    )
    await erase(service, org, anna)
    assert [row["code"] for row in await rows(org, failed)] == ["erased", "cell_invalid", "cell_invalid"]


async def test_numbers_in_a_row_do_not_keep_a_person_from_being_erased(service: FastAPI, org: Organisation):
    anna = await a_person(org)
    text = '{"paid": 3.5, "name": "Anna", "email": "ANNA@example.com", "birthday": "x"}\n'
    failed = await imported(service, org, text, "x.ndjson")
    assert failed["account"] == account(failed=1)
    await erase(service, org, anna)
    assert [row["code"] for row in await rows(org, failed)] == ["erased"]


async def test_a_file_is_let_go_of_wherever_in_it_the_erased_may_stand(service: FastAPI, org: Organisation):
    anna = await a_person(org)
    filler = "".join(f"P{n},p{n}@example.com,\n" for n in range(200))
    waiting = await sent(org, f"name,email,phone\n{filler}A,ANNA@EXAMPLE.COM,138-0013-8000\n")
    cancelled = await sent(org, PEOPLE, "cancelled.csv")
    run = await begun(org, cancelled)
    assert (await org.admin.post(f"{run}/cancel")).status_code == 200
    await erase(service, org, anna)
    assert "anna@" not in await kept(org)
    await _gone(org, waiting)
    assert (await org.admin.post(f"{run}/retry")).status_code == 200
    await work_off(service, seconds=5)
    assert "let go" in (await org.admin.get(run)).json()["error"]
    await org.admin.post(f"{run}/cancel")
    assert (await org.admin.post("/v1/contacts/count", json={})).json()["count"] == 0


async def test_of_an_order_of_which_a_line_was_erased_nothing_is_made(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(imports_work, "FIRST", 1)
    monkeypatch.setattr(imports_work, "LINES", 1)
    anna = await a_person(org)
    text = (
        "number,at,sku,quantity,unit price,customer email\n"
        "Z,2026-03-01,S,1,5,\n"
        "A,2026-03-01,S,1,100,anna@example.com\n"
        "A,2026-03-01,S,1,1,\n"
        "B,2026-03-01,S,1,1,\n"
        "A,2026-03-01,S,1,1,\n"
    )
    one = await sent(org, text, "lines.csv", target="line")
    run = (await begun(org, one)).rpartition("/")[2]
    for _ in range(2):  # the file, then the first order
        assert await do_batch(org.database, org.id, UUID(run))
    asked = (await org.admin.post(f"/v1/contacts/{anna}/erase")).json()
    assert await do_batch(org.database, org.id, UUID(asked["id"]))
    await work_off(service)
    found = (await org.admin.get(f"/v1/imports/{one['id']}")).json()
    # Lines that stand together are let go together, and the one that stands apart comes to nothing without them.
    assert found["account"] == account(created=2, skipped=2, failed=1)
    orders = (await org.admin.get("/v1/orders")).json()["data"]
    assert sorted(order["number"] for order in orders) == ["B", "Z"]


async def exported(service: FastAPI, org: Organisation, **said: Any) -> str:
    answer = await org.admin.post("/v1/exports", json={"format": "csv", **said})
    assert answer.status_code == 202, answer.text
    await work_off(service)
    return f"/v1/exports/{answer.json()['params']['export_id']}"


async def test_exports_of_the_erased_have_no_file_and_no_question(service: FastAPI, org: Organisation):
    anna = await a_person(org)
    where = {"field": "email", "op": "eq", "value": "anna@example.com"}
    people = await exported(service, org, noun="contact", where=where)
    goods = await exported(service, org, noun="product")
    assert "anna@example.com" in (await org.admin.get(f"{people}/file")).text.lower()
    await erase(service, org, anna)
    assert "anna@example.com" not in await kept(org)
    refused = await org.admin.get(f"{people}/file")
    assert (refused.status_code, refused.json()["code"]) == (409, "export_expired")
    assert (await org.admin.get(f"{goods}/file")).status_code == 200


async def test_an_export_under_way_begins_anew_without_the_erased(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exports, "PACKED", 1)
    monkeypatch.setattr(work, "SECONDS", 0.001)
    anna = await a_person(org)
    for name in ("Bob", "Eve"):
        assert (await org.admin.post("/v1/contacts", json={"name": name})).status_code == 201
    asked = (await org.admin.post("/v1/exports", json={"noun": "contact", "sort": "created_at"})).json()
    for _ in range(2):
        assert await do_batch(org.database, org.id, asked["id"])
    assert "anna@example.com" in await kept(org)
    erasing = (await org.admin.post(f"/v1/contacts/{anna}/erase")).json()
    # First of all: an export that is done by then is closed, and asked for anew by people.
    assert await do_batch(org.database, org.id, UUID(erasing["id"]))
    # One that is done before the erasure comes by again is not closed.
    while await do_batch(org.database, org.id, asked["id"]):
        pass
    await work_off(service)
    run = await run_row(org, asked["id"])
    assert (run["status"], run["error"]) == ("done", None)
    file = (await org.admin.get(f"/v1/exports/{asked['params']['export_id']}/file")).text
    assert "anna" not in (file + await kept(org)).lower()
    assert all(name in file for name in ("Bob", "Eve")), file


async def test_a_trial_goes_on_when_one_of_its_people_is_erased(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(imports_work, "FIRST", 1)
    monkeypatch.setattr(imports_work, "APPLIED", 1)
    anna = await a_person(org)
    one = await sent(org, "name,email,job title\n" + "".join(f"Anna,anna@example.com,{n}\n" for n in "ABC"))
    run = (await begun(org, one, "try")).rpartition("/")[2]
    for _ in range(2):  # the file, then its first row
        assert await do_batch(org.database, org.id, UUID(run))
    asked = (await org.admin.post(f"/v1/contacts/{anna}/erase")).json()
    assert await do_batch(org.database, org.id, UUID(asked["id"]))
    await work_off(service)
    found = await run_row(org, run)
    assert (found["status"], found["error"]) == ("done", None)
