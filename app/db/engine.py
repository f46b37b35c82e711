"""The way to PostgreSQL: one pool, every connection as the app's role, every statement inside one tenant.

SQLAlchemy owns the pool and builds the statements; compiled once, they run on the driver's own connection,
which costs a fifth of going through its result layer (measured, see ARCHITECTURE.md).
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy import ClauseElement, event, make_url
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from app.domain.errors import Busy
from app.kit import json

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]
_LOSS = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # the server's last words came while the connection lay in the pool
)
_LIKE_LOSS = (asyncpg.InterfaceError, OSError)
"""Also what the driver says of a call that it will not send, and what work that has no part in this fails with."""
LOST = (*_LOSS, *_LIKE_LOSS)
"""What the loss of a connection can look like; whether what was under way was kept cannot be known."""
# SQLAlchemy puts the driver's refusals to connect into classes of its own.
_UNREACHABLE = (*LOST, asyncpg.PostgresError, dialect.AsyncAdapt_asyncpg_dbapi.Error, DBAPIError)


class Row(asyncpg.Record):  # type: ignore[misc]
    """A row whose columns can be read as attributes, so that a rule's protocol fits it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that remembers which tenant it is set to, and so saves a round trip when it serves it again."""

    tenant: UUID | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as the driver takes it: text with $1, $2 … and what stands for each."""

    sql: str
    names: tuple[str, ...]

    def values(self, binds: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the placeholders."""
        return [binds[name] for name in self.names]


def compiled(statement: ClauseElement) -> Prepared:
    """Build a statement's text."""
    ready = statement.compile(dialect=DIALECT)
    return Prepared(str(ready), tuple(cast("list[str]", ready.positiontup or [])))  # type: ignore[attr-defined]


_SHELF: OrderedDict[Hashable, Prepared] = OrderedDict()
_SHELF_SIZE = 4096


def prepared(key: Hashable, build: Callable[[], Prepared]) -> Prepared:
    """The statement of this key, built when it is asked for the first time; the least used are forgotten."""
    if (found := _SHELF.get(key)) is not None:
        _SHELF.move_to_end(key)
        return found
    made = _SHELF[key] = build()
    if len(_SHELF) > _SHELF_SIZE:
        _SHELF.popitem(last=False)
    return made


def driver_url(url: str) -> str:
    """The address as asyncpg takes it: bare postgresql://, with query options such as host kept."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def sqlalchemy_url(url: str) -> str:
    """The address as SQLAlchemy takes it, with the driver named."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _jsonb(value: Any) -> bytes:
    return b"\x01" + json.dumps(value)


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=json.dumps, decoder=json.loads
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=_jsonb,
        decoder=lambda data: json.loads(data[1:]),
    )


class Database:
    """A pool of connections to one database."""

    def __init__(self, url: str, *, role: str | None, size: int = 10, wait: float = 5.0) -> None:
        self.url = url
        self._role = role
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=size,
            max_overflow=0,
            pool_timeout=wait,
            pool_reset_on_return=None,  # every use here ends its own transaction
        )
        # After SQLAlchemy's own listener, which sets codecs that leave JSON as text.
        event.listen(self._engine.sync_engine, "connect", lambda adapted, _: adapted.run_async(_speak_json))

    async def _connect(self) -> Connection:
        settings = {"timezone": "UTC", "jit": "off", "application_name": "rapport", "lock_timeout": "5s"}
        settings |= {"statement_timeout": "60s", "idle_in_transaction_session_timeout": "60s"}
        if self._role:
            settings["role"] = self._role
        connection = await asyncpg.connect(
            driver_url(self.url),
            connection_class=Connection,
            record_class=Row,
            server_settings=settings,
            statement_cache_size=1000,
            max_cacheable_statement_size=0,
            timeout=10,
        )
        return cast("Connection", connection)

    @contextlib.asynccontextmanager
    async def connection(self, tenant: UUID | None = None) -> AsyncIterator[Connection]:
        """A connection outside any transaction, set to the tenant. Raises Busy when none is to be had."""
        try:
            held = await self._engine.raw_connection()
            while cast("Connection", held.driver_connection).is_closed():
                await greenlet_spawn(held.invalidate)
                held = await self._engine.raw_connection()
        except PoolTimeout:
            raise Busy("try_again", "Every database connection is in use; try again in a moment.") from None
        except _UNREACHABLE as refused:
            raise Busy(
                "database_unreachable", "The database cannot be reached; try again in a moment."
            ) from refused
        driver = cast("Connection", held.driver_connection)
        try:
            if tenant is not None and driver.tenant != tenant:
                await driver.execute(f"select set_config('rapport.org_id', '{tenant}', false)")
                driver.tenant = tenant
            yield driver
        except asyncio.CancelledError:
            driver.terminate()  # what it was in the middle of cannot be known
            raise
        except LOST as lost:
            if isinstance(lost, _LIKE_LOSS) and not driver.is_closed():
                raise  # the connection is well
            driver.terminate()
            raise Busy(
                "database_unreachable", "The database connection was lost; try again in a moment."
            ) from lost
        finally:
            if driver.is_closed():
                await greenlet_spawn(held.invalidate)
            held.close()

    @contextlib.asynccontextmanager
    async def aside(self, tenant: UUID) -> AsyncIterator[Connection]:
        """A connection beside the pool, for what cannot wait until one is given back. Raises what the driver raises."""
        driver = await self._connect()
        try:
            await driver.execute(f"select set_config('rapport.org_id', '{tenant}', false)")
            yield driver
        except BaseException:
            driver.terminate()  # closing waits for what was broken off, and can fail in place of the fault
            raise
        await driver.close(timeout=1)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
