"""The first steps, on a database of their own."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy import make_url

from app.db.engine import Database
from app.db.migrate import migrate
from app.kit import clock
from app.kit.ids import new_id
from app.usecases.bootstrap import bootstrap


def _run(url: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """A migrated database with nobody in it."""
    name = f"t{new_id().hex}"
    _run(database_url, f"create database {name}")
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    yield url
    _run(database_url, f"drop database {name} with (force)")


async def test_of_many_starts_at_once_one_makes_the_organisation(empty: str):
    told = await asyncio.gather(*(bootstrap(empty) for _ in range(4)))
    assert sorted(one is None for one in told) == [False, True, True, True]
    owner = Database(empty, role=None, size=1)
    async with owner.connection() as connection:
        counts = [
            await connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - the names beside
            for table in ("organisations", "users", "api_keys")
        ]
    await owner.close()
    assert counts == [1, 1, 1]
    assert await bootstrap(empty) is None


async def test_an_organisation_that_was_begun_is_finished(empty: str):
    owner = Database(empty, role=None, size=1)
    async with owner.connection() as connection:
        await connection.execute(
            "insert into organisations (id, slug, name, region, time_zone, currency, language, stamp, version,"
            " created_at, updated_at) values ($1, 'main', 'x', 'CN', 'UTC', 'CNY', 'zh-CN', 1, 1, $2, $2)",
            new_id(),
            clock.now(),
        )
        first = await bootstrap(empty)
        assert first
        assert first.organisation == "main"
        assert await connection.fetchval("select array_agg(slug) from organisations") == ["main"]
        assert await connection.fetchval("select count(*) from roles") > 1
    await owner.close()
