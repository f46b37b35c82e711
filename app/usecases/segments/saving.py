"""Segments as they are defined: added, edited, archived and restored, none of them hanging on itself."""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db import related, runs, segments, sight, survivors, write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.segments import MOST, SEGMENTS, TOLD
from app.db.uow import UnitOfWork
from app.domain import conditions
from app.domain.access import Actor, Scope
from app.domain.conditions import Condition
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.moments import Now
from app.domain.related import Member, segments_in
from app.domain.segments import (
    BUILD,
    Knot,
    SegmentKind,
    Stage,
    check_alone,
    check_circle,
    check_followed,
    check_kind,
    check_tag,
    mentions,
    users_of,
)
from app.kit.ids import new_id
from app.usecases import plain
from app.usecases.plain import Values
from app.usecases.segments.members import check_putting, leave_archived


def read(actor: Actor, raw: Any) -> Condition:
    """A raw condition of a segment. Raises InvalidInput, and Forbidden when it looks at what the actor may not read."""
    condition = related.read(CONTACTS, actor, raw)
    related.check(actor, condition)
    check_followed(condition)
    return condition


def condition(raw: Any, at: datetime) -> Callable[[Actor], Condition]:
    """A raw condition of a segment, to be read by what an actor may read, its moments as they are at this time."""

    def asked(actor: Actor) -> Condition:
        actor.needs(Scope(CONTACTS.reading))
        return conditions.at(read(actor, raw), Now(at, actor.time_zone))

    return asked


def members(segment: UUID, as_of: datetime | None) -> Callable[[Actor], Condition]:
    """That a contact is in a segment, or was; for who may read contacts."""

    def asked(actor: Actor) -> Condition:
        actor.needs(Scope(CONTACTS.reading))
        return Member(segment, as_of=as_of)

    return asked


async def add_segment(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new segment; a dynamic one is built by a run. Raises InvalidInput, Forbidden or RuleBroken."""
    check_kind(values["kind"], values["condition"])
    others = await segments.alone(uow)
    if len(others) >= MOST:
        raise RuleBroken("too_many_segments", f"An organisation has at most {MOST} segments; archive one.")
    made = new_id()
    check_putting(uow.actor, values["tag"])
    check_alone(values["tag"], others)
    uses = await _judged(uow, made, values, others)
    dynamic = values["kind"] == SegmentKind.DYNAMIC
    run = await runs.start(uow, BUILD, {"segment_id": str(made)}) if dynamic else None
    row = plain.new_row(uow, SEGMENTS, values, given)
    stage = Stage.BUILDING if dynamic else Stage.LIVE
    row |= {"id": made, "uses": sorted(uses), "stage": stage, "run_id": run, "problem": None}
    await write.add(uow, SEGMENTS, [row], "segment.added")
    await segments.begin(uow, made, live=not dynamic)
    return made


async def edit_segment(uow: UnitOfWork, segment: UUID, given: Values, *, version: int | None) -> None:
    """Give a segment new values; another condition has it built anew. Raises what adding it would."""
    others = await segments.alone(uow)
    await segments.hold(uow, segment)
    row = await plain.get_locked(uow, SEGMENTS, segment, version, given)
    after = plain.changes_to(uow, SEGMENTS, row, given)
    if "condition" in after:
        check_kind(row["kind"], after["condition"])
        check_putting(uow.actor, row["tag"])
        uses = await _judged(uow, segment, {**dict(row), **after}, others)
        # What it has told of before can still be read in its history.
        after |= {"uses": sorted(uses | set(row["uses"]))} | await _anew(uow, segment)
        await segments.widen(uow, users_of(segment, _knots(uow.actor, others)), sorted(uses))
    if after:
        await write.change(uow, SEGMENTS, [(row, after)], "segment.edited")


async def archive_segment(uow: UnitOfWork, segment: UUID, *, version: int | None) -> None:
    """Put a segment away: it stands still, and nobody is in it until it is restored."""
    others = await segments.alone(uow)
    await segments.hold(uow, segment)
    row = await plain.get_locked(uow, SEGMENTS, segment, version, {})
    users = users_of(segment, _knots(uow.actor, others))
    if users:
        knows = _knowing(uow.actor)
        names = ", ".join(one["name"] for one in others if one["id"] in users and knows(one))
        raise RuleBroken(
            "segment_in_use", f"Other segments are made of this one{': ' if names else ''}{names}."
        )
    await plain.archive_row(uow, SEGMENTS, row)
    await segments.rest(uow, segment)


async def restore_segment(uow: UnitOfWork, segment: UUID, *, version: int | None) -> None:
    """Bring an archived segment back; a dynamic one is built anew. Raises RuleBroken when it would hang on itself now."""
    others = await segments.alone(uow)
    await segments.hold(uow, segment)
    row = await plain.get_locked(uow, SEGMENTS, segment, version, {})
    check_putting(uow.actor, row["tag"])
    await plain.restore_row(uow, SEGMENTS, row)
    check_alone(row["tag"], others)
    # What the segments that it names were edited to meanwhile, it tells of from now on.
    uses = await _judged(uow, segment, dict(row), others)
    await segments.widen(uow, [segment], sorted(uses))
    if row["kind"] == SegmentKind.DYNAMIC:
        await build_anew(uow, segment, others)
    else:
        await segments.begin(uow, segment, live=True)
        cursor = await segments.hold(uow, segment)
        assert cursor is not None
        await leave_archived(uow, row, cursor)


async def rebuild_segment(uow: UnitOfWork, segment: UUID) -> UUID:
    """Start the run that goes over all contacts; its id. Raises NotFound or RuleBroken."""
    others = await segments.alone(uow)
    await segments.hold(uow, segment)
    row = await plain.get_locked(uow, SEGMENTS, segment, None, {})
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This segment is archived; restore it first.")
    if row["kind"] == SegmentKind.STATIC:
        raise RuleBroken("segment_static", "A static segment has no condition to be built by.")
    return await build_anew(uow, segment, others)


async def build_anew(uow: UnitOfWork, segment: UUID, others: Sequence[Row]) -> UUID:
    """Start the run that builds a segment, as it stands in this transaction; others are `segments.alone`."""
    row = await segments.held(uow, segment)
    uses = await survivors.uses(uow, related.read(CONTACTS, uow.actor, row["condition"]))
    # Whom it finds by what was merged since, it tells of, and so do those that are made of it.
    await segments.widen(uow, [segment, *users_of(segment, _knots(uow.actor, others))], sorted(uses))
    after = await _anew(uow, segment)
    await write.change(uow, SEGMENTS, [(row, after)], "segment.edited")
    run: UUID = after["run_id"]
    return run


async def _anew(uow: UnitOfWork, segment: UUID) -> dict[str, Any]:
    run = await runs.start(uow, BUILD, {"segment_id": str(segment)})
    await segments.rest(uow, segment)
    return {"stage": Stage.BUILDING, "run_id": run, "problem": None}


async def _judged(
    uow: UnitOfWork, segment: UUID, values: Mapping[str, Any], others: Sequence[Row]
) -> set[str]:
    """What the segment tells of. Raises InvalidInput, Forbidden or RuleBroken."""
    actor = uow.actor
    if values["condition"] is None:
        return set()
    condition = read(actor, values["condition"])
    if values["tag"] is not None:
        check_tag(condition)
    uses = {*related.uses(condition), *await survivors.uses(uow, condition)}
    known = {one["id"]: one for one in filter(_knowing(actor), others) if one["id"] != segment}
    for named in segments_in(condition) - {segment}:
        if named not in known:
            raise InvalidInput(
                "segment_unknown", f"There is no segment {named}, or you may not see it.", field="condition"
            )
        uses |= set(known[named]["uses"])
    start = Knot(segment, values["name"], values["tag"], mentions(values["condition"]))
    check_circle(start, [knot for knot in _knots(actor, others) if knot.id != segment])
    return uses


def _knowing(actor: Actor) -> Callable[[Row], bool]:
    """Tells whether the actor may know a segment."""
    readable = sight.readable(actor, TOLD)
    return lambda segment: readable is None or readable.issuperset(segment["uses"])


def _knots(actor: Actor, rows: Sequence[Row]) -> list[Knot]:
    knows = _knowing(actor)
    return [
        Knot(
            row["id"],
            row["name"] if knows(row) else "one that you may not see",
            row["tag"],
            mentions(row["condition"]),
        )
        for row in rows
    ]
