"""Conditions that name what became part of another record: the survivor is meant, as in what is written.

Writes resolve their references before (app.db.references); a read has PostgreSQL do it inside the one question that it
asks. It is done for those alone who may know of it: who sees both records and may read which became part of which. What
a segment finds so, it tells to all who know the segment, so it looks only where its `uses` say so.
"""

from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, and_, func, select

from app.db import sight, where
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.references import MERGED, way_up
from app.db.uow import UnitOfWork
from app.domain import conditions
from app.domain.access import Actor, Scope
from app.domain.conditions import Condition, Test
from app.domain.fields import Kind
from app.domain.segments import naming, pointed

_MERGED = {noun.plural: noun for noun in (CONTACTS, COMPANIES)}
"""The nouns that can be merged, by their tables."""
Known = frozenset[str]
"""The names of the nouns of whose merges may be told."""


def known(actor: Actor) -> Known:
    """To an actor."""
    nouns = _MERGED.values()
    return frozenset(
        noun.name for noun in nouns if actor.may(Scope(noun.reading)) and noun.shows(actor, MERGED)
    )


def known_by(uses: Collection[str]) -> Known:
    """To all who know a segment."""
    return frozenset(noun.name for noun in _MERGED.values() if _told(noun) <= {*uses})


def _told(noun: Noun) -> frozenset[str]:
    """What a reader must be able to read to be told of the noun's merges, as sight.readable writes it."""
    return frozenset({noun.name, f"{noun.name}.{MERGED}"})


async def uses(uow: UnitOfWork, condition: Condition) -> frozenset[str]:
    """What a segment tells of beside what its condition says: of merges, if one that it names was merged.

    Only of those of which the actor may tell: else they would learn of a merge by losing the segment that they save.
    """
    readable = sight.readable(uow.actor, _MERGED.values())
    tellable = [noun for noun in _MERGED.values() if readable is None or _told(noun) <= readable]
    values = [test.value for test in naming(condition)]
    named = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
    found: frozenset[str] = frozenset()
    for noun in tellable if named else ():
        gone = f"id = any($2::uuid[]) and {MERGED} is not null"
        merged = f"select exists (select from {noun.plural} where org_id = $1 and {gone})"
        found |= _told(noun) if await uow.fetchval(merged, uow.org_id, named) else frozenset()
    return found


def follow(actor: Actor, known: Known) -> where.Follow:
    """What turns an id in a condition into the survivor's, for an actor."""
    return partial(_named, actor, known)


def names_itself(noun: Noun, condition: Condition) -> bool:
    """Whether the condition names records of the noun, wherever it looks, so that all must be there to look them up."""
    return noun.name in pointed(condition)


def key(actor: Actor, condition: Condition, known: Known) -> tuple[Any, ...]:
    """What the text of the look-ups depends on besides the shape of the condition."""
    if not _names(condition):
        return ()
    return tuple((noun.name in known, sight.sees_all(actor, noun)) for noun in _MERGED.values())


def binds(actor: Actor, condition: Condition) -> dict[str, Any]:
    """The values behind the look-ups that are not the condition's own."""
    if not _names(condition):
        return {}
    return sight.binds(actor, CONTACTS) | sight.binds(actor, COMPANIES)


def _names(condition: Condition) -> bool:
    """Whether it may name records; what looks further may do so inside."""
    leaves = conditions.leaves_of(condition)
    return any(not isinstance(leaf, Test) or leaf.field.kind is Kind.ID for leaf in leaves)


def _named(
    actor: Actor, known: Known, column: ColumnElement[Any], named: ColumnElement[Any], *, many: bool
) -> ColumnElement[Any]:
    noun = _target(column)
    if noun is None or noun.name not in known:
        return named
    # Each is a query of its own: a coalesce beside the column would keep row-level security from its index.
    if not many:
        end = _ends(actor, noun, noun.table.c.id == named).with_only_columns(noun.table.c.id)
        return select(func.coalesce(end.scalar_subquery(), named)).scalar_subquery()
    ends = _ends(actor, noun, noun.table.c.id == func.any(named)).subquery("ends")
    one = func.unnest(named, type_=Uuid()).table_valued("one", name="one")
    here = one.outerjoin(ends, ends.c.begun == one.c.one)
    meant = select(func.coalesce(ends.c.id, one.c.one)).select_from(here)
    return func.array(meant.scalar_subquery())


def _target(column: ColumnElement[Any]) -> Noun | None:
    """What the column points to, if that can be merged; where a merged record went is told as it is."""
    if column.name == MERGED:
        return None
    pointed = (_MERGED.get(key.column.table.name) for key in column.foreign_keys)
    return next(filter(None, pointed), None)


def _ends(actor: Actor, noun: Noun, begun: ColumnElement[bool]) -> Select[Any]:
    """Records that were merged away, and where they are now, as far as the actor sees both."""
    table, seen = noun.table, sight.visible(actor, noun)
    up = way_up(noun, and_(begun, seen, table.c[MERGED].is_not(None)))
    ends = select(up.c.begun, table.c.id).where(sight.tenant(noun), table.c.id == up.c.id, seen)
    return ends.where(up.c.above.is_(None)).correlate(None)
