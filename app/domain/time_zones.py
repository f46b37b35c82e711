"""Time zones, by their IANA names, and the stretches of time over which each keeps one offset from UTC."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from app.domain.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
"""Instants are counted in microseconds since 1970: whole numbers, so no sum of them is rounded."""
FIRST, LAST = (
    (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for year in (1900, 2100)
)
"""The instants between which offsets can be asked for."""
_STRIDE = timedelta(days=3) // timedelta(seconds=1)
"""Within this time no zone has changed its offset twice since 1900; the closest two changes, in 1939, took 4 days."""

# Asking the system reads hundreds of files, and the answer does not change while the service runs.
_names = cache(available_timezones)


def must_be_known(name: str) -> None:
    """Raise InvalidInput for a name that is no time zone's."""
    # Names of IANA have capitals; the others stand for whichever zone this machine is in.
    if name not in _names() or name.islower():
        raise unknown(name)


def unknown(name: str) -> InvalidInput:
    """What refuses a time zone."""
    return InvalidInput(
        "time_zone_unknown",
        f"There is no time zone {name!r}; use an IANA name such as Asia/Shanghai.",
        field="time_zone",
    )


def stretches(name: str, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The time from begin until end, cut wherever the zone's offset changes: (begin, end, offset), ascending.

    All are microseconds; an instant plus its offset is what a clock on the wall shows. The time must lie between FIRST
    and LAST.
    """
    if begin >= end:
        return
    for year in range(_year(begin), _year(end - 1) + 1):
        for since, until, offset in _of_year(name, year):
            if since < end and begin < until:
                yield max(since, begin), min(until, end), offset


def _year(instant: int) -> int:
    return (EPOCH + timedelta(microseconds=instant)).year


@lru_cache(maxsize=4096)
def _of_year(name: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The stretches of one offset in a year of UTC."""
    zone = ZoneInfo(name)

    def offset(second: int) -> timedelta:
        return (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()

    first, last = (
        (datetime(one, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) for one in (year, year + 1)
    )
    since = [first]
    for low, high in pairwise((*range(first, last, _STRIDE), last)):
        if offset(low) != offset(high):
            since.append(
                low + bisect_left(range(low, high), True, key=lambda at: offset(at) != offset(since[-1]))
            )
    return tuple(
        (begin * SECOND, end * SECOND, offset(begin) // timedelta(microseconds=1))
        for begin, end in pairwise((*since, last))
        if begin < end
    )
