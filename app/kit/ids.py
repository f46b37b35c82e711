"""Identifiers that sort by the time they were made."""

import os
from uuid import UUID

from app.kit import clock


def new_id() -> UUID:
    """A UUID version 7: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits (RFC 9562, 5.7)."""
    milliseconds, rest = divmod(clock.nanoseconds(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (fraction << 64) | (0b10 << 62) | random)
