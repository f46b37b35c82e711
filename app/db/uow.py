"""The unit of work: one transaction with its tenant, actor and clock, and the only commit in the tree."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import asyncpg

from app.db import constraints
from app.db.engine import LOST, Connection, Database, Row
from app.domain.access import Actor
from app.domain.errors import Busy

Reload = Callable[[], Awaitable[Actor]]
_ATTEMPTS = 3
"""How often a unit begins anew with fresh access before its caller is told to come back."""
_SILENT = 20.0
"""Seconds without a word to PostgreSQL, which ends transactions that are silent for a minute."""
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told; kept with the idempotency key, so that the same question gets it again."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    noun: str | None = None
    noun_id: UUID | None = None
    """The record that the body shows, when it shows one."""


class UnitOfWork:
    """Everything done inside is kept together or not at all."""

    def __init__(
        self,
        database: Database,
        actor: Actor,
        *,
        now: datetime,
        cause: str | None = None,
        dry_run: bool = False,
        reload: Reload | None = None,
        reload_on: Callable[[Connection], Awaitable[Actor]] | None = None,
        first: Callable[["UnitOfWork"], Awaitable[None]] | None = None,
    ) -> None:
        """A unit not yet begun.

        reload asks the pool, and is called while nothing is held; reload_on asks a connection that is held. Whoever
        waits for a second connection with one in hand can wait for somebody who does the same.
        first is done at every beginning, of which there can be several.
        """
        self.database = database
        self.actor = actor
        self.now = now
        self.cause = cause
        self.dry_run = dry_run
        self.answer: Answer | None = None
        self.nudges: list[UUID] = []
        """Runs that were started here and can be enqueued once they are committed."""
        self._reload = reload
        self._reload_on = reload_on
        self._first = first
        self._connection: Connection | None = None
        self._stack = contextlib.AsyncExitStack()

    @property
    def org_id(self) -> UUID:
        """The organisation that everything here belongs to."""
        return self.actor.org_id

    @property
    def connection(self) -> Connection:
        """The driver's connection, inside the transaction."""
        assert self._connection is not None, "the unit of work is not open"
        return self._connection

    async def __aenter__(self) -> Self:
        """Begin, set the tenant, and make sure that the actor's access is what it was when it was loaded."""
        await self._open()
        return self

    async def _open(self) -> None:
        for _ in range(_ATTEMPTS):
            try:
                if await self._begin():
                    if self._first is not None:
                        await self._first(self)
                    return
            except BaseException as fault:
                await self.__aexit__(type(fault), fault, fault.__traceback__)
                raise
            await self._close()
            assert self._reload is not None
            self.actor = await self._reload()
        raise Busy("try_again", "Access in this organisation is being changed; try again in a moment.")

    async def _begin(self) -> bool:
        """Whether it has begun; not so when access has changed and can be loaded anew."""
        self._connection = await self._stack.enter_async_context(self.database.connection())
        try:
            await self.connection.execute(
                f"begin; select rapport_enter('{self.actor.org_id}', {self.actor.stamp})"
            )
        except asyncpg.PostgresError as fault:
            if fault.sqlstate != "RP001":
                raise
            if self._reload is None:
                raise Busy("try_again", "Access in this organisation has just changed; try again.") from fault
            return False
        return True

    async def _close(self) -> None:
        await self.__aexit__(None, None, None)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed, and turn the database's refusals into ours."""
        if self._connection is None:  # it was given back, and not taken again
            return
        try:
            if not self.connection.is_closed() and self.connection.is_in_transaction():
                await self.connection.execute("rollback")
        except LOST:
            # The server rolls back by itself, and what was wrong before is what the caller should hear.
            self.connection.terminate()
        finally:
            await self._stack.__aexit__(kind, fault, trace)
            self._connection = None
        if isinstance(fault, asyncpg.PostgresError):
            constraints.refuse(fault)

    async def alone(self) -> None:
        """Hold everybody's access still until the end, so that what it is judged by cannot change meanwhile.

        Comes before any row of a user, team, role, key or login is locked, or two units could wait for each other.
        """
        stamp = await self.fetchval(
            "select stamp from organisations where id = $1 for no key update", self.org_id
        )
        if stamp != self.actor.stamp and self._reload_on is not None:
            self.actor = await self._reload_on(self.connection)

    @contextlib.asynccontextmanager
    async def apart(self) -> AsyncIterator[None]:
        """A part that is kept whatever becomes of the rest, and that takes what connections it needs by itself.

        What was begun is rolled back before and begun anew after it, so it comes before any change.
        """
        await self._close()
        yield
        await self._open()

    async def commit(self) -> None:
        """Keep everything; a dry run has checked everything and keeps nothing."""
        if self.dry_run:
            await self.connection.execute("set constraints all immediate; rollback")
            self.nudges.clear()
            return
        try:
            await self.connection.execute("commit")
        except asyncpg.PostgresError as fault:
            constraints.refuse(fault)
            raise

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail by itself; its refusal is raised and the rest goes on."""
        await self.connection.execute("savepoint part")
        try:
            yield
        except asyncpg.PostgresError as fault:
            await self.connection.execute("rollback to savepoint part; release savepoint part")
            constraints.refuse(fault)
            raise
        except Exception:
            await self.connection.execute("rollback to savepoint part; release savepoint part")
            raise
        await self.connection.execute("release savepoint part")

    async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
        """The rows of a question asked inside the transaction."""
        rows: Sequence[Row] = await self.connection.fetch(sql, *values)
        return rows

    async def fetchval(self, sql: str, *values: Any) -> Any:
        """The one value of a question asked inside the transaction."""
        return await self.connection.fetchval(sql, *values)

    async def aside(self, work: Callable[[], _Made]) -> _Made:
        """Do something long in a thread, and speak meanwhile."""
        going = asyncio.create_task(asyncio.to_thread(work))
        while not (await asyncio.wait({going}, timeout=_SILENT))[0]:
            await self.speak()
        return await going

    async def speak(self) -> None:
        """Be heard by PostgreSQL, which ends transactions that are silent for long."""
        await self.execute("select 1")

    async def execute(self, sql: str, *values: Any) -> None:
        """A statement inside the transaction."""
        await self.connection.execute(sql, *values)
