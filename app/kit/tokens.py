"""Secrets that callers carry: signed tokens (RFC 7519) and random keys of which only the hash is kept."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

import jwt

KEY_PREFIX = "rpt_"
SHOWN = 12
"""How many characters of a key stay visible, to tell keys apart."""
_MAC = 16
"""Bytes of a seal: HMAC-SHA-256 cut to 128 bits (RFC 2104, 5)."""


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


def keyed(secret: str, text: str, *, kind: str) -> str:
    """HMAC-SHA-256 in hexadecimal: for texts so few or so short that a plain hash could be guessed from."""
    return _mac(secret, kind, text.encode()).hex()


def seal(secret: str, payload: bytes, *, kind: str) -> str:
    """A payload that only who has the secret can have made, as a short text for an address; it does not expire."""
    return base64.urlsafe_b64encode(payload + _mac(secret, kind, payload)[:_MAC]).rstrip(b"=").decode()


def unseal(secret: str, text: str, *, kind: str) -> bytes | None:
    """The payload of a seal of this kind, or None."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    payload = raw[:-_MAC]
    # Written anew, because base64 has several texts for one value.
    same = hmac.compare_digest(seal(secret, payload, kind=kind).encode(), text.encode())
    return payload if same else None


def _mac(secret: str, kind: str, payload: bytes) -> bytes:
    return hmac.digest(secret.encode(), kind.encode() + b"\0" + payload, "sha256")
