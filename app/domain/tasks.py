"""Tasks: what somebody is to do, until when, and what became of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain.errors import RuleBroken
from app.domain.transitions import Transitions


class TaskKind(StrEnum):
    """What is to be done."""

    TODO = "todo"
    CALL = "call"
    MEETING = "meeting"


class Priority(StrEnum):
    """How much it matters."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class TaskStatus(StrEnum):
    """What became of it."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


TRANSITIONS = Transitions(
    {
        TaskStatus.OPEN: {TaskStatus.DONE, TaskStatus.CANCELLED},
        TaskStatus.DONE: {TaskStatus.OPEN},
        TaskStatus.CANCELLED: {TaskStatus.OPEN},
    }
)


def follows(task: Mapping[str, Any]) -> dict[str, Any]:
    """What is so once a task is new, or another moment is set to be reminded of it."""
    kept = {name: task.get(name) for name in ("closed_at", "closed_by_id")}
    return kept | {"status": task.get("status", TaskStatus.OPEN), "reminded_at": None}


def plan_status(task: Mapping[str, Any], to: TaskStatus, *, at: datetime, by: UUID | None) -> dict[str, Any]:
    """The task with another status, closed then by whom, or open again. Raises RuleBroken."""
    if task["archived_at"] is not None:
        raise RuleBroken("archived", "This task is archived; restore it before you change it.")
    TRANSITIONS.allow("task", TaskStatus(task["status"]), to)
    if to is TaskStatus.OPEN:
        return {"status": to, "closed_at": None, "closed_by_id": None}
    return {"status": to, "closed_at": at, "closed_by_id": by}
