"""What the README says of backups, done: dumped here, restored into a new cluster, and served from there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.db import actors
from app.db.engine import Database
from app.db.events import Position, read_after
from app.db.uow import UnitOfWork
from app.embedded import binaries
from app.embedded.process import environment
from app.embedded.servers import Servers, check_state_dir, servers
from app.kit import clock
from app.main import create_app
from app.settings import Settings
from tests.conftest import SECRET
from tests.makers.organisations import Organisation


@pytest.fixture
def fresh(state_dir: Path) -> Iterator[Servers]:
    """Servers that nothing was done with."""
    with servers(state_dir, durable=False) as both:
        yield both


def tool(name: str, state_dir: Path, *words: str) -> None:
    """Run one of PostgreSQL's own programs."""
    program = binaries.program(binaries.POSTGRES, state_dir, check_state_dir(state_dir)).parent / name
    done = subprocess.run([program, *words], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def rapport(state_dir: Path, target: Servers, word: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    given = {
        "DATABASE_URL": target.database_url,
        "REDIS_URL": target.redis_url,
        "RAPPORT_STATE_DIR": str(state_dir),
        "RAPPORT_SECRET_KEY": SECRET,
    }
    command = [sys.executable, "-m", "app.cli", word]
    return subprocess.run(command, env=kept | given, capture_output=True, text=True, check=False, timeout=120)


async def ahead(source: str, target: str) -> None:
    """Let the source have done more transactions than the target has, as years of work would."""
    there, here = await asyncpg.connect(target), await asyncpg.connect(source)
    try:
        reached = int(await there.fetchval("select pg_current_xact_id()::text"))
        while int(await here.fetchval("select pg_current_xact_id()::text")) < reached + 2_000:
            pass
    finally:
        await there.close()
        await here.close()


async def types_after(service: FastAPI, org: Organisation, position: Position) -> tuple[list[str], Position]:
    """What a reader of the log is told."""
    database: Database = service.state.database
    uow = UnitOfWork(database, await actors.system(database, org.id), now=clock.now(), cause=None)
    async with uow:
        rows, position = await read_after(uow, position, 10_000)
    return [row["type"] for row in rows], position


@pytest.mark.slow
async def test_a_backup_restored_into_a_new_cluster_is_served_as_it_was(
    org: Organisation, running: Servers, fresh: Servers, state_dir: Path, chosen: Settings
) -> None:
    await ahead(running.database_url, fresh.database_url)
    body = {"name": "王小明", "phones": [{"number": "13800138000"}], "external_ids": {"erp": "C-1"}}
    made = await org.admin.post("/v1/contacts", json=body)
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    await org.admin.patch(address, json={"job_title": "采购总监"}, headers={"If-Match": "*"})
    old = {"kind": "note", "at": "1999-01-01T00:00:00Z", "contact_id": made.json()["id"], "subject": "old"}
    assert (await org.admin.post("/v1/interactions", json=old)).status_code == 201
    asked = (address, f"{address}/history", "/v1/contacts?q=xiaoming", "/v1/interactions", "/v1/auth/me")
    before = [(await org.admin.get(path)).json() for path in asked]

    dump = state_dir / "rapport.dump"
    tool("pg_dump", state_dir, "-Fc", "-f", str(dump), running.database_url)
    connection = await asyncpg.connect(fresh.database_url)
    await connection.execute("create role rapport_app nologin")
    await connection.execute("grant rapport_app to rapport")
    await connection.close()
    tool("pg_restore", state_dir, "--exit-on-error", "-d", fresh.database_url, str(dump))

    examined = rapport(state_dir, fresh, "doctor")
    assert examined.returncode == 1
    [fault] = [line for line in examined.stdout.splitlines() if line.startswith("fault")]
    assert "Event log restored" in fault
    migrated = rapport(state_dir, fresh, "migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "events that were restored" in migrated.stdout
    assert "events" not in rapport(state_dir, fresh, "migrate").stdout
    examined = rapport(state_dir, fresh, "doctor")
    assert examined.returncode == 0, examined.stdout

    own = chosen.model_copy(update={"database_url": fresh.database_url, "redis_url": fresh.redis_url})
    service = create_app(own)
    async with service.router.lifespan_context(service):
        transport = httpx.ASGITransport(app=service)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=org.admin.headers
        ) as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            assert [(await client.get(path)).json() for path in asked] == before
            told, position = await types_after(service, org, Position())
            assert told[-3:] == ["contact.added", "contact.edited", "interaction.added"]
            new = await client.patch(address, json={"job_title": "总经理"}, headers={"If-Match": "*"})
            assert new.json()["version"] == 3
            assert (await types_after(service, org, position))[0] == ["contact.edited"]
