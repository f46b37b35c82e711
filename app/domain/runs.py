"""Background work: its statuses, who may take its next batch, and when to try again.

A batch is taken in one short transaction and done in a second one. Taking writes a fresh lease into the run and
pushes due_at ahead, and so does renewing it, beside a batch that goes on for longer; ending writes the checkpoint only
while that lease still stands, in the transaction of the batch's own work. So a batch counts whole or not at all,
whoever dies or comes late, and a run whose worker died comes due again when its lease is over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from app.domain.access import Scope
from app.domain.transitions import Transitions

MOST_ATTEMPTS = 5
LEASE = timedelta(seconds=30)
"""How long after its last word a worker is taken for dead, and another may take the run over."""
LIMIT = timedelta(hours=1)
"""How long one batch may go on."""
MOST_PATIENCE = timedelta(minutes=1)
"""Between two looks at whether somebody else is out of the way."""
TOO_MUCH = frozenset({"took_too_long", "database_unreachable"})
"""Codes of Busy that a batch may have brought upon itself, so that it is not tried for ever."""
DIED = "The worker died while it was at this work; this happened too often to try again by itself."


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED})
ALLOWED = Transitions(
    {
        RunStatus.QUEUED: {RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.RUNNING: {RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED},
        RunStatus.DONE: set(),
        RunStatus.FAILED: {RunStatus.QUEUED},
        RunStatus.CANCELLED: {RunStatus.QUEUED},
    }
)


_ASKED_BY = {
    "contacts": Scope.privacy_write,
    "duplicates": Scope.duplicates_write,
    "exports": Scope.exports_write,
    "forecasts": Scope.analytics_write,
    "imports": Scope.imports_write,
    "rfm": Scope.analytics_write,
    "segments": Scope.segments_write,
    "tags": Scope.tags_write,
}


class RunLike(Protocol):
    """What the rules need to know of a run."""

    status: str
    lease: UUID | None
    attempts: int
    total: int | None
    started_at: datetime | None
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What a batch came to: where the next one begins, or, finished, the result of the whole run."""

    checkpoint: Mapping[str, Any]
    done: int
    """Of the whole run so far."""
    total: int | None = None
    """None leaves the total as it is."""
    finished: bool = False
    result: Mapping[str, Any] | None = None
    wait: timedelta = timedelta(0)
    """Until the next batch is due; what it waits for is told by nobody."""


@dataclass(frozen=True, slots=True)
class Plan:
    """New values of a run, and the event they are worth, if any."""

    values: dict[str, Any]
    event: str | None = None


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts at a batch: 2, 4, 8, then 16 seconds."""
    return timedelta(seconds=2**attempts)


def plan_take(run: RunLike, *, lease: UUID, at: datetime, until: datetime) -> Plan:
    """Take the next batch of a run that is due; a lease that still stands in it is a dead worker's, and counts."""
    attempts = run.attempts + (run.lease is not None)
    if attempts >= MOST_ATTEMPTS:
        return _failed(run, attempts, DIED, at)
    values = {"lease": lease, "due_at": until, "attempts": attempts}
    if run.status == RunStatus.RUNNING:
        return Plan(values)
    return Plan(
        values | {"status": RunStatus.RUNNING, "started_at": run.started_at or at, "error": None},
        "run.started",
    )


def plan_step(run: RunLike, progress: Progress, *, at: datetime) -> Plan:
    """A batch is done."""
    total = run.total if progress.total is None else progress.total
    values = {
        "checkpoint": dict(progress.checkpoint),
        "done": progress.done,
        "total": total,
        "lease": None,
        "due_at": at + progress.wait,
        "attempts": 0,
        "error": None,
        "waiting_since": None,
    }
    if not progress.finished:
        return Plan(values)
    ALLOWED.allow("run", RunStatus(run.status), RunStatus.DONE)
    result = None if progress.result is None else dict(progress.result)
    return Plan(values | {"status": RunStatus.DONE, "result": result, "finished_at": at}, "run.done")


def plan_failure(run: RunLike, sentence: str, *, at: datetime) -> Plan:
    """A batch came to nothing: wait and try again, or give the run up."""
    attempts = run.attempts + 1
    if attempts >= MOST_ATTEMPTS:
        return _failed(run, attempts, sentence, at)
    values = {"lease": None, "due_at": at + pause(attempts), "attempts": attempts}
    return Plan(values | {"error": sentence, "waiting_since": None})


def plan_wait(run: RunLike, sentence: str, *, at: datetime) -> Plan:
    """Somebody else is in the way of a batch: wait for as long again as it has waited already; nothing is counted."""
    since = run.waiting_since or at
    due_at = at + min(max(at - since, pause(1)), MOST_PATIENCE)
    return Plan({"lease": None, "due_at": due_at, "error": sentence, "waiting_since": since})


def plan_release(*, at: datetime) -> Plan:
    """A worker that stops hands its batch back; nothing is counted."""
    return Plan({"lease": None, "due_at": at})


def plan_cancel(run: RunLike, *, at: datetime) -> Plan:
    """Stop before the next batch; a batch under way is not kept. Raises RuleBroken."""
    ALLOWED.allow("run", RunStatus(run.status), RunStatus.CANCELLED)
    values = {"status": RunStatus.CANCELLED, "lease": None, "finished_at": at, "waiting_since": None}
    return Plan(values, "run.cancelled")


def plan_retry(run: RunLike, *, at: datetime) -> Plan:
    """Go on from the checkpoint after a failure or a cancellation. Raises RuleBroken."""
    ALLOWED.allow("run", RunStatus(run.status), RunStatus.QUEUED)
    values = {"status": RunStatus.QUEUED, "attempts": 0, "error": None, "finished_at": None, "due_at": at}
    return Plan(values, "run.queued")


def asked_by(kind: str) -> Scope:
    """The scope by which somebody asks for such work; that of all runs for what nobody can ask for."""
    return _ASKED_BY.get(kind.partition(".")[0], Scope.runs_write)


def first(nouns: Sequence[str]) -> dict[str, Any]:
    """The checkpoint at which a walk over the records of these nouns begins."""
    return {"pass": 1, "noun": nouns[0], "after": None}


def ahead(
    here: Mapping[str, Any], following: UUID | None, nouns: Sequence[str], passes: int
) -> dict[str, Any] | None:
    """Where a walk goes on: after a record of the same noun, in the next noun, in the next pass, or nowhere."""
    if following is not None:
        return {**here, "after": str(following)}
    place = nouns.index(here["noun"]) + 1
    if place < len(nouns):
        return {**here, "noun": nouns[place], "after": None}
    return {**first(nouns), "pass": here["pass"] + 1} if here["pass"] < passes else None


def _failed(run: RunLike, attempts: int, sentence: str, at: datetime) -> Plan:
    ALLOWED.allow("run", RunStatus(run.status), RunStatus.FAILED)
    values = {"status": RunStatus.FAILED, "lease": None, "attempts": attempts}
    return Plan(values | {"error": sentence, "finished_at": at, "waiting_since": None}, "run.failed")
