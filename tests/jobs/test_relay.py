"""What the worker's loops say when a server is away, and when something else is wrong."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
import structlog

from app import worker
from app.db.engine import Database
from app.domain.errors import Busy
from app.jobs import relay
from app.kit.ids import new_id


@pytest.fixture(autouse=True)
def fresh_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger remembers where it wrote first; these have not written yet, so what they say can be captured."""
    for module in (relay, worker):
        monkeypatch.setattr(module, "_log", structlog.get_logger())


@pytest.mark.parametrize(
    ("fault", "event", "traced"),
    [
        (Busy("database_unreachable", "The database cannot be reached."), "it waits for a server", False),
        (asyncpg.CannotConnectNowError("starting up"), "it waits for a server", False),
        (asyncpg.UndefinedFunctionError("no function rapport_due"), "it failed", True),
        (KeyError("kind"), "it failed", True),
    ],
)
async def test_a_loop_goes_on_and_says_whether_a_server_is_away_or_we_are_wrong(
    fault: Exception, event: str, traced: bool
) -> None:
    stop, done = asyncio.Event(), []

    async def fail_twice() -> None:
        done.append(1)
        if len(done) > 2:
            stop.set()
            return
        raise fault

    with structlog.testing.capture_logs() as captured:
        await asyncio.wait_for(worker._repeat("it", timedelta(0), stop, fail_twice), 5)
    assert [one["event"] for one in captured] == [event] * 2
    assert all(("exc_info" in one) == traced for one in captured)


async def test_a_batch_that_finds_the_database_away_is_put_off_without_a_stack_trace() -> None:
    away = Database("postgresql://rapport@127.0.0.1:1/rapport", role=None, size=1)
    with structlog.testing.capture_logs() as captured:
        await relay.batch({"database": away}, str(new_id()), str(new_id()), "tags.merge")
    await away.close()
    assert [one["event"] for one in captured] == ["batch waits for the database"]
