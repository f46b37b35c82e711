"""Background work: asked for by people, carried by the relay, done batch by batch by a worker."""

from datetime import timedelta
from uuid import UUID

from app.db import runs, tags, write
from app.db.engine import Row
from app.db.runs import RUNS
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.runs import (
    Progress,
    asked_by,
    plan_cancel,
    plan_failure,
    plan_release,
    plan_retry,
    plan_step,
    plan_take,
    plan_wait,
)
from app.domain.tags import RENAME, check_meant, check_settled
from app.kit.ids import new_id
from app.usecases import plain


async def cancel_run(uow: UnitOfWork, run: UUID) -> None:
    """Stop a run before its next batch; what is done stays done. Raises Forbidden, NotFound or RuleBroken."""
    row = await _steered(uow, run)
    await runs.apply(uow, row, plan_cancel(row, at=uow.now))


async def retry_run(uow: UnitOfWork, run: UUID) -> None:
    """Let a failed or cancelled run go on from where it stood. Raises Forbidden, NotFound or RuleBroken."""
    row = await _steered(uow, run)
    plan = plan_retry(row, at=uow.now)
    if row["kind"] == RENAME:
        await _check_names(uow, row)
    await runs.apply(uow, row, plan)
    uow.nudges.append(run)


async def _steered(uow: UnitOfWork, run: UUID) -> Row:
    """The run, locked, for whoever may steer every run, or has asked for this one and may still ask for such work."""
    if not uow.actor.may(Scope.runs_write):
        kind = await runs.kind_asked_for(uow, run)
        uow.actor.needs(Scope.runs_write if kind is None else asked_by(kind))
    return await plain.get_locked(uow, RUNS, run, None, {})


async def _check_names(uow: UnitOfWork, rename: Row) -> None:
    """Other renames wait for this one from here on, and nobody takes one of its names until this transaction ends."""
    params = rename["params"]
    check_settled(await runs.alone(uow, RENAME), params["old"], params["new"])
    tag, former = UUID(params["tag_id"]), await tags.named(uow, params["old"])
    rows = await write.locked(uow, TAGS, [tag, *filter(None, [former])])
    check_meant(rename, rows[former] if former else None, rows[tag])


async def take_batch(uow: UnitOfWork, run: UUID, *, lease: timedelta) -> Row | None:
    """The run with a fresh lease, or None when it is not due, somebody else has it, or it died too often."""
    row = await runs.take(uow, run)
    if row is None:
        return None
    token = new_id()
    plan = plan_take(row, lease=token, at=uow.now, until=row["taken_at"] + lease)
    await runs.apply(uow, row, plan)
    return await runs.held(uow, run, token)


async def end_batch(uow: UnitOfWork, run: Row, progress: Progress) -> bool:
    """Keep a batch's progress with its work; False when the lease is lost, and then nothing of it may be kept."""
    row = await runs.held(uow, run["id"], run["lease"])
    if row is None:
        return False
    await runs.apply(uow, row, plan_step(row, progress, at=uow.now))
    return True


async def fail_batch(uow: UnitOfWork, run: Row, sentence: str) -> None:
    """Count a failed attempt, unless the lease is lost and another worker counts."""
    row = await runs.held(uow, run["id"], run["lease"])
    if row is not None:
        await runs.apply(uow, row, plan_failure(row, sentence, at=uow.now))


async def put_off_batch(uow: UnitOfWork, run: Row, sentence: str) -> None:
    """Wait until somebody else is out of the way; nothing is counted."""
    row = await runs.held(uow, run["id"], run["lease"])
    if row is not None:
        await runs.apply(uow, row, plan_wait(row, sentence, at=uow.now))


async def release_batch(uow: UnitOfWork, run: Row) -> None:
    """Hand a batch back that was not begun or not ended, for anybody to take at once."""
    row = await runs.held(uow, run["id"], run["lease"])
    if row is not None:
        await runs.apply(uow, row, plan_release(at=uow.now))
