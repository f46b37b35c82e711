"""The one place that reads the clock."""

import time
from datetime import UTC, datetime

SERVERS = "clock_timestamp()"
"""The current instant in SQL, by the one clock that processes on several machines share."""


def now() -> datetime:
    """The current instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this is the one reader


def monotonic() -> float:
    """Seconds since an arbitrary start, for durations only."""
    return time.perf_counter()


def nanoseconds() -> int:
    """The current instant as nanoseconds since 1970, for ids."""
    return time.time_ns()
