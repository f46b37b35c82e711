"""Records taken back to what the log tells of them: planned in the log's values, written in those of their columns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Numeric, Uuid
from sqlalchemy.types import TypeEngine

from app.db.engine import Row
from app.db.nouns import Noun
from app.domain.undo import KEYED, Told, Undo, grouped, plan
from app.kit import json

Event = Row | Mapping[str, Any]
"""One change of a record, as the log tells of it; see app.db.undone.told."""


def planned(noun: Noun, row: Row, told: Sequence[Event]) -> Undo:
    """What of a record goes back, and what stays; told is newest first."""
    return plan([Told(one["own"], one["before"], one["after"]) for one in told], _now(row, noun.fields))


def values(noun: Noun, row: Row, undo: Undo) -> dict[str, Any]:
    """The fields that go back, to the values to write."""
    after = grouped(undo.back, _now(row, noun.fields.keys() & KEYED))
    return {name: _value(noun, name, value) for name, value in after.items()}


def _now(row: Row, names: Iterable[str]) -> dict[str, Any]:
    """A record as the log would tell of it."""
    return {name: json.loads(json.text(row[name])) for name in names}


def _value(noun: Noun, name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in noun.children:
        ids = noun.children[name].references
        return [line | {key: UUID(line[key]) for key in ids if line[key]} for line in value]
    return _read(noun.table.c[name].type, value) if name in noun.table.c else value


def _read(type_: TypeEngine[Any], value: Any) -> Any:
    match type_:
        case Numeric():
            return Decimal(value)
        case Uuid():
            return UUID(value)
        case DateTime():
            return datetime.fromisoformat(value)
        case Date():
            return date.fromisoformat(value)
        case _:
            return value
