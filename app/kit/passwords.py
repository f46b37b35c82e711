"""Passwords, hashed with Argon2id (RFC 9106, second recommended option)."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")
"""Its own threads, so that a rush of sign-ins keeps nothing else waiting that needs one; each takes 64 MiB."""
_MOST_UNDER_WAY = 18
_under_way: set[object] = set()
_T = TypeVar("_T")


def crowded() -> bool:
    """Whether so many passwords are being judged, or wait to be, that another one would wait for about a second."""
    return len(_under_way) >= _MOST_UNDER_WAY


async def _in_thread(work: Callable[..., _T], *values: str) -> _T:
    done = asyncio.get_running_loop().run_in_executor(_THREADS, work, *values)
    _under_way.add(done)
    done.add_done_callback(_under_way.discard)
    return await done


async def hashed(password: str) -> str:
    """The hash to keep; takes tens of milliseconds in a thread."""
    return await _in_thread(_HASHER.hash, password)


async def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one hashed. Takes as long when there is none, so that nobody learns who exists."""
    try:
        return await _in_thread(_HASHER.verify, kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
