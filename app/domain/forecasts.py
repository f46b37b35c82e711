"""Forecasts: of what, over which days, and which parts the open deals of a pipeline belong to.

Days are those of the organisation's time zone. A period of a pipeline is a calendar month or quarter that is not over as
of the moment that is asked about. The parts are told apart by the chance of a deal to be won within the period, so that
each deal is in one of them. Salesforce and HubSpot have people sort deals by the same words, and count what is in the
commitment among the best case, too.
"""

from collections.abc import Iterator
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
WORTH = ("amount", "currency")
"""Without these, a reader is told no money."""


class Subject(StrEnum):
    """What is forecast."""

    PIPELINE = "pipeline"
    """What deals that are won in a period come to."""
    REVENUE = "revenue"
    """What is sold by orders, step by step."""


class Span(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"


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


def _from(unit: Span, start: date) -> Days:
    months = start.year * 12 + start.month - 1 + MONTHS[unit]
    return start, date(months // 12, months % 12 + 1, 1)
