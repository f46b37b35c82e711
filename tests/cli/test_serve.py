"""`rapport serve`, as it runs in production: processes of its own, given its servers by their addresses."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.embedded.process import wait_for
from app.embedded.servers import Servers
from tests.conftest import SECRET


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(running: Servers, port: int, folder: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A served API that answers; what it says stands in folder/log."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAPPORT_")}
    given = {
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
        "RAPPORT_SECRET_KEY": SECRET,
        "RAPPORT_PORT": str(port),
        "RAPPORT_LOG_FORMAT": "json",
        "RAPPORT_POOL_SIZE": "2",
        "TMPDIR": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve", *words], env=kept | given, stdout=log, stderr=log
        )
    try:
        assert wait_for(lambda: answers(port) or None, seconds=60, pause=0.2), (folder / "log").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def counted(text: str) -> float:
    """How often one route was asked, as the metrics tell it."""
    found = re.search(
        r'^rapport_requests_total\{method="GET",route="/v1/nouns",status="401"\} (\S+)', text, re.MULTILINE
    )
    return float(found[1]) if found else 0


def by_process(folder: Path) -> int:
    """How many processes counted something."""
    return len(list(folder.glob("rapport-metrics-*/counter_*.db")))


def test_each_server_does_not_make_a_secret_of_its_own(port: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        given = {
            "DATABASE_URL": "postgresql://rapport@127.0.0.1:1/rapport",
            "REDIS_URL": "redis://127.0.0.1:1",
            "RAPPORT_STATE_DIR": place,
            "RAPPORT_PORT": str(port),
        }
        kept = {name: value for name, value in os.environ.items() if name != "RAPPORT_SECRET_KEY"}
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "serve"],
            env=kept | given,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 1
        assert "RAPPORT_SECRET_KEY is not set" in done.stderr
        assert list(Path(place).iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("database_url")
def test_several_processes_tell_the_sum_of_what_they_did(running: Servers, port: int) -> None:
    with (
        tempfile.TemporaryDirectory() as place,
        serving(running, port, folder := Path(place), "--workers", "2") as process,
    ):
        asked = 0
        while by_process(folder) < 2 or asked < 40:
            # A connection each, so that both processes get some.
            assert httpx.get(f"http://127.0.0.1:{port}/v1/nouns").status_code == 401
            asked += 1
            assert asked < 1_000, "one process was never asked"
        told = {counted(httpx.get(f"http://127.0.0.1:{port}/metrics").text) for _ in range(10)}
        assert told == {asked}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert list(folder.glob("rapport-metrics-*")) == []
        lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert {"Application startup complete.", "request"} <= {line["event"] for line in lines}
