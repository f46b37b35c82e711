"""Forecasts of what is sold by orders: a series, with holidays and promotions beside it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from app.analytics import series
from app.analytics.pipelines.findings import money
from app.analytics.series import Every, Floats
from app.db import calendars, facts, forecasts, foreseen, runs
from app.db.engine import Row
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.calendars import Calendar
from app.domain.deals.cohorts import midnight
from app.domain.errors import RuleBroken
from app.domain.forecasts import Promotion, Span, Subject, check_series, step, steps
from app.domain.rfm import check_as_of
from app.domain.runs import Progress
from app.usecases.forecasts.opening import MOST_WAITING

REVENUE = "forecasts.revenue"
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


async def start_revenue_forecast(
    uow: UnitOfWork,
    *,
    unit: Span,
    ahead: int,
    as_of: datetime | None,
    channel: str | None,
    region: str | None,
    promotions: Sequence[Promotion],
) -> UUID:
    """Have the next steps of the revenue forecast, from that of `as_of` on; the id of the run.

    Raises Forbidden, InvalidInput or RuleBroken.
    """
    foreseen.check_sold(uow.actor, by_region=region is not None)
    moment = as_of or uow.now
    check_as_of(moment, now=uow.now)
    check_series(unit, ahead, promotions)
    if len(await runs.alone(uow, REVENUE)) >= MOST_WAITING:
        raise RuleBroken(
            "runs_under_way",
            f"{MOST_WAITING} forecasts are under way; start another when one of them has ended.",
        )
    zone = (await facts.organisation(uow))["time_zone"]
    days = steps(unit, step(unit, moment.astimezone(ZoneInfo(zone)).date()), ahead)
    asked = {
        "channel": channel,
        "region": region,
        "promotions": [
            {"name": one.name, "since": one.since.isoformat(), "until": one.until.isoformat()}
            for one in promotions
        ],
    }
    told = {"unit": unit, "starts_on": days[0], "as_of": moment}
    run = await runs.start(uow, REVENUE, told)
    kind = {"kind": Subject.REVENUE, "pipeline_id": None, "ends_on": days[-1], "asked": asked}
    await forecasts.add(uow, run, told | kind)
    return run


async def forecast_batch(uow: UnitOfWork, run: Row) -> Progress:
    """A whole forecast of revenue."""
    one = await forecasts.of_run(uow, run["id"])
    unit, asked = Span(one["unit"]), one["asked"]
    window = (_EARLIEST, midnight(one["starts_on"], one["time_zone"]))
    rows = await facts.revenue(uow, unit, one["as_of"], window, asked["channel"], asked["region"])
    calendar = await calendars.of_organisation(uow)
    found = await uow.aside(lambda: _found(one, rows, calendar))
    await forecasts.finish(uow, one["id"], found)
    return Progress({}, 1, total=1, finished=True, result={"forecast_id": run["id"]})


async def get_revenue_forecast(door: Reads, forecast: UUID) -> dict[str, Any] | None:
    """A forecast of revenue; None where it is of something else. Raises NotFound and Forbidden."""
    row = await foreseen.of_revenue(door, forecast)
    if row is None:
        return None
    names = ("id", "kind", "unit", "starts_on", "ends_on", "as_of", "currency", "method", "finished_at")
    found: dict[str, Any] = {name: row[name] for name in names}
    return {**found, **row["asked"], **row["findings"]}


def _found(one: Row, rows: Sequence[Row], calendar: Calendar) -> dict[str, Any]:
    unit = Span(one["unit"])
    came = {row["step"]: row["revenue"] or 0 for row in rows}
    first = min(came, default=None)
    past = _between(unit, first, one["starts_on"]) if first else []
    coming = _between(unit, one["starts_on"], one["ends_on"])
    made_from = {
        "steps": len(past),
        "orders": sum(row["orders"] for row in rows),
        "without_rate": sum(row["without_rate"] for row in rows),
        "first_on": first and first.isoformat(),
    }
    blank: dict[str, Any] = {
        "model": None,
        "expected": None,
        "steps": [],
        "choice": None,
        "regressors": [],
        "made_from": made_from,
    }
    if not past:
        return blank
    names, columns = regressors(calendar, one["asked"]["promotions"], [*past, *coming, one["ends_on"]])
    found = series.forecast(
        np.array([float(came.get(day, 0)) for day in past]),
        Every(unit),
        len(coming),
        known=columns[: len(past)],
        coming=columns[len(past) :],
    )
    limits = ("mean", "low", "high", "lowest", "highest")
    told = [
        {"starts_on": day.isoformat(), **{name: money(getattr(found, name)[place]) for name in limits}}
        for place, day in enumerate(coming)
    ]
    choice = series.told(found)
    for score in choice["scores"]:
        score |= {"mae": money(score["mae"]), "bias": money(score["bias"])}
    return blank | {
        "model": found.model,
        "expected": money(float(found.mean.sum())),
        "steps": told,
        "choice": choice,
        "regressors": names,
    }


def regressors(
    calendar: Calendar, promotions: Sequence[Mapping[str, str]], edges: Sequence[date]
) -> tuple[list[str], Floats]:
    """Days of each step that are holidays, workdays made up for, or of a promotion; a column for each name."""
    first, last = np.datetime64(edges[0]), np.datetime64(edges[-1])
    days = np.arange(first, last)
    marks = {"holiday": np.zeros(len(days)), "workday_made_up": np.zeros(len(days))}
    for special in calendar.special_days:
        place = (special.on - edges[0]).days
        if 0 <= place < len(days):
            usual = bool(calendar.week[special.on.weekday()])
            marks["holiday"][place] = usual and not special.hours
            marks["workday_made_up"][place] = not usual and bool(special.hours)
    for one in promotions:
        since, until = (np.datetime64(one[name]) for name in ("since", "until"))
        marks.setdefault(f"promotion {one['name']}", np.zeros(len(days)))[
            (days >= since) & (days <= until)
        ] = 1
    starts = np.array([(edge - edges[0]).days for edge in edges[:-1]])
    return list(marks), np.column_stack([np.add.reduceat(mark, starts) for mark in marks.values()])


def _between(unit: Span, first: date, end: date) -> list[date]:
    days = [step(unit, first)]
    while days[-1] < end:
        days.append(steps(unit, days[-1], 1)[1])
    return days[:-1]
