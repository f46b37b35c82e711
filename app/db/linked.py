"""Records by what people call them: many names at a time, among what the asker sees."""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, Uuid, bindparam, column, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import merges, references, sight
from app.db.engine import Prepared, compiled, prepared
from app.db.external_ids import ExternalId
from app.db.nouns import Noun
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.domain.access import Actor

_BY = {
    ("company", "name"): "name",
    ("company", "domain"): "domain",
    ("user", "email"): "email",
    ("user", "name"): "name",
    ("contact", "email"): "email",
    ("contact", "phone"): "phone",
    ("product", "sku"): "sku",
    ("product", "name"): "name",
    ("order", "number"): "number",
}
"""Noun and way to the column."""
_LISTED = {("contact", "email"): "emails", ("contact", "phone"): "phones", ("company", "name"): "name"}
"""Ways that more than the column's own value leads by: to the field that holds it."""
Build = Callable[[Noun, str, Select[Any]], Select[Any]]
_WANTED = bindparam("names", type_=ARRAY(Text))


def folded(name: str) -> str:
    """A name in the form in which two are the same: ACME is Acme."""
    return name.lower()


async def found(uow: UnitOfWork, name: str, by: str, names: Sequence[str]) -> Mapping[str, Sequence[UUID]]:
    """For each name, the records that are called so, in any of their addresses or numbers; archived ones are not.

    The names of companies are folded.
    """
    noun, way = NOUNS[name], (name, by)
    if not noun.shows(uow.actor, _BY.get(way, "external_ids")):
        return {}
    listed, values = _LISTED.get(way), {"names": list(names), "noun": name}
    ways: list[Build]
    if way not in _BY:
        ways, values = [_outside], values | {"system": by.removeprefix("external:")}
    elif listed is None or not noun.shows(uow.actor, listed):
        ways = [_called]
    else:
        ways, values = [_called, _listed], values | {"way": listed}
    known: dict[str, dict[UUID, None]] = {}
    for build in ways:
        for called, record in await _asked(uow, noun, by, build, values):
            known.setdefault(called, {})[record] = None
    listed_by_name = {called: list(records) for called, records in known.items()}
    return await _survivors(uow, noun, listed_by_name) if way not in _BY else listed_by_name


async def _survivors(
    uow: UnitOfWork, noun: Noun, known: Mapping[str, Sequence[UUID]]
) -> Mapping[str, Sequence[UUID]]:
    """With those that became part of another record in its place, if that is seen."""
    moved = await merges.survivors(uow, noun, {one for listed in known.values() for one in listed})
    seen = await references.seen(uow, noun, set(moved.values()))
    return {
        name: [moved.get(one, one) for one in listed if one not in moved or moved[one] in seen]
        for name, listed in known.items()
    }


async def _asked(
    uow: UnitOfWork, noun: Noun, by: str, build: Build, values: dict[str, Any]
) -> list[tuple[str, UUID]]:
    def text() -> Prepared:
        return compiled(build(noun, by, _seen(uow.actor, noun, merged=build is _outside)))

    way = by.partition(":")[0]
    question = prepared(("linked", build, noun.name, way, sight.sight_key(uow.actor, noun)), text)
    rows = await uow.fetch(question.sql, *question.values({**sight.binds(uow.actor, noun), **values}))
    return [(row["called"], row["id"]) for row in rows]


def _seen(actor: Actor, noun: Noun, *, merged: bool) -> Select[Any]:
    """The ids of what the actor sees; an id of another system also leads to what became part of another."""
    table = noun.table
    there: ColumnElement[bool] = table.c.archived_at.is_(None)
    if merged and references.MERGED in table.c:
        there = or_(there, table.c[references.MERGED].is_not(None))
    return select(table.c.id).where(sight.tenant(noun), sight.visible(actor, noun), there)


def _called(noun: Noun, by: str, seen: Select[Any]) -> Select[Any]:
    named = noun.table.c[_BY[noun.name, by]]
    return seen.add_columns(named.label("called")).where(named == func.any(_WANTED))


def _listed(noun: Noun, by: str, seen: Select[Any]) -> Select[Any]:
    listed = func.rapport_called(bindparam("way", type_=Text()), _WANTED)
    named = listed.table_valued(column("called", Text()), column("id", Uuid())).alias("named")
    return seen.add_columns(named.c.called).join(named, named.c.id == noun.table.c.id)


def _outside(noun: Noun, _: str, seen: Select[Any]) -> Select[Any]:
    outside = ExternalId.__table__
    return (
        seen.add_columns(outside.c.external_id.label("called"))
        .join(outside, (outside.c.org_id == noun.table.c.org_id) & (outside.c.noun_id == noun.table.c.id))
        .where(
            outside.c.noun == bindparam("noun", type_=Text()),
            outside.c.system == bindparam("system", type_=Text()),
            outside.c.external_id == func.any(_WANTED),
        )
    )


async def bearing(uow: UnitOfWork, name: str, by: str, ids: Collection[UUID]) -> Set[UUID]:
    """Those of the records that are called something in this way; all, where the asker may not know it."""
    noun, system = NOUNS[name], by.removeprefix("external:")
    outside = by.startswith("external:")
    if not noun.shows(uow.actor, "external_ids" if outside else _BY[name, by]):
        return frozenset(ids)
    question = (
        "select noun_id as id from external_ids where org_id = $1 and noun_id = any($2::uuid[]) and noun = $3"
        " and system = $4"
        if outside
        else f"select id from {noun.plural} where org_id = $1 and id = any($2::uuid[]) and {_BY[name, by]} is not null"
    )
    values = (name, system) if outside else ()
    return {row["id"] for row in await uow.fetch(question, uow.org_id, list(ids), *values)}
