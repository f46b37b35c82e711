"""Real servers for the whole run, migrated once; a fresh organisation for each test that asks for one."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import make_url

from app.db.engine import Database
from app.db.migrate import migrate
from app.embedded.servers import Servers, servers
from app.kit.ids import new_id
from app.main import create_app
from app.settings import Settings
from tests.makers.organisations import Organisation, found

SECRET = "a secret of the tests, long enough for HS256"


@pytest.fixture(scope="session")
def running() -> Iterator[Servers]:
    """An embedded PostgreSQL and Redis in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="rapport-test-", dir="/tmp") as place:
        Path(place).chmod(0o755)
        with servers(Path(place), durable=False) as both:
            yield both


@pytest.fixture(scope="session")
def database_url(running: Servers) -> str:
    """The migrated database."""
    migrate(running.database_url)
    return running.database_url


def _run(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def _database(database_url: str, name: str, like: str = "template1") -> str:
    _run(database_url, f"create database {name} template {like}")
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def pattern(database_url: str) -> str:
    """The name of a migrated database that nobody uses, to be copied: migrating takes twenty times as long."""
    migrate(_database(database_url, "pattern"))
    return "pattern"


@pytest.fixture
def empty(database_url: str, pattern: str) -> Iterator[str]:
    """A migrated database with nobody in it."""
    name = f"t{new_id().hex}"
    yield _database(database_url, name, pattern)
    _run(database_url, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def chosen(running: Servers, database_url: str) -> Settings:
    """The settings of the service under test."""
    return Settings().model_copy(
        update={"database_url": database_url, "redis_url": running.redis_url, "secret_key": SecretStr(SECRET)}
    )


@pytest.fixture(scope="session")
async def service(chosen: Settings) -> AsyncIterator[FastAPI]:
    """The service, started."""
    app = create_app(chosen)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def database(service: FastAPI) -> Database:
    """The service's own way to PostgreSQL, as the app's role."""
    database: Database = service.state.database
    return database


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """A way around the walls, for checks only."""
    database = Database(database_url, role=None, size=1)
    yield database
    await database.close()


@pytest.fixture
async def api(service: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that nobody knows."""
    transport = httpx.ASGITransport(app=service)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def org(service: FastAPI, database_url: str) -> AsyncIterator[Organisation]:
    """A fresh organisation with an administrator."""
    made = await found(service, database_url)
    yield made
    await made.close()


@pytest.fixture
async def other(service: FastAPI, database_url: str) -> AsyncIterator[Organisation]:
    """Another tenant."""
    made = await found(service, database_url)
    yield made
    await made.close()
