"""What was known of a deal, and since when: stages by when they are dated, fields by when they were written.

Before anything was written of a deal, as in histories that were imported, its fields were what was written at first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

FIELDS = ("amount", "currency", "expected_close", "owner_id", "archived_at")
"""The fields of which the past is asked."""
Values = Mapping[str, Any]
Move = tuple[str, str, datetime]
"""Verb, stage and moment, as a stage history has it."""
Written = tuple[datetime, Values | None, Values]
"""A change as the log has it: when, and the fields before (nothing of what is new) and after."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was known from a moment on: that it came to a stage, or is worth something else there."""

    verb: str
    """By which it came to the stage."""
    stage: str
    at: datetime
    amount: Decimal | None
    currency: str
    closes: date | None


@dataclass(frozen=True, slots=True)
class Past:
    """A deal as of a moment."""

    known: tuple[Known, ...]
    owner: UUID | None
    archived: bool


def past(moves: Sequence[Move], written: Sequence[Written], present: Values, as_of: datetime) -> Past:
    """A deal by its history and the changes of its fields, each in their order, without what came at `as_of` or later.

    `present` are the fields as they are now, for those that no change tells of.
    """
    fields = at_first(written, present)
    steps: list[tuple[datetime, int, tuple[str, str] | None, Values]] = []
    steps += [(at, 1, (verb, stage), {}) for verb, stage, at in moves if at < as_of]
    steps += [(at, 0, None, after) for at, _, after in written if at < as_of]
    known: list[Known] = []
    here: tuple[str, str] | None = None
    for at, _, move, after in sorted(steps, key=lambda step: step[:2]):
        worth = _worth(fields)
        fields |= after
        here = move or here
        if here is not None and (move or _worth(fields) != worth):
            amount, currency, closes = _worth(fields)
            known.append(Known(*here, at, amount, currency, closes))
    owner = fields["owner_id"]
    return Past(tuple(known), owner and UUID(str(owner)), fields["archived_at"] is not None)


def at_first(written: Sequence[Written], present: Values) -> dict[str, Any]:
    """Each field as it was before the first change that tells of it, or as it was written at first."""
    fields = dict(present)
    for _, before, after in reversed(written):
        fields |= after if before is None else before
    return fields


def _worth(fields: Values) -> tuple[Decimal | None, str, date | None]:
    amount, closes = fields["amount"], fields["expected_close"]
    return (
        None if amount is None else Decimal(amount),
        fields["currency"],
        None if closes is None else closes if isinstance(closes, date) else date.fromisoformat(closes),
    )
