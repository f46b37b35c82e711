"""Opaque page cursors: a list of JSON values with a check against accidents and tampering."""

import base64
import binascii
from hashlib import blake2s
from typing import Any

from app.kit import json


def seal(context: str, values: list[Any]) -> str:
    """Values as a short URL-safe text that only opens in the same context."""
    body = json.dumps(values)
    check = blake2s(body, key=context.encode()[:32], digest_size=6).digest()
    return base64.urlsafe_b64encode(check + body).rstrip(b"=").decode()


def unseal(context: str, cursor: str) -> list[Any]:
    """The values again. Raises ValueError when it was sealed elsewhere or changed."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as fault:
        raise ValueError("not a cursor") from fault
    check, body = raw[:6], raw[6:]
    if blake2s(body, key=context.encode()[:32], digest_size=6).digest() != check:
        raise ValueError("not a cursor of this list")
    values = json.loads(body)
    if not isinstance(values, list):
        raise ValueError("not a cursor")  # noqa: TRY004 - callers know one error
    return values
