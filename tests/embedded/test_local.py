import os
import socket
from pathlib import Path

import pytest

from app.cli.local import (
    Refused,
    check_database,
    check_redis,
    port_fault,
    reachable,
    secret,
    without_password,
)
from app.cli.up import last_lines
from app.embedded.places import only_one
from app.embedded.servers import ServerError, running_urls, servers
from app.settings import settings


@pytest.fixture(autouse=True)
def nothing_configured(state_dir: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("DATABASE_URL", "REDIS_URL", "RAPPORT_SECRET_KEY"):
        monkeypatch.setenv(name, "")  # so that what a command settles is undone after the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAPPORT_STATE_DIR", str(state_dir))
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_secret_is_made_once_and_closed_to_others(state_dir: Path) -> None:
    first = secret(state_dir)
    assert len(first) >= 64
    assert secret(state_dir) == first
    assert (state_dir / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state_dir.iterdir()] == ["secret"]


def test_a_configured_secret_wins_and_is_not_written_down(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_SECRET_KEY", "configured, and as long as HS256")
    settings.cache_clear()
    assert secret(state_dir) == "configured, and as long as HS256"
    assert not (state_dir / "secret").exists()


def test_an_empty_secret_is_refused(state_dir: Path) -> None:
    (state_dir / "secret").touch()
    with pytest.raises(Refused, match="is empty"):
        secret(state_dir)


def test_a_taken_port_names_its_holder_and_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fault = port_fault("127.0.0.1", port)
        assert fault
        assert f"process {os.getpid()}" in fault
        free = int(fault.partition("RAPPORT_PORT=")[2].split()[0])
        assert port_fault("127.0.0.1", free) is None
    assert port_fault("127.0.0.1", port) is None


def test_an_address_of_another_machine_is_a_sentence() -> None:
    assert "RAPPORT_HOST" in str(port_fault("192.0.2.1", 8000))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://rapport:pa:ss@db/x", "postgresql://rapport:***@db/x"),
        ("postgresql://rapport@/rapport?host=/run", "postgresql://rapport@/rapport?host=/run"),
        ("redis://:word@cache:6379/0", "redis://:***@cache:6379/0"),
    ],
)
def test_a_shown_address_has_no_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_servers_that_do_not_answer_are_a_sentence_without_the_password() -> None:
    with pytest.raises(Refused, match="check DATABASE_URL") as refused:
        check_database("postgresql+asyncpg://a:word@127.0.0.1:1/x")
    assert "scheme" not in str(refused.value)
    assert "word" not in str(refused.value)
    with pytest.raises(Refused, match="check DATABASE_URL"):
        check_database("no address")
    with pytest.raises(Refused, match="check REDIS_URL") as refused:
        check_redis("redis://:word@127.0.0.1:1")
    assert "word" not in str(refused.value)


def test_a_command_joins_running_servers_and_starts_them_when_there_are_none(state_dir: Path) -> None:
    with servers(state_dir, durable=False) as running:
        urls = (running.database_url, running.redis_url)
        with reachable(redis=True) as found:
            assert found == urls
    settings.cache_clear()
    for name in ("DATABASE_URL", "REDIS_URL"):
        del os.environ[name]
    assert running_urls(state_dir) is None
    with reachable() as (database_url, _):
        assert database_url == urls[0]
        check_database(database_url)


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL"])
def test_a_command_beside_servers_from_outside_asks_for_their_address(state_dir: Path, missing: str) -> None:
    with only_one(state_dir) as note:
        note("" if missing == "DATABASE_URL" else "postgresql://a@b/c")
        note("" if missing == "REDIS_URL" else "redis://b")
        with pytest.raises(Refused, match=f"set {missing} here"), reachable(redis=True):
            pass


def test_a_state_folder_that_cannot_be_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_STATE_DIR", "/dev/null")
    settings.cache_clear()
    with pytest.raises(ServerError, match="cannot be used"), reachable():
        pass


def test_the_end_of_a_log_has_no_stack_trace() -> None:
    said = 'INFO up\nTraceback (most recent call last):\n  File "x.py", line 1, in y\n    z()\nValueError: no\n\n'
    assert last_lines(said) == "  INFO up\n  ValueError: no"
    assert last_lines("") == "  nothing"
