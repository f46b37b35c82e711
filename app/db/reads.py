"""Reading: questions whose answers PostgreSQL builds as JSON, cut to what the actor may see.

Every question also returns the organisation's access stamp. When it is not the one that the actor was loaded
under, the answer is thrown away, the actor loaded anew and the question built again: a revoked key, a changed
role or a new custom field counts from the next request on, at no extra round trip.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, Select, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.types import Integer, Uuid

from app.db import constraints, paging, sight, where
from app.db.engine import Database, Prepared, Row, compiled, prepared
from app.db.nouns import Noun
from app.domain import conditions
from app.domain.access import Actor, must_read
from app.domain.conditions import Condition
from app.domain.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from app.kit import cursor, json, terms

MOST_FOUND = 3_000
"""A search that finds more than this many records walks the sort order instead of their ids: it meets one soon."""


EVERY_RECORD = conditions.All(())


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

    async def rows(self, build: Callable[[Actor], Question]) -> Sequence[Row]:
        """The rows of a question under the actor's present access."""
        for _ in range(3):
            rows = await self._fetch(await self._build(build))
            if rows and rows[0][0] == self.actor.stamp:
                return rows
            self.actor = await self._reload()
        raise Unauthenticated("unauthenticated", "Your access is being changed; sign in again.")

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


def _body(names: Sequence[str]) -> str:
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
    must_read(actor, noun.name, [name for name in wanted if name not in readable])
    return tuple(name for name in readable if name in wanted or name in {"id", "version"})


def checked(actor: Actor, noun: Noun, names: frozenset[str]) -> None:
    """Raise Forbidden when a condition or a sort uses a field that the actor may not read."""
    must_read(actor, noun.name, [name for name in names if not noun.shows(actor, name)])


def _base(
    actor: Actor, noun: Noun, columns: Sequence[ColumnElement[Any]], *, many: bool = False
) -> Select[Any]:
    return select(*columns).where(sight.tenant(noun), sight.visible(actor, noun, many=many))


def _text_key(actor: Actor, noun: Noun) -> tuple[Any, ...]:
    return (noun.name, sight.sight_key(actor, noun), sight.custom_key(actor, noun))


def _binds(actor: Actor, noun: Noun) -> dict[str, Any]:
    binds = sight.binds(actor, noun)
    if sight.custom_key(actor, noun):
        binds["custom_keys"] = list(noun.custom_keys(actor))
    return binds


def one(noun: Noun, record: UUID, fields: Sequence[str] | None = None) -> Callable[[Actor], Question]:
    """One record: (stamp, body, version), body null when it is not there or not to be seen."""

    def build(actor: Actor) -> Question:
        names = chosen(actor, noun, fields)

        def text() -> Prepared:
            inner = _base(actor, noun, sight.columns(actor, noun, names)).where(
                noun.table.c.id == bindparam("id", type_=noun.table.c.id.type)
            )
            body = f"case when t.version is not null then {_body(names)} end"
            outer = f"{body}, t.version from organisations o left join ({{inner}}) t on true"
            return stamped(compiled(inner), outer)

        return Question(
            prepared(("one", *_text_key(actor, noun), names), text), _binds(actor, noun) | {"id": record}
        )

    return build


def by_external_id(noun: Noun, system: str, external_id: str) -> Callable[[Actor], Question]:
    """The record that another system calls so: (stamp, id). Raises Forbidden where external ids are hidden."""
    statement = Prepared(
        "select o.stamp, x.noun_id from organisations o left join external_ids x"
        " on x.org_id = o.id and x.noun = $2 and x.system = $3 and x.external_id = $4 where o.id = $1",
        ("org", "noun", "system", "external_id"),
    )

    def build(actor: Actor) -> Question:
        checked(actor, noun, frozenset({"external_ids"}))
        return Question(
            statement, {"org": actor.org_id, "noun": noun.name, "system": system, "external_id": external_id}
        )

    return build


@dataclass(frozen=True, slots=True)
class Page:
    """What to list."""

    noun: Noun
    where: Callable[[Actor], Condition] = lambda _: EVERY_RECORD
    """The condition, read by the fields that the actor knows."""
    sort: str = "-created_at"
    limit: int = 50
    cursor: str | None = None
    fields: Sequence[str] | None = None
    archived: bool | None = False
    """None for both."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search by words came to: the ids, or, when they are too many, the query to filter by."""

    ids: list[UUID] | None
    query: str | None = None


async def found(reads: Reads, noun: Noun, q: str) -> Found:
    """Look words up in the noun's stored terms; where nothing is found, once more allowing one typing error."""
    for make in (terms.query, terms.fuzzy):
        query, ids = await _find(reads, noun, make, q)
        if ids is None:
            return Found(None, query)
        if ids and not sight.sees_all(reads.actor, noun):
            ids = await _in_sight(reads, noun, ids)
        if ids:
            return Found(ids)
    return Found([])


async def _find(
    reads: Reads, noun: Noun, make: Callable[[str, Mapping[str, str]], str | None], q: str
) -> tuple[str | None, list[UUID] | None]:
    """The query, over the fields that the actor may read now, and every record of the tenant that it finds.

    None for the records when they are too many to name.
    """
    statement = Prepared(
        "select o.stamp, case when $3::text is not null then rapport_find($2, $3::text::tsquery, $4) else '{}' end, $3::text"
        " from organisations o where o.id = $1",
        ("org", "noun", "query", "most"),
    )

    def build(actor: Actor) -> Question:
        shown = noun.readable(actor)
        groups = {letter: kind for letter, (kind, field) in noun.search.items() if field in shown}
        query = make(q, groups) if groups else None
        return Question(
            statement, {"org": actor.org_id, "noun": noun.plural, "query": query, "most": MOST_FOUND}
        )

    row = await reads.row(build)
    return row[2], row[1]


async def _in_sight(reads: Reads, noun: Noun, ids: list[UUID]) -> list[UUID]:
    """Those that the actor sees: or a hit out of sight would tell of itself by keeping the next try from being made."""

    def build(actor: Actor) -> Question:
        def text() -> Prepared:
            wanted = noun.table.c.id == func.any(bindparam("found", type_=sight.UUIDS))
            inner = _base(actor, noun, [noun.table.c.id]).where(wanted)
            return stamped(compiled(inner), "array({inner}) from organisations o")

        key = ("in sight", noun.name, sight.sight_key(actor, noun))
        return Question(prepared(key, text), sight.binds(actor, noun) | {"found": ids})

    return list((await reads.row(build))[1])


def _filter(statement: Select[Any], condition: Condition, page: Page, looked: Found | None) -> Select[Any]:
    table = page.noun.table
    columns = dict(table.c.items())
    statement = statement.where(where.compile_(condition, columns))
    if page.archived is not None:
        gone = table.c.archived_at
        statement = statement.where(gone.is_not(None) if page.archived else gone.is_(None))
    if looked is not None:
        if looked.ids is None:
            statement = statement.where(
                table.c.terms.bool_op("@@")(cast(bindparam("query", type_=Text()), TSQUERY()))
            )
        else:
            statement = statement.where(table.c.id == func.any(bindparam("found", type_=sight.UUIDS)))
    return statement


def _filter_key(condition: Condition, page: Page, looked: Found | None) -> tuple[Any, ...]:
    mode = None if looked is None else looked.ids is None
    return (conditions.shape(condition), page.archived, mode)


def _filter_binds(condition: Condition, looked: Found | None) -> dict[str, Any]:
    binds = where.parameters(condition)
    if looked is not None:
        binds["query" if looked.ids is None else "found"] = looked.query if looked.ids is None else looked.ids
    return binds


def _listing(actor: Actor, page: Page, looked: Found | None) -> tuple[Question, tuple[paging.Sort, ...]]:
    noun = page.noun
    names = chosen(actor, noun, page.fields)
    known = noun.known(actor)
    sorts = paging.parse_sort(page.sort, known)
    condition = page.where(actor)
    checked(actor, noun, conditions.fields_of(condition) | {sort.field.name for sort in sorts})
    last = paging.open_cursor(page.cursor, noun.name, sorts) if page.cursor else None
    nulls = None if last is None else tuple(value is None for value in last)
    kinds = tuple((str(sort), sort.field.kind) for sort in sorts)
    key = ("page", *_text_key(actor, noun), names, *_filter_key(condition, page, looked), kinds, nulls)

    def text() -> Prepared:
        keys = paging.cursor_values(noun, sorts)
        inner = _filter(
            _base(actor, noun, [*sight.columns(actor, noun, names), *keys], many=True),
            condition,
            page,
            looked,
        )
        if last is not None:
            inner = inner.where(paging.after(noun, sorts, last))
        inner = inner.order_by(*paging.order_by(noun, sorts)).limit(bindparam("more", type_=Integer))
        ready = compiled(inner)
        limit = f"${len(ready.names) + 2}::int"
        listed = ", ".join(f"t.k{i}" for i in range(len(sorts)))
        outer = (
            f"coalesce(string_agg(p.body, ',' order by p.n) filter (where p.n <= {limit}), ''),"
            f" max(p.last) filter (where p.n = {limit}), count(p.n) from organisations o left join lateral"
            f" (select {_body(names)} as body, json_build_array({listed})::text as last, row_number() over () as n"
            " from ({inner}) t) p on true"
        )
        whole = stamped(ready, outer)
        return Prepared(whole.sql + " group by o.stamp", (*whole.names, "limit"))

    binds = (
        _binds(actor, noun) | _filter_binds(condition, looked) | {"limit": page.limit, "more": page.limit + 1}
    )
    if last is not None:
        binds |= {f"after{i}": value for i, value in enumerate(last)}
    return Question(prepared(key, text), binds), sorts


async def list_page(reads: Reads, page: Page, q: str | None = None) -> bytes:
    """A page of records as the JSON that goes out: {"data": […], "next": cursor or null}."""
    looked = await found(reads, page.noun, q) if q else None
    row = await reads.row(lambda actor: _listing(actor, page, looked)[0])
    sorts = paging.parse_sort(page.sort, page.noun.known(reads.actor))
    return envelope(row[1], row[2] if row[3] > page.limit else None, paging.context(page.noun.name, sorts))


def envelope(items: str, last: str | None, context: str) -> bytes:
    """The one shape of lists around items that are JSON already."""
    following = "null" if last is None else f'"{cursor.seal(context, json.loads(last))}"'
    return f'{{"data":[{items}],"next":{following}}}'.encode()


def open_cursor(context: str, text: str | None) -> int | None:
    """The number that a cursor of events carries. Raises InvalidInput."""
    if text is None:
        return None
    try:
        found = cursor.unseal(context, text)[0]
        if not isinstance(found, int) or not 0 <= found < 2**62:
            raise ValueError
    except (ValueError, IndexError):
        raise InvalidInput(
            "cursor_invalid",
            "This cursor does not belong to this list; begin again without one.",
            field="cursor",
        ) from None
    return found


async def count(reads: Reads, page: Page, q: str | None = None) -> int:
    """How many records a page's condition holds for, among those that the actor sees."""
    looked = await found(reads, page.noun, q) if q else None
    noun = page.noun

    def build(actor: Actor) -> Question:
        condition = page.where(actor)
        checked(actor, noun, conditions.fields_of(condition))

        def text() -> Prepared:
            inner = _filter(_base(actor, noun, [func.count()], many=True), condition, page, looked)
            return stamped(compiled(inner), "({inner}) from organisations o")

        key = ("count", *_text_key(actor, noun), *_filter_key(condition, page, looked))
        return Question(prepared(key, text), sight.binds(actor, noun) | _filter_binds(condition, looked))

    return int((await reads.row(build))[1])


def must_exist(noun: Noun, row: Row) -> Row:
    """The row of one(), or NotFound."""
    if row[1] is None:
        raise absent(noun)
    return row


def absent(noun: Noun) -> NotFound:
    """What is not there, and what may not be seen: the two sound the same."""
    return NotFound(f"{noun.name}_not_found", f"There is no {noun.name} with this id, or you may not see it.")


async def must_see(reads: Reads, noun: Noun, record: UUID) -> None:
    """Raise NotFound when the record is not there or not for the reader's eyes."""

    def build(actor: Actor) -> Question:
        def text() -> Prepared:
            inner = _base(actor, noun, [noun.table.c.id]).where(
                noun.table.c.id == bindparam("id", type_=Uuid)
            )
            return stamped(compiled(inner), "exists ({inner}) from organisations o")

        key = ("exists", noun.name, sight.sight_key(actor, noun))
        return Question(prepared(key, text), sight.binds(actor, noun) | {"id": record})

    if not (await reads.row(build))[1]:
        raise absent(noun)
