"""Keyset pages: the sort list, the predicate of "after this one", the values that a cursor carries, and the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Numeric,
    Text,
    and_,
    asc,
    bindparam,
    cast,
    desc,
    false,
    or_,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from app.db import where
from app.db.engine import Prepared, Row
from app.db.nouns import Noun
from app.domain.errors import InvalidInput
from app.domain.fields import Field, Kind, custom_key, of_kind, to_raw
from app.kit import cursor, json

MOST_SORTS = 4
_Opened = TypeVar("_Opened")


@dataclass(frozen=True, slots=True)
class Sort:
    """One column of the order; what is missing comes last, up or down."""

    field: Field
    down: bool

    def __str__(self) -> str:
        return ("-" if self.down else "") + self.field.name

    @property
    def nullable(self) -> bool:
        """Whether a record may lack it; one that is older than a required custom field does."""
        return self.field.nullable or custom_key(self.field.name) is not None


def parse_sort(raw: str, fields: Mapping[str, Field]) -> tuple[Sort, ...]:
    """ "-created_at,name" as a sort list that ends in the id. Raises InvalidInput."""
    sorts: list[Sort] = []
    for part in raw.split(","):
        name = part.strip().removeprefix("-")
        known = fields.get(name)
        if known is None or not known.sortable:
            raise InvalidInput("sort_unknown", f"Nothing can be sorted by {name!r} here.", field="sort")
        if any(sort.field.name == name for sort in sorts):
            raise InvalidInput("sort_twice", f"The sort list names {name} twice.", field="sort")
        sorts.append(Sort(known, part.strip().startswith("-")))
    if len(sorts) > MOST_SORTS:
        raise InvalidInput("sort_too_long", f"A sort list has at most {MOST_SORTS} fields.", field="sort")
    if not any(sort.field.name == "id" for sort in sorts):
        sorts.append(Sort(fields["id"], sorts[-1].down))
    return tuple(sorts)


def column(noun: Noun, sort: Sort) -> ColumnElement[Any]:
    """What is sorted by."""
    key = custom_key(sort.field.name)
    if key is None:
        named = noun.table.c[sort.field.name]
        return noun.table.c[named.info.get("sorted_by", named.name)]
    return where.custom_value(sort.field.kind, noun.table.c.custom, key)


def order_by(noun: Noun, sorts: Sequence[Sort]) -> list[ColumnElement[Any]]:
    """The ORDER BY list."""
    listed = []
    for sort in sorts:
        turned = desc(column(noun, sort)) if sort.down else asc(column(noun, sort))
        listed.append(turned.nulls_last() if sort.nullable else turned)
    return listed


def cursor_values(noun: Noun, sorts: Sequence[Sort]) -> list[ColumnElement[Any]]:
    """The columns that a cursor is made of, exact in JSON."""
    listed: list[ColumnElement[Any]] = []
    for number, sort in enumerate(sorts):
        value = column(noun, sort)
        exact = cast(value, Text) if isinstance(value.type, Numeric) else value
        listed.append(exact.label(f"k{number}"))
    return listed


def context(noun: str, sorts: Sequence[Sort]) -> str:
    """What a cursor belongs to."""
    return f"{noun}:{','.join(map(str, sorts))}"


def open_cursor(text: str, noun: str, sorts: Sequence[Sort]) -> list[Any]:
    """The sort values of the last record seen. Raises InvalidInput."""

    def read(raw: list[Any]) -> list[Any]:
        return [None if v is None else _sealed(s.field, v) for s, v in zip(sorts, raw, strict=True)]

    return opened(context(noun, sorts), text, read)


def opened(context: str, text: str, read: Callable[[list[Any]], _Opened]) -> _Opened:
    """What a cursor carries, read by a function that may find it wrong. Raises InvalidInput."""
    try:
        return read(cursor.unseal(context, text))
    except (ValueError, TypeError, ArithmeticError, AttributeError):
        raise InvalidInput(
            "cursor_invalid",
            "This cursor does not belong to this list with this sort; begin again without one.",
            field="cursor",
        ) from None


def sequence(values: list[Any]) -> int:
    """The number of an event, which is all that a cursor of events carries. Raises ValueError."""
    (number,) = values
    return _whole(number)


def commit(values: list[Any]) -> tuple[int, int]:
    """The transaction and the number of an event, which a cursor in the order of commits carries. Raises ValueError."""
    xid, number = values
    return _whole(xid), _whole(number)


def _whole(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < 2**62:
        raise ValueError(number)
    return number


def paged(inner: Prepared, body: str, last: str, end: str = "null") -> Prepared:
    """The question for a page: (stamp, items as text, what the cursor carries, rows met).

    The inner statement gives the rows t in order, one more than are shown, by its value "more"; of each, body is its
    JSON and last what a cursor to it carries. The cursor of a page that is not full carries end, where {org} is the
    organisation.
    """
    limit, org = (f"${len(inner.names) + place}" for place in (1, 2))
    sql = f"""select o.stamp, coalesce(string_agg(p.body, ',' order by p.n) filter (where p.n <= {limit}::int), ''),
        coalesce(max(p.last) filter (where p.n = {limit}::int), {end.format(org=f"{org}::uuid")}), count(p.n)
      from organisations o left join lateral (
        select {body} as body, {last}::text as last, row_number() over () as n from ({inner.sql}) t
      ) p on true where o.id = {org}::uuid group by o.stamp"""
    return Prepared(sql, (*inner.names, "limit", "org"))


def limits(limit: int) -> dict[str, int]:
    """The values of a page's length."""
    return {"limit": limit, "more": limit + 1}


def answer(row: Row, limit: int, context: str, *, endless: bool = False) -> bytes:
    """The one shape of lists: {"data": […], "next": cursor or null}; an endless one goes on once there is more."""
    more = endless or row[3] > limit
    following = f'"{cursor.seal(context, json.loads(row[2]))}"' if more else "null"
    return f'{{"data":[{row[1]}],"next":{following}}}'.encode()


def _far(field: Field) -> bool:
    return custom_key(field.name) is not None and field.kind in {Kind.DATE, Kind.TIME}


_WIDEST: Mapping[Kind, TypeEngine[Any]] = MappingProxyType(
    {Kind.INTEGER: BigInteger(), Kind.NUMBER: Numeric()}
)
"""What numbers are sent as: in a cursor that somebody made up they may be beyond the column's own type."""


def _bind(sort: Sort, name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    if _far(sort.field):
        return cast(bindparam(name, type_=Text()), column.type)
    return bindparam(name, type_=_WIDEST.get(sort.field.kind, column.type))


def _sealed(field: Field, raw: Any) -> Any:
    """A value from a cursor. Custom dates and times stay text: the driver would send the last day of 9999 as infinity."""
    value = of_kind(field, raw)
    return to_raw(value) if _far(field) else value


def after(noun: Noun, sorts: Sequence[Sort], values: Sequence[Any]) -> ColumnElement[bool]:
    """True of the records that come after the values; its text depends on which of them are null."""
    columns = [column(noun, sort) for sort in sorts]
    binds = [_bind(sort, f"after{i}", c) for i, (sort, c) in enumerate(zip(sorts, columns, strict=True))]
    if len({sort.down for sort in sorts}) == 1 and not any(sort.nullable for sort in sorts):
        # One row comparison, which the index of the same columns answers from its middle.
        left, right = tuple_(*columns), tuple_(*binds)
        return left < right if sorts[0].down else left > right
    ways = []
    for i, sort in enumerate(sorts):
        same = [columns[j].is_(None) if values[j] is None else columns[j] == binds[j] for j in range(i)]
        if values[i] is None:
            continue  # nothing comes after a missing value but other missing values
        later = columns[i] < binds[i] if sort.down else columns[i] > binds[i]
        ways.append(and_(*same, or_(later, columns[i].is_(None)) if sort.nullable else later))
    return or_(false(), *ways)
