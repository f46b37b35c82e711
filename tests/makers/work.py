"""A worker for tests: what is due is done, in this process or in one of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from app.jobs.relay import carry_due, queue_at
from app.kit import clock
from app.settings import Settings
from app.worker import make_worker, queues


async def work_off(service: FastAPI, workers: int = 1, seconds: float = 30) -> None:
    """Do everything that is due, by real arq workers over the real Redis, until nothing is due."""
    own: Settings = service.state.settings
    assert own.redis_url
    async with asyncio.timeout(seconds), queue_at(own.redis_url) as queue:
        while await carry_due(service.state.database, queue, clock.now()):
            burst = [
                make_worker(name, service.state.database, queue, burst=True)
                for name in queues()
                for _ in range(workers)
            ]
            await asyncio.gather(*(worker.async_run() for worker in burst))


_PROGRAM = """
import sys
from datetime import timedelta
import os
from app import worker
from app.db import exports
from app.domain import runs
from app.jobs import relay
from app.jobs.nights import NIGHTLY
from app.usecases import tags
from app.usecases.exports import work
from app.usecases.imports import reading, undo
from app.usecases.imports import work as importing
tags.BATCH = undo.BATCH = exports.PACKED = int(sys.argv[2])
work.SECONDS = 0.001
if rows := int(sys.argv[4]):
    importing.APPLIED = importing.LINES = importing.FIRST = rows
    reading.READ, reading.SECONDS, reading.WORTH = 4 * rows, 0.001, 0
runs.LEASE = timedelta(seconds=float(sys.argv[1]))
NIGHTLY.clear()  # or the nights of every organisation that tests have left would begin
async def die(*_):
    os.kill(os.getpid(), 9)
if sys.argv[3] == "deadly":
    relay.do_batch = die
worker.run()
"""


class Worker:
    """A worker in a process of its own, with short leases and small batches; a deadly one is killed by its first job.

    Rows are those of an import that one batch applies, as many as ever when not said.
    """

    def __init__(
        self, own: Settings, *, lease: float = 1.0, batch: int = 200, rows: int = 0, deadly: bool = False
    ) -> None:
        assert own.database_url
        assert own.redis_url
        environment = os.environ | {"DATABASE_URL": own.database_url, "REDIS_URL": own.redis_url}
        self._child = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(lease), str(batch), "deadly" if deadly else "", str(rows)],
            env=environment,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def kill(self) -> None:
        """As a power cut would."""
        self._child.send_signal(signal.SIGKILL)
        self._child.wait(10)

    def pause(self) -> None:
        """As if it had no share of the machine."""
        self._child.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a pause."""
        self._child.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Wait until it has ended by itself; the exit status."""
        return self._child.wait(20)

    def stop(self) -> int:
        """As an operator would; the exit status."""
        self._child.send_signal(signal.SIGTERM)
        return self._child.wait(20)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self.kill()


async def until(ask: Callable[[], Any], seconds: float = 30) -> Any:
    """What an async question answers once the answer is true."""
    async with asyncio.timeout(seconds):
        while not (answer := await ask()):  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)
    return answer


async def run_row(org: Any, run: UUID | str) -> Any:
    """The run as it stands."""
    async with org.database.connection(org.id) as connection:
        return await connection.fetchrow(
            "select * from runs where org_id = $1 and id = $2", org.id, UUID(str(run))
        )
