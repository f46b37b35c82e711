"""What a field of a noun is, and how a raw JSON value becomes a value of its kind.

An organisation's own fields are named ``custom.<key>``; their values stay raw JSON in the record's ``custom``.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

CUSTOM = "custom."
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
TEXT_MAX = 10_000
LABELS_MAX = 1_000
JSON_DEPTH_MAX = 64
"""Lists and objects inside one another."""


class Kind(StrEnum):
    """The kinds of value, each with one Python type."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    ID = "id"
    LABELS = "labels"
    JSON = "json"


SCALARS = frozenset(Kind) - {Kind.LABELS, Kind.JSON}

# Written in the part of the syntax that Python and PostgreSQL read alike (no \d: in PostgreSQL it depends on the
# collation), because a stored custom value is recognised by the same pattern on both sides.
PATTERNS = MappingProxyType(
    {
        Kind.INTEGER: r"-?[0-9]{1,19}",
        Kind.NUMBER: r"-?[0-9]{1,16}(?:\.[0-9]{1,10})?",
        Kind.DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
        # PostgreSQL takes offsets below 16 hours.
        Kind.TIME: r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
        r"(?:Z|[+-](?:0[0-9]|1[0-5]):[0-5][0-9])",
        Kind.ID: r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    }
)

_EXPECTED = {
    Kind.TEXT: f"text of at most {TEXT_MAX:,} characters, without NUL or lone surrogates",
    Kind.INTEGER: f"a whole number from {INTEGER_MIN} to {INTEGER_MAX}",
    Kind.NUMBER: 'a number with at most 16 digits before the point and 10 after it, best as text like "12.50"',
    Kind.BOOLEAN: "true or false",
    Kind.DATE: 'a date of the years 1 to 9999 like "2026-01-31"',
    Kind.TIME: 'a time with its offset (RFC 3339, years 1 to 9999 in UTC) like "2026-01-31T08:30:00Z"',
    Kind.ID: 'an id like "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"',
    Kind.LABELS: f"a list of at most {LABELS_MAX:,} texts",
    Kind.JSON: f"JSON of at most {JSON_DEPTH_MAX} levels without NUL, lone surrogates, whole numbers beyond"
    f" {INTEGER_MIN} to {INTEGER_MAX} or numbers that are not finite",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a noun; `choices` (text and labels) are all its allowed values when there are any."""

    name: str
    kind: Kind
    choices: frozenset[str] = frozenset()
    nullable: bool = True
    writable: bool = True
    sortable: bool = True
    filterable: bool = True
    summary: str = ""

    def __post_init__(self) -> None:
        """Only scalars have an order, and JSON is opaque to conditions."""
        if self.kind not in SCALARS:
            object.__setattr__(self, "sortable", False)
        if self.kind is Kind.JSON:
            object.__setattr__(self, "filterable", False)


def custom_key(name: str) -> str | None:
    """The key of a custom field's value in the record's `custom`; None for a field of the product."""
    return name.removeprefix(CUSTOM) if name.startswith(CUSTOM) else None


def parse(field: Field, raw: Any) -> Any:
    """A raw JSON value as a Python value of the field's kind; ValueError is a sentence for the caller."""
    if raw is None:
        if field.nullable:
            return None
        raise ValueError(f"{field.name} must not be null.")
    value = of_kind(field, raw)
    given = value if field.kind is Kind.LABELS else (value,)
    unknown = next((one for one in given if one not in field.choices), None) if field.choices else None
    if unknown is not None:
        raise ValueError(
            f"{field.name} must be one of {', '.join(sorted(field.choices))}, not {brief(unknown)}."
        )
    return value


def of_kind(field: Field, raw: Any) -> Any:
    """As `parse`, for a value that need not be one of the choices and is never null."""
    try:
        return _PARSERS[field.kind](raw)
    except (ValueError, OverflowError):
        raise ValueError(f"{field.name} must be {_EXPECTED[field.kind]}, not {brief(raw)}.") from None


def to_raw(value: Any) -> Any:
    """The raw JSON form of a parsed value: the inverse of `parse`, times in UTC."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case list() | tuple():
            return [to_raw(one) for one in value]
    return value


def brief(raw: Any) -> str:
    """A value as an error sentence shows it: short, and printable whatever it holds."""
    match raw:
        case str():
            start = raw[:40]
            return json.dumps(start, ensure_ascii=not _is_clean(start)) + ("…" if len(raw) > 40 else "")
        case dict():
            return "an object"
        case list():
            return "a list"
        case int() if abs(raw) > 10**40:
            return "a number of more than 40 digits"
    return json.dumps(raw, default=str)


def _is_clean(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _matching(kind: Kind, raw: Any) -> str:
    if isinstance(raw, str) and re.fullmatch(PATTERNS[kind], raw):
        return raw
    raise ValueError(kind)


def _text(raw: Any) -> str:
    if isinstance(raw, str) and len(raw) <= TEXT_MAX and _is_clean(raw):
        return raw
    raise ValueError(Kind.TEXT)


def _integer(raw: Any) -> int:
    # A boolean is an int to Python and not to JSON.
    if isinstance(raw, int) and not isinstance(raw, bool) and INTEGER_MIN <= raw <= INTEGER_MAX:
        return raw
    raise ValueError(Kind.INTEGER)


def _number(raw: Any) -> Decimal:
    if isinstance(raw, float) and math.isfinite(raw):
        # repr is the shortest text that reads back as this float: what the caller most likely wrote.
        raw = format(Decimal(repr(raw)), "f")
    elif isinstance(raw, int) and not isinstance(raw, bool) and INTEGER_MIN <= raw <= INTEGER_MAX:
        raw = str(raw)
    return Decimal(_matching(Kind.NUMBER, raw))


def _boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    raise ValueError(Kind.BOOLEAN)


def _date(raw: Any) -> date:
    return date.fromisoformat(_matching(Kind.DATE, raw))


def _time(raw: Any) -> datetime:
    return datetime.fromisoformat(_matching(Kind.TIME, raw)).astimezone(UTC)


def _id(raw: Any) -> UUID:
    return UUID(_matching(Kind.ID, raw))


def _labels(raw: Any) -> list[str]:
    if isinstance(raw, list) and len(raw) <= LABELS_MAX:
        return list(map(_text, raw))
    raise ValueError(Kind.LABELS)


def _json(raw: Any) -> Any:
    # Level by level: nesting as deep as the JSON reader lets through must not end in RecursionError.
    level = [raw]
    for _ in range(JSON_DEPTH_MAX + 1):
        inside: list[Any] = []
        for value in level:
            match value:
                case str() if not _is_clean(value):
                    raise ValueError(Kind.JSON)
                case float() if not math.isfinite(value):
                    raise ValueError(Kind.JSON)
                case int() if not INTEGER_MIN <= value <= INTEGER_MAX:
                    raise ValueError(Kind.JSON)
                case dict():
                    inside += [*value, *value.values()]
                case list():
                    inside += value
        if not inside:
            return raw
        level = inside
    raise ValueError(Kind.JSON)


_PARSERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.ID: _id,
    Kind.LABELS: _labels,
    Kind.JSON: _json,
}
