"""The parts of a condition over contacts that look further: at what hangs on a contact, its company, its segments.

JSON form
    {"of": "orders", "measure": "count", "where": {...}, "days": [90, 0], "op": "gte", "value": 2}
        `of` is orders, order_lines or interactions; `measure` is count, sum, average, latest, first or distinct, all
        but count with the "field" that is measured; `where` is a condition over the record's own fields (of a line
        also product.sku, product.category, product.tags, order.status, order.placed_at, order.channel, …); `days` is
        [from days ago, to days ago], null for no end. `where` and `days` may be left out.
    {"company": {...}}  the contact has a company of which the condition holds
    {"segment": id, "op": "in"}  the contact is in the segment; not_in is its negation

Meaning
    Archived orders and interactions do not count; of a company or a product it does not matter whether it is archived.
    `days` looks at when an order was placed and an interaction happened, later than the first moment and not later than
    the second, so that spans that meet share nothing. Count, sum and distinct of nothing are 0; average, latest and first
    of nothing are missing. Missing values are left out of every measure; an average is exact, never rounded. Money is added
    in the one currency that `where` names by eq, or else in the organisation's, at the rate of each order's day, if any.

app.db.related compiles the same meaning to SQL.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.domain import conditions, moments
from app.domain.conditions import All, Condition, Further, Look, Reader, Test, matches, only, refuse, value_of
from app.domain.fields import SCALARS, Field, Kind, brief, of_kind
from app.domain.moments import MOST_DAYS, DaysAgo, Now
from app.domain.money import mixed, worth
from app.domain.ops import FLAGS, HOLDS, LISTS, OPS, Op

MOST_AGGREGATES = 10
"""In one condition: each asks every record looked at for what hangs on it."""


class Measure(StrEnum):
    """What is taken of the related records."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    LATEST = "latest"
    FIRST = "first"
    DISTINCT = "distinct"


MOMENTS: Mapping[str, str] = MappingProxyType(
    {"orders": "placed_at", "order_lines": "order.placed_at", "interactions": "at"}
)
"""What hangs on a contact, and the field that says when it was."""
_NOUNS = MappingProxyType({"orders": "order", "interactions": "interaction", "company": "company"})
_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})
_DATED = frozenset({Kind.DATE, Kind.TIME})
_MEASURED: Mapping[Measure, frozenset[Kind]] = MappingProxyType(
    {
        Measure.SUM: _NUMBERS,
        Measure.AVERAGE: _NUMBERS,
        Measure.LATEST: _DATED,
        Measure.FIRST: _DATED,
        Measure.DISTINCT: SCALARS,
    }
)
_ADDED = frozenset({Measure.SUM, Measure.AVERAGE})
_NEVER_MISSING = frozenset({Measure.COUNT, Measure.SUM, Measure.DISTINCT})
_ID = Field("segment", Kind.ID, nullable=False)


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a condition may look at besides the record's own fields."""

    sources: Mapping[str, Mapping[str, Field]]
    """The fields of what hangs on the record, by what it is called."""
    company: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Boundary:
    """A field of a kind of record, and how many days ago the clock passes it by."""

    of: str
    """contact, company, or what hangs on a contact."""
    field: Field
    days: int


@dataclass(frozen=True, slots=True)
class Aggregate(Further):
    """A test of a measure of the records that hang on a contact."""

    of: str
    measure: Measure
    field: Field | None
    where: Condition
    days: tuple[int | None, int | None] | None
    op: Op
    value: Any
    span: tuple[datetime | None, datetime | None] = (None, None)
    """What `days` means now."""

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether it is true of a contact with what hangs on it, by its name."""
        rows = [row for row in record[self.of] if self._counts(row)]
        return HOLDS[self.op](self._taken(rows), _exact(self.measure, self.value))

    def _counts(self, row: Mapping[str, Any]) -> bool:
        moment, (since, until) = row[MOMENTS[self.of]], self.span
        return (
            row["archived_at"] is None
            and (since is None or moment > since)
            and (until is None or moment <= until)
            and matches(self.where, row)
        )

    def _taken(self, rows: list[Mapping[str, Any]]) -> Any:
        if self.field is None:
            return len(rows)
        read = worth if self.converts else value_of
        found = [value for row in rows if (value := read(self.field, row)) is not None]
        match self.measure:
            case Measure.DISTINCT:
                return len(set(found))
            case Measure.SUM:
                return sum(map(Fraction, found), Fraction())
            case Measure.AVERAGE:
                return sum(map(Fraction, found), Fraction()) / len(found) if found else None
            case Measure.LATEST:
                return max(found, default=None)
            case _:
                return min(found, default=None)

    @property
    def converts(self) -> bool:
        """Whether it brings amounts into one currency."""
        return self.measure in _ADDED and mixed(self.of, self.field, self.where)

    @property
    def result(self) -> Field:
        """What is compared with the value, as a field."""
        if self.field is None or self.measure is Measure.DISTINCT:
            return Field(self.measure, Kind.INTEGER)
        return Field(self.measure, self.field.kind if self.field.kind in _DATED else Kind.NUMBER)

    @property
    def test(self) -> Test:
        """The test of the result."""
        return Test(self.result, self.op, self.value)

    def shape(self) -> list[Any]:
        """Its structure without the values."""
        field = [] if self.field is None else [self.field.name, self.field.kind]
        ends = [end is not None for end in self.days or (None, None)]
        return [
            "of",
            self.of,
            self.measure,
            field,
            ends,
            conditions.shape_of(self.where),
            conditions.shape_of(self.test),
        ]

    def values(self) -> list[Any]:
        """Those of the condition inside, the ends of the span, those of the test."""
        ends = [end for end in self.span if end is not None]
        return [*conditions.values(self.where), *ends, *conditions.placed(self.test)]

    def to_json(self) -> dict[str, Any]:
        """Its JSON form."""
        made: dict[str, Any] = {"of": self.of, "measure": self.measure.value}
        if self.field is not None:
            made["field"] = self.field.name
        if self.where != All(()):
            made["where"] = conditions.to_json(self.where)
        if self.days is not None:
            made["days"] = list(self.days)
        test = conditions.to_json(self.test)
        return made | {"op": test["op"], "value": test["value"]}

    def at(self, now: Now) -> "Aggregate":
        """The same with its moments as dates and times."""
        since, until = (
            None if end is None else now.value(Kind.TIME, DaysAgo(end)) for end in self.days or (None, None)
        )
        value = now.value(self.result.kind, self.value)
        return replace(self, where=conditions.at(self.where, now), span=(since, until), value=value)


@dataclass(frozen=True, slots=True)
class Company(Further):
    """True when the contact has a company of which the part is true."""

    part: Condition

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether it is true of a contact with its company, None when it has none."""
        return record["company"] is not None and matches(self.part, record["company"])

    def shape(self) -> list[Any]:
        """Its structure without the values."""
        return ["company", conditions.shape_of(self.part)]

    def values(self) -> list[Any]:
        """Those of the part."""
        return conditions.values(self.part)

    def to_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"company": conditions.to_json(self.part)}

    def at(self, now: Now) -> "Company":
        """The same with its moments as dates and times."""
        return Company(conditions.at(self.part, now))


@dataclass(frozen=True, slots=True)
class Member(Further):
    """True when the contact is, or is not, in a segment; now, or as of a moment."""

    segment: UUID
    inside: bool = True
    as_of: datetime | None = None

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether it is true of a contact with the segments that it is in."""
        return (self.segment in record["segments"]) is self.inside

    def shape(self) -> list[Any]:
        """Its structure without the values."""
        return ["segment", self.inside, self.as_of is not None]

    def values(self) -> list[Any]:
        """The segment, and the moment when there is one."""
        return [self.segment] if self.as_of is None else [self.segment, self.as_of]

    def to_json(self) -> dict[str, Any]:
        """Its JSON form."""
        return {"segment": str(self.segment), "op": "in" if self.inside else "not_in"}

    def at(self, _: Now) -> "Member":
        """It has no moments."""
        return self


def looking(beyond: Callable[[], Beyond]) -> Look:
    """What reads the further parts of one condition over contacts; what they may look at is asked for when there are any."""
    aggregates = 0

    def look(node: dict[str, Any], at: str, read: Reader) -> Further | None:
        nonlocal aggregates
        if "of" in node:
            aggregates += 1
            if aggregates > MOST_AGGREGATES:
                refuse(at, f"The condition looks at related records more than {MOST_AGGREGATES} times.")
            return _read_aggregate(node, at, read, beyond())
        if "company" in node:
            only(node, {"company"}, at)
            return Company(read(node["company"], f"{at}/company", beyond().company))
        return _read_member(node, at) if "segment" in node else None

    return look


def origin(of: str, name: str) -> tuple[str, str]:
    """The noun and the field that a name belongs to, as roles open them."""
    if of in _NOUNS:
        return _NOUNS[of], name
    noun, dot, field = name.partition(".")
    return (noun, field) if dot else ("order", "lines")


def needed(condition: Condition, of: str = "contact") -> frozenset[tuple[str, str]]:
    """Noun and field of all that it looks at: whoever asks, and whoever learns the answer, must be allowed to read them."""
    found: set[tuple[str, str]] = set()
    for leaf in conditions.leaves_of(condition):
        match leaf:
            case Test(field):
                found.add((of, field.name) if of == "contact" else origin(of, field.name))
            case Company(part):
                found |= {("contact", "company_id")} | needed(part, "company")
            case Aggregate():
                names = [MOMENTS[leaf.of]] if leaf.days else []
                names += [leaf.field.name] if leaf.field else []
                found |= {origin(leaf.of, name) for name in names} | needed(leaf.where, leaf.of)
                found |= {("order", name) for name in ("currency", "placed_at") if leaf.converts}
                found.add(("interaction" if leaf.of == "interactions" else "order", "contact_id"))
                if leaf.of == "order_lines":
                    found.add(("order", "lines"))
    return frozenset(found)


def segments_in(condition: Condition) -> frozenset[UUID]:
    """The segments that it names."""
    return frozenset(leaf.segment for leaf in conditions.leaves_of(condition) if isinstance(leaf, Member))


def boundaries(condition: Condition, of: str = "contact") -> frozenset[Boundary]:
    """What the clock can change of it: the records that cross none of these between two moments answer alike at both."""
    return frozenset(_boundaries(condition, of))


def _boundaries(condition: Condition, of: str) -> Iterator[Boundary]:
    for leaf in conditions.leaves_of(condition):
        match leaf:
            case Test(field, _, value):
                yield from (Boundary(of, field, days) for days in moments.days_in(value))
            case Company(part):
                yield from _boundaries(part, "company")
            case Aggregate():
                yield from _boundaries(leaf.where, leaf.of)
                moment = Field(MOMENTS[leaf.of], Kind.TIME)
                yield from (Boundary(leaf.of, moment, end) for end in leaf.days or () if end is not None)
                if leaf.field is not None:
                    yield from (Boundary(leaf.of, leaf.field, days) for days in moments.days_in(leaf.value))


def _exact(measure: Measure, value: Any) -> Any:
    if measure not in _ADDED or isinstance(value, bool):
        return value
    return tuple(map(Fraction, value)) if isinstance(value, tuple) else Fraction(value)


def _chosen(word: Any, known: Mapping[str, Any] | type[StrEnum], at: str, what: str) -> str:
    names = [str(one) for one in known]
    if not isinstance(word, str) or word not in names:
        refuse(at, f"There is no {what} {brief(word)}; there are {', '.join(names)}.")
    return word


def _read_aggregate(node: dict[str, Any], at: str, read: Reader, beyond: Beyond) -> Aggregate:
    only(node, {"of", "measure", "field", "where", "days", "op", "value"}, at)
    for key in ("measure", "op", "value"):
        if key not in node:
            refuse(
                at, f'A test of related records has "of", "measure", "op" and "value": "{key}" is missing.'
            )
    of = _chosen(node["of"], beyond.sources, f"{at}/of", "kind of related record")
    fields = beyond.sources[of]
    measure = Measure(_chosen(node["measure"], Measure, f"{at}/measure", "measure"))
    field = _read_field(measure, node.get("field"), fields, f"{at}/field")
    where = read(node.get("where", {"all": []}), f"{at}/where", fields)
    days = _read_days(node.get("days"), f"{at}/days")
    bare = Aggregate(of, measure, field, where, days, Op.EQ, None)
    taken = [
        op for op in Op if op in OPS[bare.result.kind] and op not in LISTS and not _senseless(op, measure)
    ]
    op = Op(_chosen(node["op"], dict.fromkeys(taken), f"{at}/op", f"op for {measure}"))
    value = conditions.read_value(bare.result, op, node["value"], f"{at}/value", moving=True)
    return replace(bare, op=op, value=value)


def _senseless(op: Op, measure: Measure) -> bool:
    return op in FLAGS and measure in _NEVER_MISSING


def _read_field(measure: Measure, name: Any, fields: Mapping[str, Field], at: str) -> Field | None:
    if measure is Measure.COUNT:
        if name is not None:
            refuse(at, '"count" takes no field; "distinct" counts different values of one.')
        return None
    field = fields.get(name) if isinstance(name, str) else None
    if field is None or not field.filterable:
        refuse(at, f'There is no field {brief(name)} here of which "{measure}" could be taken.')
    if field.kind not in _MEASURED[measure]:
        refuse(at, f'"{measure}" cannot be taken of {field.name}, which is {field.kind}.')
    return field


def _read_days(raw: Any, at: str) -> tuple[int | None, int | None] | None:
    if raw is None:
        return None
    if not isinstance(raw, list) or len(raw) != 2:
        refuse(at, '"days" takes a list of two: from so many days ago, to so many days ago.')
    for i, end in enumerate(raw):
        whole = isinstance(end, int) and not isinstance(end, bool) and -MOST_DAYS <= end <= MOST_DAYS
        if end is not None and not whole:
            refuse(
                f"{at}/{i}",
                f"A span ends a whole number of days ago, at most {MOST_DAYS:,}, or is null: not {brief(end)}.",
            )
    since, until = raw
    if since is not None and until is not None and since <= until:
        refuse(at, '"days" begins with the day that is longer ago.')
    return since, until


def _read_member(node: dict[str, Any], at: str) -> Member:
    only(node, {"segment", "op"}, at)
    op = _chosen(node.get("op"), {Op.IN: True, Op.NOT_IN: False}, f"{at}/op", "op for a segment")
    try:
        segment: UUID = of_kind(_ID, node["segment"])
    except ValueError as wrong:
        refuse(f"{at}/segment", str(wrong))
    return Member(segment, op == Op.IN)
