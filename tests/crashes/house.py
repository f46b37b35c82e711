"""A house to be shaken: durable servers, the API and the worker as processes of their own, and a way to kill each."""

import http.client
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from app.embedded.process import Child, wait_for
from app.embedded.servers import Servers, servers
from app.kit import clock

LEASE, BATCH = 2.0, 50
"""Seconds of a lease and records of a batch, small, so that many of them meet with an accident."""
_WORKER = """
import sys
from datetime import timedelta
from app import worker
from app.domain import runs
from app.jobs.nights import NIGHTLY
from app.usecases import tags
tags.BATCH = int(sys.argv[2])
runs.LEASE = timedelta(seconds=float(sys.argv[1]))
NIGHTLY.clear()  # a night's work has no part in it
worker.run()
"""
_PATIENCE = 60.0


class House:
    """Every method that kills or starts something blocks; call it in a thread beside an event loop."""

    def __init__(self, place: Path, running: Servers, **environment: str) -> None:
        self.running = running
        self.log = place / "log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.outages: dict[str, list[tuple[float, float]]] = {"postgres": [], "redis": [], "api": []}
        """When each was away: from just before the blow until it answered again, by the monotonic clock."""
        self._environment = os.environ | {
            "DATABASE_URL": running.database_url,
            "REDIS_URL": running.redis_url,
            "RAPPORT_SECRET_KEY": "a secret of the crash tests, long enough for HS256",
            "RAPPORT_STATE_DIR": str(place),
            "RAPPORT_PORT": str(self.port),
            **environment,
        }
        self._api: Child | None = None
        self._worker: Child | None = None

    @property
    def api(self) -> Child:
        """The API's first process."""
        assert self._api
        return self._api

    @property
    def base(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}"

    def start_api(self, workers: int = 1) -> None:
        """Start the API and wait until it answers; what a killed one left behind may hold the port for a while."""
        environment = self._environment | {"RAPPORT_WORKERS": str(workers)}
        end = clock.monotonic() + _PATIENCE
        while clock.monotonic() < end:
            command = [sys.executable, "-m", "app.cli", "serve"]
            self._api = Child(command, log=self.log / "api.log", env=environment, cwd=Path.cwd())
            if wait_for(self._answers, seconds=_PATIENCE):
                wait_for(lambda: len(self.api_children()) == workers or workers == 1 or None, seconds=10)
                self._over("api")
                return
            self.api.reap()
        raise AssertionError(f"The API does not start: {self.api.said()[-2000:]}")

    def _answers(self) -> bool | None:
        if self.api.ended() is not None:
            return False
        return self.ask("/livez")[0] == 200 or None

    def ask(self, path: str, timeout: float = 10) -> tuple[int, Any]:
        """Status and body of a GET; status 0 when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def api_children(self) -> list[psutil.Process]:
        """The API's processes under the first one, when it has several."""
        return _children(self.api.pid, "spawn_main")

    def start_worker(self) -> None:
        """Start the background worker."""
        command = [sys.executable, "-c", _WORKER, str(LEASE), str(BATCH)]
        self._worker = Child(command, log=self.log / "worker.log", env=self._environment, cwd=Path.cwd())

    def worker_lives(self) -> bool:
        """Whether the worker has not ended by itself."""
        return self._worker is not None and self._worker.ended() is None

    def kill_postgres(self) -> None:
        """Kill PostgreSQL's first process, and with it all others."""
        self._away("postgres")
        os.kill(self.running.postgres_pid, signal.SIGKILL)

    def start_postgres(self) -> None:
        """Start PostgreSQL again."""
        self.running.restart_postgres()
        self._over("postgres")

    def kill_backend(self, chance: random.Random) -> bool:
        """Kill one process that serves a connection, after which PostgreSQL throws all of them out and recovers."""
        backends = _children(self.running.postgres_pid, "rapport rapport")
        if not backends:
            return False
        self._away("postgres")
        chance.choice(backends).kill()
        return True

    def backend_replaced(self) -> None:
        """PostgreSQL has recovered by itself."""
        self._over("postgres")

    def kill_redis(self) -> None:
        """Kill Redis."""
        self._away("redis")
        os.kill(self.running.redis_pid, signal.SIGKILL)

    def start_redis(self) -> None:
        """Start Redis again."""
        self.running.restart_redis()
        self._over("redis")

    def kill_api(self) -> list[int]:
        """Kill the API's first process; its children must end by themselves, and those that did not are told."""
        self._away("api")
        children = self.api_children()
        self.api.stop(signal.SIGKILL, seconds=5)
        _, alive = psutil.wait_procs(children, timeout=20)
        for child in alive:
            child.kill()
        return [child.pid for child in alive]

    def kill_api_child(self, chance: random.Random) -> None:
        """Kill one of several API processes and wait until there is another in its place."""
        self._away("api")
        children = self.api_children()
        chance.choice(children).kill()
        before = {child.pid for child in children}
        replaced = lambda: self._full(len(children), before) or None  # noqa: E731 - one expression, used once
        assert wait_for(replaced, seconds=20, pause=0.05), "a killed API process is not replaced"
        self._over("api")

    def _full(self, count: int, before: set[int]) -> bool:
        living = [child.pid for child in self.api_children()]
        return len(living) == count and bool(set(living) - before) and self.ask("/livez")[0] == 200

    def kill_worker(self) -> None:
        """Kill the worker."""
        assert self._worker
        self._worker.stop(signal.SIGKILL, seconds=5)

    def close(self) -> None:
        """End what is left."""
        for child in (self._worker, self._api):
            if child:
                child.stop(signal.SIGTERM, seconds=15)

    def was_away(self, what: str, begun: float, ended: float, *, grace: float = 0.0) -> bool:
        """Whether it was away at any moment between two times."""
        return any(start <= ended and begun <= end + grace for start, end in self.outages[what])

    def _away(self, what: str) -> None:
        self.outages[what].append((clock.monotonic(), float("inf")))

    def _over(self, what: str) -> None:
        now = clock.monotonic()
        self.outages[what] = [(start, min(end, now)) for start, end in self.outages[what]]


def _children(pid: int, word: str) -> list[psutil.Process]:
    """The living children of a process whose command has this word in it."""
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.Error):  # it may end while it is being looked at
            if word in " ".join(child.cmdline()):
                found.append(child)
    return found


@contextmanager
def house(place: Path, *, durable: bool = True, **environment: str) -> Iterator[House]:
    """Servers in a state folder of their own; the API and the worker are started by the caller."""
    with servers(place, durable=durable) as running:
        made = House(place, running, **environment)
        try:
            yield made
        finally:
            made.close()
