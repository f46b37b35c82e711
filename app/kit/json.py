"""JSON in and out, with money as text and times in RFC 3339."""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

_SPACE = r"[ \t\n\r]*"
_BEFORE = re.compile(rf'{_SPACE}{{{_SPACE}"items"{_SPACE}:{_SPACE}\[{_SPACE}')
_BETWEEN = re.compile(rf"{_SPACE},{_SPACE}")
_AFTER = re.compile(rf"{_SPACE}\]{_SPACE}}}{_SPACE}")
_FARTHEST = 1_000
"""Digits before or after the point; written out, more of them would take any room."""
_BEYOND = "This is nested too deeply, or has an exponent beyond all numbers."


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = str(value)  # a third of what format takes
        return text if "E" not in text else format(value, "f")
    if isinstance(value, UUID):  # the driver's own subclass, which orjson does not know
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: Any) -> bytes:
    """UTF-8 JSON; Decimal becomes a string without exponent, sets become sorted lists."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


def text(value: Any) -> str:
    """The same as a str, as the database driver takes it."""
    return dumps(value).decode()


def loads(data: bytes | str) -> Any:
    """Parse JSON. Raises ValueError."""
    return orjson.loads(data)


class _Exactly(json.JSONDecoder):
    """Makes a Decimal of a number that no float stands for, and remembers that there was one."""

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__(parse_float=self._number, parse_constant=self._constant if strict else self._number)
        self.odd = False

    def _constant(self, text: str) -> float:
        raise ValueError(f"{text} is no number of JSON.")

    def _number(self, text: str) -> float | Decimal:
        near, exact = float(text), Decimal(text)
        if abs(exact.adjusted()) > _FARTHEST and exact:
            raise ValueError(_BEYOND)
        # A float is written as the shortest text that reads back as it: so it is known, and kept.
        if math.isfinite(near) and Decimal(repr(near)) == exact:
            return near
        self.odd = True
        return exact


def exactly(data: bytes) -> tuple[Any, bool]:
    """Parse JSON that others wrote, and whether some number in it is a Decimal because no float stands for it.

    Raises ValueError.
    """
    decoder = _Exactly()
    try:
        return decoder.decode(_decoded(data)), decoder.odd
    except (RecursionError, ArithmeticError):
        raise ValueError(_BEYOND) from None


def to_the_digit(data: bytes) -> Any:
    """Parse JSON with whole numbers of any size, and a Decimal for a number that no float stands for. Raises ValueError."""
    try:
        return _Exactly(strict=True).decode(_decoded(data))
    except (RecursionError, ArithmeticError):
        raise ValueError(_BEYOND) from None


def items(data: bytes, longest: int) -> Iterator[tuple[Any, bool]]:
    """The values in {"items": [...]} as `exactly` parses them; one by one, for the parser lets no other thread run.

    Raises ValueError, also for a value of more characters than the longest may have.
    """
    text, decoder = _decoded(data), _Exactly()
    found = _BEFORE.match(text)
    offset, window = 0, ""
    while found is not None:
        place = found.end()
        if not window or place - offset > longest:
            offset, window = place, text[place : place + 2 * longest]
        try:
            value, end = decoder.raw_decode(window, place - offset)
        except (RecursionError, ArithmeticError):
            raise ValueError(_BEYOND) from None
        if offset + end - place > longest:
            break
        yield value, decoder.odd
        decoder.odd = False
        if _AFTER.fullmatch(text, offset + end):
            return
        found = _BETWEEN.match(text, offset + end)
    raise ValueError('This is no {"items": […]}, or an item of it is too long.')


def _decoded(data: bytes) -> str:
    return data.decode(json.detect_encoding(data), "surrogatepass")


def exact_text(value: Any) -> str:
    """What `to_the_digit` parsed as JSON again: whole numbers of any size, and a Decimal as a string."""
    return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":"))


def inexact(value: Any) -> tuple[tuple[str | int, ...], Decimal] | None:
    """A number in what `exactly` parsed that no float stands for, and the keys and places that lead to it, if there is one."""
    ahead: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while ahead:
        match ahead.pop():
            case at, Decimal() as number:
                return at, number
            case at, dict() as found:
                ahead += [((*at, key), item) for key, item in found.items()]
            case at, list() as found:
                ahead += [((*at, place), item) for place, item in enumerate(found)]
    return None
