"""Exports: what a record becomes in a table, and who may still open what was made.

Two layouts. The *flat* one, of CSV and XLSX, names its columns as imports understand them (``email:work``,
``address:home.city``, ``external:erp``, ``custom.level``, see app/domain/columns.py); which of these there are, the
records say. The *typed* one, of Parquet, has a column for every field under its own name, lists and objects as JSON.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.access import Actor
from app.domain.errors import Forbidden, RuleBroken
from app.domain.fields import CUSTOM, Field, Kind
from app.domain.slots import slot as slot_of

KEPT_FOR = timedelta(days=7)
"""How long a file can be had."""


class Format(StrEnum):
    """What can be made."""

    CSV = "csv"
    XLSX = "xlsx"
    NDJSON = "ndjson"
    PARQUET = "parquet"


class Stage(StrEnum):
    """Whether there is a file; how far it is, or why there is none, its run tells."""

    STARTED = "started"
    DONE = "done"


MEDIA_TYPES: Mapping[Format, str] = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.NDJSON: "application/x-ndjson",
    Format.PARQUET: "application/vnd.apache.parquet",
}

_REPEATED = {"emails": ("email", "address"), "phones": ("phone", "number")}
"""List field to the path of its items and their key."""
_PARTS = ("country", "province", "city", "district", "street", "postal_code")
_FOLLOWS = {"email": "emails", "phone": "phones"}
"""Fields that only say again what a list says first."""
MOST_SLOTS = 50
"""Columns that one field may take; a record that needs more has the whole field as JSON in one column more."""
_MARKS = frozenset(";,|、；，\n")
"""What imports split labels at."""


@dataclass(slots=True)
class Seen:
    """What the records have, field by field: the columns of the flat layout that they need."""

    slots: dict[str, list[str]] = field(default_factory=dict)
    crowded: list[str] = field(default_factory=list)
    """Fields some record of which has more than there are columns for."""

    def note(self, record: Mapping[str, Any]) -> None:
        """Take a record in."""
        for name, value in record.items():
            if value and (found := _slots(name, value)):
                known = self.slots.setdefault(name, [])
                for slot in found:
                    if slot not in known:
                        if len(known) < MOST_SLOTS or name == "custom":
                            known.append(slot)
                        elif name not in self.crowded:
                            self.crowded.append(name)


def _slots(name: str, value: Any) -> dict[str, Any]:
    """The parts of a field by the paths of their columns; none for a field that is one column."""
    if name in _REPEATED:
        path, key = _REPEATED[name]
        return {slot: item[key] for slot, item in _numbered(path, value)}
    if name == "addresses":
        return dict(_numbered("address", value))
    if name == "external_ids":
        return {f"external:{system}": one for system, one in value.items()}
    if name == "custom":
        return {f"{CUSTOM}{key}": one for key, one in value.items()}
    return {}


def _numbered(path: str, items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Items by their labels; the second of a label has its number behind it, and so has one that looks as if it had."""
    used: set[str] = set()
    for item in items:
        label = item.get("label")
        first = f"{path}:{label}" if label else path
        head, n = first, 1
        while head in used or slot_of(head) != (path, label or None):
            n += 1
            head = f"{first}#{n}"
        used.add(head)
        yield head, item


Get = Callable[[Mapping[str, Any]], Any]
Table = list[tuple[str, Get]]
"""Headers, and how each cell is got from a record."""


def flat(names: Sequence[str], fields: Mapping[str, Field], custom: Sequence[str], seen: Seen) -> Table:
    """The columns of CSV and XLSX; custom are the paths of those custom fields that may be shown."""
    listed: Table = []
    for name in names:
        if _FOLLOWS.get(name) in names:
            continue
        if name in _SPREAD:
            slots = custom if name == "custom" else seen.slots.get(name, ())
            listed += _spread(name, slots, fields, crowded=name in seen.crowded)
        else:
            listed.append((_header(name), _cell_of(name, fields[name].kind)))
    return listed


_SPREAD = frozenset({*_REPEATED, "addresses", "external_ids", "custom"})


def _header(name: str) -> str:
    """The field, but ids under names that no import takes for the id in another system."""
    if name == "id":
        return "rapport_id"
    return f"{name.removesuffix('_id')}_rapport_id" if name.endswith("_id") else name


def _spread(name: str, slots: Sequence[str], fields: Mapping[str, Field], *, crowded: bool) -> Table:
    listed: Table = []
    for slot in slots:
        if name == "addresses":
            listed += [(f"{slot}.{part}", _part_of(name, slot, part)) for part in _PARTS]
        else:
            listed.append((slot, _slot_of(name, slot, fields)))
    if crowded:
        listed.append((name, _whole_of(name, frozenset(slots))))
    return listed


def _cell_of(name: str, kind: Kind) -> Get:
    return lambda record: cell(record.get(name), kind)


def _slot_of(name: str, slot: str, fields: Mapping[str, Field]) -> Get:
    kind = fields[slot].kind if slot in fields else Kind.TEXT
    return lambda record: cell(_slots(name, record.get(name) or {}).get(slot), kind)


def _part_of(name: str, slot: str, part: str) -> Get:
    return lambda record: _slots(name, record.get(name) or ()).get(slot, {}).get(part)


def _whole_of(name: str, slots: frozenset[str]) -> Get:
    def get(record: Mapping[str, Any]) -> Any:
        value = record.get(name)
        return value if value and not slots.issuperset(_slots(name, value)) else None

    return get


def cell(value: Any, kind: Kind) -> Any:
    """A value in a cell: exact numbers, times in UTC, labels by semicolons; what no cell holds stays as it is."""
    match value:
        case str() if kind is Kind.TIME:
            return utc(value)
        case str() if kind is Kind.NUMBER:
            return Decimal(value)
        case float():
            return Decimal(repr(value))
        case list() if kind is Kind.LABELS and not any(_MARKS & set(one) for one in value):
            return ";".join(value) or None
        case [] | {}:
            return None
        case _:
            return value


def utc(text: str) -> str:
    """A time as PostgreSQL writes it into JSON, as RFC 3339 has it in UTC."""
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def typed(names: Sequence[str], custom: Sequence[str]) -> Table:
    """The columns of Parquet: every field, and every key of custom as text."""
    listed: Table = [(name, _field_of(name)) for name in names if name != "custom"]
    if "custom" in names:
        listed += [(key, _slot_of("custom", key, {})) for key in custom]
    return listed


def _field_of(name: str) -> Get:
    return lambda record: record.get(name)


def sight_of(actor: Actor, nouns: Iterable[str]) -> dict[str, list[str] | None]:
    """Whose records the actor sees of each noun, null for everybody's, to be kept beside what was made by it."""
    return {noun: _owners(actor, noun) for noun in nouns}


def _owners(actor: Actor, noun: str) -> list[str] | None:
    owners = actor.owners(noun)
    return None if owners is None else sorted(map(str, owners))


def must_still_see(
    actor: Actor, before: Mapping[str, Sequence[str] | None], noun: str, hidden: Iterable[str]
) -> None:
    """Raise Forbidden for what was made when its maker saw more than now, or others' records."""
    if any(_lost(was, _owners(actor, one)) for one, was in before.items()) or list(hidden):
        raise Forbidden(
            "access_narrowed",
            f"Since this was asked for, your role has come to see fewer records or fields of {noun}; export them anew.",
        )


def _lost(before: Sequence[str] | None, now: Sequence[str] | None) -> bool:
    return now is not None and (before is None or not set(before) <= set(now))


def must_be_there(stage: str, expires_at: datetime | None, *, now: datetime) -> None:
    """Raise RuleBroken unless there is a file to be had."""
    if stage != Stage.DONE:
        raise RuleBroken("export_not_done", "This export is not done; its run tells how far it is.")
    if expires_at is None or expires_at <= now:
        raise RuleBroken("export_expired", "The file of this export has been let go; export anew.")
