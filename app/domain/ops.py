"""What a test can do with a value: the ops, which kind of field takes which, and what each means."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app.domain.fields import Kind


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


def lower(text: str) -> str:
    """Simple lower-casing, one character to one, as PostgreSQL's pg_c_utf8 does it.

    str.lower differs twice: a final Σ depends on its neighbours, and İ becomes two characters.
    """
    return text.lower() if text.isascii() else "".join([c.lower()[0] for c in text])


def _known(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda found, value: found is not None and holds(found, value)


HOLDS: Mapping[Op, Callable[[Any, Any], bool]] = MappingProxyType(
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
