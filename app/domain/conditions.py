"""The filter language: list search, segments, automation triggers and webhook filters all speak it.

JSON form
    {"all": [...]}  every part holds; an empty list is true
    {"any": [...]}  some part holds; an empty list is false
    {"not": {...}}  the part does not hold
    {"field": "city", "op": "eq", "value": "北京"}
    {"field": "created_at", "op": "gte", "value": {"days_ago": 90}}  where moments are taken, see app.domain.moments
    and, where the noun has them, the parts that look further: app.domain.related

Meaning
    A condition is true or false of a record, never unknown. A comparison with a missing value is false; `ne`,
    `not_in` and `has_none` are the exact negations of `eq`, `in` and `has_any`, so they hold for a missing value, and
    `not` is a true complement. A missing list of labels is empty. Text is equal when its code points are equal and
    ordered by code point; `contains` and `starts_with` ignore case by simple lower-casing, one character to one
    (Unicode 5.18, simple case mapping). `between` includes both ends.
    A custom value counts as missing unless it is of its field's kind: definitions change, old values stay.

app.db.where compiles the same meaning to SQL.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from app.domain import moments
from app.domain.errors import InvalidInput
from app.domain.fields import Field, Kind, brief, custom_key, of_kind, to_raw
from app.domain.fields import parse as parse_value
from app.domain.moments import DaysAgo, Now
from app.domain.ops import FLAGS, HOLDS, LISTS, OPS, Op, lower
from app.domain.pointers import pointer

LIST_MAX = 1_000


# A choice is tested for being that choice; parts and neighbours of choices may be any text.
_CHOOSING = frozenset((Op.EQ, Op.NE, Op.HAS)) | LISTS
_MOVING = frozenset((Kind.DATE, Kind.TIME))


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when some part is."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when its part is false."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Test:
    """One test of one field; `value` is of the field's kind, a tuple for lists and between, a bool for flags."""

    field: Field
    op: Op
    value: Any


class Further(ABC):
    """A part that looks further than the record's own fields."""

    __slots__ = ()

    @abstractmethod
    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether it is true of a record."""

    @abstractmethod
    def shape(self) -> list[Any]:
        """Its structure without the values."""

    @abstractmethod
    def values(self) -> list[Any]:
        """What its placeholders take, in their order."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Its JSON form."""

    @abstractmethod
    def at(self, now: Now) -> "Further":
        """The same with its moments as dates and times."""


Condition = All | AnyOf | Not | Test | Further
Reader = Callable[[Any, str, Mapping[str, Field]], Condition]
"""Reads a condition inside a further part: its JSON, its place, and the fields of the records that it is asked of."""
Look = Callable[[dict[str, Any], str, Reader], Further | None]
"""Reads a further part; None for what is none."""


def parse(
    raw: Any,
    fields: Mapping[str, Field],
    *,
    max_depth: int = 8,
    max_tests: int = 100,
    moving: bool = False,
    look: Look | None = None,
) -> Condition:
    """The condition in a JSON value, checked against the noun's fields by name.

    Moments that move with the clock are taken where `moving` says so, and further parts where `look` reads them.
    Raises InvalidInput "condition_invalid" whose fact `at` is the JSON pointer (RFC 6901) of what is wrong. Empty
    groups count as tests, so that a condition of bounded tests and depth is bounded.
    """
    leaves = 0

    def read(node: Any, at: str, depth: int, fields: Mapping[str, Field], look: Look | None) -> Condition:
        nonlocal leaves
        if not isinstance(node, dict):
            refuse(at, f"A condition is an object, not {brief(node)}.")
        if depth > max_depth:
            refuse(at, f"The condition is nested deeper than {max_depth} levels.")
        keyword = next((key for key in ("all", "any", "not") if key in node), None)
        if keyword is None or not node[keyword]:
            leaves += 1
        if leaves > max_tests:
            refuse(at, f"The condition has more than {max_tests} tests.")
        if keyword is None:
            further = look and look(node, at, lambda raw, at, fields: read(raw, at, depth + 1, fields, None))
            return further or _read_test(node, at, fields, moving=moving)
        only(node, {keyword}, at)
        below = f"{at}/{keyword}"
        if keyword == "not":
            return Not(read(node["not"], below, depth + 1, fields, look))
        if not isinstance(node[keyword], list):
            refuse(below, f'"{keyword}" takes a list of conditions, not {brief(node[keyword])}.')
        parts = tuple(
            read(part, f"{below}/{i}", depth + 1, fields, look) for i, part in enumerate(node[keyword])
        )
        return All(parts) if keyword == "all" else AnyOf(parts)

    return read(raw, "", 1, fields, look)


def matches(condition: Condition, record: Mapping[str, Any]) -> bool:
    """Whether the condition is true of a record of Python values; custom values are raw JSON under `custom`."""
    match condition:
        case All(parts):
            return all(matches(part, record) for part in parts)
        case AnyOf(parts):
            return any(matches(part, record) for part in parts)
        case Not(part):
            return not matches(part, record)
        case Test(field, op, value):
            return HOLDS[op](value_of(field, record), value)
        case Further():
            return condition.holds(record)


def leaves_of(condition: Condition) -> Iterator[Test | Further]:
    """Its tests and further parts, in reading order."""
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves_of(part)
        case Not(part):
            yield from leaves_of(part)
        case Test() | Further():
            yield condition


def tests_of(condition: Condition) -> Iterator[Test]:
    """Its tests of the record's own fields, in reading order."""
    return (leaf for leaf in leaves_of(condition) if isinstance(leaf, Test))


def at(condition: Condition, now: Now) -> Condition:
    """The condition with its moments as the dates and times that they are now."""
    match condition:
        case All(parts):
            return All(tuple(at(part, now) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(at(part, now) for part in parts))
        case Not(part):
            return Not(at(part, now))
        case Test(field, _, value):
            return replace(condition, value=now.value(field.kind, value))
        case Further():
            return condition.at(now)


def fields_of(condition: Condition) -> frozenset[str]:
    """The names of the record's own fields that it tests: the caller must be allowed to see every one."""
    return frozenset(test.field.name for test in tests_of(condition))


def shape(condition: Condition) -> str:
    """Its structure without the values: over the same noun, equal shapes compile to equal SQL."""
    return json.dumps(shape_of(condition), separators=(",", ":"))


def values(condition: Condition) -> list[Any]:
    """What its placeholders take, in their order: text searched for is a lowered LIKE pattern, lists are lists.

    Custom dates and times are text: asyncpg would send the last day of 9999 as infinity, which no JSON text equals.
    """
    return [
        value
        for leaf in leaves_of(condition)
        for value in (leaf.values() if isinstance(leaf, Further) else placed(leaf))
    ]


def to_json(condition: Condition) -> dict[str, Any]:
    """The JSON form; parsing it gives the same condition."""
    match condition:
        case All(parts):
            return {"all": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Test(field, op, value):
            return {"field": field.name, "op": op.value, "value": _raw(value)}
        case Further():
            return condition.to_json()


def _raw(value: Any) -> Any:
    match value:
        case DaysAgo(days):
            return {"days_ago": days}
        case tuple():
            return [_raw(one) for one in value]
    return to_raw(value)


def refuse(at: str, detail: str) -> NoReturn:
    """Raise the refusal of what stands at a place."""
    raise InvalidInput("condition_invalid", detail, at=at)


def only(node: dict[str, Any], known: set[str], at: str) -> None:
    """Refuse every other key."""
    for key in node:
        if key not in known:
            beside = " and ".join(f'"{one}"' for one in sorted(known))
            refuse(at + pointer([key]), f"{brief(key)} does not belong beside {beside} in a condition.")


def _read_test(node: dict[str, Any], at: str, fields: Mapping[str, Field], *, moving: bool) -> Test:
    for key in ("field", "op", "value"):
        if key not in node:
            refuse(
                at,
                f'A condition has "all", "any" or "not", or else "field", "op" and "value": "{key}" is missing.',
            )
    only(node, {"field", "op", "value"}, at)
    name, symbol = node["field"], node["op"]
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        refuse(f"{at}/field", f"There is no field {brief(name)} here.")
    if not field.filterable:
        refuse(f"{at}/field", f"The field {name} cannot be filtered.")
    if symbol not in list(Op):
        refuse(f"{at}/op", f"There is no op {brief(symbol)}; {name} takes {_ops(field.kind)}.")
    op = Op(symbol)
    if op not in OPS[field.kind]:
        refuse(f"{at}/op", f'"{op}" does not fit {name}, which is {field.kind} and takes {_ops(field.kind)}.')
    return Test(field, op, read_value(field, op, node["value"], f"{at}/value", moving=moving))


def _ops(kind: Kind) -> str:
    return ", ".join(op for op in Op if op in OPS[kind])


def read_value(field: Field, op: Op, raw: Any, at: str, *, moving: bool) -> Any:
    """What an op is given to compare a field with."""
    if op in FLAGS:
        if not isinstance(raw, bool):
            refuse(at, f'"{op}" takes true or false, not {brief(raw)}.')
        return raw
    # Each value of a test on labels is one text.
    kind = Kind.TEXT if field.kind is Kind.LABELS else field.kind
    one = replace(field, kind=kind, choices=field.choices if op in _CHOOSING else frozenset())
    moving = moving and kind in _MOVING
    if op is Op.BETWEEN:
        return _read_range(one, raw, at, moving)
    if op in LISTS:
        return _read_list(one, op, raw, at, moving)
    return _read_one(one, op, raw, at, moving)


def _read_range(field: Field, raw: Any, at: str, moving: bool) -> tuple[Any, Any]:
    if not isinstance(raw, list) or len(raw) != 2:
        refuse(at, '"between" takes a list of two values, the lowest and the highest.')
    low, high = (_read_one(field, Op.BETWEEN, one, f"{at}/{i}", moving) for i, one in enumerate(raw))
    if moments.reversed_range(low, high):
        refuse(at, '"between" takes the lower value first.')
    return low, high


def _read_list(field: Field, op: Op, raw: Any, at: str, moving: bool) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        refuse(at, f'"{op}" takes a list of values, not {brief(raw)}.')
    if len(raw) > LIST_MAX:
        refuse(at, f'"{op}" takes at most {LIST_MAX:,} values, not {len(raw):,}.')
    return tuple(_read_one(field, op, one, f"{at}/{i}", moving) for i, one in enumerate(raw))


def _read_one(field: Field, op: Op, raw: Any, at: str, moving: bool) -> Any:
    if raw is None:
        missing = Op.IS_EMPTY if op in OPS[Kind.LABELS] else Op.IS_NULL
        refuse(at, f'"{op}" takes no null; "{missing}" finds missing values.')
    try:
        moment = moments.read(raw) if moving else None
        return parse_value(field, raw) if moment is None else moment
    except ValueError as wrong:
        refuse(at, str(wrong))


def value_of(field: Field, record: Mapping[str, Any]) -> Any:
    """The record's value, None when it is missing or of another kind."""
    key = custom_key(field.name)
    if key is None:
        return record.get(field.name)
    raw = (record.get("custom") or {}).get(key)
    match field.kind:
        # Length is checked where values are written, not where they are read.
        case Kind.TEXT:
            return raw if isinstance(raw, str) else None
        case Kind.LABELS:
            return raw if isinstance(raw, list) and all(isinstance(one, str) for one in raw) else None
    try:
        return None if raw is None else of_kind(field, raw)
    except ValueError:
        return None


def shape_of(condition: Condition) -> list[Any]:
    """As `shape`, to be put into a larger one."""
    match condition:
        case All(parts):
            return ["all", *map(shape_of, parts)]
        case AnyOf(parts):
            return ["any", *map(shape_of, parts)]
        case Not(part):
            return ["not", shape_of(part)]
        case Test(field, op, value):
            # The flag is part of the SQL; the kind is, too: two organisations may mean two kinds by one custom key.
            return [field.name, field.kind, op, *([value] if op in FLAGS else [])]
        case Further():
            return condition.shape()


def placed(test: Test) -> tuple[Any, ...]:
    """What the placeholders of a test take."""
    bare = custom_key(test.field.name) is not None and test.field.kind in (Kind.DATE, Kind.TIME)
    value = to_raw(test.value) if bare else test.value
    if test.op in FLAGS:
        return ()
    if test.op in LISTS:
        return (list(value),)
    if test.op is Op.BETWEEN:
        return tuple(value)
    if test.op is Op.CONTAINS:
        return (f"%{_escaped(value)}%",)
    if test.op is Op.STARTS_WITH:
        return (f"{_escaped(value)}%",)
    return (value,)


def _escaped(text: str) -> str:
    return lower(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
