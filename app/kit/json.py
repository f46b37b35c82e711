"""JSON in and out, with money as text and times in RFC 3339."""

import json
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
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


def exactly(data: bytes) -> tuple[Any, bool]:
    """Parse JSON that others wrote, and whether some number in it is a Decimal because no float stands for it.

    Raises ValueError.
    """
    odd = False

    def number(text: str) -> float | Decimal:
        nonlocal odd
        near, exact = float(text), Decimal(text)
        # A float is written as the shortest text that reads back as it: so it is known, and kept.
        if math.isfinite(near) and Decimal(repr(near)) == exact:
            return near
        odd = True
        return exact

    try:
        return json.loads(data, parse_float=number, parse_constant=number), odd
    except (RecursionError, ArithmeticError):
        raise ValueError("This is nested too deeply, or has an exponent beyond all numbers.") from None


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
