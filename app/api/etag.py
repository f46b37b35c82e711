"""Versions on the wire: ETag out, If-Match and If-None-Match in (RFC 9110, 8.8.3, 13.1.1 and 13.1.2)."""

import re
from typing import Annotated

from fastapi import Depends, Header

from app.domain.errors import InvalidInput, PreconditionMissing

EXAMPLE = '"3.1f0c9a2b"'
_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})(?:\.[0-9a-f]{8})?"')
PATTERN = rf"^(\*|{_TAG.pattern})$"
"""Of If-Match, as the document says it."""


def etag(version: int, shown: str = "") -> str:
    """The entity tag of a version, and of what its reader is shown of it: two readers may see two representations."""
    return f'"{version}.{shown}"' if shown else f'"{version}"'


def _version(
    if_match: Annotated[str | None, Header(description='The ETag that you read, or "*".')] = None,
) -> int | None:
    if if_match is None:
        raise PreconditionMissing(
            "if_match_missing",
            "Say which version you change: If-Match with the ETag that you read, or * for any.",
        )
    if if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput(
            "if_match_invalid", f"If-Match is an ETag such as {EXAMPLE}, or *.", field="If-Match"
        )
    return int(found[1])


Version = Annotated[int | None, Depends(_version)]
"""The version that a change was made for; None for any. What its maker was shown plays no part."""


def unchanged(if_none_match: str | None, tag: str) -> bool:
    """Whether the reader has this already, or wants nothing that is there."""
    return if_none_match is not None and (if_none_match.strip() == "*" or tag in if_none_match)
