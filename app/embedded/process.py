"""Child processes that never outlive this one, and never hide why they ended."""

import ctypes
import multiprocessing
import os
import pwd
import signal
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from app.kit import clock

_T = TypeVar("_T")
_LOG_LIMIT = 16 * 1024 * 1024
_PR_SET_PDEATHSIG = 1

# Runs where the kernel cannot signal a child on its parent's death: it waits for the end of its standard input,
# which comes when the parent dies in whatever way, and then signals the server.
_GUARD = "import os,sys\nsys.stdin.buffer.read()\ntry: os.kill(int(sys.argv[1]),int(sys.argv[2]))\nexcept OSError: pass"


class ServerError(Exception):
    """A server cannot be prepared, started or kept: one sentence that says what to do."""


def environment() -> dict[str, str]:
    """What a server gets to see: no PG* variable of the caller may change its meaning."""
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8" if sys.platform != "darwin" else "en_US.UTF-8",
        "TZ": "UTC",
        "HOME": "/",
    }


def identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Popen arguments that make a child run as the account; none for the present one."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def run(command: Sequence[str | Path], account: pwd.struct_passwd | None, *, stdin: str = "") -> None:
    """Run a tool to its end.

    Raises ServerError with what it said when it fails.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own binaries, an argument list, no shell
            command,
            env=environment(),
            cwd="/",
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            **identity(account),
        )
    except OSError as error:
        raise ServerError(f"{command[0]} cannot be run: {error.strerror}.") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise ServerError(f"{Path(command[0]).name} failed (exit {done.returncode}): {said[-600:]}")


class Child:
    """One server process: started with its output in a log file, stopped when this process ends."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        account: pwd.struct_passwd | None = None,
        on_death: signal.Signals = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = "/",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.log = log
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        # The kernel's signal follows the starting thread, not the process: only the main thread may rely on it.
        by_kernel = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own binaries, an argument list, no shell
                command,
                env=environment() if env is None else env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the children in order
                umask=0o077,
                pass_fds=pass_fds,
                preexec_fn=_ask_kernel(on_death) if by_kernel else None,  # noqa: PLW1509 - one prctl call, main thread only
                **identity(account),
            )
        self._guard = None if by_kernel else _start_guard(self._process.pid, on_death)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """What it has written to its log since it was started, at most the last 64 KiB."""
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - 65536))
            return log.read().decode(errors="replace")

    def stop(
        self, gently: signal.Signals, *, seconds: float, firmly: signal.Signals = signal.SIGKILL
    ) -> None:
        """Ask it to end; insist after so many seconds."""
        if self.ended() is None:
            self._process.send_signal(gently)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.send_signal(firmly)
        self.reap()

    def reap(self) -> None:
        """Collect a process that has ended or is about to."""
        self._process.wait()
        if self._guard:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


class Server(ABC):
    """A server in a folder, reached through a unix socket; a kind of server says how it is started and stopped."""

    name: ClassVar[str]

    def __init__(
        self,
        program: Path,
        root: Path,
        sockets: Path,
        log: Path,
        account: pwd.struct_passwd | None,
        *,
        durable: bool,
    ) -> None:
        self._program = program
        self._root = root
        self._sockets = sockets
        self._log = log
        self._account = account
        self._durable = durable
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The server's process. Raises ServerError before the start."""
        if self._child is None:
            raise ServerError(f"{self.name} has not been started.")
        return self._child

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Let it write what it must, and end."""

    def restart(self) -> None:
        """Start it again after it was killed, or stop and start it."""
        self.stop()
        self.start()

    def _run(
        self,
        command: Sequence[str | Path],
        *,
        on_death: signal.Signals = signal.SIGTERM,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """A process beside this one, as the servers' account and with the server's log."""
        return Child(command, log=self._log, account=self._account, on_death=on_death, pass_fds=pass_fds)


def wait_for(ready: Callable[[], _T | None], *, seconds: float, pause: float = 0.01) -> _T | None:
    """Ask until there is an answer; None when the time is over."""
    end = clock.monotonic() + seconds
    while (answer := ready()) is None and clock.monotonic() < end:
        threading.Event().wait(pause)
    return answer


def die_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel end this process when its parent ends; Linux only, elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(by))
        parent = multiprocessing.parent_process()
        if parent is not None and os.getppid() != parent.pid:  # it died before the request was made
            os._exit(1)


def _ask_kernel(on_death: signal.Signals) -> Callable[[], None]:
    libc, parent = ctypes.CDLL(None), os.getpid()  # loaded here: after the fork nothing may allocate

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(on_death))
        if os.getppid() != parent:  # the parent died before the request was made
            os._exit(1)

    return before_exec


def _start_guard(pid: int, on_death: signal.Signals) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this interpreter, an argument list, no shell
        [sys.executable, "-I", "-S", "-c", _GUARD, str(pid), str(int(on_death))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
