"""What a service will not start without, and what it waits for."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import structlog

from app import worker
from app.db import walls
from app.db.engine import Database
from app.main import create_app
from app.settings import Settings, Unwalled


@pytest.fixture(autouse=True)
def logs_of_the_session() -> Iterator[None]:
    """A service that starts sets up logging anew, past the loggers that the session's service has used already."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def unwalled(chosen: Settings) -> Settings:
    """Settings under which requests would run as the owner of the tables, who is a superuser besides."""
    return chosen.model_copy(update={"app_role": "rapport"})


async def test_a_service_whose_role_looks_past_the_walls_does_not_start(unwalled: Settings):
    app = create_app(unwalled)
    with pytest.raises(Unwalled, match="RAPPORT_APP_ROLE"):
        async with app.router.lifespan_context(app):
            pass


async def test_a_worker_whose_role_looks_past_the_walls_does_not_start(unwalled: Settings):
    async with asyncio.timeout(10):
        with pytest.raises(Unwalled, match="superuser"):
            await worker.serve(unwalled, asyncio.Event())


async def test_a_service_starts_without_its_database_and_is_not_ready(chosen: Settings):
    away = chosen.model_copy(update={"database_url": "postgresql://rapport@127.0.0.1:1/rapport"})
    app = create_app(away)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.get("/livez")).status_code == 200
            ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert "PostgreSQL cannot be reached" in ready.text


async def test_a_worker_waits_for_its_database(chosen: Settings):
    away = chosen.model_copy(update={"database_url": "postgresql://rapport@127.0.0.1:1/rapport"})
    stop = asyncio.Event()
    working = asyncio.create_task(worker.serve(away, stop))
    await asyncio.sleep(0.5)
    assert not working.done()
    stop.set()
    await asyncio.wait_for(working, 10)


async def test_a_role_is_faulted_for_each_way_past_the_walls(owner: Database):
    async with owner.connection() as connection:
        await connection.execute("begin")
        await connection.execute("create role t_plain")
        await connection.execute("create role t_exempt bypassrls")
        await connection.execute("create role t_super superuser")
        await connection.execute("create role t_member in role rapport")
        faults = {
            name: await walls.role_faults(connection, f"t_{name}")
            for name in ("plain", "exempt", "super", "member", "nobody")
        }
        await connection.execute("rollback")
        assert "superuser" in (await walls.role_faults(connection) or [])
        assert await walls.role_faults(connection, "rapport_app") == []
    assert faults == {
        "plain": [],
        "exempt": ["exempt from row security"],
        "super": ["superuser"],
        "member": ["owner of the tables"],
        "nobody": None,
    }
