"""Conditions as SQL: the meaning of app.domain.conditions, for the columns of one noun.

The text depends only on the condition's shape, so that one compiled statement serves every condition of that shape.
Columns of text must be collated pg_c_utf8 (order by code point, simple lower-casing). A positive test is the bare
comparison, which an index can answer; its null counts as false, and IS NOT TRUE makes `not` a true complement.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import count
from types import MappingProxyType
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from app.domain.conditions import All, AnyOf, Condition, Further, Not, Test, values
from app.domain.fields import INTEGER_MAX, INTEGER_MIN, PATTERNS, Kind, custom_key
from app.domain.ops import LISTS, Op

_TYPES: Mapping[Kind, sa.types.TypeEngine[Any]] = MappingProxyType(
    {
        Kind.TEXT: sa.Text(),
        Kind.INTEGER: sa.BigInteger(),
        Kind.NUMBER: sa.Numeric(),
        Kind.BOOLEAN: sa.Boolean(),
        Kind.DATE: sa.Date(),
        Kind.TIME: sa.DateTime(timezone=True),
        Kind.ID: sa.Uuid(),
        Kind.LABELS: sa.Text(),
    }
)


Columns = Mapping[str, ColumnElement[Any]]
Look = Callable[[Further, Columns, Iterator[str]], ColumnElement[bool]]
"""Builds a further part, given the columns of the record that it is asked of and the names of its placeholders."""


class Follow(Protocol):
    """Turns a named id into the one that is meant, given the column that is compared with it; `many` are in one array."""

    def __call__(
        self, column: ColumnElement[Any], named: ColumnElement[Any], /, *, many: bool
    ) -> ColumnElement[Any]:
        """What to compare the column with."""


def compile_(
    condition: Condition,
    columns: Columns,
    *,
    prefix: str = "c",
    look: Look | None = None,
    follow: Follow | None = None,
) -> ColumnElement[bool]:
    """An expression that is true exactly where the condition is, and null or false elsewhere.

    `columns` holds the noun's columns by field name, and its jsonb column as "custom". The placeholders are
    {prefix}0, {prefix}1, … in the order of `conditions.values`; they carry no values (`parameters` does), so that a
    cached statement cannot run with another caller's. Two conditions in one statement need two prefixes.
    """
    return part(condition, columns, (f"{prefix}{i}" for i in count()), look, follow)


def parameters(condition: Condition, *, prefix: str = "c") -> dict[str, Any]:
    """The condition's values by the names of their placeholders."""
    return {f"{prefix}{i}": value for i, value in enumerate(values(condition))}


_STORED_AS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.TEXT: ("string",),
        Kind.INTEGER: ("number",),
        Kind.NUMBER: ("number", "string"),
        Kind.BOOLEAN: ("boolean",),
        Kind.DATE: ("string",),
        Kind.TIME: ("string",),
        Kind.ID: ("string",),
        Kind.LABELS: ("array",),
    }
)


def custom_value(kind: Kind, custom: ColumnElement[Any], key: str) -> ColumnElement[Any]:
    """The custom value by its kind (labels stay jsonb); null when the stored value is of another kind.

    Recognises what `fields.of_kind` does.
    """
    raw = custom.op("->", return_type=JSONB())(_quoted(key))
    text = custom.op("->>", return_type=sa.Text())(_quoted(key)).collate("pg_c_utf8")
    typed: ColumnElement[Any] = sa.cast(text, _TYPES[kind])
    if kind in {Kind.TEXT, Kind.LABELS}:
        typed = text if kind is Kind.TEXT else raw
    guards: list[ColumnElement[bool]] = [
        sa.func.jsonb_typeof(raw).in_([_quoted(name) for name in _STORED_AS[kind]])
    ]
    if kind in PATTERNS:
        guards.append(text.bool_op("~")(_quoted(f"^(?:{PATTERNS[kind]})$")))
    match kind:
        case Kind.INTEGER:
            guards.append(sa.cast(text, sa.Numeric()).between(_number(INTEGER_MIN), _number(INTEGER_MAX)))
        case Kind.DATE:
            guards.append(sa.func.pg_input_is_valid(text, _quoted("date")))
        case Kind.TIME:
            guards.append(sa.func.pg_input_is_valid(text, _quoted("timestamptz")))
            # An offset can carry a time out of the years that Python has.
            guards.append(
                typed.between(_moment("0001-01-01T00:00:00Z"), _moment("9999-12-31T23:59:59.999999Z"))
            )
        case Kind.LABELS:
            guards.append(~sa.func.jsonb_path_exists(raw, _quoted('strict $[*] ? (@.type() != "string")')))
    # Only CASE settles the order of evaluation: each guard makes the next one and the cast safe.
    return reduce(lambda value, guard: sa.case((guard, value)), reversed(guards), typed)


def part(
    condition: Condition,
    columns: Columns,
    names: Iterator[str],
    look: Look | None = None,
    follow: Follow | None = None,
) -> ColumnElement[bool]:
    """As `compile_`, inside a larger condition."""
    match condition:
        case All(parts):
            return sa.and_(sa.true(), *(part(one, columns, names, look, follow) for one in parts))
        case AnyOf(parts):
            return sa.or_(sa.false(), *(part(one, columns, names, look, follow) for one in parts))
        case Not(one):
            return _not(part(one, columns, names, look, follow))
        case Test():
            return _test(condition, columns, names, follow)
        case Further():
            assert look is not None, "a further part was read where none is taken"
            return look(condition, columns, names)


def _not(positive: ColumnElement[bool]) -> ColumnElement[bool]:
    return positive.is_not(sa.true())


def compared(
    test: Test, column: ColumnElement[Any], names: Iterator[str], times: ColumnElement[Any] | None = None
) -> ColumnElement[bool]:
    """A test of a scalar that is computed; of its value times a number where that spares a division."""
    args = _args(test, names)
    return _SCALAR[test.op](
        column, *(arg if times is None or isinstance(arg, bool) else arg * times for arg in args)
    )


def _args(test: Test, names: Iterator[str]) -> list[Any]:
    match test.op:
        case Op.IS_NULL | Op.IS_EMPTY:
            return [test.value]
        case Op.BETWEEN:
            return [_placeholder(test, names), _placeholder(test, names)]
        case _:
            return [_placeholder(test, names)]


def _test(test: Test, columns: Columns, names: Iterator[str], follow: Follow | None) -> ColumnElement[bool]:
    kind, op, key = test.field.kind, test.op, custom_key(test.field.name)
    args = _args(test, names)
    if key is None:
        column = columns[test.field.name]
        if isinstance(column.type, ARRAY) and isinstance(column.type.item_type, sa.Uuid):
            column = sa.cast(
                column, ARRAY(sa.Text())
            )  # ids in a list are compared as the labels that they are sent as
        if kind is Kind.ID and follow is not None and op is not Op.IS_NULL:
            args = [follow(column, named, many=op in LISTS) for named in args]
        return (_LABELS if kind is Kind.LABELS else _SCALAR)[op](column, *args)
    if kind is Kind.TEXT and op is Op.EQ:
        # The one form of equality that a GIN index over all custom values answers.
        return columns["custom"].bool_op("@>")(sa.func.jsonb_build_object(_quoted(key), *args))
    return (_CUSTOM_LABELS if kind is Kind.LABELS else _SCALAR)[op](
        custom_value(kind, columns["custom"], key), *args
    )


def _emptiness(size: ColumnElement[int], flag: bool) -> ColumnElement[bool]:
    filled = size > _number(0)
    return _not(filled) if flag else filled


def _placeholder(test: Test, names: Iterator[str]) -> ColumnElement[Any]:
    kind, name = test.field.kind, next(names)
    goal = ARRAY(_TYPES[kind]) if test.op in LISTS else _TYPES[kind]
    if kind not in (Kind.DATE, Kind.TIME) or custom_key(test.field.name) is None:
        return sa.bindparam(name, type_=goal)
    text = ARRAY(sa.Text()) if test.op in LISTS else sa.Text()
    return sa.cast(sa.bindparam(name, type_=text), goal)


_SCALAR: Mapping[Op, Callable[..., ColumnElement[bool]]] = MappingProxyType(
    {
        Op.EQ: lambda column, bind: column == bind,
        Op.NE: lambda column, bind: column.is_distinct_from(bind),
        Op.LT: lambda column, bind: column < bind,
        Op.LTE: lambda column, bind: column <= bind,
        Op.GT: lambda column, bind: column > bind,
        Op.GTE: lambda column, bind: column >= bind,
        Op.IN: lambda column, bind: column == sa.any_(bind),
        Op.NOT_IN: lambda column, bind: _not(column == sa.any_(bind)),
        Op.BETWEEN: lambda column, low, high: column.between(low, high),
        Op.CONTAINS: lambda column, bind: sa.func.lower(column).like(bind),
        Op.STARTS_WITH: lambda column, bind: sa.func.lower(column).like(bind),
        Op.IS_NULL: lambda column, flag: column.is_(None) if flag else column.is_not(None),
    }
)

_LABELS: Mapping[Op, Callable[..., ColumnElement[bool]]] = MappingProxyType(
    {
        # The driver's type for one text is varchar, and text[] @> varchar[] does not exist.
        Op.HAS: lambda column, bind: column.bool_op("@>")(array([sa.cast(bind, sa.Text())])),
        Op.HAS_ANY: lambda column, bind: column.bool_op("&&")(bind),
        Op.HAS_ALL: lambda column, bind: column.bool_op("@>")(bind),
        Op.HAS_NONE: lambda column, bind: _not(column.bool_op("&&")(bind)),
        Op.IS_EMPTY: lambda column, flag: _emptiness(sa.func.cardinality(column), flag),
    }
)

_CUSTOM_LABELS: Mapping[Op, Callable[..., ColumnElement[bool]]] = MappingProxyType(
    {
        Op.HAS: lambda column, bind: column.bool_op("?")(bind),
        Op.HAS_ANY: lambda column, bind: column.bool_op("?|")(bind),
        Op.HAS_ALL: lambda column, bind: column.bool_op("?&")(bind),
        Op.HAS_NONE: lambda column, bind: _not(column.bool_op("?|")(bind)),
        Op.IS_EMPTY: lambda column, flag: _emptiness(sa.func.jsonb_array_length(column), flag),
    }
)


def _number(value: int) -> ColumnElement[Any]:
    return sa.literal_column(str(value), sa.Numeric())


def _moment(text: str) -> ColumnElement[Any]:
    return sa.cast(_quoted(text), _TYPES[Kind.TIME])


def _quoted(text: str) -> ColumnElement[str]:
    # A literal, not a placeholder: keys and patterns belong to the shape, and index expressions must match them.
    return sa.literal_column("'" + text.replace("'", "''") + "'", sa.Text())
