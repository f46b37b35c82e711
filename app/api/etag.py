"""Versions on the wire: ETag out, If-Match in (RFC 9110, 8.8.3 and 13.1.1)."""

import re
from typing import Annotated

from fastapi import Depends, Header

from app.domain.errors import InvalidInput, PreconditionMissing

_TAG = re.compile(r'(?:W/)?"(\d{1,9})"')


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


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
        raise InvalidInput("if_match_invalid", 'If-Match is an ETag such as "3", or *.', field="If-Match")
    return int(found[1])


Version = Annotated[int | None, Depends(_version)]
"""The version that a change was made for; None for any."""


def unchanged(if_none_match: str | None, version: int) -> bool:
    """Whether the reader has this version already."""
    return if_none_match is not None and etag(version) in if_none_match
