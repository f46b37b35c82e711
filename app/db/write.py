"""The one way in: records, their children, external ids and events in one statement, one or ten thousand at a time."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Column, ColumnElement, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSVECTOR

from app.db import sight
from app.db.engine import DIALECT, Prepared, Row, compiled, prepared
from app.db.nouns import Child, Noun
from app.db.uow import UnitOfWork
from app.domain.errors import Busy
from app.kit import json
from app.kit.ids import new_id

_TEXTS = 1024
"""Statements remembered of each sort; there is one for every set of fields that anybody has written together."""
_MOST_TRIES = 20
"""How often records may change under a writer that waits for them before it gives up."""


def _type(column: Column[Any]) -> str:
    if isinstance(column.type, TSVECTOR):
        return "text[]"
    return column.type.compile(dialect=DIALECT).split(" COLLATE")[0]


def _value(column: Column[Any], source: str) -> str:
    return (
        f"array_to_tsvector({source}.{column.name})"
        if isinstance(column.type, TSVECTOR)
        else f"{source}.{column.name}"
    )


def _own(noun: Noun, names: Sequence[str]) -> list[Column[Any]]:
    return [noun.table.c[name] for name in names if name in noun.table.c]


@cache
def _untold(noun: Noun) -> frozenset[str]:
    """What events do not tell of a record: it is nobody's to read, or stands beside."""
    return frozenset({"id", *(c.name for c in noun.table.columns if c.info.get("internal"))})


# One small document a row is parsed faster than one large one; offset 0 keeps it from being parsed for each use.
_NEW = """(select u.told::jsonb as told, u.untold::jsonb as untold, u.n
  from unnest($2::text[], $8::text[]) with ordinality u(told, untold, n) offset 0) e"""
_ROWS = "(select u.row::jsonb as body, u.n from unnest($2::text[]) with ordinality u(row, n) offset 0) e"


def _record(noun: Noun, columns: Sequence[Column[Any]], names: Sequence[str]) -> str:
    parts = [f"{c.name} {_type(c)}" for c in columns]
    parts += [f"{name} jsonb" for name in names if name in noun.children or name == "external_ids"]
    return ", ".join(parts)


def _children_sql(child: Child, name: str) -> str:
    own = [child.table.c[c] for c in child.columns]
    listed = ", ".join(c.name for c in own)
    record = ", ".join(f"{c.name} {_type(c)}" for c in own)
    return f""", {name}_in as (
  insert into {child.table.name} (org_id, {child.parent}, position, {listed})
  select $1, i.id, c.position, {", ".join(f"c.{c.name}" for c in own)}
  from incoming i, rows from (jsonb_to_recordset(i.{name}) as ({record})) with ordinality c({listed}, position)
)"""


_LINKS_SQL = """, links_in as (
  insert into external_ids (org_id, noun, system, external_id, noun_id)
  select $1, '{noun}', l.key, l.value, i.id from incoming i, jsonb_each_text(i.external_ids) l
)"""
_EVENTS = "insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, before, after, cause)"


@lru_cache(_TEXTS)
def _adding(noun: Noun, names: tuple[str, ...]) -> str:
    own = _own(noun, names)
    listed = ", ".join(c.name for c in own)
    told, untold = ([c for c in own if (c.name in _untold(noun)) is apart] for apart in (False, True))
    parts = [
        f"""with incoming as materialized (
  select e.told as event_after, e.n as event_n, r.*, h.* from {_NEW},
    jsonb_to_record(e.told) r({_record(noun, told, names)}), jsonb_to_record(e.untold) h({_record(noun, untold, ())})
), added as (
  insert into {noun.plural} (org_id, version, created_at, updated_at, {listed})
  select $1, 1, $3, $3, {", ".join(_value(c, "i") for c in own)} from incoming i
)"""
    ]
    if "external_ids" in names:
        parts.append(_LINKS_SQL.format(noun=noun.name))
    parts += [_children_sql(child, name) for name, child in noun.children.items() if name in names]
    parts.append(f"""
{_EVENTS}
select $1, $3, $4, '{noun.name}', i.id, 1, $5, $6, null, i.event_after, $7
from incoming i order by i.event_n""")
    return "".join(parts)


Documents = tuple[Sequence[str], Sequence[str]]
"""Of each new record what its event tells, and the rest of it."""


def documents(noun: Noun, rows: Sequence[dict[str, Any]]) -> Documents:
    """New records as the documents that add() sends; long lists are best made ready in a thread."""
    for row in rows:
        for name in noun.children.keys() & row.keys():
            for item in row[name]:
                item["id"] = new_id()
    untold = _untold(noun)
    return (
        [json.text({name: value for name, value in row.items() if name not in untold}) for row in rows],
        [json.text({name: row[name] for name in untold & row.keys()}) for row in rows],
    )


async def add(
    uow: UnitOfWork,
    noun: Noun,
    rows: Sequence[dict[str, Any]],
    event: str,
    ready: Documents | None = None,
) -> None:
    """Insert new records with their events; each row has an id and, all of them, the same columns."""
    if not rows:
        return
    names = tuple(sorted(rows[0]))
    told, untold = documents(noun, rows) if ready is None else ready
    actor = uow.actor
    await uow.execute(
        _adding(noun, names), uow.org_id, told, uow.now, event, actor.id, actor.kind, uow.cause, untold
    )


@lru_cache(_TEXTS)
def _changing(noun: Noun, names: tuple[str, ...], partition: str | None) -> str:
    own = _own(noun, names)
    moves = "".join(f", {c.name} = {_value(c, 'i')}" for c in own)
    same = f" and t.{partition} = i.was_{partition}" if partition else ""
    record = _record(noun, own, names)
    if partition:
        record = ", ".join(filter(None, [record, f"was_{partition} {_type(noun.table.c[partition])}"]))
    parts = [
        f"""with incoming as materialized (
  select r.* from {_ROWS},
    jsonb_to_record(e.body) r(id uuid, event_before jsonb, event_after jsonb{", " + record if record else ""})
), changed as (
  update {noun.plural} t set version = t.version + 1, updated_at = $3{moves}
  from incoming i where t.org_id = $1 and t.id = i.id{same} returning t.id, t.version
)"""
    ]
    if "external_ids" in names:
        parts.append(
            f""", links_out as (
  delete from external_ids x using incoming i
  where x.org_id = $1 and x.noun = '{noun.name}' and x.noun_id = i.id
    and i.external_ids ->> x.system is distinct from x.external_id
), links_in as (
  insert into external_ids (org_id, noun, system, external_id, noun_id)
  select $1, '{noun.name}', l.key, l.value, i.id from incoming i, jsonb_each_text(i.external_ids) l
  where not exists (select 1 from external_ids x where x.org_id = $1 and x.noun = '{noun.name}'
    and x.noun_id = i.id and x.system = l.key and x.external_id = l.value)
)"""
        )
    for name, child in noun.children.items():
        if name in names:
            parts.append(
                f""", {name}_out as (
  delete from {child.table.name} c using incoming i where c.org_id = $1 and c.{child.parent} = i.id
)"""
            )
            parts.append(_children_sql(child, name))
    parts.append(f"""
{_EVENTS}
select $1, $3, $4, '{noun.name}', i.id, c.version, $5, $6, i.event_before, i.event_after, $7
from incoming i join changed c using (id) order by i.id""")
    return "".join(parts)


def _partition(noun: Noun) -> str | None:
    """The column that the noun's table is cut by, if it is: it is in the key."""
    return next((c.name for c in noun.table.primary_key.columns if c.name not in {"org_id", "id"}), None)


async def change(
    uow: UnitOfWork, noun: Noun, changes: Sequence[tuple[Row, Mapping[str, Any]]], event: str
) -> None:
    """Give locked rows new values, with their events. Rows and their new values; what is not named stays."""
    # What is never read back, and children, can only be written for the rows that have them anew.
    apart = noun.unread | noun.children.keys()
    alike: dict[frozenset[str], list[tuple[Row, Mapping[str, Any]]]] = {}
    for row, after in changes:
        alike.setdefault(frozenset(apart & after.keys()), []).append((row, after))
    for group in alike.values():
        await _change(uow, noun, group, event)


async def _change(
    uow: UnitOfWork, noun: Noun, changes: Sequence[tuple[Row, Mapping[str, Any]]], event: str
) -> None:
    names = tuple(sorted({name for _, after in changes for name in after}))
    partition = _partition(noun)
    untold = _untold(noun)
    items = []
    for row, after in changes:
        item: dict[str, Any] = {name: after[name] if name in after else row[name] for name in names}
        for name in noun.children.keys() & after.keys():
            # What is replaced goes within the same statement, in which no two may have one id; ids of old may come back.
            held = {None, *(line["id"] for line in row[name])}
            for line in item[name]:
                if line.get("id") in held:
                    line["id"] = new_id()
        item["id"] = row["id"]
        if partition:
            item[f"was_{partition}"] = row[partition]
        item["event_before"] = {name: row[name] for name in after if name not in untold}
        item["event_after"] = {name: value for name, value in after.items() if name not in untold}
        items.append(item)
    actor = uow.actor
    sql = _changing(noun, names, partition)
    await uow.execute(
        sql, uow.org_id, [json.text(item) for item in items], uow.now, event, actor.id, actor.kind, uow.cause
    )


async def record(
    uow: UnitOfWork,
    noun: str,
    record_id: UUID,
    version: int,
    event: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """An event of a record that is written elsewhere or not at all."""
    actor = uow.actor
    await uow.execute(
        f"{_EVENTS} values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        uow.org_id,
        uow.now,
        event,
        noun,
        record_id,
        version,
        actor.id,
        actor.kind,
        None if before is None else dict(before),
        dict(after or {}),
        uow.cause,
    )


async def locked(uow: UnitOfWork, noun: Noun, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The records among the ids that exist and the actor sees, locked in the order of their ids, by id.

    Who waits for a lock gets the record as it is then, but what hangs on it (children, external ids) as it was when
    the statement began (PostgreSQL 18, 13.2.1); so a record that has changed in between is read once more.
    """
    actor = uow.actor

    def build() -> Prepared:
        table = noun.table
        shown = [c for c in table.columns if not isinstance(c.type, TSVECTOR)]
        extra = [
            noun.output(name) for name in (*noun.children, *(("external_ids",) if noun.external else ()))
        ]
        wanted = table.c.id == func.any(bindparam("ids", type_=sight.UUIDS))
        question = select(*shown, *extra, _as_begun(noun)).where(
            sight.tenant(noun), wanted, sight.visible(actor, noun)
        )
        return compiled(question.order_by(table.c.id).with_for_update(of=table))

    question = prepared(("locked", noun.name, sight.sight_key(actor, noun)), build)
    values = question.values(sight.binds(actor, noun) | {"ids": sorted(set(ids))})
    for _ in range(_MOST_TRIES):
        rows = await _fetch_still(uow, noun, question.sql, values)
        if rows is not None and all(row["version"] == row["version_begun"] for row in rows):
            return {row["id"]: row for row in rows}
    raise Busy("try_again", "Somebody else is changing the same records; try again in a moment.")


def _as_begun(noun: Noun) -> ColumnElement[int]:
    """The version in the statement's own snapshot, which is the one that subqueries see."""
    key = " and ".join(f"s.{c.name} = {noun.plural}.{c.name}" for c in noun.table.primary_key.columns)
    return literal_column(f"(select s.version from {noun.plural} s where {key})").label("version_begun")


async def _fetch_still(uow: UnitOfWork, noun: Noun, sql: str, values: Sequence[Any]) -> Sequence[Row] | None:
    """The rows; None when one moved to another partition meanwhile: it cannot be followed, only looked for anew."""
    if _partition(noun) is None:
        return await uow.fetch(sql, *values)
    try:
        async with uow.savepoint():
            return await uow.fetch(sql, *values)
    except Busy as busy:
        if isinstance(busy.__cause__, asyncpg.SerializationError):
            return None
        raise
