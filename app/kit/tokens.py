"""Secrets that callers carry: signed tokens (RFC 7519) and random keys of which only the hash is kept."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

import jwt

KEY_PREFIX = "rpt_"
SHOWN = 12
"""How many characters of a key stay visible, to tell keys apart."""


def new_key() -> str:
    """A random API key of 256 bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_secret() -> str:
    """A random text of 256 bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal; enough for secrets that are random and long."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sign(secret: str, claims: dict[str, Any], *, kind: str, expires_at: datetime) -> str:
    """A signed token of one kind (HS256)."""
    return jwt.encode({**claims, "aud": kind, "exp": expires_at}, secret, algorithm="HS256")


def verify(secret: str, token: str, *, kind: str, now: datetime) -> dict[str, Any] | None:
    """The claims of a token of this kind that is still good, or None."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=kind,
            options={"require": ["exp", "aud"], "verify_exp": False},
        )
    except jwt.InvalidTokenError:
        return None
    # Checked against the clock of the caller, so that tests can move it.
    return claims if claims["exp"] > now.timestamp() else None
