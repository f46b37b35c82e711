"""Background work: its statuses, and when to try again."""

from datetime import timedelta
from enum import StrEnum

MOST_ATTEMPTS = 5
LEASE = timedelta(seconds=30)
"""How long a batch may take before another worker may take the run over."""


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED})


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts at a batch: 2, 4, 8 … seconds, at most five minutes."""
    return timedelta(seconds=min(2**attempts, 300))
