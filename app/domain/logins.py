"""Signing in: how often one may be wrong, and what is said then."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from app.domain.errors import Busy, TooMany, Unauthenticated

MOST_WRONG = 5
"""Wrong passwords before an address has to wait."""
MEMORY = timedelta(hours=1)
"""A wrong password is forgotten after this long."""
PAUSE = timedelta(minutes=15)
GRACE = timedelta(seconds=30)
"""Within which a client may ask again with the refresh token whose answer it never got.

Reuse still comes out (RFC 9700, 4.14.2). Whoever has a copy gains one rotation within these seconds, but it kills
the successor that the other holds, as theirs kills it: one of the two has a dead token then, and showing it ends
the sign-in for both. A second repetition ends it at once, and so does one after the successor was used, because
its holder then had the answer.
"""


class LoginLike(Protocol):
    """What the rules need to know of a sign-in."""

    token_hash: str
    previous_hash: str | None
    used_at: datetime


class Shown(StrEnum):
    """What a refresh token is that somebody shows."""

    PRESENT = "present"
    REPEATED = "repeated"
    REUSED = "reused"


def judge(login: LoginLike, token_hash: str, now: datetime) -> Shown:
    """The present token, the one before whose answer may be lost, or one that was used before."""
    if token_hash == login.token_hash:
        return Shown.PRESENT
    if token_hash == login.previous_hash and now - login.used_at <= GRACE:
        return Shown.REPEATED
    return Shown.REUSED


def wrong() -> Unauthenticated:
    """The one answer to every sign-in that fails, whatever was the matter: it tells nobody who exists."""
    return Unauthenticated(
        "credentials_wrong",
        "This e-mail address and password do not go together;"
        " if you belong to several organisations, name the one that you mean.",
    )


def must_wait(until: datetime, now: datetime) -> TooMany:
    """The answer while an address is locked."""
    seconds = max(1, int((until - now).total_seconds()) + 1)
    return TooMany(
        "locked_out",
        f"There were {MOST_WRONG} wrong passwords for this e-mail address; try again in {-(-seconds // 60)} minutes.",
        retry_after=seconds,
    )


def crowded() -> Busy:
    """The answer while so many passwords wait to be hashed that another one would wait too long."""
    return Busy("try_again", "Too many passwords are being checked; try again in a moment.")


def ended() -> Unauthenticated:
    """The answer to a refresh token that is good no more."""
    return Unauthenticated("unauthenticated", "This sign-in has ended or is not known; sign in again.")


def reused() -> Unauthenticated:
    """The answer to a refresh token that was used before: somebody has a copy."""
    return Unauthenticated(
        "token_reused",
        "This refresh token was used before, so somebody may have a copy of it; the sign-in was ended. Sign in again.",
    )
