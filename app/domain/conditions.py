"""The filter language: list search, segments, automation triggers and webhook filters all speak it.

JSON form
    {"all": [...]}  every part holds; an empty list is true
    {"any": [...]}  some part holds; an empty list is false
    {"not": {...}}  the part does not hold
    {"field": "city", "op": "eq", "value": "北京"}

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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NoReturn

from app.domain.errors import InvalidInput
from app.domain.fields import Field, Kind, brief, custom_key, of_kind, to_raw
from app.domain.fields import parse as parse_value
from app.domain.pointers import pointer

LIST_MAX = 1_000


class Op(StrEnum):
    """What a test does with the field's value and its own."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    NOT_IN = "not_in"
    BETWEEN = "between"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    IS_NULL = "is_null"
    HAS = "has"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    HAS_NONE = "has_none"
    IS_EMPTY = "is_empty"


_IDENTITY = (Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.IS_NULL)
_ORDER = (Op.LT, Op.LTE, Op.GT, Op.GTE, Op.BETWEEN)

OPS: Mapping[Kind, frozenset[Op]] = MappingProxyType(
    {
        Kind.TEXT: frozenset((*_IDENTITY, *_ORDER, Op.CONTAINS, Op.STARTS_WITH)),
        Kind.INTEGER: frozenset((*_IDENTITY, *_ORDER)),
        Kind.NUMBER: frozenset((*_IDENTITY, *_ORDER)),
        Kind.BOOLEAN: frozenset((Op.EQ, Op.NE, Op.IS_NULL)),
        Kind.DATE: frozenset((*_IDENTITY, *_ORDER)),
        Kind.TIME: frozenset((*_IDENTITY, *_ORDER)),
        Kind.ID: frozenset(_IDENTITY),
        Kind.LABELS: frozenset((Op.HAS, Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE, Op.IS_EMPTY)),
        Kind.JSON: frozenset(),
    }
)

FLAGS = frozenset((Op.IS_NULL, Op.IS_EMPTY))
LISTS = frozenset((Op.IN, Op.NOT_IN, Op.HAS_ANY, Op.HAS_ALL, Op.HAS_NONE))
# A choice is tested for being that choice; parts and neighbours of choices may be any text.
_CHOOSING = frozenset((Op.EQ, Op.NE, Op.HAS)) | LISTS


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


Condition = All | AnyOf | Not | Test


def parse(raw: Any, fields: Mapping[str, Field], *, max_depth: int = 8, max_tests: int = 100) -> Condition:
    """The condition in a JSON value, checked against the noun's fields by name.

    Raises InvalidInput "condition_invalid" whose fact `at` is the JSON pointer (RFC 6901) of what is wrong. Empty
    groups count as tests, so that a condition of bounded tests and depth is bounded.
    """
    leaves = 0

    def read(node: Any, at: str, depth: int) -> Condition:
        nonlocal leaves
        if not isinstance(node, dict):
            _refuse(at, f"A condition is an object, not {brief(node)}.")
        if depth > max_depth:
            _refuse(at, f"The condition is nested deeper than {max_depth} levels.")
        keyword = next((key for key in ("all", "any", "not") if key in node), None)
        if keyword is None or not node[keyword]:
            leaves += 1
        if leaves > max_tests:
            _refuse(at, f"The condition has more than {max_tests} tests.")
        if keyword is None:
            return _read_test(node, at, fields)
        _only(node, {keyword}, at)
        below = f"{at}/{keyword}"
        if keyword == "not":
            return Not(read(node["not"], below, depth + 1))
        if not isinstance(node[keyword], list):
            _refuse(below, f'"{keyword}" takes a list of conditions, not {brief(node[keyword])}.')
        parts = tuple(read(part, f"{below}/{i}", depth + 1) for i, part in enumerate(node[keyword]))
        return All(parts) if keyword == "all" else AnyOf(parts)

    return read(raw, "", 1)


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
            return _HOLDS[op](_value_of(field, record), value)


def tests_of(condition: Condition) -> Iterator[Test]:
    """Its tests, in reading order."""
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_of(part)
        case Not(part):
            yield from tests_of(part)
        case Test():
            yield condition


def fields_of(condition: Condition) -> frozenset[str]:
    """The names of the fields it tests: the caller must be allowed to see every one."""
    return frozenset(test.field.name for test in tests_of(condition))


def shape(condition: Condition) -> str:
    """Its structure without the values: over the same noun, equal shapes compile to equal SQL."""
    return json.dumps(_shape(condition), separators=(",", ":"))


def values(condition: Condition) -> list[Any]:
    """What its placeholders take, in their order: text searched for is a lowered LIKE pattern, lists are lists.

    Custom dates and times are text: asyncpg would send the last day of 9999 as infinity, which no JSON text equals.
    """
    return [value for test in tests_of(condition) for value in _placed(test)]


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
            return {"field": field.name, "op": op.value, "value": to_raw(value)}


def lower(text: str) -> str:
    """Simple lower-casing, one character to one, as PostgreSQL's pg_c_utf8 does it.

    str.lower differs twice: a final Σ depends on its neighbours, and İ becomes two characters.
    """
    return text.lower() if text.isascii() else "".join([c.lower()[0] for c in text])


def _refuse(at: str, detail: str) -> NoReturn:
    raise InvalidInput("condition_invalid", detail, at=at)


def _only(node: dict[str, Any], known: set[str], at: str) -> None:
    for key in node:
        if key not in known:
            beside = " and ".join(f'"{one}"' for one in sorted(known))
            _refuse(at + pointer([key]), f"{brief(key)} does not belong beside {beside} in a condition.")


def _read_test(node: dict[str, Any], at: str, fields: Mapping[str, Field]) -> Test:
    for key in ("field", "op", "value"):
        if key not in node:
            _refuse(
                at,
                f'A condition has "all", "any" or "not", or else "field", "op" and "value": "{key}" is missing.',
            )
    _only(node, {"field", "op", "value"}, at)
    name, symbol = node["field"], node["op"]
    field = fields.get(name) if isinstance(name, str) else None
    if field is None:
        _refuse(f"{at}/field", f"There is no field {brief(name)} here.")
    if not field.filterable:
        _refuse(f"{at}/field", f"The field {name} cannot be filtered.")
    if symbol not in list(Op):
        _refuse(f"{at}/op", f"There is no op {brief(symbol)}; {name} takes {_ops(field.kind)}.")
    op = Op(symbol)
    if op not in OPS[field.kind]:
        _refuse(
            f"{at}/op", f'"{op}" does not fit {name}, which is {field.kind} and takes {_ops(field.kind)}.'
        )
    return Test(field, op, _read_value(field, op, node["value"], f"{at}/value"))


def _ops(kind: Kind) -> str:
    return ", ".join(op for op in Op if op in OPS[kind])


def _read_value(field: Field, op: Op, raw: Any, at: str) -> Any:
    if op in FLAGS:
        if not isinstance(raw, bool):
            _refuse(at, f'"{op}" takes true or false, not {brief(raw)}.')
        return raw
    # Each value of a test on labels is one text.
    kind = Kind.TEXT if field.kind is Kind.LABELS else field.kind
    one = replace(field, kind=kind, choices=field.choices if op in _CHOOSING else frozenset())
    if op is Op.BETWEEN:
        return _read_range(one, raw, at)
    if op in LISTS:
        return _read_list(one, op, raw, at)
    return _read_one(one, op, raw, at)


def _read_range(field: Field, raw: Any, at: str) -> tuple[Any, Any]:
    if not isinstance(raw, list) or len(raw) != 2:
        _refuse(at, '"between" takes a list of two values, the lowest and the highest.')
    low, high = (_read_one(field, Op.BETWEEN, one, f"{at}/{i}") for i, one in enumerate(raw))
    if low > high:
        _refuse(at, '"between" takes the lower value first.')
    return low, high


def _read_list(field: Field, op: Op, raw: Any, at: str) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        _refuse(at, f'"{op}" takes a list of values, not {brief(raw)}.')
    if len(raw) > LIST_MAX:
        _refuse(at, f'"{op}" takes at most {LIST_MAX:,} values, not {len(raw):,}.')
    return tuple(_read_one(field, op, one, f"{at}/{i}") for i, one in enumerate(raw))


def _read_one(field: Field, op: Op, raw: Any, at: str) -> Any:
    if raw is None:
        missing = Op.IS_EMPTY if op in OPS[Kind.LABELS] else Op.IS_NULL
        _refuse(at, f'"{op}" takes no null; "{missing}" finds missing values.')
    try:
        return parse_value(field, raw)
    except ValueError as wrong:
        _refuse(at, str(wrong))


def _value_of(field: Field, record: Mapping[str, Any]) -> Any:
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


def _known(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda found, value: found is not None and holds(found, value)


_HOLDS: Mapping[Op, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        Op.EQ: _known(lambda found, value: found == value),
        Op.NE: lambda found, value: found is None or found != value,
        Op.LT: _known(lambda found, value: found < value),
        Op.LTE: _known(lambda found, value: found <= value),
        Op.GT: _known(lambda found, value: found > value),
        Op.GTE: _known(lambda found, value: found >= value),
        Op.IN: _known(lambda found, value: found in value),
        Op.NOT_IN: lambda found, value: found is None or found not in value,
        Op.BETWEEN: _known(lambda found, value: value[0] <= found <= value[1]),
        Op.CONTAINS: _known(lambda found, value: lower(value) in lower(found)),
        Op.STARTS_WITH: _known(lambda found, value: lower(found).startswith(lower(value))),
        Op.IS_NULL: lambda found, value: (found is None) is value,
        Op.HAS: _known(lambda found, value: value in found),
        Op.HAS_ANY: _known(lambda found, value: not set(found).isdisjoint(value)),
        Op.HAS_ALL: _known(lambda found, value: set(found).issuperset(value)),
        Op.HAS_NONE: lambda found, value: found is None or set(found).isdisjoint(value),
        Op.IS_EMPTY: lambda found, value: (not found) is value,
    }
)


def _shape(condition: Condition) -> list[Any]:
    match condition:
        case All(parts):
            return ["all", *map(_shape, parts)]
        case AnyOf(parts):
            return ["any", *map(_shape, parts)]
        case Not(part):
            return ["not", _shape(part)]
        case Test(field, op, value):
            # The flag is part of the SQL; the kind is, too: two organisations may mean two kinds by one custom key.
            return [field.name, field.kind, op, *([value] if op in FLAGS else [])]


def _placed(test: Test) -> tuple[Any, ...]:
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
