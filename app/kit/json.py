"""JSON in and out, with money as text and times in RFC 3339."""

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
