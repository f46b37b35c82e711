"""Records in sight that share something with one that is about to come in, each way by an index."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    TextClause,
    Uuid,
    and_,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import sight
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, compiled, prepared
from app.db.external_ids import ExternalId
from app.db.nouns import Noun
from app.db.reads import Question, Reads, checked, of_sight, stamped
from app.db.references import way_up
from app.db.words import looked_up
from app.domain.access import Actor
from app.kit import terms

MOST = 100
"""Records of each way; more that share it tell nobody apart."""


async def by_words(reads: Reads, noun: Noun, written: Mapping[str, Iterable[str]]) -> list[UUID]:
    """Those with one of the words, by the letter of the group of terms that it is sought in."""
    asked = {
        group: [terms.query(one, {group: noun.search[group][0]}) for one in each]
        for group, each in written.items()
    }
    query = " | ".join(one for each in asked.values() for one in each if one)
    if not query:
        return []

    def build(actor: Actor) -> Question:
        checked(actor, noun, frozenset(noun.search[group][1] for group, each in asked.items() if each))

        def text() -> Prepared:
            return _some(actor, noun, looked_up(noun))

        values = {"place": noun.plural, "query": query, "tags": None, "customs": None, "owners": None}
        return _question(actor, noun, "words", text, values)

    return await _ids(reads, build)


async def by_sound(reads: Reads, spellings: Sequence[str]) -> list[UUID]:
    """Contacts whose names sound so."""
    if not spellings:
        return []

    def build(actor: Actor) -> Question:
        checked(actor, CONTACTS, frozenset({"name"}))
        key = CONTACTS.table.c.name_key

        def text() -> Prepared:
            ranges = [
                and_(key >= bindparam(f"from{n}", type_=Text()), key < bindparam(f"to{n}", type_=Text()))
                for n in range(len(spellings))
            ]
            return _some(actor, CONTACTS, or_(*ranges))

        # The sound, a tab, and the name: a line feed follows the tab.
        values = {f"from{n}": f"{one}\t" for n, one in enumerate(spellings)}
        values |= {f"to{n}": f"{one}\n" for n, one in enumerate(spellings)}
        return _question(actor, CONTACTS, f"sound{len(spellings)}", text, values)

    return await _ids(reads, build)


async def by_external_ids(reads: Reads, noun: Noun, named: Mapping[str, str]) -> list[UUID]:
    """Those that other systems call so, or call so what became part of them."""
    if not named:
        return []

    def build(actor: Actor) -> Question:
        checked(actor, noun, frozenset({"external_ids"}))
        values = {
            "org": actor.org_id,
            "noun": noun.name,
            "systems": [*named],
            "external_ids": [*named.values()],
        }
        return Question(_called(noun), values)

    return await _ids(reads, build)


@cache
def _called(noun: Noun) -> Prepared:
    """Records that are called so, and what they became part of."""
    systems, names = (bindparam(name, type_=ARRAY(Text)) for name in ("systems", "external_ids"))
    given = func.unnest(systems, names).table_valued("system", "external_id", name="w").render_derived()
    table, known = noun.table, ExternalId.__table__.c
    called = select(known.noun_id).where(
        known.org_id == bindparam("org", type_=Uuid),
        known.noun == bindparam("noun", type_=Text),
        known.system == given.c.system,
        known.external_id == given.c.external_id,
    )
    up = way_up(noun, table.c.id == func.any(func.array(called.scalar_subquery())))
    return _listed(noun, select(table.c.id).where(sight.tenant(noun), table.c.id.in_(select(up.c.id))))


def _some(actor: Actor, noun: Noun, shared: ColumnElement[bool] | TextClause) -> Prepared:
    found = of_sight(actor, noun, [noun.table.c.id]).where(shared)
    return _listed(noun, found.limit(bindparam("most", type_=Integer)))


def _listed(noun: Noun, found: Select[Any]) -> Prepared:
    there = found.where(noun.table.c.archived_at.is_(None))
    return stamped(compiled(there), "t.id from organisations o left join ({inner}) t on true")


def _question(actor: Actor, noun: Noun, way: str, text: Any, values: Mapping[str, Any]) -> Question:
    question = prepared(("matches", noun.name, way, sight.sight_key(actor, noun)), text)
    return Question(question, sight.binds(actor, noun) | dict(values) | {"most": MOST})


async def _ids(reads: Reads, build: Any) -> list[UUID]:
    return [row[1] for row in await reads.rows(build) if row[1] is not None]
