"""Identifiers that sort by the time they were made."""

import os
import struct
from collections import deque
from uuid import UUID

from app.kit import clock

_AT_ONCE = 1024
_numbers: deque[int] = deque()
os.register_at_fork(after_in_child=_numbers.clear)  # or both processes would hand out the same


def new_id() -> UUID:
    """A UUID version 7: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits (RFC 9562, 5.7)."""
    milliseconds, rest = divmod(clock.nanoseconds(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = _random() & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (fraction << 64) | (0b10 << 62) | random)


def _random() -> int:
    """64 random bits, of many that are drawn together.

    Drawing lets go of the interpreter for less time than another thread needs to take it, so a thread that drew for
    each of many records would keep all others waiting until it is done.
    """
    while True:
        try:
            return _numbers.pop()
        except IndexError:
            _numbers.extend(struct.unpack(f"{_AT_ONCE}Q", os.urandom(8 * _AT_ONCE)))
