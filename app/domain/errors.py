"""What can go wrong, named; only the HTTP door knows status numbers.

DomainError
├── Unauthenticated   who are you?                      unauthenticated, credentials_wrong, token_reused
├── Forbidden         you may not                       scope_missing, field_hidden, field_read_only
├── NotFound          not there, or not for your eyes   contact_not_found
├── RuleBroken        a rule of the business says no    status_not_allowed, already_archived
├── Duplicate         it exists already                 external_id_taken, sku_taken
├── Stale             somebody else was first           version_mismatch
├── PreconditionMissing  say which version you mean     if_match_missing
├── InvalidInput      the request cannot be understood  condition_invalid, field_unknown
├── TooLarge          more than fits                    body_too_large
├── TooMany           slow down                         locked_out
└── Busy              come back in a moment             try_again
"""

from typing import Any


class DomainError(Exception):
    """A named refusal: a stable code, a sentence for people, and facts for programs."""

    def __init__(self, code: str, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.facts = facts


class Unauthenticated(DomainError):
    """The caller is not known."""


class Forbidden(DomainError):
    """The caller is known and may not."""


class NotFound(DomainError):
    """No such record, or none that the caller may see."""


class RuleBroken(DomainError):
    """A rule of the business forbids it now."""


class Duplicate(DomainError):
    """A value that must be unique is taken."""


class Stale(DomainError):
    """The record has changed since the caller read it."""


class PreconditionMissing(DomainError):
    """A change must say which version of the record it was made for."""


class InvalidInput(DomainError):
    """The request names something that does not exist or does not fit."""


class TooLarge(DomainError):
    """The request is larger than is taken at once."""


class TooMany(DomainError):
    """Too many attempts."""


class Busy(DomainError):
    """A lock or a connection was not to be had in time; the same request may succeed later."""
