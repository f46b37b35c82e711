"""Forecasts: of what, over which days, and which parts the open deals of a pipeline belong to.

Days are those of the organisation's time zone. A period of a pipeline is a calendar month or quarter that is not over as
of the moment that is asked about. The parts are told apart by the chance of a deal to be won within the period, so that
each deal is in one of them. Salesforce and HubSpot have people sort deals by the same words, and count what is in the
commitment among the best case, too.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInput

METHOD = 1
"""Moves with every change of how numbers come about, so that findings say by which way they did."""
KEPT_FOR = timedelta(days=90)
"""How long the chances of single deals are kept; what was found over all of them stays."""
MOST_AHEAD = timedelta(days=732)
"""How far a period may begin after the moment that is asked about."""
MADE_OF = (
    *("pipeline_id", "stage", "status", "opened_at", "entered_at", "closed_at", "expected_close"),
    "owner_id",
)
"""The fields of deals that chances are made of: whoever may not read one of them is shown none."""
SOLD = (
    *("status", "placed_at", "total", "currency", "refunded", "refunded_at", "cancelled_at"),
    *("channel", "company_id"),
)
"""The fields of orders that revenue is made of."""
WORTH = ("amount", "currency")
"""Without these, a reader is told no money."""


class Subject(StrEnum):
    """What is forecast."""

    PIPELINE = "pipeline"
    """What deals that are won in a period come to."""
    REVENUE = "revenue"
    """What is sold by orders, step by step."""


class Span(StrEnum):
    """How long a period is, or a step of a series."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


PERIODS = (Span.MONTH, Span.QUARTER)
STEPS = (Span.DAY, Span.WEEK, Span.MONTH)
MOST_STEPS = {Span.DAY: 366, Span.WEEK: 104, Span.MONTH: 36}
"""How far a series is forecast at most."""
STEPS_AHEAD = 28
"""When nobody says how many."""
MONTHS = {Span.MONTH: 1, Span.QUARTER: 3}
LOOKED_BACK = {Span.MONTH: 12, Span.QUARTER: 8}
"""Past periods that are forecast again."""
Days = tuple[date, date]
"""The first day, and the one after the last."""


class Likelihood(StrEnum):
    """Where a deal stands in a forecast."""

    WON = "won"
    """Within the period, before the moment that is asked about."""
    COMMIT = "commit"
    """Open, and 7 in 10 or more such deals are won within the period."""
    BEST_CASE = "best_case"
    """Open, and 3 to 7 in 10 are."""
    PIPELINE = "pipeline"
    """Open, and fewer are."""


def around(unit: Span, day: date) -> Days:
    """The period that a day lies in."""
    return _from(unit, date(day.year, (day.month - 1) // MONTHS[unit] * MONTHS[unit] + 1, 1))


def before(unit: Span, period: Days, first: date) -> Iterator[Days]:
    """The periods before one, the latest first, of which the whole lies after a day."""
    for _ in range(LOOKED_BACK[unit]):
        period = around(unit, period[0] - timedelta(days=1))
        if period[0] < first:
            return
        yield period


def morning(as_of: datetime, time_zone: str) -> date:
    """The first day of which nothing has happened yet: that of a midnight, or the one after any other moment."""
    local = as_of.astimezone(ZoneInfo(time_zone))
    return local.date() if local.time() == time() else local.date() + timedelta(days=1)


def check_period(period: Days, as_of: datetime, time_zone: str) -> None:
    """Raise InvalidInput for a period that is over, or that begins too long after."""
    day = as_of.astimezone(ZoneInfo(time_zone)).date()
    if period[1] <= day:
        raise InvalidInput(
            "period_over",
            f"The period ends before {period[1]}, and {day} is asked about; choose a later period, or an earlier as_of.",
            field="day",
        )
    if period[0] > day + MOST_AHEAD:
        raise InvalidInput(
            "period_too_far",
            f"The period begins on {period[0]}; forecasts go no further than {day + MOST_AHEAD}.",
            field="day",
        )


@dataclass(frozen=True, slots=True)
class Promotion:
    """Days on which more was, or is to be, done to sell; the same name tells that it is of the same sort."""

    name: str
    since: date
    until: date
    """The last day."""


def step(unit: Span, day: date) -> date:
    """The first day of the step that a day lies in; weeks begin on Monday."""
    match unit:
        case Span.DAY:
            return day
        case Span.WEEK:
            return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def steps(unit: Span, first: date, count: int) -> list[date]:
    """The first days of so many steps and of the one after them."""
    if unit is Span.MONTH:
        months = (first.year * 12 + first.month - 1 + n for n in range(count + 1))
        return [date(month // 12, month % 12 + 1, 1) for month in months]
    return [first + timedelta(days=(7 if unit is Span.WEEK else 1) * n) for n in range(count + 1)]


def check_kind(kind: Subject, unit: Span, given: Collection[str]) -> None:
    """Raise InvalidInput for what is asked of the other kind of forecast."""
    own = ("pipeline_id", "day") if kind is Subject.PIPELINE else ("ahead", "channel", "region", "promotions")
    for name in given:
        if name not in own:
            raise InvalidInput("not_of_kind", f"A forecast of kind {kind} has no {name}.", field=name)
    units = PERIODS if kind is Subject.PIPELINE else STEPS
    if unit not in units:
        raise InvalidInput(
            "not_of_kind",
            f"A forecast of kind {kind} is by {' or '.join(units)}, not by {unit}.",
            field="unit",
        )


def check_series(unit: Span, ahead: int, promotions: Sequence[Promotion]) -> None:
    """Raise InvalidInput for too many steps, and for a promotion that ends before it begins."""
    if ahead > MOST_STEPS[unit]:
        raise InvalidInput(
            "ahead_too_far", f"By {unit}, forecasts go {MOST_STEPS[unit]} steps ahead at most.", field="ahead"
        )
    for one in promotions:
        if one.until < one.since:
            raise InvalidInput(
                "promotion_reversed", f"The promotion {one.name} ends before it begins.", field="promotions"
            )


def _from(unit: Span, start: date) -> Days:
    months = start.year * 12 + start.month - 1 + MONTHS[unit]
    return start, date(months // 12, months % 12 + 1, 1)
