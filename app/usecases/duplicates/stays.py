"""Segments kept by hand, when contacts become one: the survivor is where the others were, and undoing puts them back."""

from collections.abc import Collection, Mapping, Sequence
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


async def leave(
    uow: UnitOfWork, held: Held, merge: UUID, begun: int, survivor: UUID, others: Sequence[UUID]
) -> None:
    """Take the survivor out of where a merge has put it, and put the others back where they were when it began.

    begun is the place in the log just before the merge.
    """
    entered = await memberships.entered_by(uow, survivor, f"merge:{merge}")
    back = await memberships.left_archived(uow, others, begun)
    for segment in sorted(held.keys() & (entered | back.keys())):
        leaving = [survivor] if segment in entered else []
        await _move(uow, held[segment], sorted(back.get(segment, ())), leaving)


async def _move(uow: UnitOfWork, segment: Row, adding: Sequence[UUID], removing: Collection[UUID]) -> None:
    looked = dict.fromkeys((*adding, *removing), Why.BY_HAND)
    await memberships.move(uow, segment, adding, looked, memberships.later(uow, segment))
