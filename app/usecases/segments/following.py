"""Segments kept right: built over all contacts by a run, then moved on by what the log tells and by the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db import events, following, memberships, related, segments, write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.events import Position
from app.db.segments import SEGMENTS
from app.db.uow import UnitOfWork
from app.domain import conditions
from app.domain.conditions import Condition
from app.domain.errors import InvalidInput
from app.domain.moments import Now
from app.domain.related import boundaries
from app.domain.runs import Progress, RunStatus
from app.domain.segments import Stage, Why, next_step, touched
from app.usecases.segments.saving import build_anew

BATCH = 5_000
"""Contacts that a batch of a building looks at."""
WHOLE = 100
"""What a building counts its progress to."""
READ = 2_000
"""Events read in one step."""
MOST = 20_000
"""Contacts looked at in one step; where more may have moved, the segment is built anew, batch by batch."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step came to."""

    more: bool = False
    """More waits in the log."""
    anew: bool = False
    """Too much has happened, or nobody can say to whom: it must be built anew."""


async def build_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next contacts are put where they belong; a segment that was edited meanwhile is left to the run of that edit.

    Neither progress, in hundredths, nor result tell how many contacts there are, which not all may know.
    """
    segment = UUID(run["params"]["segment_id"])
    cursor = await segments.hold(uow, segment)
    row = await segments.held(uow, segment)
    here = run["checkpoint"]
    if row["run_id"] != run["id"] or row["archived_at"] is not None:
        return Progress(here or {}, run["done"], finished=True, result={"overtaken": True})
    if here is None or cursor is None:
        await segments.begin(uow, segment, live=False)
        return Progress({"after": None, "looked": 0, "of": await following.how_many(uow)}, 0, total=WHOLE)
    after = None if here["after"] is None else UUID(here["after"])
    ids = await following.next_contacts(uow, after, BATCH)
    at = memberships.later(uow, cursor)
    try:
        condition = _read(uow, row)
    except InvalidInput as problem:
        await _stop(uow, row, problem.detail)
        return Progress(here, run["done"], finished=True, result={"stopped": True})
    await _settle(uow, row, condition, dict.fromkeys(ids, Why.REBUILD), at)
    await segments.stamp(uow, segment, at)
    if len(ids) == BATCH:
        looked = here["looked"] + BATCH
        onward = {"after": str(ids[-1]), "looked": looked, "of": here["of"]}
        return Progress(onward, min(WHOLE * looked // max(here["of"], 1), WHOLE - 1))
    await write.change(uow, SEGMENTS, [(row, {"stage": Stage.LIVE, "problem": None})], "segment.built")
    await segments.wake(uow, segment)
    return Progress(here, WHOLE, finished=True, result={})


async def follow_segment(uow: UnitOfWork, segment: UUID) -> Step:
    """Take a segment one step on in the log, and up to now. Raises InvalidInput when its condition cannot be read."""
    cursor = await segments.take(uow, segment)
    if cursor is None:
        return Step()
    row = await segments.of_cursor(uow, segment)
    condition = _read(uow, row)
    if cursor["xid"] == 0:
        return Step(anew=True)
    rows, position = await events.read_after(uow, Position(cursor["xid"], cursor["seq"]), READ)
    found, at = touched(rows, condition), memberships.later(uow, cursor)
    edges = frozenset() if condition is None else boundaries(condition)
    looked = await following.crossed(uow, edges, cursor["clock_from"], at, MOST + 1)
    looked |= await following.reached(uow, found, MOST + 1)
    looked |= found.contacts
    if found.anew or len(looked) > MOST:
        return Step(anew=True)
    await _settle(uow, row, condition, looked, at)
    await memberships.forget(uow, sorted(found.erased))
    await segments.move(uow, segment, position, at, next_step(edges, at, uow.actor.time_zone))
    return Step(more=len(rows) == READ)


async def begin_anew(uow: UnitOfWork, segment: UUID) -> None:
    """Have a segment built by its condition; one that is kept by hand goes on from here."""
    others = await segments.alone(uow)
    await segments.hold(uow, segment)
    row = await segments.held(uow, segment)
    if row["condition"] is None:
        await segments.begin(uow, segment, live=True)
    else:
        await build_anew(uow, segment, others)


async def stop_segment(uow: UnitOfWork, segment: UUID, problem: str) -> None:
    """A condition that cannot be read any more leaves its segment as it stands, and says so."""
    await segments.hold(uow, segment)
    await _stop(uow, await segments.held(uow, segment), problem)


async def tell_broken_off(uow: UnitOfWork, segment: UUID) -> None:
    """A segment whose building was cancelled, or failed, says so; until then it seems to be built for ever."""
    await segments.hold(uow, segment)
    row = await segments.held(uow, segment)
    run = await segments.broken_off(uow, segment)
    if run is not None:
        why = "was cancelled" if run["status"] == RunStatus.CANCELLED else f"failed: {run['error']}"
        await _stop(uow, row, f"The run that was to build it {why.removesuffix('.')}.")


async def _stop(uow: UnitOfWork, row: Row, problem: str) -> None:
    await segments.rest(uow, row["id"])
    says = f"{problem} The segment stands still; edit it, or have it rebuilt once this is mended."
    await write.change(uow, SEGMENTS, [(row, {"problem": says})], "segment.stopped")


def _read(uow: UnitOfWork, row: Row) -> Condition | None:
    return None if row["condition"] is None else related.read(CONTACTS, uow.actor, row["condition"])


async def _settle(
    uow: UnitOfWork, row: Row, condition: Condition | None, looked: Mapping[UUID, Why], at: datetime
) -> None:
    """Put the contacts looked at where they belong; a segment kept by hand is left by those who are put away.

    The log tells of them, and may be behind: whoever is there again by now stays.
    """
    if not looked:
        return
    if condition is None:
        inside = memberships.remaining(uow, row["id"], list(looked))
    else:
        now = Now(at, uow.actor.time_zone)
        inside = following.inside(uow.actor, conditions.at(condition, now), list(looked), row["uses"])
    await memberships.settle(uow, row, inside, looked, at)
