"""Signing in: how often one may be wrong, and what is said then."""

from datetime import datetime, timedelta

from app.domain.errors import TooMany, Unauthenticated

MOST_WRONG = 5
"""Wrong passwords before an address has to wait."""
MEMORY = timedelta(hours=1)
"""A wrong password is forgotten after this long."""
PAUSE = timedelta(minutes=15)


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


def ended() -> Unauthenticated:
    """The answer to a refresh token that is good no more."""
    return Unauthenticated("unauthenticated", "This sign-in has ended or is not known; sign in again.")


def reused() -> Unauthenticated:
    """The answer to a refresh token that was used before: somebody has a copy."""
    return Unauthenticated(
        "token_reused",
        "This refresh token was used before, so somebody may have a copy of it; the sign-in was ended. Sign in again.",
    )
