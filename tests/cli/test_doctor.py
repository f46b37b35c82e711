"""What `rapport doctor` finds wrong, on a database of its own."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import asyncpg
import pytest
from rich.console import Console

from app.cli.doctor import examine
from app.embedded.servers import Servers
from app.kit import clock
from app.settings import settings
from tests.conftest import SECRET

Doctor = Callable[..., list[str]]


@pytest.fixture
def faults(empty: str, running: Servers, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    """The faults that are found in a migrated database, with other settings if they are given."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o711)
        given = {
            "DATABASE_URL": empty,
            "REDIS_URL": running.redis_url,
            "RAPPORT_SECRET_KEY": SECRET,
            "RAPPORT_STATE_DIR": place,
        }

        def ask(**others: str) -> list[str]:
            for name, value in (given | others).items():
                monkeypatch.setenv(name, value)
            settings.cache_clear()
            said = StringIO()
            well = examine(Console(file=said, width=500))
            found = [line for line in said.getvalue().splitlines() if line.startswith("fault")]
            assert well == (not found)
            return found

        yield ask
    settings.cache_clear()


def run(url: str, statement: str) -> None:
    async def ask() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(ask())


def test_a_missing_partition_is_found_though_there_is_a_default_one(empty: str, faults: Doctor) -> None:
    assert faults() == []
    month = clock.now().replace(day=1) + timedelta(days=32)
    run(empty, f"drop table events_p{month:%Y%m}")
    [fault] = faults()
    assert "No partition for next month in events" in fault


def test_too_few_connections_are_found(faults: Doctor) -> None:
    [fault] = faults(RAPPORT_WORKERS="8")
    assert "100 connections allowed, 200 wanted" in fault


def test_a_role_that_looks_past_the_walls_is_found(faults: Doctor) -> None:
    [fault] = faults(RAPPORT_APP_ROLE="rapport")
    assert "Role rapport is superuser" in fault
