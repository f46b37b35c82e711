"""Words, tags and custom values looked up in the one index that row-level security keeps from the planner."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, TextClause, bindparam, cast, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSQUERY

from app.db import sight
from app.db.engine import Prepared, compiled, prepared
from app.db.nouns import Noun
from app.db.reads import Question, Reads, of_sight, stamped
from app.domain.access import Actor
from app.domain.conditions import All, Condition, Test
from app.domain.fields import Kind, custom_key
from app.domain.ops import Op
from app.kit import terms


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody typed, and how closely records must match it."""

    typed: str
    loose: bool = False
    """Whether one typing error is allowed: only where nothing is found without, so that few records are."""

    def query(self, actor: Actor, noun: Noun) -> str:
        """The tsquery over the fields that the actor may read; an empty one finds nothing."""
        shown = noun.readable(actor)
        groups = {letter: kind for letter, (kind, field) in noun.search.items() if field in shown}
        spelt = terms.fuzzy if self.loose else terms.query
        return (spelt(self.typed, groups) if groups else None) or ""


def sought(noun: Noun, condition: Condition, words: Words | None) -> bool:
    """Whether the index can be asked for any of this."""
    return bool(noun.search) and (words is not None or any(_tags(condition)) or any(_custom(condition)))


def matches(noun: Noun) -> ColumnElement[bool]:
    """True of the records that the words find, one record at a time."""
    # In a query of its own, or the text would be read anew for every record.
    query = select(cast(bindparam("query", type_=Text()), TSQUERY())).scalar_subquery()
    return noun.table.c.terms.bool_op("@@")(query)


def looked_up(noun: Noun) -> TextClause:
    """True of the records that the index finds: their places, good for the one statement that asks for them."""
    return text(
        f"{noun.plural}.ctid = any((select rapport_find(cast(:place as text), cast(cast(:query as text) as tsquery),"
        " :tags, :customs, :owners))::tid[])"
    ).bindparams(
        bindparam("tags", type_=ARRAY(Text())),
        bindparam("customs", type_=JSONB()),
        bindparam("owners", type_=sight.UUIDS),
    )


def binds(actor: Actor, noun: Noun, condition: Condition, words: Words | None) -> dict[str, Any]:
    """The values behind matches() and looked_up()."""
    # Owners only narrow what a parent cannot open.
    owners = None if noun.through or sight.sees_all(actor, noun) else sorted(actor.owners(noun.name) or ())
    return {
        "place": noun.plural,
        "query": None if words is None else words.query(actor, noun),
        "tags": _tags(condition) or None,
        "customs": _custom(condition) or None,
        "owners": owners,
    }


async def anything(reads: Reads, noun: Noun, words: Words) -> bool:
    """Whether the words find any record in sight.

    One out of sight does not count: it would tell of itself by keeping the next try from being made.
    """
    everything = All(())

    def build(actor: Actor) -> Question:
        def made() -> Prepared:
            inner = of_sight(actor, noun, [noun.table.c.id]).where(looked_up(noun))
            return stamped(compiled(inner), "exists ({inner}) from organisations o")

        key = ("anything", noun.name, sight.sight_key(actor, noun))
        values = sight.binds(actor, noun) | binds(actor, noun, everything, words)
        return Question(prepared(key, made), values)

    return bool((await reads.row(build))[1])


def _needed(condition: Condition) -> list[Test]:
    """The tests that every record found must pass."""
    parts = condition.parts if isinstance(condition, All) else (condition,)
    return [part for part in parts if isinstance(part, Test)]


def _tags(condition: Condition) -> list[str]:
    found: list[str] = []
    for test in _needed(condition):
        if test.field.name == "tags" and test.op in {Op.HAS, Op.HAS_ALL}:
            found += [test.value] if test.op is Op.HAS else test.value
    return found


def _custom(condition: Condition) -> dict[str, str]:
    return {
        key: test.value
        for test in _needed(condition)
        if (key := custom_key(test.field.name)) and test.op is Op.EQ and test.field.kind is Kind.TEXT
    }
