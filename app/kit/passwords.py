"""Passwords, hashed with Argon2id (RFC 9106, second recommended option)."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")


async def hashed(password: str) -> str:
    """The hash to keep; takes tens of milliseconds in a thread."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def matches(kept: str | None, password: str) -> bool:
    """Whether the password is the one hashed. Takes as long when there is none, so that nobody learns who exists."""
    try:
        return await asyncio.to_thread(_HASHER.verify, kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False
