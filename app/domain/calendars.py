"""Calendars: when a business is open, and an exact clock that counts nothing but that time.

A moment is open when the clock on the wall of the calendar's time zone shows, on a date, a time within the hours of
that date: those of a special day, or else those of its weekday. What is counted is the time that really passes while
this is so. So an hour that the clock skips in spring counts for nothing, and one that it shows twice in autumn counts
twice, or not at all both times. Every sum is of whole microseconds; nothing is rounded.

A calendar is made into a table once: the open time before each weekday of a week, and what each special day adds to or
takes from all days after it. The open time between two instants is then the difference of two look-ups for each stretch
of one offset from UTC, however long it is. Over many records at once the same can be asked of PostgreSQL: the counted
intervals of a trace over some years are rows (begin, end, open time of all rows before); of the last row that begins
before an instant, that sum and the part of the row that has passed are the open time until the instant.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from app.domain.errors import InvalidInput, RuleBroken
from app.domain.opening_hours import (
    DAY,
    WEEKDAYS,
    Hours,
    SpecialDay,
    Table,
    Why,
    check,
    read_special_day,
    read_week,
    write_hours,
)
from app.domain.time_zones import EPOCH, FIRST, LAST, must_be_known, stretches

HORIZON = timedelta(days=3653)
"""How far ahead, some ten years, open time is looked for."""
TRACED = timedelta(days=366)
"""The longest time that is told of interval by interval."""
STANDARD_WEEK = dict.fromkeys(WEEKDAYS[:5], ("09:00-18:00",))
"""The hours of an organisation that has not chosen a calendar; it has no holidays."""
_MICROSECOND = timedelta(microseconds=1)
_FIFTY_YEARS = 18_263


@dataclass(frozen=True)
class Calendar:
    """When a business is open: hours by weekday from Monday on, and special days instead of them.

    Raises InvalidInput for an unknown time zone, hours that end before they begin or overlap, and a date said twice.
    """

    name: str
    time_zone: str
    week: tuple[Hours, ...]
    special_days: tuple[SpecialDay, ...] = ()

    def __post_init__(self) -> None:
        must_be_known(self.time_zone)
        check(self.week, self.special_days)

    @cached_property
    def table(self) -> Table:
        """The calendar as it is counted by."""
        return Table(self.week, self.special_days)


def read(written: Mapping[str, Any]) -> Calendar:
    """A calendar as it is written: name, time_zone, hours as text by weekday (week), special_days. Raises InvalidInput."""
    special_days = tuple(map(read_special_day, written["special_days"]))
    return Calendar(written["name"], written["time_zone"], read_week(written["week"]), special_days)


def write(calendar: Calendar) -> dict[str, Any]:
    """The hours of a calendar as `read` reads them: all weekdays, and the special days by date."""
    special_days = sorted(calendar.special_days, key=lambda day: day.on)
    return {
        "week": {day: write_hours(hours) for day, hours in zip(WEEKDAYS, calendar.week, strict=True)},
        "special_days": [
            {"on": day.on.isoformat(), "name": day.name, "hours": write_hours(day.hours)}
            for day in special_days
        ],
    }


def standard(time_zone: str) -> Calendar:
    """The calendar of an organisation that has not chosen one."""
    return Calendar("standard", time_zone, read_week(STANDARD_WEEK))


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that is not counted although the calendar is open, and why; without an end, it goes on."""

    begin: datetime
    end: datetime | None
    reason: str

    def __post_init__(self) -> None:
        if self.end is not None and _instant(self.end) < _instant(self.begin):
            raise ValueError(
                f"The pause ({self.reason}) ends at {self.end} and begins later, at {self.begin}."
            )


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a trace, in UTC; its name is that of the special day, or the reason of the pause."""

    begin: datetime
    end: datetime
    why: Why
    name: str | None = None

    @property
    def counted(self) -> bool:
        """Whether this time is business time."""
        return self.why is Why.OPEN


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether the moment is business time."""
    instant = _instant(at)
    ((_, _, offset),) = stretches(calendar.time_zone, instant, instant + 1)
    number, within = divmod(instant + offset, DAY)
    return any(begin <= within < end for begin, end in calendar.table.day(number).hours)


def between(calendar: Calendar, begin: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> timedelta:
    """The business time from begin until end without the pauses; less than nothing when end is before begin."""
    since, until = _instant(begin), _instant(end)
    if until < since:
        return -between(calendar, end, begin, pauses)
    counted = sum(
        calendar.table.until(last + offset) - calendar.table.until(first + offset)
        for start, stop, pause in _cut(since, until, pauses)
        if pause is None
        for first, last, offset in stretches(calendar.time_zone, start, stop)
    )
    return counted * _MICROSECOND


def after(
    calendar: Calendar, begin: datetime, time: timedelta, pauses: Iterable[Pause] = ()
) -> datetime | None:
    """The earliest moment, in UTC, until which so much business time has passed since begin.

    Time that ends with a shift is over when the shift is, not when the next begins; no time at all is over at once.
    None while a pause without an end stands before it. Raises RuleBroken when the calendar opens too little within the
    HORIZON, counted from begin or from the end of the last pause, whichever is later.
    """
    if time < timedelta():
        raise ValueError(f"Business time goes forward: {time} is less than nothing.")
    left, since, pauses = time // _MICROSECOND, _instant(begin), list(pauses)
    if not left:
        return _moment(since)
    latest = max([since, *(_instant(pause.end) for pause in pauses if pause.end)])
    horizon = min(latest + HORIZON // _MICROSECOND, LAST)
    table = calendar.table
    for start, stop, pause in _cut(since, horizon, pauses):
        if pause is not None:
            if pause.end is None:
                return None
            continue
        for first, last, offset in stretches(calendar.time_zone, start, stop):
            passed, opened = table.until(first + offset), table.until(last + offset)
            if opened - passed >= left:
                return _moment(table.reaching(passed + left, first + offset, last + offset) - offset)
            left -= opened - passed
    raise RuleBroken(
        "calendar_never_opens",
        f"The calendar {calendar.name} does not open for {time} between {_moment(since):%Y-%m-%d} and "
        f"{_moment(horizon):%Y-%m-%d}: give it more hours, or ask for less time.",
    )


def next_opening(calendar: Calendar, at: datetime) -> datetime:
    """The first moment of business time, in UTC, not before the given one. Raises RuleBroken as `after` does."""
    first = after(calendar, at, _MICROSECOND)
    assert first is not None, "Nothing is paused."
    return first - _MICROSECOND


def workdays_back(calendar: Calendar, on: date, days: int) -> date | None:
    """The date that is so many days with hours before the given one, which counts when it has hours itself.

    None where there are not so many within fifty years.
    """
    number = on.toordinal() - EPOCH.toordinal()
    for back in range(_FIFTY_YEARS):
        if calendar.table.day(number - back).open:
            if not days:
                return on - timedelta(days=back)
            days -= 1
    return None


def check_traced(begin: datetime, end: datetime, field: str = "end") -> None:
    """Raise InvalidInput, which names the field, unless the time goes forward and is not too long to be traced."""
    if end < begin:
        raise InvalidInput(
            "period_backwards", f"The end, {end}, lies before the begin, {begin}; swap them.", field=field
        )
    if end - begin > TRACED:
        raise InvalidInput(
            "period_too_long",
            f"From {begin} until {end} are more than the {TRACED.days} days that are told of at once; ask for less.",
            field=field,
        )


def trace(
    calendar: Calendar, begin: datetime, end: datetime, pauses: Iterable[Pause] = ()
) -> Iterator[Interval]:
    """The time from begin until end, without a gap, as intervals that are counted or skipped for one reason each.

    They are as long as can be, and the counted ones sum up to what `between` says. Where pauses overlap, the one that
    began first is told.
    """
    parts = _parts(calendar, _instant(begin), _instant(end), pauses)
    for (why, name), same in groupby(parts, key=itemgetter(2, 3)):
        (since, until, *_), *more = same
        yield Interval(_moment(since), _moment(more[-1][1] if more else until), why, name)


def _parts(
    calendar: Calendar, begin: int, end: int, pauses: Iterable[Pause]
) -> Iterator[tuple[int, int, Why, str | None]]:
    for start, stop, pause in _cut(begin, end, pauses):
        if pause is not None:
            yield start, stop, Why.PAUSED, pause.reason
            continue
        for first, last, offset in stretches(calendar.time_zone, start, stop):
            for number in range((first + offset) // DAY, (last + offset - 1) // DAY + 1):
                day, midnight = calendar.table.day(number), number * DAY - offset
                for since, until, why in day.parts:
                    if (low := max(midnight + since, first)) < (high := min(midnight + until, last)):
                        yield low, high, why, day.name


def _cut(begin: int, end: int, pauses: Iterable[Pause]) -> Iterator[tuple[int, int, Pause | None]]:
    """The time from begin until end, cut where pauses begin and end; some pieces may be empty."""
    for pause in sorted(pauses, key=lambda pause: _instant(pause.begin)):
        start = max(_instant(pause.begin), begin)
        stop = end if pause.end is None else min(_instant(pause.end), end)
        if start < stop:
            yield begin, start, None
            yield start, stop, pause
            begin = stop
    yield begin, end, None


def _instant(at: datetime) -> int:
    """Microseconds since 1970. Raises InvalidInput for what lies outside of the time whose offsets are known."""
    instant = (at - EPOCH) // _MICROSECOND
    if not FIRST <= instant < LAST:
        raise InvalidInput(
            "time_out_of_range",
            f"Business time is counted from {_moment(FIRST):%Y} until before {_moment(LAST):%Y}, and not in {at:%Y}.",
        )
    return instant


def _moment(instant: int) -> datetime:
    return EPOCH + instant * _MICROSECOND
