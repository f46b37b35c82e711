"""The state folder: who may enter it, which account owns the data, where the sockets can stand."""

import fcntl
import hashlib
import os
import pwd
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.embedded.process import ServerError, identity, wait_for

_SOCKET_LIMIT = 107
"""Longest path of a unix socket, bytes (sun_path less its closing zero, unix(7))."""
_LONGEST_NAME = "/.s.PGSQL.5432"
_LOOK_SECONDS = 0.5


def choose_account(data: Path) -> pwd.struct_passwd | None:
    """The account the servers run as: None means the present one, which must not be root.

    Data that is there already keeps its owner.
    """
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise ServerError(
                f"The user id {os.geteuid()} has no name in the password database, and PostgreSQL refuses to run so: "
                "add a passwd entry, or set DATABASE_URL and REDIS_URL."
            ) from None
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServerError(
        "PostgreSQL refuses to run as root and there is no account postgres or nobody: add one, or set DATABASE_URL."
    )


def make_state_dir(state_dir: Path) -> Path:
    """Make the state folder, absolute; as root others may pass through it, but not look."""
    state_dir = state_dir.expanduser().absolute()
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        make_dir(state_dir / "log")
    except OSError as error:
        raise ServerError(
            f"The state folder {state_dir} cannot be used ({error.strerror}): set RAPPORT_STATE_DIR to a folder that you own."
        ) from error
    return state_dir


def make_dir(path: Path, account: pwd.struct_passwd | None = None, *, mode: int = 0o700) -> Path:
    """Make a folder that belongs to the account alone."""
    path.mkdir(mode=mode, exist_ok=True)
    if account and path.stat().st_uid != account.pw_uid:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(mode)
    return path


def check_reachable(path: Path, account: pwd.struct_passwd | None) -> None:
    """Refuse a folder that the servers' account cannot enter."""
    if account is None:
        return
    test = subprocess.run(  # noqa: S603 - a fixed command; the path is an argument
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)], cwd="/", check=False, **identity(account)
    )
    if test.returncode:
        raise ServerError(
            f"PostgreSQL and Redis run as the account {account.pw_name}, which cannot enter {path} "
            "because a folder above it is closed: set RAPPORT_STATE_DIR to a place open to it, such as /var/lib/rapport."
        )


def socket_dir(state_dir: Path, account: pwd.struct_passwd | None) -> Path:
    """A folder for the sockets: state_dir/run, or a short one under /tmp.

    The second when the first is too long for a socket or has a character that a URL or PostgreSQL would read otherwise.
    """
    wanted = state_dir / "run"
    if len(os.fsencode(wanted)) + len(_LONGEST_NAME) <= _SOCKET_LIMIT and re.fullmatch(
        r"[\w./-]+", str(wanted), re.ASCII
    ):
        return make_dir(wanted, account)
    short = Path("/tmp") / f"rapport-{hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]}"  # noqa: S108 - checked below
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    # /tmp is everybody's: a folder or link that somebody else laid there would hand them the database.
    if short.is_symlink() or found.st_uid not in {os.geteuid(), account.pw_uid if account else os.geteuid()}:
        raise ServerError(
            f"{short} belongs to somebody else: remove it, or set RAPPORT_STATE_DIR to a shorter path of plain letters."
        )
    return make_dir(short, account)


def take(lock: IO[str]) -> bool | None:
    """True once the lock is held; None while somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True


@contextmanager
def only_one(state_dir: Path) -> Iterator[Callable[[str], None]]:
    """Hold state_dir/lock and yield a way to note in it, for others to read, where the servers are.

    Raises ServerError naming the process that holds it.
    """
    with (state_dir / "lock").open("a+") as lock:
        # Whoever looks for notes holds it, too, for a moment.
        if wait_for(lambda: take(lock), seconds=_LOOK_SECONDS) is None:
            lock.seek(0)
            holder = lock.readline().strip() or "unknown"
            raise ServerError(
                f"Rapport already runs in {state_dir} (process {holder}): "
                "stop it first, or set RAPPORT_STATE_DIR to another folder."
            )

        def note(line: str) -> None:
            lock.write(f"{line}\n")
            lock.flush()

        lock.truncate(0)
        note(str(os.getpid()))
        yield note


def noted(state_dir: Path) -> list[str]:
    """What the holder of the lock has noted; nothing when nobody holds it."""
    try:
        with (state_dir / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().split("\n")[1:-1]
    except OSError:
        pass
    return []
