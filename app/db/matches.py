"""Records in sight that share something with one that is about to come in, each way by an index."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, and_, bindparam, or_

from app.db import sight
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, compiled, prepared
from app.db.nouns import Noun
from app.db.reads import Question, Reads, checked, of_sight, stamped
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
            return _listed(noun, of_sight(actor, noun, [noun.table.c.id]).where(looked_up(noun)))

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
            return _listed(CONTACTS, of_sight(actor, CONTACTS, [CONTACTS.table.c.id]).where(or_(*ranges)))

        # The sound, a tab, and the name: a line feed follows the tab.
        values = {f"from{n}": f"{one}\t" for n, one in enumerate(spellings)}
        values |= {f"to{n}": f"{one}\n" for n, one in enumerate(spellings)}
        return _question(actor, CONTACTS, f"sound{len(spellings)}", text, values)

    return await _ids(reads, build)


async def by_external_ids(reads: Reads, noun: Noun, named: Mapping[str, str]) -> list[UUID]:
    """Those that other systems call so, or call so what became part of them."""
    if not named:
        return []
    statement = Prepared(
        "with recursive up as (select x.noun_id as id"
        " from unnest($2::text[], $3::text[]) w(system, external_id) join external_ids x on x.org_id = $1"
        f" and x.noun = '{noun.name}' and x.system = w.system and x.external_id = w.external_id"
        f" union select c.merged_into_id from {noun.plural} c join up u on c.org_id = $1 and c.id = u.id"
        " where c.merged_into_id is not null)"
        f" select o.stamp, c.id from organisations o left join ({noun.plural} c join up u on c.id = u.id)"
        " on c.org_id = o.id and c.archived_at is null where o.id = $1",
        ("org", "systems", "external_ids"),
    )

    def build(actor: Actor) -> Question:
        checked(actor, noun, frozenset({"external_ids"}))
        values = {"org": actor.org_id, "systems": [*named], "external_ids": [*named.values()]}
        return Question(statement, values)

    return await _ids(reads, build)


def _listed(noun: Noun, found: Any) -> Prepared:
    there = found.where(noun.table.c.archived_at.is_(None)).limit(bindparam("most", type_=Integer))
    return stamped(compiled(there), "t.id from organisations o left join ({inner}) t on true")


def _question(actor: Actor, noun: Noun, way: str, text: Any, values: Mapping[str, Any]) -> Question:
    question = prepared(("matches", noun.name, way, sight.sight_key(actor, noun)), text)
    return Question(question, sight.binds(actor, noun) | dict(values) | {"most": MOST})


async def _ids(reads: Reads, build: Any) -> list[UUID]:
    return [row[1] for row in await reads.rows(build) if row[1] is not None]
