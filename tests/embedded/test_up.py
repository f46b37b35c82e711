"""The whole thing as a person starts it: one command in a terminal."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from app.embedded.process import wait_for
from app.embedded.servers import running_urls

PATIENCE = 120


@dataclass
class Rapport:
    """A running `rapport up` and what it has printed."""

    process: "subprocess.Popen[str]"
    port: int
    said: list[str]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def line(self, start: str) -> str:
        return next(line.strip() for line in self.said if line.strip().startswith(start))

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        status, body = answer.status, answer.read().decode()
        connection.close()
        return status, body

    def end(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return self.process.wait(60)


def environment(state_dir: Path, port: int) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAPPORT_", "DATABASE_", "REDIS_"))
    }
    return kept | {"RAPPORT_STATE_DIR": str(state_dir), "RAPPORT_PORT": str(port)}


def rapport(state_dir: Path, port: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=environment(state_dir, port),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@contextmanager
def up(state_dir: Path, port: int) -> Iterator[Rapport]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up", "--no-sample"],
        env=environment(state_dir, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said: list[str] = []
    running = Rapport(process, port, said)
    reader = threading.Thread(target=lambda: said.extend(process.stdout or ()))
    reader.start()
    try:
        ready = lambda: any("Ctrl-C" in line for line in said) or None  # noqa: E731 - one expression, used once
        assert wait_for(lambda: ready() or (process.poll() is not None or None), seconds=PATIENCE), said
        assert ready(), said
        yield running
    finally:
        family = running.family() if process.poll() is None else []
        process.kill()
        process.wait()
        assert all_gone(family)
        reader.join()
        process.stdout.close()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def all_gone(family: list[psutil.Process], seconds: float = 30) -> bool:
    def ended(process: psutil.Process) -> bool:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

    return bool(wait_for(lambda: all(ended(process) for process in family) or None, seconds=seconds))


@pytest.mark.slow
def test_one_command_starts_everything_once_and_again(state_dir: Path, port: int) -> None:
    with up(state_dir, port) as first:
        assert first.get("/readyz")[0] == 200
        if shutil.which("curl"):
            pasted = subprocess.run(
                ["sh", "-c", first.line("curl")], capture_output=True, text=True, check=True
            )
            assert "data" in json.loads(pasted.stdout)
        key = first.line("API key").split()[-1]
        # Before anything that can be interrupted: it cannot be read again.
        assert first.said.index(next(line for line in first.said if key in line)) < len(first.said) // 2
        assert "password" in "".join(first.said)

        refused = rapport(state_dir, port, "up")
        assert refused.returncode == 1
        assert f"Port {port}" in refused.stderr
        assert "RAPPORT_PORT=" in refused.stderr
        other = rapport(state_dir, port + 1, "up")
        assert f"process {first.process.pid}" in other.stderr

        another = rapport(state_dir, port, "create-key", "--name", "a second one")
        assert another.returncode == 0, another.stderr
        assert another.stdout.strip() != key
        examined = rapport(state_dir, port, "doctor")
        assert examined.returncode == 0, examined.stdout
        assert "held by Rapport itself" in examined.stdout

        family = first.family()
        assert first.end(signal.SIGINT) == 0
        assert all_gone(family, seconds=1)
    assert running_urls(state_dir) is None

    with up(state_dir, port) as second:
        print(second.line("Ready in"))
        assert "create-key" in "".join(second.said)
        assert key not in "".join(second.said)
        family = second.family()
        second.process.kill()
        assert all_gone(family)

    with up(state_dir, port) as third:
        family = third.family()
        for server in ("postgres", "redis-server"):
            next(
                process
                for process in family
                if process.name() == server and process.ppid() == third.process.pid
            ).kill()
        assert wait_for(
            lambda: len([line for line in third.said if "had died" in line]) == 2 or None, seconds=20
        )
        assert wait_for(lambda: third.get("/readyz")[0] == 200 or None, seconds=20, pause=0.2)
        assert third.end(signal.SIGTERM) == 0


@pytest.mark.slow
def test_a_child_that_dies_stops_everything_and_its_last_words_are_shown(state_dir: Path, port: int) -> None:
    with up(state_dir, port) as running:
        family = running.family()
        next(process for process in family if process.cmdline()[-1] == "worker").kill()
        assert running.process.wait(60) == 1
        assert all_gone(family, seconds=1)
    assert "The worker has ended (SIGKILL)" in "".join(running.said)
    assert "Traceback" not in "".join(running.said)


def test_a_fault_in_the_environment_is_a_sentence_and_exit_1(state_dir: Path, port: int) -> None:
    for name, value, expected in (
        ("RAPPORT_PORT", "many", "RAPPORT_PORT"),
        ("DATABASE_URL", "postgresql://a:word@127.0.0.1:1/x", "check DATABASE_URL"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", "up"],
            env=environment(state_dir, port) | {name: value},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert expected in done.stderr
        assert "Traceback" not in done.stderr
        assert "word@" not in done.stderr


def test_an_unexpected_fault_is_a_sentence_and_the_story_is_in_the_log(state_dir: Path, port: int) -> None:
    (state_dir / "postgres").touch()
    done = rapport(state_dir, port, "up")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(state_dir) in done.stderr
