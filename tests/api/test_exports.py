"""Exports over HTTP: a list is asked for, and a file has all of it and nothing else."""

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import openpyxl
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from app.db import exports
from app.db.uow import UnitOfWork
from app.jobs.housekeeping import forget
from app.kit import clock
from app.usecases.exports import work
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, work_off

ANY = {"If-Match": "*"}
WEI: dict[str, Any] = {
    "name": "张伟",
    "emails": [
        {"address": "Wei.Zhang@example.com", "label": "work"},
        {"address": "wei@example.cn", "label": "work"},
        {"address": "w@example.org"},
    ],
    "phones": [{"number": "+8613800138000", "label": "mobile"}],
    "addresses": [{"label": "home", "country": "CN", "city": "上海", "street": "南京路 1"}],
    "job_title": '=HYPERLINK("http://evil.example","x")',
    "tags": ["vip", "2026"],
    "external_ids": {"erp": "C-1"},
}
LI: dict[str, Any] = {
    "name": "李娜",
    "job_title": "'-quoted",
    "phones": [{"number": "139 0013 9000"}],
    "birth_date": "1990-01-31",
}


async def added(org: Organisation, *people: Mapping[str, Any]) -> None:
    made = await org.admin.post("/v1/contacts/bulk", json={"items": list(people)})
    assert made.json()["failed"] == 0, made.text


async def asked(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post("/v1/exports", json={"noun": "contact", **said})
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def exported(service: FastAPI, client: httpx.AsyncClient, **said: Any) -> tuple[dict[str, Any], bytes]:
    """The export, and its file."""
    run = await asked(client, **said)
    await work_off(service)
    here = f"/v1/exports/{run['params']['export_id']}"
    one = (await client.get(here)).json()
    file = await client.get(f"{here}/file")
    assert file.status_code == 200, (file.text, (await client.get(f"/v1/runs/{run['id']}")).json())
    assert len(file.content) == one["size"] == int(file.headers["content-length"])
    return one, file.content


def table(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def test_a_csv_has_a_column_for_each_label_and_no_formula(service: FastAPI, org: Organisation):
    await added(org, WEI, LI)
    one, content = await exported(service, org.admin, sort="created_at,id")
    rows = {row["name"]: row for row in table(content)}
    assert (one["stage"], one["listed"], one["rows"], len(rows)) == ("done", 2, 2, 2)
    wei, li = rows["张伟"], rows["李娜"]
    assert (wei["email:work"], wei["email:work#2"], wei["email"]) == (
        "Wei.Zhang@example.com", "wei@example.cn", "w@example.org"
    )  # fmt: skip
    assert (wei["phone:mobile"], li["phone"]) == ("+8613800138000", "139 0013 9000")
    assert (wei["address:home.city"], wei["address:home.street"], li["address:home.city"]) == (
        "上海",
        "南京路 1",
        "",
    )
    assert (wei["external:erp"], wei["tags"], li["birth_date"]) == ("C-1", "vip;2026", "1990-01-31")
    assert wei["job_title"] == "'" + WEI["job_title"]
    assert li["job_title"] == "''-quoted"
    assert wei["created_at"].endswith("Z")


async def test_a_csv_goes_back_in_as_it_came_out(service: FastAPI, org: Organisation, other: Organisation):
    await added(org, WEI, LI)
    _, content = await exported(service, org.admin)
    sent = await other.admin.post("/v1/imports", params={"name": "contacts.csv"}, content=content)
    assert sent.status_code == 201, sent.text
    one = sent.json()
    assert one["target"] == "contact"
    told = one["mapping"]
    assert {header: path for header, path in told.items() if header != path} == {}
    assert {
        "name",
        "email",
        "email:work",
        "email:work#2",
        "phone:mobile",
        "external:erp",
        "tags",
    } <= told.keys()
    assert (await other.admin.post(f"/v1/imports/{one['id']}/start", headers=ANY)).status_code == 202
    await work_off(service)
    done = (await other.admin.get(f"/v1/imports/{one['id']}")).json()
    assert done["account"]["created"] == 2, done
    back = {row["name"]: row for row in (await other.admin.get("/v1/contacts")).json()["data"]}
    for before in (WEI, LI):
        after = back[before["name"]]
        for name in ("job_title", "tags", "birth_date", "external_ids"):
            if name in before:
                assert after[name] == before[name]
    assert {(email["address"], email["label"]) for email in back["张伟"]["emails"]} == {
        (email["address"], email.get("label")) for email in WEI["emails"]
    }
    for after, given in zip(back["张伟"]["addresses"], WEI["addresses"], strict=True):
        assert after | given == after


async def test_a_workbook_has_text_where_a_number_would_lose(service: FastAPI, org: Organisation):
    await added(org, WEI, LI)
    _, content = await exported(service, org.admin, format="xlsx", sort="name")
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    head, *rows = sheet.iter_rows(values_only=True)
    found = {row[head.index("name")]: dict(zip(head, row, strict=True)) for row in rows}
    assert found["张伟"]["phone:mobile"] == "+8613800138000"
    assert str(found["张伟"]["job_title"]).startswith("'=HYPERLINK")
    assert found["张伟"]["version"] == 1
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


async def test_parquet_keeps_money_exact(service: FastAPI, org: Organisation):
    made = {"sku": "A", "name": "a", "price": "0.1", "currency": "CNY", "tags": ["x"]}
    assert (await org.admin.post("/v1/products", json=made)).status_code == 201
    _, content = await exported(service, org.admin, noun="product", format="parquet")
    found = pq.read_table(io.BytesIO(content))
    assert found.schema.field("price").type == pa.decimal128(20, 4)
    [row] = found.to_pylist()
    assert (row["price"], row["tags"], row["active"]) == (Decimal("0.1000"), ["x"], True)
    assert row["created_at"].utcoffset() == timedelta(0)


async def test_ndjson_has_what_the_list_shows(service: FastAPI, org: Organisation):
    await added(org, WEI, LI)
    _, content = await exported(service, org.admin, format="ndjson", sort="name")
    listed = (await org.admin.get("/v1/contacts", params={"sort": "name"})).json()["data"]
    assert [orjson.loads(line) for line in content.splitlines()] == listed


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson", "parquet"])
async def test_a_file_has_as_many_rows_as_are_counted(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, form: str
):
    monkeypatch.setattr(exports, "PACKED", 7)
    await added(org, *({"name": f"n {n}", "source": "ab"[n % 2]} for n in range(60)))
    where = {"field": "source", "op": "eq", "value": "a"}
    one, content = await exported(service, org.admin, format=form, where=where, fields=["name"], sort="-name")
    counted = (await org.admin.post("/v1/contacts/count", json={"where": where})).json()["count"]
    match form:
        case "csv":
            names = [row["name"] for row in table(content)]
        case "ndjson":
            names = [orjson.loads(line)["name"] for line in content.splitlines()]
        case "parquet":
            names = pq.read_table(io.BytesIO(content))["name"].to_pylist()
        case _:
            sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
            head, *rows = sheet.iter_rows(values_only=True)
            names = [str(row[head.index("name")]) for row in rows]
    assert one["rows"] == one["listed"] == counted == len(names) == 30
    listed = await org.admin.post("/v1/contacts/search", json={"where": where, "sort": "-name", "limit": 200})
    assert names == [row["name"] for row in listed.json()["data"]]


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
async def test_nobody_waits_while_a_workbook_is_made(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, form: str
):
    await added(org, WEI, LI)
    real, held = work._closed, []

    async def closed(uow: UnitOfWork, writer: Any) -> None:
        held.append(await uow.fetchval("select pg_current_xact_id_if_assigned()"))
        await real(uow, writer)

    monkeypatch.setattr(work, "_closed", closed)
    await exported(service, org.admin, format=form)
    assert held == [None]


async def test_a_workbook_of_an_export_that_was_archived_meanwhile_is_not_kept(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    await added(org, WEI)
    run = await asked(org.admin, format="xlsx")
    here = f"/v1/exports/{run['params']['export_id']}"
    real = work._closed

    async def closed(uow: UnitOfWork, writer: Any) -> None:
        await real(uow, writer)
        assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code in {200, 409}

    monkeypatch.setattr(work, "_closed", closed)
    await work_off(service, seconds=5)
    assert "archived" in (await run_row(org, run["id"]))["error"]
    await org.admin.post(f"/v1/runs/{run['id']}/cancel")


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson", "parquet"])
async def test_an_empty_list_makes_an_empty_file(service: FastAPI, org: Organisation, form: str):
    one, content = await exported(service, org.admin, format=form, q="nobody")
    assert (one["listed"], one["rows"]) == (0, 0)
    if form == "csv":
        assert table(content) == []
        assert b"name" in content


async def test_words_with_a_typing_error_find_what_the_list_finds(service: FastAPI, org: Organisation):
    await added(org, {"name": "Anna Novakova"})
    one, _ = await exported(service, org.admin, q="Novokova")
    assert (
        one["rows"]
        == (await org.admin.post("/v1/contacts/count", json={"q": "Novokova"})).json()["count"]
        == 1
    )


async def test_what_a_list_refuses_is_refused_at_once(org: Organisation):
    for said, code in (
        ({"noun": "horse"}, "noun_unknown"),
        ({"fields": ["horse"]}, "field_unknown"),
        ({"sort": "horse"}, "sort_unknown"),
        ({"noun": "tag", "q": "x"}, "q_not_here"),
        ({"where": {"field": "horse", "op": "eq", "value": 1}}, "condition_invalid"),
    ):
        answer = await org.admin.post("/v1/exports", json={"noun": "contact", **said})
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_link_opens_the_file_to_anybody_until_it_expires(
    service: FastAPI,
    org: Organisation,
    other: Organisation,
    api: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
):
    await added(org, WEI)
    one, content = await exported(service, org.admin)
    link = (await org.admin.get(f"/v1/exports/{one['id']}/link", params={"seconds": 60})).json()
    assert (await api.get(link["url"])).content == content
    assert (await api.get(link["url"][:-3])).status_code == 404
    foreign, _ = await exported(service, other.admin)
    assert (await api.get(link["url"].replace(one["id"], foreign["id"]))).status_code == 404
    for door in ("file", "link"):
        assert (await other.admin.get(f"/v1/exports/{one['id']}/{door}")).status_code == 404
    later = clock.now() + timedelta(seconds=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await api.get(link["url"])).status_code == 404


async def test_who_changes_teams_keeps_no_file_of_the_team_before(
    service: FastAPI, org: Organisation, api: httpx.AsyncClient
):
    rights = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("mate", **rights, sight={"*": "team"})
    before, after = await org.team("A"), await org.team("B")
    mate, _ = await org.user("colleague", "mate", team=before)
    asker, client = await org.user("asker", "mate", team=before)
    await added(org, WEI | {"owner_id": str(mate)})
    one, content = await exported(service, client)
    link = (await client.get(f"/v1/exports/{one['id']}/link")).json()["url"]
    await org.user("newcomer", "mate", team=before)
    assert (await api.get(link)).content == content  # who sees more than before sees this, too
    moved = await org.admin.patch(f"/v1/users/{asker}", json={"team_id": str(after)}, headers=ANY)
    assert moved.status_code == 200, moved.text
    assert (await client.get("/v1/contacts")).json()["data"] == []
    for refused in (await client.get(f"/v1/exports/{one['id']}/file"), await api.get(link)):
        assert (refused.status_code, refused.json()["code"]) == (403, "access_narrowed")


async def test_an_archived_export_has_no_file_any_more(
    service: FastAPI, org: Organisation, api: httpx.AsyncClient
):
    one, _ = await exported(service, org.admin)
    link = (await org.admin.get(f"/v1/exports/{one['id']}/link")).json()
    assert (await org.admin.post(f"/v1/exports/{one['id']}/archive", headers=ANY)).status_code == 200
    assert (await org.admin.get(f"/v1/exports/{one['id']}/file")).json()["code"] == "export_expired"
    assert (await api.get(link["url"])).status_code == 409


async def test_a_file_is_let_go_when_it_expires_and_its_record_stays(service: FastAPI, org: Organisation):
    one, _ = await exported(service, org.admin)
    assert (await forget(org.database, clock.now()))["files"] == 0
    assert (await forget(org.database, clock.now() + timedelta(days=8)))["files"] > 0
    assert (await org.admin.get(f"/v1/exports/{one['id']}")).json()["rows"] == one["rows"]
    async with org.database.connection(org.id) as connection:
        assert await connection.fetchval("select count(*) from file_parts where org_id = $1", org.id) == 0


async def test_a_value_that_a_workbook_cannot_hold_fails_it_with_its_name(
    service: FastAPI, org: Organisation
):
    note = {"kind": "note", "at": "2026-01-01T00:00:00Z", "body": "x" * 40_000}
    assert (await org.admin.post("/v1/interactions", json=note)).status_code == 201
    run = await asked(org.admin, noun="interaction", format="xlsx")
    await work_off(service)
    assert "body" in (await run_row(org, run["id"]))["error"]
    file = await org.admin.get(f"/v1/exports/{run['params']['export_id']}/file")
    assert file.json()["code"] == "export_not_done"
    one, _ = await exported(service, org.admin, noun="interaction", format="csv")
    assert one["rows"] == 1


async def test_what_is_not_done_cannot_be_had(service: FastAPI, org: Organisation):
    run = await asked(org.admin)
    answer = await org.admin.get(f"/v1/exports/{run['params']['export_id']}/file")
    assert (answer.status_code, answer.json()["code"]) == (409, "export_not_done")
    await work_off(service)
    assert (await run_row(org, run["id"]))["status"] == "done"
