"""Tasks: what becomes of them, and who is reminded of them."""

from uuid import UUID

from app.db import tasks, write
from app.db.tasks import TASKS
from app.db.uow import UnitOfWork
from app.domain.access import must_read, must_write
from app.domain.tasks import TaskStatus, plan_status
from app.usecases import plain

_EVENTS = {
    TaskStatus.DONE: "task.completed",
    TaskStatus.CANCELLED: "task.cancelled",
    TaskStatus.OPEN: "task.reopened",
}


async def change_status(uow: UnitOfWork, task: UUID, to: TaskStatus, *, version: int | None) -> None:
    """Done, cancelled, or open again. Raises NotFound, Stale, Forbidden or RuleBroken."""
    must_write(uow.actor, TASKS.name, ("status",))
    must_read(uow.actor, TASKS.name, ("status",))  # the refusal speaks of it
    row = await plain.get_locked(uow, TASKS, task, version, {})
    after = plan_status(row, to, at=uow.now, by=uow.actor.user_id)
    await write.change(uow, TASKS, [(row, after)], _EVENTS[to])


async def remind(uow: UnitOfWork, most: int) -> int:
    """Tell of each task of which somebody is to be reminded by now, once; how many there were."""
    rows = await write.locked(uow, TASKS, await tasks.to_remind_of(uow, most))
    await write.change(
        uow, TASKS, [(row, {"reminded_at": uow.now}) for row in rows.values()], "task.reminded"
    )
    return len(rows)
