"""Opaque page cursors: a list of JSON values with a check against accidents.

The check has no secret, so whoever wants to can make a cursor; it opens nothing that its list would not.
"""

import base64
from hashlib import blake2s
from typing import Any

from app.kit import json

_CHECK = 6
"""Bytes of the check."""


def _check(context: str, body: bytes) -> bytes:
    # Hashed first: a key holds 32 bytes, and long contexts differ only behind them.
    return blake2s(body, key=blake2s(context.encode()).digest(), digest_size=_CHECK).digest()


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def seal(context: str, values: list[Any]) -> str:
    """Values as a short URL-safe text that only opens in the same context."""
    body = json.dumps(values)
    return _coded(_check(context, body) + body)


def unseal(context: str, cursor: str) -> list[Any]:
    """The values again. Raises ValueError when it was sealed elsewhere or changed."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as fault:
        raise ValueError("not a cursor") from fault
    check, body = raw[:_CHECK], raw[_CHECK:]
    # Several texts decode to the same bytes; only one of them was ever given out.
    if _coded(raw) != cursor or _check(context, body) != check:
        raise ValueError("not a cursor of this list")
    values = json.loads(body)
    if not isinstance(values, list):
        raise ValueError("not a cursor")  # noqa: TRY004 - callers know one error
    return values
