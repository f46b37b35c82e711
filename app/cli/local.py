"""What this machine offers: the secret, the port, the servers."""

import asyncio
import errno
import gc
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from app.embedded.servers import running_urls, servers
from app.settings import Settings, settings


class Refused(Exception):
    """The command cannot go on: one sentence that says what to do."""


def secret(state_dir: Path) -> str:
    """RAPPORT_SECRET_KEY, else state_dir/secret, made at the first call and readable by its owner alone."""
    if configured := settings().secret_key:
        return configured.get_secret_value()
    path = state_dir / "secret"
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        new = path.with_name(f"secret.{os.getpid()}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # unlike a rename it does not replace what another process has just made
        except FileExistsError:
            pass
        finally:
            new.unlink()
    if found := path.read_text().strip():
        return found
    raise Refused(
        f"{path} is empty: remove it to have a new one made (everybody must sign in again), or set RAPPORT_SECRET_KEY."
    )


def settle(database_url: str, redis_url: str) -> dict[str, str]:
    """Make this process's settings, and those of children with the returned environment, name the servers and the secret."""
    os.environ["RAPPORT_SECRET_KEY"] = secret(settings().state_dir)
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = database_url, redis_url
    settings.cache_clear()
    return dict(os.environ)


@contextmanager
def reachable(*, redis: bool = False) -> Iterator[tuple[str, str]]:
    """Database and Redis URL: the configured ones, those of a running `up`, or servers started for this block."""
    wanted = settings()
    database_url, redis_url = wanted.database_url or "", wanted.redis_url or ""
    if database_url and (redis_url or not redis):
        settle(database_url, redis_url)
        yield database_url, redis_url
    elif urls := running_urls(wanted.state_dir):
        urls = (database_url or urls[0], redis_url or urls[1])
        if not urls[0] or (redis and not urls[1]):
            name = "REDIS_URL" if urls[0] else "DATABASE_URL"
            raise Refused(
                f"The Rapport that runs in {wanted.state_dir} was told its server by {name}: set {name} here, too."
            )
        settle(*urls)
        yield urls
    else:
        with servers(
            wanted.state_dir,
            database=not database_url,
            redis=redis and not redis_url,
            connections=wanted.connections,
        ) as started:
            urls = (database_url or started.database_url, redis_url or (started.redis_url if redis else ""))
            settle(*urls)
            yield urls


def local_key(organisation: str | None, name: str, scopes: Sequence[str], *, days: int) -> str:
    """A key to the Rapport that serves on this machine, for whoever holds its database. Raises Refused."""
    wanted = settings()
    urls = running_urls(wanted.state_dir) or ("", "")
    if not (database_url := wanted.database_url or urls[0]):
        raise Refused(
            f"No Rapport runs in {wanted.state_dir}: start it with `rapport up`, or name another by --url and --key."
        )
    check_database(database_url)
    with loading():
        from app.usecases.bootstrap import create_key  # noqa: PLC0415 - see app/cli/commands.py
    return asyncio.run(
        create_key(database_url, organisation=organisation, name=name, scopes=list(scopes), days=days)
    )


def local_host(host: str) -> str:
    """Where to ask a service that listens on this address."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - where to ask, not where to listen


def local_url(wanted: Settings) -> str:
    """The address of the API on this machine."""
    return f"http://{local_host(wanted.host)}:{wanted.port}"


@contextmanager
def loading() -> Iterator[None]:
    """Import a lot: without the garbage collector, which would look again and again through what stays for good.

    A quarter of the API's time to load (measured); frozen, it also costs the collector nothing later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def check_database(url: str) -> None:
    """Raise Refused when PostgreSQL does not answer at the address."""
    import asyncpg  # noqa: PLC0415 - see app/cli/commands.py
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    from app.db.engine import driver_url  # noqa: PLC0415

    async def ask() -> None:
        connection = await asyncpg.connect(driver_url(url), timeout=5)
        await connection.close()

    try:
        asyncio.run(ask())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ArgumentError, ValueError) as error:
        raise Refused(
            f"PostgreSQL does not answer at {without_password(url)} ({_one_line(error)}): check DATABASE_URL, or unset it to use the embedded one."
        ) from error


def check_redis(url: str) -> None:
    """Raise Refused when Redis does not answer at the address."""
    from redis import Redis, RedisError  # noqa: PLC0415 - see app/cli/commands.py

    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as redis:
            redis.ping()
    except (RedisError, OSError, ValueError) as error:
        raise Refused(
            f"Redis does not answer at {without_password(url)} ({_one_line(error)}): check REDIS_URL, or unset it to use the embedded one."
        ) from error


def without_password(url: str) -> str:
    """The address, fit to be shown."""
    parts = urlsplit(url)
    return (
        parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")).geturl()
        if parts.password
        else url
    )


def port_fault(host: str, port: int) -> str | None:
    """Why the API could not listen there, and the way out; None when it can."""
    fault = _bind(host, port)
    if fault is None:
        return None
    if fault.errno == errno.EADDRINUSE:
        free = next(
            (other for other in range(port + 1, min(port + 100, 65536)) if _bind(host, other) is None),
            port + 1,
        )
        return f"Port {port} on {host} is taken{holder(port)}: stop that, or choose another port with RAPPORT_PORT={free} make up."
    if fault.errno == errno.EACCES:
        return f"Port {port} is reserved to root: choose one above 1023 with RAPPORT_PORT=8000 make up."
    return (
        f"The API cannot listen on {host} ({fault.strerror}): set RAPPORT_HOST to an address of this machine."
    )


def _bind(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None


def holder(port: int) -> str:
    """Who listens on the port, as the end of a sentence; empty when the system does not say."""
    import psutil  # noqa: PLC0415 - see app/cli/commands.py

    try:
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                ours = " of Rapport, which already runs" if "app.cli" in process.cmdline() else ""
                return f" by {process.name()} (process {connection.pid}){ours}"
    except psutil.Error:
        pass
    return ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
