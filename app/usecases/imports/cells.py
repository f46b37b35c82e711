"""From the cells of a row to the values of a record: each column is read by the kind of the field that it fills."""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.domain.columns import is_consent
from app.domain.contacts import MARKETING, ConsentState
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import CUSTOM, Field, Kind
from app.domain.imports import Mode, full_name
from app.domain.slots import slot
from app.kit import written

_YES = frozenset({"1", "true", "t", "yes", "y", "是", "对", "有", "真", "✓", "√", "on"})
_NO = frozenset({"0", "false", "f", "no", "n", "否", "不", "无", "假", "✗", "×", "off"})
_CHOICES = {
    "gender": {
        "男": "male",
        "m": "male",
        "man": "male",
        "先生": "male",
        "女": "female",
        "f": "female",
        "woman": "female",
        "女士": "female",
    },
}
_GRANTED = frozenset(
    {"subscribed", "opted in", "opt-in", "granted", "accepted", "agreed", "allow", "allowed"}
    | {"同意", "已同意", "订阅", "已订阅", "接收", "接受", "愿意", "允许"}
)
_WITHDRAWN = frozenset(
    {
        "unsubscribed",
        "opted out",
        "opt-out",
        "withdrawn",
        "declined",
        "refused",
        "do not allow",
        "not allowed",
    }
    | {"不同意", "退订", "已退订", "取消订阅", "拒绝", "已拒绝", "不接收", "不接受", "不愿意", "不允许"}
)
_NOT_SAID = frozenset(
    {"never subscribed", "not subscribed", "pending", "unconfirmed", "unknown", "none", "n/a"}
    | {"未订阅", "未确认", "待确认", "未知", "未填写"}
)
_LARGEST = 2**31 - 1
"""What an integer of the database holds."""
_AFTER_HOST = re.compile(r"[/:?#]")
_MARKS = str.maketrans(dict.fromkeys(";,|、；，", "\n"))

Convert = Callable[[str], Any]
_REPEATED = frozenset({Kind.NUMBER, Kind.INTEGER, Kind.DATE, Kind.TIME})
"""What is read with care, and stands in many rows with few values."""
_REMEMBERED = 4_096

ONLY: Mapping[Mode, Literal["add", "edit"] | None] = {
    Mode.CREATE: "add",
    Mode.UPDATE: "edit",
    Mode.UPSERT: None,
}
"""What a mode lets be done."""
LEFT_OUT = frozenset({"there_already", "not_there"})
"""Refusals of what the mode rules out: such a row is skipped and has not failed."""


@dataclass(frozen=True, slots=True)
class Style:
    """How the file writes what can be written in several ways."""

    time_zone: str
    currency: str
    """Of rows that name none."""
    decimal_mark: written.DecimalMark | None = None
    date_order: written.DateOrder | None = None
    replace: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """Column to what stands in it and what is meant by that."""


@dataclass(slots=True)
class Read:
    """What the cells of one row say."""

    values: dict[str, Any] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Path to the name of another record, to be looked up."""
    faults: list[str] = field(default_factory=list)
    places: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """Its addresses, by the paths of their columns."""
    named: frozenset[str] | None = None
    """The currencies that its amounts may be in, where they name any."""
    consents: dict[tuple[str, str], ConsentState] = field(default_factory=dict)
    """By purpose and channel."""
    apart: dict[str, Any] = field(default_factory=dict)
    """By path, what is no value of the record, but told of it."""
    entered: dict[str, str] = field(default_factory=dict)
    """Of a deal: stage, as the file calls it, to when it came there."""
    undated: bool = False
    """Of a deal: whether no step of its way is told, which does for one that is there."""
    refusal: DomainError | None = None
    """What is wrong with the row as a whole."""
    half_named: bool = False
    """Whether the name is made from one part of two: it does for a new record, and replaces no name that is there."""

    def is_bad(self) -> bool:
        """Whether it comes to nothing by what it says alone."""
        return bool(self.faults or self.refusal)


def style_of(options: Mapping[str, Any], time_zone: str, currency: str) -> Style:
    """The stated ways of writing, or else those of the organisation."""
    return Style(
        options.get("time_zone") or time_zone,
        options.get("currency") or currency,
        options.get("decimal_mark"),
        options.get("date_order"),
        options.get("replace") or {},
    )


def must_be_known(mapping: Mapping[str, str], fields: Mapping[str, Field]) -> None:
    """Raise RuleBroken for a column that goes to an organisation's own field that is not there, or not any more."""
    for column, path in mapping.items():
        if not is_known(path, fields):
            raise RuleBroken(
                "field_gone",
                f"The column {column!r} goes to {path}, and there is no such field; map it anew.",
            )


def is_known(path: str, fields: Mapping[str, Field]) -> bool:
    """Whether a path goes to a field that is there."""
    return not path.startswith(CUSTOM) or path in fields


def reader(
    columns: Sequence[str],
    mapping: Mapping[str, str],
    fields: Mapping[str, Field],
    style: Style,
    apart: Set[str] = frozenset(),
) -> Callable[[Sequence[str | None]], Read]:
    """A function from the cells of a row to what they say, by the fields of the noun. Raises as `must_be_known`."""
    must_be_known(mapping, fields)
    setters = [
        (n, column, mapping[column], _apart(mapping[column], fields, style, apart))
        for n, column in enumerate(columns)
        if column in mapping
    ]
    texts = [(n, path) for n, _, path, put in setters if put is None]
    read_with_care = [(n, column, put) for n, column, _, put in setters if put is not None]

    meant = [(n, style.replace[column]) for n, column in enumerate(columns) if column in style.replace]

    def read(cells: Sequence[str | None]) -> Read:
        if meant:
            cells = list(cells)
            for n, words in meant:
                cells[n] = words.get(cells[n] or "", cells[n])
        row = Read({path: cell for n, path in texts if (cell := cells[n]) is not None})
        for n, column, put in read_with_care:
            cell = cells[n]
            if cell is not None:
                try:
                    put(row, cell)
                except ValueError as fault:
                    row.faults.append(f"{column}: {fault}")
        row.half_named = _titled(row) if apart else _named(row.values)
        _agreed(row, style.currency)
        return row

    return read


def _named(values: dict[str, Any]) -> bool:
    """Make a name of its parts where there is none; whether one of them is missing."""
    given, family = values.get("given_name"), values.get("family_name")
    if "name" in values or (given is None and family is None):
        return False
    values["name"] = full_name(given, family)
    return given is None or family is None


def _titled(row: Read) -> bool:
    """Call a deal without a name after whom and what it is about, or else as another system does; whether it was so."""
    if "name" in row.values:
        return False
    about = [row.links[path] for path in ("company", "product", "product:sku") if path in row.links]
    named = " · ".join(about) or next(iter(row.values.get("external_ids", {}).values()), None)
    if named is not None:
        row.values["name"] = named
    return named is not None


def _agreed(row: Read, usual: str) -> None:
    """Let the row have the currency that its amounts name, or else the usual one; a fault where they do not agree."""
    stated = row.values.get("currency")
    if row.named is None or (stated or usual) in row.named:
        return
    if stated is None and len(row.named) == 1:
        row.values["currency"] = min(row.named)
    elif row.named:
        row.faults.append(
            f"An amount is in {' or '.join(sorted(row.named))}, and the row in {stated or usual}; say which it is."
        )
    else:
        row.faults.append("The amounts of this row are in different currencies.")


def _as_it_stands(cell: str) -> str:
    return cell


def _apart(
    path: str, fields: Mapping[str, Field], style: Style, apart: Set[str]
) -> Callable[[Read, str], None] | None:
    """As `_setter`, which puts what is no value of the record beside its values."""
    put = _setter(path, fields, style)
    if path not in apart:
        return put

    def aside(row: Read, cell: str) -> None:
        row.values[path] = cell
        if put is not None:
            put(row, cell)
        row.apart[path] = row.values.pop(path)

    return aside


def _setter(path: str, fields: Mapping[str, Field], style: Style) -> Callable[[Read, str], None] | None:
    """What a cell is done with; None where it is the field's value as it stands."""
    head, _, rest = path.partition(":")
    several = slot(path)[0]
    if several in {"email", "phone"}:
        plural, key = ("emails", "address") if several == "email" else ("phones", "number")
        label = slot(path)[1]
        return lambda row, cell: row.values.setdefault(plural, []).append({key: cell, "label": label})
    if path.startswith("address"):
        place, _, part = path.rpartition(".")
        return lambda row, cell: _address(row, place, part, cell)
    if is_consent(path):
        return _consent(path)
    if head == "external":
        return lambda row, cell: row.values.setdefault("external_ids", {}).update({rest: cell})
    if path.startswith(CUSTOM):
        key, convert = path.removeprefix(CUSTOM), converter(fields[path], style)
        return lambda row, cell: row.values.setdefault("custom", {}).update({key: convert(cell)})
    if head == "entered":
        zone = ZoneInfo(style.time_zone)
        return lambda row, cell: row.entered.update({rest: moment(cell, style, zone)})
    if path in LINKS or head in LINKS:
        return lambda row, cell: row.links.update({path: cell})
    if path not in fields and path == "sku":
        return lambda row, cell: row.links.update({"product:sku": cell})
    return _value_setter(path, fields, style)


def _value_setter(path: str, fields: Mapping[str, Field], style: Style) -> Callable[[Read, str], None] | None:
    convert = converter(fields[path], style)
    if convert is _as_it_stands:
        return None
    if fields[path].kind is Kind.NUMBER and "currency" in fields:
        amount = lru_cache(_REMEMBERED)(lambda cell: (convert(cell), written.currencies(cell)))
        return lambda row, cell: _amount(row, path, *amount(cell))
    if fields[path].kind in _REPEATED:
        convert = lru_cache(_REMEMBERED)(convert)

    def put(row: Read, cell: str) -> None:
        row.values[path] = convert(cell)

    return put


def _consent(path: str) -> Callable[[Read, str], None]:
    place, _, channel = path.rpartition(".")
    kind, purpose = slot(place)
    about = (purpose or MARKETING, channel)

    def put(row: Read, cell: str) -> None:
        state = _said(cell, opt_out=kind == "opt_out")
        if state is not None and row.consents.get(about) is not ConsentState.WITHDRAWN:
            row.consents[about] = state

    return put


def _said(cell: str, *, opt_out: bool) -> ConsentState | None:
    """What a cell says of a consent, if anything: whoever has not opted out has allowed nothing by it."""
    word = written.plain(cell).casefold().replace("_", " ")
    if word in _NOT_SAID:
        return None
    no = word in _WITHDRAWN or (word not in _GRANTED and yes_or_no(cell) is opt_out)
    if no:
        return ConsentState.WITHDRAWN
    return None if opt_out else ConsentState.GRANTED


def _amount(row: Read, path: str, value: str, named: frozenset[str] | None) -> None:
    row.values[path] = value
    if named is not None:
        row.named = named if row.named is None else row.named & named


_LISTS = {"email": "emails", "phone": "phones", "address": "addresses", "external": "external_ids"}


def columns_by_field(mapping: Mapping[str, str]) -> dict[str, str]:
    """The columns that fill a field, as one would name them."""
    named: dict[str, list[str]] = {}
    for column, path in mapping.items():
        head = slot(path)[0].partition(".")[0].partition("#")[0]
        named.setdefault(_LISTS.get(head, head), []).append(column)
    return {field: ", ".join(columns) for field, columns in named.items()}


LINKS = frozenset({"company", "parent", "owner", "contact", "product"})
"""Paths that name another record."""


def _address(row: Read, place: str, part: str, cell: str) -> None:
    if place not in row.places:
        row.places[place] = {"label": slot(place)[1]}
        row.values.setdefault("addresses", []).append(row.places[place])
    row.places[place][part] = cell


def converter(field: Field, style: Style) -> Convert:
    """From a cell to the raw JSON value of a field; ValueError is a sentence."""
    match field.kind:
        case Kind.NUMBER:
            return lambda cell: format(written.number(cell, style.decimal_mark), "f")
        case Kind.INTEGER:
            return lambda cell: _whole(cell, style)
        case Kind.BOOLEAN:
            return yes_or_no
        case Kind.DATE:
            return lambda cell: written.moment(cell, style.date_order)[0].isoformat()
        case Kind.TIME:
            zone = ZoneInfo(style.time_zone)
            return lambda cell: moment(cell, style, zone)
        case Kind.LABELS:
            return lambda cell: [part.strip() for part in cell.translate(_MARKS).split("\n") if part.strip()]
        case _ if field.name == "domain":
            return domain
        case _:
            if not field.choices:
                return _as_it_stands
            words = {choice.casefold(): choice for choice in field.choices} | _CHOICES.get(field.name, {})
            return lambda cell: words.get(written.plain(cell).casefold().replace(" ", "_"), cell)


def _whole(cell: str, style: Style) -> int:
    value = written.number(cell, style.decimal_mark)
    if value != value.to_integral_value():
        raise ValueError(f"{cell!r} is not a whole number.")
    if abs(value) > _LARGEST:
        raise ValueError(f"{cell[:40]!r} is larger than any number that is counted here.")
    return int(value)


def domain(cell: str) -> str:
    """The site's name in a cell that may hold its whole address."""
    _, _, rest = cell.lower().rpartition("://")
    return _AFTER_HOST.split(rest, maxsplit=1)[0].removeprefix("www.")


def yes_or_no(cell: str) -> bool:
    """A cell that says yes or no."""
    word = written.plain(cell).casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise ValueError(f"{cell!r} is neither yes nor no.")


def moment(cell: str, style: Style, zone: ZoneInfo) -> str:
    """A time as RFC 3339 in UTC; without an offset it is in the file's zone, without a time the day's beginning."""
    day, at, offset = written.moment(cell, style.date_order)
    local = datetime.combine(day, at or time(), offset or zone)
    try:
        return local.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise ValueError(f"{cell!r} is before or after all years that can be counted.") from None
