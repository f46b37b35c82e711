"""The rules of segments: what they follow, what an event touches, and that none hangs on itself."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain import conditions, related
from app.domain.conditions import Condition, Test
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.fields import CUSTOM, Kind
from app.domain.ops import Op
from app.domain.related import Aggregate, Boundary, Company

BUILD = "segments.build"
"""The kind of the runs that go over all contacts."""
PACE = timedelta(seconds=30)
"""How often the clock alone moves a segment whose condition looks at times; dates move at midnight."""
_INDEXED = frozenset({"created_at", "updated_at", "placed_at", "order.placed_at", "at"})
_POINTS = {"contact_id": "contact", "company_id": "company", "parent_id": "company"}
"""Fields that name what can become part of another record."""
_SELF_MOVING = frozenset({"updated_at", "version"})


class SegmentKind(StrEnum):
    """Who keeps a segment's members."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class Stage(StrEnum):
    """Whether a segment's members can be relied on."""

    BUILDING = "building"
    LIVE = "live"


class Why(StrEnum):
    """What made a contact enter or leave."""

    REBUILD = "rebuild"
    CONTACT = "contact"
    ORDER = "order"
    INTERACTION = "interaction"
    PRODUCT = "product"
    COMPANY = "company"
    SEGMENT = "segment"
    TIME = "time"
    BY_HAND = "by_hand"
    ARCHIVED = "archived"


class EventLike(Protocol):
    """What the rules need to know of an event."""

    type: str
    noun: str
    noun_id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


@dataclass(slots=True)
class Touched:
    """Whom some events may have moved in or out: contacts, or records that lead to them, each with why."""

    contacts: dict[UUID, Why] = field(default_factory=dict)
    orders: set[UUID] = field(default_factory=set)
    interactions: set[UUID] = field(default_factory=set)
    products: set[UUID] = field(default_factory=set)
    companies: set[UUID] = field(default_factory=set)
    erased: set[UUID] = field(default_factory=set)
    anew: bool = False
    """Nobody can say whom: the segment must be built anew."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """What of the log concerns a condition."""

    names: Mapping[str, frozenset[str]]
    """The fields that it looks at, by noun."""
    segments: frozenset[str]
    dated: bool
    """Whether it counts in days of the organisation's time zone."""
    points: frozenset[str]
    """The nouns of which it names records."""
    converted: bool
    """Whether it brings amounts into the organisation's currency."""

    def moves(self, noun: str, changed: Iterable[str]) -> bool:
        """Whether it looks at one of the changed fields; some fields change with every change."""
        names = self.names.get(noun, frozenset())
        return not names.isdisjoint(changed) or not names.isdisjoint(_SELF_MOVING)


def touched(events: Iterable[EventLike], condition: Condition | None) -> Touched:
    """Whom the events may have moved; without a condition, as in a segment kept by hand, only who is put away."""
    found = Touched()
    watch = None if condition is None else _watch(condition)
    for event in events:
        changed = (event.before or {}).keys() | event.after.keys()
        if event.type == "contact.erased":
            found.erased.add(event.noun_id)
        if watch is not None:
            # Whom it finds by the id of one of the two, it finds by either from now on.
            found.anew |= event.noun in watch.points and (not changed or "merged_into_id" in changed)
            _touch(found, watch, event, changed)
        elif event.type == "contact.erased" or (event.noun == "contact" and event.after.get("archived_at")):
            found.contacts[event.noun_id] = Why.ARCHIVED
    return found


def _watch(condition: Condition) -> _Watch:
    names: dict[str, set[str]] = {}
    for noun, name in related.needed(condition):
        names.setdefault(noun, set()).add("custom" if name.startswith(CUSTOM) else name)
    dated = any(one.field.kind is Kind.DATE for one in related.boundaries(condition))
    segments = frozenset(map(str, related.segments_in(condition)))
    leaves = conditions.leaves_of(condition)
    converted = any(isinstance(leaf, Aggregate) and leaf.converts for leaf in leaves)
    listed = {noun: frozenset(fields) for noun, fields in names.items()}
    return _Watch(listed, segments, dated, pointed(condition), converted)


def naming(condition: Condition) -> Iterator[Test]:
    """The tests that name records, wherever it looks."""
    for leaf in conditions.leaves_of(condition):
        match leaf:
            case Test(field, op) if field.kind is Kind.ID and op is not Op.IS_NULL:
                yield leaf
            case Company(part) | Aggregate(where=part):
                yield from naming(part)


def pointed(condition: Condition) -> frozenset[str]:
    """The nouns of which it names records, wherever it looks, that can become part of others."""
    return frozenset(_POINTS[test.field.name] for test in naming(condition) if test.field.name in _POINTS)


def _touch(found: Touched, watch: _Watch, event: EventLike, changed: Set[str]) -> None:
    match event.noun:
        case "contact":
            if why := _moved_contact(watch, event, changed):
                found.contacts[event.noun_id] = why
        case "order" | "interaction" if event.noun in watch.names:
            # A new one says whose it is.
            if event.before is not None or "contact_id" not in event.after:
                (found.orders if event.noun == "order" else found.interactions).add(event.noun_id)
            found.contacts |= dict.fromkeys(_contacts(event), Why(event.noun))
        case "product" if watch.moves("product", changed):
            found.products.add(event.noun_id)
        case "company" if watch.moves("company", changed):
            found.companies.add(event.noun_id)
        case "custom_field":
            found.anew |= any("custom" in listed for listed in watch.names.values())
        case "exchange_rate":
            found.anew |= watch.converted
        case "organisation":
            found.anew |= (watch.dated or watch.converted) and "time_zone" in changed
            found.anew |= watch.converted and "currency" in changed


def _moved_contact(watch: _Watch, event: EventLike, changed: Set[str]) -> Why | None:
    if event.type.endswith("_segment"):
        # An event that was scrubbed tells nothing, and so may be about any.
        return Why.SEGMENT if not changed or event.after["segment_id"] in watch.segments else None
    moves = event.before is None or not changed or "archived_at" in changed
    return Why.CONTACT if moves or watch.moves("contact", changed) else None


def _contacts(event: EventLike) -> set[UUID]:
    sides = (event.before or {}, event.after)
    return {UUID(str(side["contact_id"])) for side in sides if side.get("contact_id")}


def next_step(boundaries: Iterable[Boundary], at: datetime, time_zone: str) -> datetime | None:
    """When the clock alone is worth a step: soon, at the next midnight, or never."""
    kinds = {one.field.kind for one in boundaries}
    if Kind.TIME in kinds:
        return at + PACE
    if Kind.DATE in kinds:
        zone = ZoneInfo(time_zone)
        tomorrow = at.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), zone)
    return None


def check_followed(condition: Condition) -> None:
    """Raise InvalidInput for a moment that a segment cannot be moved by, since no index finds who crosses it."""
    for one in related.boundaries(condition):
        if one.field.kind is Kind.TIME and one.field.name not in _INDEXED:
            raise InvalidInput(
                "moment_not_followed",
                f"A segment cannot follow the clock over {one.field.name}: use a date, created_at, updated_at, placed_at or"
                " at, or a fixed time.",
                field=one.field.name,
            )


def check_kind(kind: str, condition: Mapping[str, Any] | None) -> None:
    """Raise InvalidInput unless a dynamic segment, and only such a one, has a condition."""
    if (kind == SegmentKind.DYNAMIC) != (condition is not None):
        says = "needs a condition" if condition is None else "has no condition; its members are added by hand"
        raise InvalidInput("segment_kind", f"A {kind} segment {says}.", field="condition")


def check_alone(tag: str | None, others: Iterable[Mapping[str, Any]]) -> None:
    """Raise RuleBroken for a tag that another segment puts: who leaves one of the two would lose the tag of the other."""
    if tag is not None and any(other["tag"] == tag for other in others):
        raise RuleBroken(
            "tag_of_another_segment",
            f"Another segment puts the tag {tag} on its members; take another tag, or archive that segment.",
        )


def check_tag(condition: Condition) -> None:
    """Raise InvalidInput when putting a tag on a contact would by itself move it in or out."""
    own = conditions.fields_of(condition) & _SELF_MOVING
    if own:
        raise InvalidInput(
            "tag_moves_itself",
            f"Putting a tag on a contact changes its {' and '.join(sorted(own))}, so a segment with a tag cannot test it.",
            field="tag",
        )


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a stored condition hangs on besides the records: segments, and tags of the contact; None for any tag."""

    segments: frozenset[UUID]
    tags: frozenset[str] | None
    moving: bool = False
    """Whether it looks at what every change of a contact moves, that of its tags too."""


def mentions(raw: Any) -> Mentions:
    """What a condition in its JSON form mentions."""
    segments: set[UUID] = set()
    tags: set[str] = set()
    every = moving = False
    waiting = [raw]
    while waiting:
        match waiting.pop():
            case {"segment": named}:
                segments.add(UUID(named))
            case {"field": str(name)} if name in _SELF_MOVING:
                moving = True
            case {"field": "tags", "op": "is_empty"}:
                every = True
            case {"field": "tags", "value": str(tag)}:
                tags.add(tag)
            case {"field": "tags", "value": list(listed)}:
                tags |= set(listed)
            case {"not": part}:
                waiting.append(part)
            case {"all": list(parts)} | {"any": list(parts)}:
                waiting += parts
    return Mentions(frozenset(segments), None if every else frozenset(tags), moving)


@dataclass(frozen=True, slots=True)
class Knot:
    """A segment as others hang on it."""

    id: UUID
    name: str
    tag: str | None
    hangs_on: Mentions


def users_of(segment: UUID, knots: Sequence[Knot]) -> list[UUID]:
    """The segments whose conditions name this one, or one that does, and so on."""
    found: list[UUID] = []
    waiting = [segment]
    while waiting:
        one = waiting.pop()
        more = [knot.id for knot in knots if one in knot.hangs_on.segments and knot.id not in found]
        found += more
        waiting += more
    return found


def check_circle(start: Knot, others: Sequence[Knot]) -> None:
    """Raise RuleBroken, with the way round, when a segment hangs on itself: by its segments, or by tags they put on."""
    knots = {knot.id: knot for knot in others} | {start.id: start}
    ways: list[list[Knot]] = [[start]]
    seen: set[UUID] = set()
    while ways:
        way = ways.pop()
        for knot in knots.values():
            if not _hangs(way[-1], knot):
                continue
            if knot.id == start.id:
                names = " → ".join(one.name for one in (*way, start))
                raise RuleBroken("segment_circle", f"The segment would hang on itself: {names}.")
            if knot.id not in seen:
                seen.add(knot.id)
                ways.append([*way, knot])


def _hangs(one: Knot, other: Knot) -> bool:
    tags = one.hangs_on.tags
    put = other.tag is not None and (one.hangs_on.moving or tags is None or other.tag in tags)
    return other.id in one.hangs_on.segments or put
