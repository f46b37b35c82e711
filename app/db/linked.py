"""Records by what people call them: many names at a time, among what the asker sees."""

from collections.abc import Collection, Mapping, Sequence, Set
from uuid import UUID

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import sight
from app.db.engine import Prepared, compiled, prepared
from app.db.external_ids import ExternalId
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork

_BY = {
    ("company", "name"): ("name", False),
    ("company", "domain"): ("domain", False),
    ("user", "email"): ("email", False),
    ("contact", "email"): ("email", False),
    ("contact", "phone"): ("phone", False),
    ("product", "sku"): ("sku", False),
    ("order", "number"): ("number", False),
}
"""Noun and way to the column, and whether its case is ignored."""


async def found(uow: UnitOfWork, name: str, by: str, names: Sequence[str]) -> Mapping[str, Sequence[UUID]]:
    """For each name, the records that are called so: by a column, or by external:<system>; archived ones are not."""
    noun, actor = NOUNS[name], uow.actor
    system = by.removeprefix("external:") if by.startswith("external:") else None
    column, folded = ("", False) if system is not None else _BY[name, by]

    if not noun.shows(actor, column or "external_ids"):
        return {}

    def build() -> Prepared:
        table = noun.table
        wanted = bindparam("names", type_=ARRAY(Text))
        base = select(table.c.id).where(
            sight.tenant(noun), sight.visible(actor, noun), table.c.archived_at.is_(None)
        )
        if system is None:
            called = func.lower(table.c[column]) if folded else table.c[column]
            return compiled(base.add_columns(called.label("called")).where(called == func.any(wanted)))
        outside = ExternalId.__table__
        return compiled(
            base.add_columns(outside.c.external_id.label("called"))
            .join(outside, (outside.c.org_id == table.c.org_id) & (outside.c.noun_id == table.c.id))
            .where(
                outside.c.noun == bindparam("noun", type_=Text()),
                outside.c.system == bindparam("system", type_=Text()),
                outside.c.external_id == func.any(wanted),
            )
        )

    question = prepared(
        ("linked", name, by if system is None else "external", sight.sight_key(actor, noun)), build
    )
    values = question.values(sight.binds(actor, noun) | {"names": names, "system": system, "noun": name})
    known: dict[str, list[UUID]] = {}
    for row in await uow.fetch(question.sql, *values):
        known.setdefault(row["called"], []).append(row["id"])
    return known


async def bearing(uow: UnitOfWork, name: str, by: str, ids: Collection[UUID]) -> Set[UUID]:
    """Those of the records that are called something in this way; all, where the asker may not know it."""
    noun, system = NOUNS[name], by.removeprefix("external:")
    outside = by.startswith("external:")
    if not noun.shows(uow.actor, "external_ids" if outside else _BY[name, by][0]):
        return frozenset(ids)
    question = (
        "select noun_id as id from external_ids where org_id = $1 and noun_id = any($2::uuid[]) and noun = $3"
        " and system = $4"
        if outside
        else f"select id from {noun.plural} where org_id = $1 and id = any($2::uuid[]) and {_BY[name, by][0]} is not null"
    )
    values = (name, system) if outside else ()
    return {row["id"] for row in await uow.fetch(question, uow.org_id, list(ids), *values)}
