"""Reading: questions whose answers PostgreSQL builds as JSON, cut to what the actor may see.

Every question also returns the organisation's access stamp. When it is not the one that the actor was loaded
under, the answer is thrown away, the actor loaded anew and the question built again: a revoked key, a changed
role or a new custom field counts from the next request on, at no extra round trip.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2s
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from app.db import constraints, sight
from app.db.engine import Database, Prepared, Row, compiled, prepared
from app.db.nouns import Noun
from app.db.references import MERGED, way_up
from app.db.uow import UnitOfWork
from app.domain.access import Actor, hidden
from app.domain.errors import Busy, Forbidden, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Question:
    """A prepared statement, whose first column is the access stamp, with its values."""

    statement: Prepared
    binds: dict[str, Any]


class Reads:
    """A way to read for one actor."""

    def __init__(self, database: Database, actor: Actor, reload: Callable[[], Awaitable[Actor]]) -> None:
        self.database = database
        self.actor = actor
        self._reload = reload

    def beside(self) -> "Reads":
        """Another way for the same actor, so that two questions can be under way at once."""
        return Reads(self.database, self.actor, self._reload)

    def work(self, now: datetime) -> UnitOfWork:
        """A unit of work of the same actor, to look at many things together; it is not to be committed."""
        return UnitOfWork(self.database, self.actor, now=now, reload=self._reload)

    async def rows(self, build: Callable[[Actor], Question]) -> Sequence[Row]:
        """The rows of a question under the actor's present access."""
        for _ in range(3):
            rows = await self._fetch(await self._build(build))
            if rows and rows[0][0] == self.actor.stamp:
                return rows
            self.actor = await self._reload()
        raise Busy("try_again", "Access in this organisation is being changed; try again in a moment.")

    async def _build(self, build: Callable[[Actor], Question]) -> Question:
        """The question; a refusal by what is remembered of the actor may be out of date, so it is looked at again."""
        try:
            return build(self.actor)
        except (Forbidden, InvalidInput):
            remembered = self.actor.stamp
            self.actor = await self._reload()
            if self.actor.stamp == remembered:
                raise
            return build(self.actor)

    async def row(self, build: Callable[[Actor], Question]) -> Row:
        """The one row of a question."""
        return (await self.rows(build))[0]

    async def _fetch(self, question: Question) -> Sequence[Row]:
        statement = question.statement
        async with self.database.connection(self.actor.org_id) as connection:
            try:
                rows: Sequence[Row] = await connection.fetch(statement.sql, *statement.values(question.binds))
            except asyncpg.PostgresError as fault:
                constraints.refuse(fault)
                raise
        return rows


def stamped(inner: Prepared, outer: str) -> Prepared:
    """A question around an inner one: outer is SQL with {inner} in it, selecting from organisations o."""
    place = len(inner.names) + 1
    sql = f"select o.stamp, {outer.format(inner=inner.sql)} where o.id = ${place}::uuid"
    return Prepared(sql, (*inner.names, "org"))


def body(names: Sequence[str]) -> str:
    """The row t as JSON, with these fields."""
    shown = ", ".join(f't."{name}"' for name in names)
    return f"(select row_to_json(r) from (select {shown}) r)::text"


def chosen(actor: Actor, noun: Noun, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The fields to show: those wanted, or all that the actor may read. Raises for unknown and hidden ones."""
    readable = noun.readable(actor)
    if wanted is None:
        return readable
    for name in wanted:
        if name not in noun.fields:
            raise InvalidInput("field_unknown", f"A {noun.name} has no field {name!r}.", field="fields")
    _must_be_open(noun, [name for name in wanted if name not in readable])
    return tuple(name for name in readable if name in wanted or name in {"id", "version"})


def shown(actor: Actor, noun: Noun, wanted: Sequence[str] | None) -> str:
    """What the actor is shown of a record, as a short text that differs when it does."""
    keys = noun.custom_keys(actor) if sight.custom_key(actor, noun) else None
    return _digest(chosen(actor, noun, wanted), keys)


@lru_cache(maxsize=1024)
def _digest(names: tuple[str, ...], keys: tuple[str, ...] | None) -> str:
    return blake2s(repr((names, keys)).encode(), digest_size=4).hexdigest()


def checked(actor: Actor, noun: Noun, names: frozenset[str]) -> None:
    """Raise Forbidden when a condition or a sort uses a field that the actor may not read."""
    _must_be_open(noun, [name for name in names if not noun.shows(actor, name)])


def _must_be_open(noun: Noun, closed: Sequence[str]) -> None:
    for name in sorted(closed):
        raise hidden(noun.name, name)


def of_sight(
    actor: Actor,
    noun: Noun,
    columns: Sequence[ColumnElement[Any]],
    parents: sight.Parents = sight.Parents.ASKED,
) -> Select[Any]:
    """Columns of the records that the actor sees."""
    return select(*columns).where(sight.tenant(noun), sight.visible(actor, noun, parents))


def text_key(actor: Actor, noun: Noun) -> tuple[Any, ...]:
    """What the text of a statement depends on that shows records to the actor."""
    return (noun.name, sight.sight_key(actor, noun), sight.custom_key(actor, noun))


def binds(actor: Actor, noun: Noun) -> dict[str, Any]:
    """The values behind of_sight() and sight.columns()."""
    values = sight.binds(actor, noun)
    if sight.custom_key(actor, noun):
        values["custom_keys"] = list(noun.custom_keys(actor))
    return values


def one(noun: Noun, record: UUID, fields: Sequence[str] | None = None) -> Callable[[Actor], Question]:
    """One record: (stamp, body, version), body null when it is not there or not to be seen."""

    def build(actor: Actor) -> Question:
        names = chosen(actor, noun, fields)

        def text() -> Prepared:
            inner = of_sight(actor, noun, sight.columns(actor, noun, names)).where(
                noun.table.c.id == bindparam("id", type_=noun.table.c.id.type)
            )
            kept = f"case when t.version is not null then {body(names)} end"
            outer = f"{kept}, t.version from organisations o left join ({{inner}}) t on true"
            return stamped(compiled(inner), outer)

        return Question(
            prepared(("one", *text_key(actor, noun), names), text), binds(actor, noun) | {"id": record}
        )

    return build


async def bodies(door: Reads, noun: Noun, names: Sequence[str], ids: Sequence[UUID]) -> list[str]:
    """Those of the records that are seen, each as JSON, in the order of the ids. Raises Forbidden for a hidden field."""

    def build(actor: Actor) -> Question:
        listed = chosen(actor, noun, names)

        def text() -> Prepared:
            wanted = bindparam("ids", type_=sight.UUIDS)
            place = func.array_position(wanted, noun.table.c.id).label("place")
            columns = [*sight.columns(actor, noun, listed), place]
            inner = of_sight(actor, noun, columns).where(noun.table.c.id == func.any(wanted))
            found = f"case when t.place is not null then {body(listed)} end"
            asked = stamped(compiled(inner), f"{found} from organisations o left join ({{inner}}) t on true")
            return Prepared(f"{asked.sql} order by t.place", asked.names)

        question = prepared(("bodies", *text_key(actor, noun), listed), text)
        return Question(question, binds(actor, noun) | {"ids": list(ids)})

    return [row[1] for row in await door.rows(build) if row[1] is not None]


def by_external_id(noun: Noun, system: str, external_id: str) -> Callable[[Actor], Question]:
    """The record that another system calls so: (stamp, id). Raises Forbidden where external ids are hidden."""
    found = _survivor(noun, "x.noun_id") if MERGED in noun.table.c else "x.noun_id"
    statement = Prepared(
        f"select o.stamp, {found} as noun_id from organisations o left join external_ids x"
        " on x.org_id = o.id and x.noun = $2 and x.system = $3 and x.external_id = $4 where o.id = $1",
        ("org", "noun", "system", "external_id"),
    )

    def build(actor: Actor) -> Question:
        checked(actor, noun, frozenset({"external_ids"}))
        return Question(
            statement, {"org": actor.org_id, "noun": noun.name, "system": system, "external_id": external_id}
        )

    return build


def _survivor(noun: Noun, record: str) -> str:
    """What a record became part of, or it itself, as SQL whose $1 is the organisation."""
    up = way_up(noun, noun.table.c.id == literal_column(record))
    return f"({compiled(select(up.c.id).where(up.c.above.is_(None))).sql})"


def must_exist(noun: Noun, row: Row) -> Row:
    """The row of a record, or NotFound when nothing follows the stamp."""
    if row[1] is None:
        raise absent(noun)
    return row


def absent(noun: Noun) -> NotFound:
    """What is not there, and what may not be seen: the two sound the same."""
    return NotFound(f"{noun.name}_not_found", f"There is no {noun.name} with this id, or you may not see it.")


async def must_see(reads: Reads, noun: Noun, record: UUID, names: tuple[str, ...] = ()) -> Row:
    """The record's columns of these names. Raises NotFound when it is not there or not for the reader's eyes."""

    def build(actor: Actor) -> Question:
        question, values = sight.seen(actor, noun, [record], ("id", *names))
        listed = ", ".join(f"t.{name}" for name in ("id", *names))
        return Question(
            stamped(question, f"{listed} from organisations o left join ({{inner}}) t on true"), values
        )

    return must_exist(noun, await reads.row(build))
