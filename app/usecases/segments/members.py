"""Who is in a segment: moved by hand, by whoever may have it put its tag."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.db import memberships, references, segments, sight
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.segments import SEGMENTS
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.segments import SegmentKind, Why
from app.usecases import plain


async def leave_archived(uow: UnitOfWork, row: Row, cursor: Row) -> None:
    """Those who were archived while nobody followed leave a segment that is kept by hand."""
    looked = dict.fromkeys(await memberships.put_away(uow, row["id"]), Why.ARCHIVED)
    if looked:
        await memberships.move(uow, row, [], looked, memberships.later(uow, cursor))


def check_putting(actor: Actor, tag: str | None) -> None:
    """Raise Forbidden for whoever would have a segment put a tag on contacts, and may not write it there."""
    if tag is not None:
        actor.needs(Scope.contacts_write)
        CONTACTS.must_be_writable(actor, ["tags"])


async def change_members(
    uow: UnitOfWork, segment: UUID, adding: Sequence[UUID], removing: Sequence[UUID]
) -> dict[str, int]:
    """Put contacts into a static segment, take others out; how many moved. Raises NotFound, InvalidInput or RuleBroken."""
    cursor = await segments.hold(uow, segment)
    row = await plain.get_locked(uow, SEGMENTS, segment, None, {})
    assert cursor is not None
    check_putting(uow.actor, row["tag"])
    _check(row, adding, removing)
    await _check_seen(uow, adding, removing)
    if row["tag"] is not None:
        # Before survivors are held: two that tag the same contacts would wait for each other.
        await references.claim(uow, CONTACTS, None)
    moved_on = await references.survivors(uow, CONTACTS, {*adding, *removing})
    adding, removing = _followed(adding, moved_on, "add"), _followed(removing, moved_on, "remove")
    _check(row, adding, removing)
    looked = dict.fromkeys((*adding, *removing), Why.BY_HAND)
    moved = await memberships.move(uow, row, adding, looked, memberships.later(uow, cursor))
    entered = sum(one["entered"] for one in moved)
    return {"entered": entered, "left": len(moved) - entered}


def _check(row: Row, adding: Sequence[UUID], removing: Sequence[UUID]) -> None:
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This segment is archived; restore it before you change it.")
    if row["kind"] == SegmentKind.DYNAMIC:
        raise RuleBroken("segment_dynamic", "The members of a dynamic segment follow from its condition.")
    both = set(adding) & set(removing)
    if both:
        raise InvalidInput(
            "member_twice", f"The contact {min(both)} is to be added and removed.", field="remove"
        )


async def _check_seen(uow: UnitOfWork, adding: Sequence[UUID], removing: Sequence[UUID]) -> None:
    question, binds = sight.seen(uow.actor, CONTACTS, [*adding, *removing])
    seen = {row["id"] for row in await uow.fetch(question.sql, *question.values(binds))}
    for field, ids in (("add", adding), ("remove", removing)):
        if unseen := set(ids) - seen:
            raise _unknown(min(unseen), field)


def _followed(ids: Sequence[UUID], moved: Mapping[UUID, UUID | None], field: str) -> list[UUID]:
    """With survivors in the place of those who became part of them. Raises InvalidInput for one that is not seen."""
    now = [(one, moved.get(one, one)) for one in ids]
    if hidden := [one for one, survivor in now if survivor is None]:
        raise _unknown(min(hidden), field)
    return [*dict.fromkeys(survivor for _, survivor in now if survivor)]


def _unknown(contact: UUID, field: str) -> InvalidInput:
    return InvalidInput(
        "contact_unknown", f"There is no contact {contact}, or you may not see it.", field=field
    )
