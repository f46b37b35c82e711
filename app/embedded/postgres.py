"""The embedded PostgreSQL: made once, started, healed after a crash, stopped."""

import os
import re
import shutil
import signal
import sys
import threading
from pathlib import Path

from app.embedded.places import make_dir
from app.embedded.process import Child, Server, ServerError, run, wait_for
from app.kit import clock

MAJOR = "18"
LEAST_CONNECTIONS = 100
"""PostgreSQL's own default."""
_NAME = "rapport"
_HEAL_SECONDS = 60
"""How long a predecessor may take to end: its last checkpoint, then the reaping of its zombie."""
_RECOVERY_SECONDS = 1800
_MIB = 1024 * 1024
_LOCK_FAULTS = re.compile(r"lock file .* already exists|pre-existing shared memory block")
_UNCLEAN = "was not properly shut down"


class Postgres(Server):
    """A PostgreSQL cluster in a folder, reached through a unix socket."""

    name = "PostgreSQL"
    connections = LEAST_CONNECTIONS
    """How many it takes at most."""
    _analyze: Child | None = None

    @property
    def _bin(self) -> Path:
        return self._program.parent

    @property
    def _data(self) -> Path:
        return self._root / "data"

    @property
    def url(self) -> str:
        """Where it listens, through its socket."""
        return f"postgresql://{_NAME}@/{_NAME}?host={self._sockets}"

    def start(self) -> None:
        """Make the cluster when there is none, start it, wait until it answers; crash recovery may take minutes."""
        self._make()
        deadline = clock.monotonic() + _HEAL_SECONDS
        while not self._try_start():
            said = self.child.said()
            if not _LOCK_FAULTS.search(said):
                raise ServerError(
                    f"PostgreSQL did not start: {_last_fault(said)} The whole log is {self._log}."
                )
            if clock.monotonic() > deadline:
                raise ServerError(
                    f"Another PostgreSQL still runs on {self._data} (process {self._lock_pid()}) and does not end: stop it first."
                )
            # A server killed with -9 leaves its lock file, and for a moment a zombie or its last backends.
            if self._lock_is_stale():
                (self._data / "postmaster.pid").unlink(missing_ok=True)
            threading.Event().wait(0.1)
        if _UNCLEAN in self.child.said():
            # A crash drops the activity statistics, so autovacuum would not come; beside the start, for it may take long.
            self._analyze = self._run(
                [
                    self._bin / "vacuumdb",
                    "--all",
                    "--analyze-only",
                    "--quiet",
                    "-U",
                    _NAME,
                    "-h",
                    self._sockets,
                ]
            )

    def stop(self) -> None:
        """Fast shutdown: clients are sent away, everything is written."""
        for child, gently, firmly in (
            (self._analyze, signal.SIGTERM, signal.SIGKILL),
            (self._child, signal.SIGINT, signal.SIGQUIT),
        ):
            if child:
                child.stop(gently, seconds=60, firmly=firmly)

    def _make(self) -> None:
        if (self._data / "global/pg_control").exists():
            found = (self._data / "PG_VERSION").read_text().strip()
            if found != MAJOR:
                raise ServerError(
                    f"{self._data} was made by PostgreSQL {found} and this is {MAJOR}: "
                    f"dump it with version {found}, or set RAPPORT_STATE_DIR to a new folder."
                )
            return
        if self._data.exists() and any(self._data.iterdir()):
            raise ServerError(
                f"{self._data} is not a complete database: restore it from a backup, or move it away to begin anew."
            )
        # Made beside and renamed: what a killed initdb leaves behind is never taken for a database.
        new = self._data.with_name("data.new")
        shutil.rmtree(new, ignore_errors=True)
        make_dir(new, self._account)
        # pg_trgm reads LC_CTYPE and not the provider: with --locale=C it finds no trigram in Chinese text.
        settings = {
            "-D": str(new),
            "-U": _NAME,
            "-E": "UTF8",
            "--auth-local": "trust",  # the socket's folder is closed to everybody else
            "--auth-host": "reject",
            "--locale-provider": "builtin",
            "--builtin-locale": "C.UTF-8",
            "--locale": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        }
        words = [word for setting in settings.items() for word in setting]
        run([self._bin / "initdb", *words, *([] if self._durable else ["--no-sync"])], self._account)
        run(
            [self._bin / "postgres", "--single", "-D", new, "postgres"],
            self._account,
            stdin=f"CREATE DATABASE {_NAME}\n",
        )
        if self._data.exists():
            self._data.rmdir()
        new.rename(self._data)
        parent = os.open(self._data.parent, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)

    def _try_start(self) -> bool:
        self._child = self._run(
            [
                self._bin / "postgres",
                "-D",
                self._data,
                "-k",
                self._sockets,
                *_options(self.connections, durable=self._durable),
            ],
            on_death=signal.SIGINT,
        )
        answer = wait_for(self._answer, seconds=_RECOVERY_SECONDS)
        if answer is None:
            raise ServerError(
                f"PostgreSQL has recovered for {_RECOVERY_SECONDS // 60} minutes without an end: see {self._log}."
            )
        return answer

    def _answer(self) -> bool | None:
        """True once it takes connections, False when it has ended, None while it starts."""
        if self.child.ended() is not None:
            self.child.reap()
            return False
        lines = self._lock_file()
        # Line 8 is the state, and line 1 says whose: the file may still be the predecessor's.
        return (
            True
            if len(lines) > 7 and lines[0] == str(self.child.pid) and lines[7].strip() == "ready"
            else None
        )

    def _lock_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _lock_pid(self) -> str:
        return next(iter(self._lock_file()), "unknown")

    def _lock_is_stale(self) -> bool:
        """Whether the process that the lock file names is a zombie, or has nothing to do with this cluster.

        Only Linux can say; elsewhere time decides. Removing the file is safe: PostgreSQL still refuses to start while
        a backend of the old one holds its shared memory.
        """
        process = Path("/proc") / self._lock_pid()
        try:
            if process.joinpath("stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            return process.joinpath("cwd").readlink() != self._data.resolve()
        except OSError:
            return False


def _options(connections: int, *, durable: bool) -> list[str]:
    memory = _memory() // _MIB
    settings = {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": str(connections),
        # PostgreSQL's manual advises a quarter of a machine of its own; this one is shared with everything else.
        "shared_buffers": f"{min(max(memory // 16, 128), 1024)}MB",
        "effective_cache_size": f"{max(memory // 2, 256)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(max(memory // 32, 64), 512)}MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "pglz",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_min_duration_statement": "2s",
    }
    if not durable:
        settings |= {
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "128MB",
        }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _memory() -> int:
    """Memory this process may use, bytes: the machine's or its control group's, whichever is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdigit() else machine


def _last_fault(said: str) -> str:
    faults = [
        line for line in said.splitlines() if re.search(r"FATAL|PANIC|ERROR|HINT", line)
    ] or said.splitlines()
    return " ".join(" ".join(faults[-2:]).split()) or "it said nothing."
