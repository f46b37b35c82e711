"""A noun: a table as its readers, writers and roles see it. Everything generic is a function of this value."""

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    Uuid,
    cast,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from app.db.base import TEXT, Base
from app.domain.access import Actor, must_write
from app.domain.errors import RuleBroken
from app.domain.fields import CUSTOM, Field, Kind

_KINDS: tuple[tuple[type, Kind], ...] = (
    (Boolean, Kind.BOOLEAN),
    (DateTime, Kind.TIME),
    (Date, Kind.DATE),
    (Numeric, Kind.NUMBER),
    (SmallInteger, Kind.INTEGER),
    (Integer, Kind.INTEGER),
    (Uuid, Kind.ID),
    (ARRAY, Kind.LABELS),
    (JSONB, Kind.JSON),
    (Text, Kind.TEXT),
)
_SCALAR = frozenset({Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.TIME, Kind.ID})

Derive = Callable[[dict[str, Any], Set[str], Actor], dict[str, Any]]
"""A whole record, the names among it that the writer gave, and the writer, to the columns that follow from them."""
Check = Callable[[Mapping[str, Any]], None]
"""A whole record; raises InvalidInput when its values do not go together."""
Guard = Callable[[Any, Mapping[str, Any]], None]
"""A stored record and its new values; raises RuleBroken when they may not follow."""


@dataclass(frozen=True, slots=True)
class Through:
    """Sight by way of a parent: who sees the parent sees what hangs on it."""

    column: str
    noun: "Noun"


@dataclass(frozen=True, slots=True)
class Every:
    """Sight by way of all members: only who may read and sees every one of them sees what they make up."""

    table: Table
    parent: str
    """The members' column that holds the record's id."""
    column: str
    """The members' column that holds the id of what must be seen; a member of another noun has none there."""
    noun: "Noun"


@dataclass(frozen=True, slots=True)
class Child:
    """Rows that belong to a record and are written with it, as a list field of the same name."""

    table: Table
    parent: str
    """The child's column that holds the record's id."""
    columns: tuple[str, ...]
    """In the order and with the names of the list's items."""
    references: Mapping[str, "Noun"] = field(default_factory=dict)


def _kind(column: Column[Any]) -> Kind:
    return next(kind for type_, kind in _KINDS if isinstance(column.type, type_))


def _field(column: Column[Any]) -> Field:
    kind = _kind(column)
    info = column.info
    return Field(
        name=column.name,
        kind=kind,
        choices=info.get("choices", frozenset()),
        nullable=bool(column.nullable),
        writable=info.get("writable", True),
        sortable=kind in _SCALAR and info.get("sortable", True),
        filterable=kind is not Kind.JSON,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Noun:
    """One kind of record; see the table files for the instances."""

    name: str
    plural: str
    model: type[Base]
    owned: bool = False
    """Whether owner_id decides who sees a record."""
    through: tuple[Through, ...] = ()
    every: tuple[Every, ...] = ()
    references: Mapping[str, "Noun"] = field(default_factory=dict)
    """Columns that point to another noun; the writer must see what they name."""
    parents: frozenset[str] = frozenset()
    """Columns that point to the noun itself, as a tree; a circle is refused."""
    children: Mapping[str, Child] = field(default_factory=dict)
    keys: tuple[tuple[str, ...], ...] = ()
    """Columns whose values, together, are unique in the organisation; by them records can be upserted."""
    external: bool = True
    """Whether records carry external ids."""
    custom: bool = True
    """Whether records carry custom fields."""
    search: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Term group letter to (kind of text, field that must be readable to search by it); the first field names a hit."""
    derive: Derive | None = None
    """Columns computed from the others, on every write."""
    check: Check | None = None
    """What no record may be."""
    sources: frozenset[str] = frozenset()
    """The columns that derive and check read; when none of them changes, nothing follows."""
    computed: frozenset[str] = frozenset({"id"})
    """Keys that derive adds to the items of lists."""
    guard: Guard | None = None
    """What an edit may not do."""
    guarded: frozenset[str] = frozenset()
    """The fields that the guard's refusals speak of."""
    tells: tuple["Noun", ...] = ()
    """The nouns of whose fields a record tells; it is shown to those alone who may read all that its `uses` names."""
    made_of: Mapping[str, Callable[[Actor], bool]] = field(default_factory=dict)
    """Fields that tell of other nouns' fields, to whether the actor may read all of these."""
    reading: str = ""
    """The scope that opens the noun for reading, where it is not the plural's own."""
    table: Table = field(init=False)
    fields: Mapping[str, Field] = field(init=False)
    """Every field on the wire, custom ones apart."""
    groups: Mapping[str, str] = field(init=False)
    """Field to the group that roles open it by."""

    scales: Mapping[str, Decimal] = field(init=False)
    seen_by: tuple["Noun", ...] = field(init=False)
    """The nouns by whose owners its records are seen, its own first."""
    unread: frozenset[str] = field(init=False)
    """Columns that are written but never read back into Python, such as search terms."""

    def __post_init__(self) -> None:
        table = self.model.__table__
        assert isinstance(table, Table)
        fields = {c.name: _field(c) for c in table.columns if not c.info.get("internal")}
        groups = {c.name: c.info.get("group", "") for c in table.columns if not c.info.get("internal")}
        if self.external:
            fields["external_ids"] = Field("external_ids", Kind.JSON, sortable=False, filterable=False)
            groups["external_ids"] = "basic"
        for name in self.children:
            fields[name] = Field(name, Kind.JSON, sortable=False, filterable=False)
            groups[name] = "basic"
        for name in ALWAYS & fields.keys():
            groups[name] = "basic"
        object.__setattr__(self, "table", table)
        above = (*(one.noun for one in self.through), *(one.noun for one in self.every))
        object.__setattr__(self, "seen_by", (self, *above))
        object.__setattr__(self, "reading", self.reading or f"{self.plural}:read")
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "groups", groups)
        scales = {
            c.name: Decimal(1).scaleb(-(c.type.scale or 0))
            for c in table.columns
            if isinstance(c.type, Numeric)
        }
        object.__setattr__(self, "scales", scales)
        unread = frozenset(c.name for c in table.columns if isinstance(c.type, TSVECTOR))
        object.__setattr__(self, "unread", unread)

    def exact(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with their decimals at the scale of their columns, as they will be stored and told of."""
        if not self.scales.keys() & values.keys():
            return dict(values)
        return {
            name: value.quantize(self.scales[name]) if name in self.scales and value is not None else value
            for name, value in values.items()
        }

    def known(self, actor: Actor) -> dict[str, Field]:
        """Every field, the organisation's custom ones included."""
        custom = (
            {f"custom.{key}": f for key, f in actor.custom.get(self.name, {}).items()} if self.custom else {}
        )
        return {**self.fields, **custom}

    def shows(self, actor: Actor, name: str) -> bool:
        """Whether the field, which may be a custom one, is open to the actor."""
        if name in self.made_of and not self.made_of[name](actor):
            return False
        if name in ALWAYS or actor.reads(self.name, name):
            return True
        return name.startswith(CUSTOM) and actor.reads(self.name, "custom")

    def readable(self, actor: Actor) -> tuple[str, ...]:
        """The fields that the actor may read, in the order of the table; "custom" stands for those of its keys."""
        if (known := actor.readable.get(self.name)) is not None:
            return known
        names = [name for name in self.fields if name in ALWAYS or self.shows(actor, name)]
        if self.custom and "custom" not in names and self.custom_keys(actor):
            names.append("custom")
        found = actor.readable[self.name] = tuple(names)
        return found

    def must_be_writable(self, actor: Actor, names: Collection[str]) -> None:
        """Raise Forbidden for a field that the actor may not change."""
        known = actor.writable.get(self.name)
        if known is None:
            opened = (name for name in self.known(actor) if actor.writes(self.name, name))
            known = actor.writable[self.name] = frozenset(opened)
        if not known.issuperset(names):
            must_write(actor, self.name, names)

    def custom_keys(self, actor: Actor) -> tuple[str, ...]:
        """The custom fields that the actor may read."""
        return tuple(
            key for key in actor.custom.get(self.name, {}) if actor.reads(self.name, f"custom.{key}")
        )

    def output(self, name: str) -> ColumnElement[Any]:
        """The field as it stands in JSON: money as text, children and external ids gathered."""
        if name == "external_ids":
            return _external_ids(self)
        if name in self.children:
            return _children(self, name, self.children[name])
        column = self.table.c[name]
        return (cast(column, TEXT) if isinstance(column.type, Numeric) else column).label(name)


def for_good(noun: str, names: Set[str], instead: str) -> Guard:
    """A guard of fields that a record keeps as long as it is there."""

    def guard(_: Any, new: Mapping[str, Any]) -> None:
        if changed := sorted(names & new.keys()):
            raise RuleBroken(
                "field_fixed", f"The {' and '.join(changed)} of a {noun} cannot be edited; {instead}."
            )

    return guard


ALWAYS = frozenset({"id", "version", "created_at", "updated_at", "archived_at"})
"""Fields that every reader of a record sees."""


def _external_ids(noun: Noun) -> ColumnElement[Any]:
    return literal_column(
        "(select coalesce(jsonb_object_agg(x.system, x.external_id), '{}') from external_ids x"
        f" where x.org_id = {noun.plural}.org_id and x.noun = '{noun.name}' and x.noun_id = {noun.plural}.id)"
    ).label("external_ids")


def _children(noun: Noun, name: str, child: Child) -> ColumnElement[Any]:
    columns = ", ".join(
        f"c.{c}::text" if isinstance(child.table.c[c].type, Numeric) else f"c.{c}" for c in child.columns
    )
    return literal_column(
        f"(select coalesce(json_agg(row_to_json(i)), '[]') from (select {columns} from {child.table.name} c"
        f" where c.org_id = {noun.plural}.org_id and c.{child.parent} = {noun.plural}.id order by c.position) i)"
    ).label(name)
