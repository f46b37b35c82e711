"""Segments kept by hand, when contacts become one: the survivor is where the others were, and undoing puts them back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import memberships
from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.errors import Busy
from app.domain.segments import Why

Held = Mapping[UUID, Row]
"""Segments, held before any contact is locked, as memberships.hold_static tells of them."""


async def enter(uow: UnitOfWork, held: Held, others: Sequence[UUID], survivor: UUID) -> None:
    """Put the survivor where the others are. Raises Busy when one has got into a segment just before it was locked."""
    inside = await memberships.inside_now(uow, others)
    if inside - held.keys():
        # To hold that segment now would be too late: whoever holds it may be waiting for these contacts.
        raise Busy(
            "try_again", "Somebody has just put one of these contacts into a segment; try again in a moment."
        )
    for segment in sorted(inside):
        await _move(uow, held[segment], [survivor], [])


async def leave(uow: UnitOfWork, held: Held, merge: UUID, survivor: UUID, *, tags: bool) -> None:
    """Take the survivor out of where it is by a merge; tags says whether the segments' tags are still to be taken off.

    Where somebody has put it back by hand since, it stays. Where its tags are what they were before the merge, one that
    a segment puts too is its own.
    """
    for segment in sorted(held.keys() & await memberships.entered_by(uow, survivor, f"merge:{merge}")):
        row = held[segment]
        await _move(uow, row if tags else {**row, "tag": None}, [], [survivor])


async def put_back(uow: UnitOfWork, held: Held, begun: int, others: Sequence[UUID]) -> None:
    """Put the others back where they were when the merge began, which is just after this place in the log."""
    back = await memberships.left_archived(uow, others, begun)
    for segment in sorted(held.keys() & back.keys()):
        await _move(uow, held[segment], sorted(back[segment]), [])


async def _move(
    uow: UnitOfWork, segment: Mapping[str, Any], adding: Sequence[UUID], removing: Collection[UUID]
) -> None:
    looked = dict.fromkeys((*adding, *removing), Why.BY_HAND)
    await memberships.move(uow, segment, adding, looked, memberships.later(uow, segment))
