"""Files of exports: in each is what its asker sees, in no file and no header is anything else."""

import io
from itertools import cycle, product
from typing import Any

import httpx
import openpyxl
import orjson
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from tests.leaks.oracle import Oracle
from tests.leaks.test_fields import CASES, hiding
from tests.leaks.world import NOUNS, SEATS, World
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, work_off

_ALL = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
FORMATS = ("csv", "xlsx", "ndjson", "parquet")


async def asked(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post("/v1/exports", json=said)
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    return run


async def files(service: FastAPI, client: httpx.AsyncClient, nouns: list[str], form: str) -> str:
    """What stands in the files of these nouns, headers included."""
    runs = [await asked(client, noun=noun, format=form) for noun in nouns]
    await work_off(service)
    texts = []
    for run in runs:
        file = await client.get(f"/v1/exports/{run['params']['export_id']}/file")
        assert file.status_code == 200, file.text
        texts.append(text_of(file.content, form))
    return "\n".join(texts)


def text_of(content: bytes, form: str) -> str:
    if form == "xlsx":
        book = openpyxl.load_workbook(io.BytesIO(content))
        return "\n".join(str(row) for sheet in book for row in sheet.iter_rows(values_only=True))
    if form == "parquet":
        found = pq.read_table(io.BytesIO(content))
        return f"{found.column_names}{found.to_pylist()}"
    return content.decode()


@pytest.mark.parametrize(
    ("sight", "seat", "form"),
    [(*one, form) for one, form in zip(product(("own", "team", "all"), SEATS), cycle(FORMATS), strict=False)],
)
async def test_a_file_holds_what_its_asker_sees(
    service: FastAPI, world: World, sight: str, seat: str, form: str
):
    role = f"exports {sight} {seat} {form}"
    await world.org.role(role, **_ALL, sight={"*": sight})
    await world.give((seat,), role)
    oracle = Oracle(world, (await world.roles())[role], seat)
    text = await files(service, world.clients[seat], list(NOUNS), form)
    found = world.canaries.found(text)
    assert found - oracle.allowed() == set()
    own = {
        value
        for value in oracle.allowed(whole=True)
        if any(h.record in text_keys(world, text) for h in world.canaries.holders[value])
    }
    assert found & own, "nothing came out, so nothing was tried"


def text_keys(world: World, text: str) -> set[str]:
    """The records that a text speaks of."""
    return {one.key for one in world.records.values() if one.id in text}


@pytest.mark.parametrize(("noun", "name"), CASES)
async def test_a_hidden_field_is_in_no_file_and_no_header(
    service: FastAPI, world: World, noun: str, name: str
):
    role = f"export without {noun} {name}"
    masked = hiding(noun, name)
    await world.org.role(role, **masked | {"read": masked["read"] | {"export": ["*"], "run": ["*"]}})
    await world.give(("boss",), role)
    boss = world.clients["boss"]
    oracle = Oracle(world, (await world.roles())[role], "boss")
    for form in ("ndjson", "csv"):
        text = await files(service, boss, [noun], form)
        assert world.canaries.found(text) - oracle.allowed() == set()
        if form == "ndjson":
            for line in text.splitlines():
                record = orjson.loads(line)
                assert name not in record.keys() | {f"custom.{key}" for key in record.get("custom", {})}
        else:
            assert name not in text.splitlines()[0].removeprefix("\ufeff").replace('"', "").split(
                ","
            ) or name in {
                "email",
                "phone",
            }
    refused = await boss.post("/v1/exports", json={"noun": noun, "fields": [name.partition(".")[0]]})
    if not name.startswith("custom."):
        assert (refused.status_code, refused.json()["code"]) == (403, "field_hidden")


@pytest.mark.parametrize(
    "less",
    [
        {"sight": {}},
        {"read": {"contact": ["name"]}},
        {"scopes": ["exports:read", "exports:write", "runs:read"]},
    ],
)
async def test_access_lost_closes_what_was_made_and_stops_what_is_being_made(
    service: FastAPI, world: World, api: httpx.AsyncClient, less: dict[str, Any]
):
    role = f"export loses {sorted(less)}"
    await world.org.role(role, **_ALL, sight={"*": "all"})
    await world.give(("boss",), role)
    boss = world.clients["boss"]
    made = await asked(boss, noun="contact", format="csv")
    await work_off(service)
    here = f"/v1/exports/{made['params']['export_id']}"
    link = (await boss.get(f"{here}/link")).json()["url"]
    assert (await api.get(link)).status_code == 200
    late = await asked(boss, noun="contact", format="csv")
    await world.redefine(role, **less)
    assert (await boss.get(f"{here}/file")).status_code == 403
    assert (await boss.get(f"{here}/link")).status_code == 403
    assert (await api.get(link)).status_code == 403
    await work_off(service)
    assert (await run_row(world.org, late["id"]))["status"] in {"running", "failed"}
    row = await run_row(world.org, late["id"])
    assert row["error"], "it was refused, and is tried again, or is given up"
    assert (await boss.get(f"/v1/exports/{late['params']['export_id']}/file")).status_code in {403, 409}


async def test_nobody_else_opens_a_file(service: FastAPI, world: World, outside: Organisation):
    made = await asked(world.org.admin, noun="contact", format="csv")
    await work_off(service)
    here = f"/v1/exports/{made['params']['export_id']}"
    await world.org.role("export sees all", **_ALL, sight={"*": "all"})
    await world.give(("boss",), "export sees all")
    for client in (world.clients["boss"], outside.admin):
        for door in ("file", "link"):
            assert (await client.get(f"{here}/{door}")).status_code == 404
    assert (await world.org.admin.get(f"{here}/file")).status_code == 200
