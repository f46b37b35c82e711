"""Start the embedded servers for as long as a block runs."""

import pwd
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded import binaries
from app.embedded.places import (
    check_reachable,
    choose_account,
    make_dir,
    make_state_dir,
    noted,
    only_one,
    socket_dir,
)
from app.embedded.postgres import LEAST_CONNECTIONS, Postgres
from app.embedded.process import ServerError
from app.embedded.redis import Redis

__all__ = ["ServerError", "Servers", "check_state_dir", "running_urls", "servers"]


@dataclass(frozen=True)
class Servers:
    """The running servers; asking for one that was not started raises ServerError."""

    _postgres: Postgres | None
    _redis: Redis | None

    @property
    def database_url(self) -> str:
        """postgresql://rapport@/rapport?host=<folder of the socket>."""
        return self._the_postgres.url

    @property
    def redis_url(self) -> str:
        """unix://<socket>."""
        return self._the_redis.url

    @property
    def postgres_pid(self) -> int:
        """The process id of PostgreSQL's postmaster."""
        return self._the_postgres.child.pid

    @property
    def redis_pid(self) -> int:
        """The process id of Redis."""
        return self._the_redis.child.pid

    def restart_postgres(self) -> None:
        """Start PostgreSQL again after it was killed, or stop and start it; acknowledged rows are kept."""
        self._the_postgres.restart()

    def restart_redis(self) -> None:
        """Start Redis again after it was killed, or stop and start it."""
        self._the_redis.restart()

    def heal(self) -> list[str]:
        """Start again what has died, and name it."""
        dead = [it for it in (self._postgres, self._redis) if it and it.child.ended() is not None]
        for server in dead:
            server.restart()
        return [server.name for server in dead]

    @property
    def _the_postgres(self) -> Postgres:
        if self._postgres is None:
            raise ServerError("No embedded PostgreSQL was asked for.")
        return self._postgres

    @property
    def _the_redis(self) -> Redis:
        if self._redis is None:
            raise ServerError("No embedded Redis was asked for.")
        return self._redis


@contextmanager
def servers(
    state_dir: Path,
    *,
    database: bool = True,
    redis: bool = True,
    durable: bool = True,
    connections: int = LEAST_CONNECTIONS,
) -> Iterator[Servers]:
    """Run PostgreSQL and Redis on unix sockets, their data under the state folder, until the block ends or this process dies.

    As root they run as the account postgres, else nobody, which must be able to enter the state folder; a folder from
    tempfile.mkdtemp() will do, pytest's tmp_path will not. durable=False is for tests: fast, and lost on a power cut.
    PostgreSQL takes so many connections, never fewer than it would by itself.
    Raises ServerError, a sentence for people.
    """
    try:
        with ExitStack() as stack:
            yield _start(
                stack,
                state_dir.expanduser().absolute(),
                database=database,
                redis=redis,
                durable=durable,
                connections=connections,
            )
    except OSError as error:
        if error.filename is None or not str(error.filename).startswith(str(state_dir)):
            raise
        raise ServerError(
            f"{error.filename} cannot be used ({error.strerror}): mend its owner and mode, or set RAPPORT_STATE_DIR to another folder."
        ) from error


def _start(
    stack: ExitStack, state_dir: Path, *, database: bool, redis: bool, durable: bool, connections: int
) -> Servers:
    account = check_state_dir(state_dir)
    note = stack.enter_context(only_one(state_dir))
    sockets = socket_dir(state_dir, account)
    log = state_dir / "log"
    open_to_account = 0o711 if account else 0o700
    postgres = carrier = None
    if database:
        program = binaries.program(binaries.POSTGRES, state_dir, account)
        root = make_dir(state_dir / "postgres", mode=open_to_account)
        postgres = Postgres(program, root, sockets, log / "postgres.log", account, durable=durable)
        postgres.connections = max(connections, LEAST_CONNECTIONS)
        stack.callback(postgres.stop)
        postgres.start()
    if redis:
        program = binaries.program(binaries.REDIS, state_dir, account)
        root = make_dir(state_dir / "redis", mode=open_to_account)
        carrier = Redis(program, root, sockets, log / "redis.log", account, durable=durable)
        stack.callback(carrier.stop)
        carrier.start()
    note(postgres.url if postgres else "")
    note(carrier.url if carrier else "")
    return Servers(postgres, carrier)


def check_state_dir(state_dir: Path) -> pwd.struct_passwd | None:
    """The account that the servers run as (None: the present one), or ServerError when it cannot work in the folder."""
    state_dir = state_dir.expanduser().absolute()
    account = choose_account(state_dir / "postgres/data")
    # Before anything is made: a folder that cannot serve should not be left behind.
    check_reachable(next(parent for parent in state_dir.parents if parent.exists()), account)
    check_reachable(make_state_dir(state_dir), account)
    return account


def running_urls(state_dir: Path) -> tuple[str, str] | None:
    """Database and Redis URL of the servers that another process runs in the state folder, if one does."""
    urls = noted(state_dir.expanduser().absolute())
    return (urls[0], urls[1]) if len(urls) == 2 else None
