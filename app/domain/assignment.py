"""Who gets a record that is nobody's: the first rule whose condition holds chooses among its people.

A rule has people, each with the values of its territory and a daily quota where they have one. Those who are away, whose
territory it is not, whose calendar is closed or whose quota is used up are passed over; of the others one is next by the
rule's method. Where there is none, the next rule is asked, or the record falls to somebody named, or stays nobody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain import conditions
from app.domain.conditions import All, Condition
from app.domain.errors import InvalidInput
from app.domain.fields import SCALARS, Field, Kind

RULE = "assignment_rule_id"
"""Beside the owner in the event of a record that was assigned: the rule that did it."""


class About(StrEnum):
    """The nouns whose records are assigned."""

    CONTACT = "contact"
    COMPANY = "company"
    DEAL = "deal"


class Method(StrEnum):
    """Who of several is next; where that leaves two, whose turn is the longest ago, then who stands first."""

    ROUND_ROBIN = "round_robin"
    """Who got one of this rule the longest ago."""
    LEAST_LOADED = "least_loaded"
    """Who has the fewest: open deals of deals, else records that are not archived."""
    FIXED = "fixed"
    """Who stands first in the list."""


class Otherwise(StrEnum):
    """What becomes of a record that nobody of a rule can take."""

    NEXT = "next"
    FALLBACK = "fallback"
    NOBODY = "nobody"


class Why(StrEnum):
    """Why somebody does not get a record."""

    INACTIVE = "inactive"
    AWAY = "away"
    ELSEWHERE = "elsewhere"
    CLOSED = "closed"
    QUOTA = "quota"


@dataclass(slots=True)
class Person:
    """Somebody whom a rule may choose, and what it gave them."""

    id: UUID
    active: bool = True
    away_until: datetime | None = None
    values: frozenset[str] = frozenset()
    """Of the territory, folded; who has none takes what the others do not name."""
    quota: int | None = None
    """Records a day."""
    given: int = 0
    """Today, by this rule."""
    turn: int = 0
    """The number of the last one given by this rule; 0 before the first."""


@dataclass(slots=True)
class Rule:
    """A rule as it stands now: its condition's moments are dates, its calendar is open or not."""

    id: UUID
    name: str
    condition: Condition | None
    people: Sequence[Person]
    method: Method = Method.ROUND_ROBIN
    territory: Field | None = None
    otherwise: Otherwise = Otherwise.NEXT
    fallback: Person | None = None
    closed: bool = False
    opens: datetime | None = None
    """When its calendar opens again; None where it is open, or never opens."""
    day: str = ""
    """On which what was given is counted, in the organisation's time zone."""
    problem: str | None = None
    """Why it can be asked of no record any more."""
    loads: dict[UUID, int] = field(default_factory=dict)
    """How much everybody has; the same for all rules."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a rule has looked at, as they stood then."""

    person: Person
    why: Why | None
    given: int
    load: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """What a rule found of a record."""

    rule: Rule
    failed: tuple[Condition, ...]
    """The parts of its condition that do not hold; with none, and no problem, the rule matches."""
    candidates: tuple[Candidate, ...] = ()

    @property
    def matched(self) -> bool:
        """Whether the rule is about the record."""
        return not self.failed and self.rule.problem is None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets a record, by which rule, and all that was looked at on the way; nobody has no rule, either."""

    rule: Rule | None
    person: Person | None
    looks: tuple[Look, ...]


def decide(rules: Sequence[Rule], record: Mapping[str, Any], at: datetime) -> Decision:
    """Who gets the record at this moment, of rules in their order. Nothing is counted as given yet."""
    looks: list[Look] = []
    for rule in rules:
        look = _look(rule, record, at)
        looks.append(look)
        if not look.matched:
            continue
        if (person := _next(look)) is not None:
            return Decision(rule, person, tuple(looks))
        if rule.otherwise is not Otherwise.NEXT:
            break
    return Decision(None, None, tuple(looks))


def give(decision: Decision) -> None:
    """Count what was decided, so that the next one of a batch is decided by it."""
    rule, person = decision.rule, decision.person
    if rule is None or person is None:
        return
    rule.loads[person.id] = rule.loads.get(person.id, 0) + 1
    if person is not rule.fallback:
        person.given += 1
        person.turn = 1 + max(one.turn for one in rule.people)


def _look(rule: Rule, record: Mapping[str, Any], at: datetime) -> Look:
    failed = () if rule.condition is None else tuple(_failed(rule.condition, record))
    if failed or rule.problem:
        return Look(rule, failed)
    here = _here(rule, record)
    candidates = (
        Candidate(one, _why(rule, one, here, at), one.given, rule.loads.get(one.id)) for one in rule.people
    )
    return Look(rule, (), tuple(candidates))


def _failed(condition: Condition, record: Mapping[str, Any]) -> Iterator[Condition]:
    """The smallest parts without which the condition would hold."""
    if isinstance(condition, All):
        for part in condition.parts:
            yield from _failed(part, record)
    elif not conditions.matches(condition, record):
        yield condition


def _here(rule: Rule, record: Mapping[str, Any]) -> frozenset[UUID] | None:
    """The people whose territory the record is in; None where there are no territories."""
    if rule.territory is None:
        return None
    value = conditions.value_of(rule.territory, record)
    said = value if isinstance(value, list | tuple) else [value]
    found = {str(one).casefold() for one in said if one is not None}
    named = frozenset(one.id for one in rule.people if not one.values.isdisjoint(found))
    return named or frozenset(one.id for one in rule.people if not one.values)


def _why(rule: Rule, person: Person, here: frozenset[UUID] | None, at: datetime) -> Why | None:
    if not person.active:
        return Why.INACTIVE
    if person.away_until is not None and at < person.away_until:
        return Why.AWAY
    if here is not None and person.id not in here:
        return Why.ELSEWHERE
    if rule.closed:
        return Why.CLOSED
    if person.quota is not None and person.given >= person.quota:
        return Why.QUOTA
    return None


def _next(look: Look) -> Person | None:
    rule = look.rule
    ready = [(place, one.person) for place, one in enumerate(look.candidates) if one.why is None]
    if not ready:
        falls = rule.otherwise is Otherwise.FALLBACK and rule.fallback is not None and rule.fallback.active
        return rule.fallback if falls else None

    def rank(standing: tuple[int, Person]) -> tuple[int, int, int]:
        place, person = standing
        load = rule.loads.get(person.id, 0) if rule.method is Method.LEAST_LOADED else 0
        return (load, 0 if rule.method is Method.FIXED else person.turn, place)

    return min(ready, key=rank)[1]


def check_rule(row: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a rule whose parts do not go together."""
    listed = [str(one["user_id"]) for one in row["people"]]
    if len(set(listed)) < len(listed):
        raise InvalidInput("person_twice", "Name each person of a rule once.", field="people")
    if (row["otherwise"] == Otherwise.FALLBACK) is (row["fallback_id"] is None):
        raise InvalidInput(
            "fallback_mismatch",
            "Name a fallback_id where otherwise is fallback, and nowhere else.",
            field="fallback_id",
        )
    if row["territory"] is None and any(one["values"] for one in row["people"]):
        raise InvalidInput(
            "territory_missing", "Say in territory of which field the people's values are.", field="territory"
        )


def territory_of(name: str, fields: Mapping[str, Field]) -> Field:
    """The field that territories are told by. Raises InvalidInput for one that is none."""
    found = fields.get(name)
    if found is None or found.kind not in SCALARS | {Kind.LABELS}:
        raise InvalidInput(
            "field_unknown",
            f"There is no field {name!r} here that territories can be told by.",
            field="territory",
        )
    return found
