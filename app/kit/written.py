"""Numbers and dates as people write them into tables: read strictly, in a style told from a whole column.

A cell alone is often unclear (is 1.234 a thousand, is 03/04 in March?); the column that it stands in seldom is. What
is unclear or does not exist (31/02) is refused, never guessed.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from typing import Literal

DecimalMark = Literal[".", ","]
DateOrder = Literal["ymd", "dmy", "mdy"]


class Number(str):
    """A number that a file holds as one, and not as somebody has written it: a point stands before its decimals."""

    __slots__ = ()


_CODES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY"
    " COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS"
    " INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP"
    " MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR"
    " SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV"
    " WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
"""ISO 4217, the currencies of countries."""
_SIGNS = {
    "R$": {"BRL"},
    "US$": {"USD"},
    "HK$": {"HKD"},
    "NT$": {"TWD"},
    "$": {"USD", "AUD", "CAD", "HKD", "MXN", "NZD", "SGD", "TWD", "ARS", "CLP", "COP"},
    "€": {"EUR"},
    "£": {"GBP"},
    "¥": {"CNY", "JPY"},
    "₹": {"INR"},
    "₩": {"KRW"},
    "₽": {"RUB"},
    "元": {"CNY"},
    "RMB": {"CNY"},
}
_CURRENCY = "|".join([*map(re.escape, sorted(_SIGNS, key=len, reverse=True)), *_CODES.split()])
_NAMED = re.compile(rf"^(?P<before>{_CURRENCY})\s*|\s*(?P<behind>{_CURRENCY})$")
_BARE = re.compile(r"[0-9.,+-]+")
_PLAIN = {
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:[ ' ]\d{3})+|\d+)?(?:\.\d*)?"),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[ ' ]\d{3})+|\d+)?(?:,\d*)?"),
}
_INDIAN = re.compile(r"[+-]?\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d*)?")
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:\.\d+)?[eE][+-]?\d{1,2}")

_MONTHS = {
    name: n
    for n, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_TIME = (
    r"(?:[ T,]+(?P<half_before>上午|下午)?\s*(?P<hour>\d{1,2})[:时点](?P<minute>\d{2})分?(?::?(?P<second>\d{2})秒?(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_NUMERIC = re.compile(rf"(?P<a>\d{{1,4}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<c>\d{{1,4}}){_TIME}")
_CHINESE = re.compile(rf"(?P<a>\d{{4}})年(?P<b>\d{{1,2}})月(?P<c>\d{{1,2}})[日号]?{_TIME}")
_COMPACT = re.compile(rf"(?P<a>\d{{4}})(?P<b>\d{{2}})(?P<c>\d{{2}}){_TIME}")
_WORDED = re.compile(
    rf"(?:(?:[A-Za-z]{{3,9}},?\s+)?(?P<day>\d{{1,2}})[-\s.]+(?P<month>[A-Za-z]{{3,9}})\.?[-\s,]+(?P<year>\d{{4}})"
    rf"|(?P<month2>[A-Za-z]{{3,9}})\.?\s+(?P<day2>\d{{1,2}}),?\s+(?P<year2>\d{{4}})){_TIME}"
)
LONGEST = 100
"""Characters of a number or a date. What is longer is neither, and would keep the patterns busy for minutes."""
_LATEST_SHORT = 68
"""Two-digit years up to this one are in the 2000s (POSIX strptime)."""


def plain(text: str) -> str:
    """The text with full-width forms and unusual blanks made ordinary."""
    return unicodedata.normalize("NFKC", text).strip()


def decimal_mark(cells: Iterable[str | None]) -> DecimalMark | None:
    """The mark before the decimals in a column: the one with which more of it reads; None when the column leaves it open,
    as 1.234 and 12.500 do."""
    listed = [
        _bare(cell)[0] for cell in cells if cell and len(cell) <= LONGEST and not isinstance(cell, Number)
    ]
    fits = {mark: sum(_fits(text, mark) for text in listed) for mark in _PLAIN}
    if fits[","] == fits["."]:
        return None
    return "," if fits[","] > fits["."] else "."


def number(text: str, mark: DecimalMark | None = ".") -> Decimal:
    """An amount with signs of currency, groups of three, brackets or a sign at its end. Raises ValueError.

    Without a mark, what can be two amounts is refused. A Number is read as what it is.
    """
    if isinstance(text, Number):
        return Decimal(text)
    if len(text) > LONGEST:
        raise ValueError(f"{_shown(text)} is not a number; write digits only.")
    bare, negative, _ = _bare(text)
    marks: tuple[DecimalMark, ...] = (".", ",") if mark is None else (mark,)
    read = {_value(bare, one) for one in marks if _fits(bare, one)}
    if len(read) > 1:
        raise ValueError(f"{_shown(text)} can be two amounts; say what stands before the decimals.")
    if not read:
        other: DecimalMark = "," if mark == "." else "."
        hint = f" it would with {other!r} before the decimals" if _fits(bare, other) else " write digits only"
        raise ValueError(
            f"{_shown(text)} is not a number{f' with {mark!r} before the decimals' if mark else ''};{hint}."
        )
    value = read.pop()
    return -value if negative else value


def currencies(text: str) -> frozenset[str] | None:
    """The currencies that an amount may be in by the codes and signs that it names; None when it names none."""
    return None if isinstance(text, Number) or len(text) > LONGEST else _bare(text)[2]


def _value(bare: str, mark: DecimalMark) -> Decimal:
    if _SCIENTIFIC.fullmatch(bare):
        return Decimal(bare)
    return Decimal(re.sub(r"[ ' ]", "", bare).replace("," if mark == "." else ".", "").replace(mark, "."))


def _bare(text: str) -> tuple[str, bool, frozenset[str] | None]:
    """Without currency, whether brackets or a sign at the end make it negative, and which currencies it may be in."""
    if _BARE.fullmatch(text) and text[-1] != "-":
        return text, False, None
    bare = plain(text).replace("−", "-").replace("，", ",")
    negative = False
    if bare.startswith("(") and bare.endswith(")"):
        bare, negative = bare[1:-1].strip(), True
    sign = ""
    if bare[:1] in {"-", "+"}:
        sign, bare = bare[0], bare[1:].lstrip()
    named = [found["before"] or found["behind"] for found in _NAMED.finditer(bare)]
    bare = _NAMED.sub("", bare).strip()
    if bare.endswith("-"):
        bare, negative = bare[:-1].rstrip(), True
    possible = [frozenset(_SIGNS.get(one, {one})) for one in named]
    return sign + bare, negative, frozenset.intersection(*possible) if possible else None


def _fits(bare: str, mark: str) -> bool:
    if not any(char.isdecimal() for char in bare):
        return False
    if mark == "." and (_INDIAN.fullmatch(bare) or _SCIENTIFIC.fullmatch(bare)):
        return True
    return _PLAIN[mark].fullmatch(bare) is not None


def date_order(cells: Iterable[str | None]) -> DateOrder | None:
    """The order of day, month and year in a column; None when the column leaves it open, as 03/04/2026 does."""
    possible: set[DateOrder] = {"ymd", "dmy", "mdy"}
    for cell in cells:
        found = _NUMERIC.fullmatch(plain(cell)) if cell and len(cell) <= LONGEST else None
        if found is None:
            continue
        fitting: set[DateOrder] = {order for order in possible if _ordered(found, order) is not None}
        possible = fitting or possible  # a date that fits none is its own row's fault
    if "ymd" in possible:
        return "ymd"
    return next(iter(possible)) if len(possible) == 1 else None


def moment(text: str, order: DateOrder | None = None) -> tuple[date, time | None, timezone | None]:
    """A day, with its time and offset where they are written. Raises ValueError."""
    bare = plain(text) if len(text) <= LONGEST else ""
    for pattern in (_NUMERIC, _CHINESE, _COMPACT, _WORDED):
        found = pattern.fullmatch(bare)
        if found is not None:
            return _day(found, pattern, order, text), _time(found, text), _zone(found["zone"])
    raise ValueError(f"{_shown(text)} is not a date; write it as 2026-01-31.")


def _day(found: re.Match[str], pattern: re.Pattern[str], order: DateOrder | None, text: str) -> date:
    if pattern is _WORDED:
        year, name, day = (found[key] or found[f"{key}2"] for key in ("year", "month", "day"))
        if name.lower() not in _MONTHS:
            raise ValueError(f"{_shown(text)} names no month; write it as 2026-01-31.")
        parts = int(year), _MONTHS[name.lower()], int(day)
    elif pattern is not _NUMERIC:
        parts = int(found["a"]), int(found["b"]), int(found["c"])
    else:
        ways = (order,) if order and len(found["a"]) < 4 else ("ymd", "dmy", "mdy")
        read = {day for way in ways if (day := _ordered(found, way)) is not None}
        if len(read) > 1:
            raise ValueError(
                f"{_shown(text)} can be two different days; say whether the day or the month comes first."
            )
        if not read:
            raise ValueError(
                f"{_shown(text)} is a day that does not exist{f' in the order {order}' if order else ''}."
            )
        return read.pop()
    try:
        return date(*parts)
    except ValueError:
        raise ValueError(f"{_shown(text)} is a day that does not exist.") from None


def _ordered(found: re.Match[str], order: str) -> date | None:
    """The day when the parts are read in the order; None when there is none."""
    parts = dict(zip(order, (found["a"], found["b"], found["c"]), strict=True))
    digits = parts["y"]
    if (
        len(digits) not in (2, 4)
        or max(len(parts["m"]), len(parts["d"])) > 2
        or (order == "ymd" and len(digits) != 4)
    ):
        return None
    year = int(digits)
    if len(digits) == 2:
        year += 2000 if year <= _LATEST_SHORT else 1900
    try:
        return date(year, int(parts["m"]), int(parts["d"]))
    except ValueError:
        return None


def _time(found: re.Match[str], text: str) -> time | None:
    if found["hour"] is None:
        return None
    hour = int(found["hour"])
    half = (found["half"] or found["half_before"] or "").lower()
    if half and hour > 12:
        raise ValueError(f"{_shown(text)} has an hour that its half of the day does not have.")
    if half.startswith(("p", "下")) and hour < 12:
        hour += 12
    elif half.startswith(("a", "上")) and hour == 12:
        hour = 0
    try:
        return time(
            hour,
            int(found["minute"]),
            int(found["second"] or 0),
            int((found["fraction"] or "0")[:6].ljust(6, "0")),
        )
    except ValueError:
        raise ValueError(f"{_shown(text)} has a time that does not exist.") from None


def _zone(written: str | None) -> timezone | None:
    if written is None:
        return None
    if written in {"Z", "UTC", "GMT"}:
        return timezone.utc  # noqa: UP017 - beside the other offset, which has no short name
    digits = written[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(hours=24):
        raise ValueError(f"{written!r} is no offset from UTC.")
    return timezone(-offset if written[0] == "-" else offset)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
