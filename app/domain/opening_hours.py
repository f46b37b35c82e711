"""Opening hours by the clock on the wall: of weekdays, and of special days instead of them.

The words are those of schema.org (openingHoursSpecification, specialOpeningHoursSpecification).
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.time_zones import EPOCH, SECOND

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTE = 60 * SECOND
DAY = 24 * 60 * _MINUTE
_EPOCH_WEEKDAY = EPOCH.weekday()
_SPAN = re.compile("-".join([r"([01][0-9]|2[0-4]):([0-5][0-9])"] * 2))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Hours within one day, from begin until before end, in minutes of the wall clock; its last midnight is 1,440."""

    begin: int
    end: int

    def __str__(self) -> str:
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.begin, self.end))


Hours = tuple[Span, ...]
"""The hours of a day; none when it is closed."""


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date whose hours are not those of its weekday: a holiday without hours, a half day, a make-up workday."""

    on: date
    name: str
    hours: Hours = ()


class Why(StrEnum):
    """Why time is counted, or skipped."""

    OPEN = "open"
    CLOSED = "closed"
    """Before the first hours of a day, or after the last."""
    BREAK = "break"
    """Between two shifts of a day."""
    DAY_OFF = "day_off"
    """A weekday without hours."""
    HOLIDAY = "holiday"
    """A special day without hours."""
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it is counted: its hours, what they come to, and all parts of it with why they count or do not."""

    hours: tuple[tuple[int, int], ...]
    open: int
    parts: tuple[tuple[int, int, Why], ...]
    name: str | None


class Table:
    """A calendar made ready to be counted by. Local time is in microseconds since 1970, by the wall clock."""

    def __init__(self, week: Iterable[Hours], special_days: Iterable[SpecialDay]) -> None:
        self._week = [_day(hours, Why.DAY_OFF) for hours in week]
        self._before = (0, *accumulate(day.open for day in self._week))
        special = sorted(special_days, key=lambda day: day.on)
        self._special = {_number(day.on): _day(day.hours, Why.HOLIDAY, day.name) for day in special}
        self._dates = list(self._special)
        added = (day.open - self._week[_weekday(number)].open for number, day in self._special.items())
        self._added = (0, *accumulate(added))

    def day(self, number: int) -> Day:
        """The day of a number, counted from the first of 1970."""
        return self._special.get(number) or self._week[_weekday(number)]

    def until(self, local: int) -> int:
        """The open time until a local time, from some moment that is always the same."""
        number, within = divmod(local, DAY)
        week, weekday = divmod(number + _EPOCH_WEEKDAY, len(WEEKDAYS))
        whole = (
            week * self._before[-1] + self._before[weekday] + self._added[bisect_left(self._dates, number)]
        )
        return whole + sum(
            min(within, end) - begin for begin, end in self.day(number).hours if begin < within
        )

    def reaching(self, time: int, begin: int, end: int) -> int:
        """The earliest local time of which `until` is so much, known to lie after begin and not after end."""
        days = range(begin // DAY, end // DAY + 1)
        number = days[bisect_left(days, time, key=lambda day: self.until(day * DAY)) - 1]
        missing = time - self.until(number * DAY)
        for opens, closes in self.day(number).hours:
            if missing <= closes - opens:
                return number * DAY + opens + missing
            missing -= closes - opens
        raise AssertionError("The open time of a day is that of its hours.")


def span(text: str, field: str = "hours") -> Span:
    """Hours as people write them, "09:00-12:00" or "18:00-24:00". Raises InvalidInput, which names the field."""
    if not (found := _SPAN.fullmatch(text)):
        raise InvalidInput(
            "hours_unreadable",
            f"{text!r} are no hours: write 09:00-12:00, and 24:00 for the midnight at the end.",
            field=field,
        )
    hour, minute, last_hour, last_minute = map(int, found.groups())
    return Span(hour * 60 + minute, last_hour * 60 + last_minute)


def read_hours(texts: Iterable[str], field: str) -> Hours:
    """The hours of a day. Raises InvalidInput."""
    return tuple(span(text, field) for text in texts)


def read_week(written: Mapping[str, Iterable[str]]) -> tuple[Hours, ...]:
    """The hours by weekday from Monday on; a weekday that is not named has none. Raises InvalidInput."""
    return tuple(read_hours(written.get(weekday, ()), f"week.{weekday}") for weekday in WEEKDAYS)


def read_special_day(written: Mapping[str, Any]) -> SpecialDay:
    """A date with its name and hours, {"on": "2026-10-01", "name": "国庆节", "hours": []}. Raises InvalidInput."""
    hours = read_hours(written["hours"], f"special_days.{written['on']}")
    return SpecialDay(date.fromisoformat(written["on"]), written["name"], hours)


def write_hours(hours: Hours) -> list[str]:
    """The hours of a day as `read_hours` reads them, the earliest first."""
    return [str(one) for one in sorted(hours)]


def check(week: Sequence[Hours], special_days: Iterable[SpecialDay]) -> None:
    """Raise InvalidInput unless a week has 7 days, hours end after they begin, none overlap, and no date is twice."""
    if len(week) != len(WEEKDAYS):
        raise InvalidInput(
            "week_invalid", f"A week has 7 days, from Monday on, and not {len(week)}.", field="week"
        )
    for weekday, hours in zip(WEEKDAYS, week, strict=True):
        _check_hours(hours, weekday.capitalize(), f"week.{weekday}")
    names: dict[date, str] = {}
    for day in special_days:
        field = f"special_days.{day.on}"
        _check_hours(day.hours, f"{day.on} ({day.name})", field)
        if day.on in names:
            raise InvalidInput(
                "special_day_twice",
                f"{day.on} is said twice, as {names[day.on]} and as {day.name}; keep one of them.",
                field=field,
            )
        names[day.on] = day.name


def _day(hours: Hours, without: Why, name: str | None = None) -> Day:
    spans = tuple((span.begin * _MINUTE, span.end * _MINUTE) for span in sorted(hours))
    return Day(spans, sum(end - begin for begin, end in spans), tuple(_whole(spans, without)), name)


def _whole(spans: Sequence[tuple[int, int]], without: Why) -> Iterator[tuple[int, int, Why]]:
    """The 24 hours of a day with these hours."""
    if not spans:
        yield 0, DAY, without
        return
    yield 0, spans[0][0], Why.CLOSED
    for (begin, end), (following, _) in pairwise((*spans, (DAY, DAY))):
        yield begin, end, Why.OPEN
        yield end, following, Why.CLOSED if following == DAY else Why.BREAK


def _check_hours(hours: Hours, where: str, field: str) -> None:
    for one in hours:
        if not 0 <= one.begin < one.end <= DAY // _MINUTE:
            raise InvalidInput(
                "hours_invalid",
                f"{where}: the hours {one} do not end after they begin, within one day; "
                "hours over midnight are two, until 24:00 and from 00:00 of the next day.",
                field=field,
            )
    for one, following in pairwise(sorted(hours)):
        if following.begin < one.end:
            raise InvalidInput(
                "hours_overlap",
                f"{where}: the hours {one} and {following} overlap; make them one.",
                field=field,
            )


def _number(on: date) -> int:
    return on.toordinal() - EPOCH.toordinal()


def _weekday(number: int) -> int:
    return (number + _EPOCH_WEEKDAY) % len(WEEKDAYS)
