"""The clock of business time: equal to a walk minute by minute, and to examples that others have published."""

from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.calendars import (
    HORIZON,
    Calendar,
    Interval,
    Pause,
    after,
    between,
    check_traced,
    is_open,
    next_opening,
    read,
    standard,
    trace,
    workdays_back,
    write,
)  # fmt: skip
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.opening_hours import Hours, Span, SpecialDay, Why, span

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)

ODD = [
    ("Europe/Berlin", date(2026, 3, 29)),  # 02:00 is 03:00
    ("Europe/Berlin", date(2026, 10, 25)),  # 03:00 is 02:00
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Shanghai", date(2026, 2, 14)),  # no summer time
    ("Asia/Kathmandu", date(2026, 5, 1)),  # 5:45 from UTC
    ("America/St_Johns", date(2006, 10, 29)),  # 00:01 is 23:01 of the day before
    ("America/Sao_Paulo", date(2018, 2, 18)),  # midnight is 23:00 of the day before
    ("America/Sao_Paulo", date(2018, 11, 4)),  # midnight is 01:00
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("Antarctica/Troll", date(2026, 3, 29)),  # two hours
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that does not exist
    ("Pacific/Kwajalein", date(1993, 8, 21)),  # another
    ("Asia/Pyongyang", date(2018, 5, 5)),  # half an hour, for good
]
"""Zones, and dates about which their clocks do what is rarely thought of."""


def hours(*texts: str) -> Hours:
    return tuple(span(text) for text in texts)


@st.composite
def any_hours(draw: st.DrawFn) -> Hours:
    edges = draw(st.lists(st.integers(0, 48), max_size=6, unique=True).map(sorted))
    shift = draw(st.sampled_from([0, 0, 0, 7]))
    spans = [(begin * 30, end * 30) for begin, end in zip(edges[::2], edges[1::2], strict=False)]
    return tuple(Span(begin, max(begin + 1, end - shift)) for begin, end in draw(st.permutations(spans)))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and a moment near which its clock may do something odd."""
    zone, day = draw(st.sampled_from(ODD))
    special = draw(
        st.dictionaries(
            st.integers(-3, 5), st.tuples(st.sampled_from("ab"), any_hours() | st.just(())), max_size=4
        )
    )
    calendar = Calendar(
        "here",
        zone,
        tuple(draw(any_hours()) for _ in range(7)),
        tuple(SpecialDay(day + timedelta(days=n), name, told) for n, (name, told) in special.items()),
    )
    midnight = datetime.combine(day, datetime.min.time(), UTC)
    return calendar, midnight + draw(st.integers(-40 * 60, 30 * 60)) * MINUTE


@st.composite
def any_pauses(draw: st.DrawFn, begin: datetime) -> list[Pause]:
    """Pauses that may overlap, begin before or last for good."""
    found = []
    for reason in draw(st.sampled_from(["", "", "x", "xy", "xyz"])):
        start = begin + draw(st.integers(-300, 3000)) * MINUTE
        lasts = draw(st.none() | st.integers(0, 2000))
        end = None if lasts is None else start + lasts * MINUTE
        found.append(Pause(start, end, reason))
    return found


def walked(calendar: Calendar, at: datetime, pauses: list[Pause]) -> tuple[Why, str | None]:
    """Why a minute counts or does not, by looking at the clock on the wall."""
    for pause in sorted(pauses, key=lambda one: one.begin):
        if pause.begin <= at and (pause.end is None or at < pause.end):
            return Why.PAUSED, pause.reason
    wall = at.astimezone(ZoneInfo(calendar.time_zone))
    special = next((day for day in calendar.special_days if day.on == wall.date()), None)
    today = calendar.week[wall.weekday()] if special is None else special.hours
    name, minute = special.name if special else None, wall.hour * 60 + wall.minute
    if not today:
        return Why.DAY_OFF if special is None else Why.HOLIDAY, name
    if any(one.begin <= minute < one.end for one in today):
        return Why.OPEN, name
    inside = min(one.begin for one in today) <= minute < max(one.end for one in today)
    return Why.BREAK if inside else Why.CLOSED, name


def minutes(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + n * MINUTE for n in range((end - begin) // MINUTE)]


@settings(deadline=None)
@given(st.data(), worlds(), st.integers(0, 3 * 24 * 60))
def test_time_between_two_moments_is_what_a_walk_minute_by_minute_counts(data, world, length):
    calendar, begin = world
    pauses, end = data.draw(any_pauses(begin)), begin + length * MINUTE
    counted = [at for at in minutes(begin, end) if walked(calendar, at, pauses)[0] is Why.OPEN]
    assert between(calendar, begin, end, pauses) == len(counted) * MINUTE
    assert between(calendar, end, begin, pauses) == -len(counted) * MINUTE


@settings(deadline=None)
@given(st.data(), worlds(), st.integers(0, 3 * 24 * 60))
def test_a_trace_tells_each_minute_once_and_why_it_counts_or_does_not(data, world, length):
    calendar, begin = world
    pauses, end = data.draw(any_pauses(begin)), begin + length * MINUTE
    expected = []
    for (why, name), same in groupby(minutes(begin, end), key=lambda at: walked(calendar, at, pauses)):
        walk = list(same)
        expected.append(Interval(walk[0], walk[-1] + MINUTE, why, name))
    assert list(trace(calendar, begin, end, pauses)) == expected


@settings(deadline=None)
@given(st.data(), worlds(), st.integers(0, 3 * 24 * 3600))
def test_a_due_time_is_where_a_walk_has_counted_enough(data, world, seconds):
    calendar, begin = world
    pauses, left = data.draw(any_pauses(begin)), timedelta(seconds=seconds)
    expected = None if left else begin
    for at in minutes(begin, begin + timedelta(days=4)) if left else []:
        if walked(calendar, at, pauses)[0] is Why.OPEN:
            if left <= MINUTE:
                expected = at + left
                break
            left -= MINUTE
    try:
        due = after(calendar, begin, timedelta(seconds=seconds), pauses)
    except RuleBroken:
        assert expected is None
        return
    if expected is None:
        endless = any(pause.end is None for pause in pauses)
        assert endless if due is None else due > begin + timedelta(days=4)
    else:
        assert due == expected


@settings(deadline=None)
@given(worlds())
def test_the_next_opening_is_the_first_open_minute(world):
    calendar, begin = world
    walk = minutes(begin, begin + timedelta(days=4))
    told = [walked(calendar, at, [])[0] is Why.OPEN for at in walk]
    assert [is_open(calendar, at) for at in walk[::7]] == told[::7]
    try:
        opening = next_opening(calendar, begin)
    except RuleBroken:
        assert not any(told)
        return
    assert opening == walk[told.index(True)] if any(told) else opening > walk[-1]


BUSY = worlds().filter(lambda world: any(world[0].week))
AWAY = st.timedeltas(timedelta(), timedelta(days=3000))


@settings(deadline=None)
@given(BUSY, st.lists(AWAY, max_size=4))
def test_time_adds_up_over_years_to_the_microsecond(world, away):
    calendar, begin = world
    moments = sorted([begin, *(begin + one for one in away)])
    parts = [between(calendar, since, until) for since, until in pairwise(moments)]
    assert sum(parts, timedelta()) == between(calendar, moments[0], moments[-1])
    assert all(
        timedelta() <= part <= until - since
        for part, (since, until) in zip(parts, pairwise(moments), strict=True)
    )


@settings(deadline=None)
@given(st.data(), BUSY, AWAY, st.timedeltas(timedelta(microseconds=1), timedelta(hours=40)))
def test_a_due_time_is_the_earliest_at_which_the_time_has_passed(data, world, away, time):
    calendar, begin = world
    begin += away
    pauses = [pause for pause in data.draw(any_pauses(begin)) if pause.end]
    due = after(calendar, begin, time, pauses)
    assert due is not None
    assert between(calendar, begin, due, pauses) == time
    assert between(calendar, begin, due - timedelta(microseconds=1), pauses) < time
    assert next_opening(calendar, due - timedelta(microseconds=1)) == due - timedelta(microseconds=1)


@settings(deadline=None)
@given(BUSY, st.timedeltas(timedelta(), timedelta(days=800)))
def test_a_trace_has_no_gap_and_counts_what_the_clock_counts(world, length):
    calendar, begin = world
    told = list(trace(calendar, begin, begin + length))
    assert sum((one.end - one.begin for one in told if one.counted), timedelta()) == between(
        calendar, begin, begin + length
    )
    assert [begin, *(one.end for one in told)] == [*(one.begin for one in told), begin + length]
    assert all((one.why, one.name) != (other.why, other.name) for one, other in pairwise(told))


@settings(deadline=None)
@given(BUSY, st.lists(st.timedeltas(timedelta(), timedelta(days=60)), min_size=2, max_size=2).map(sorted))
def test_sums_over_the_counted_intervals_of_a_trace_answer_for_any_moments_in_it(world, away):
    calendar, begin = world
    rows = [one for one in trace(calendar, begin, begin + timedelta(days=60)) if one.counted]
    before = list(accumulate((one.end - one.begin for one in rows), initial=timedelta()))

    def until(at: datetime) -> timedelta:
        place = bisect([one.begin for one in rows], at) - 1
        return before[place] + min(at, rows[place].end) - rows[place].begin if place >= 0 else timedelta()

    since, end = (begin + one for one in away)
    assert until(end) - until(since) == between(calendar, since, end)


BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar("Office", "Europe/Berlin", (hours("09:00-12:00", "13:00-18:00"),) * 5 + ((),) * 2)
KARLSRUHE = Calendar(
    "Service time profile",
    "Europe/Berlin",
    (hours("08:00-17:00"),) * 5 + ((),) * 2,
    (SpecialDay(date(2009, 4, 13), "Ostermontag"), SpecialDay(date(2009, 5, 1), "Tag der Arbeit")),
)
"""Of the examples in the Service Desk Guide of Matrix42."""


def in_berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("created", "target", "due"),
    [
        ("2009-04-13 00:00", 1, "2009-04-14 09:00"),
        ("2009-04-30 12:00", 1, "2009-04-30 13:00"),
        ("2009-04-30 12:00", 8, "2009-05-04 11:00"),
        ("2009-04-30 12:00", 12, "2009-05-04 15:00"),
        ("2009-04-30 12:00", 24, "2009-05-06 09:00"),
        ("2009-04-30 12:00", 48, "2009-05-08 15:00"),
    ],
)
def test_due_times_are_those_of_published_examples(created: str, target: int, due: str):
    assert after(KARLSRUHE, in_berlin(created), target * HOUR) == in_berlin(due)
    assert between(KARLSRUHE, in_berlin(created), in_berlin(due)) == target * HOUR


def test_why_a_ticket_of_friday_evening_is_due_on_monday_before_lunch():
    created = in_berlin("2026-11-20 16:50")
    due = after(OFFICE, created, 4 * HOUR)
    assert due == in_berlin("2026-11-23 11:50")
    told = [
        (one.begin.astimezone(BERLIN).strftime("%a %H:%M"), one.why) for one in trace(OFFICE, created, due)
    ]
    assert told == [
        ("Fri 16:50", Why.OPEN),
        ("Fri 18:00", Why.CLOSED),
        ("Sat 00:00", Why.DAY_OFF),
        ("Mon 00:00", Why.CLOSED),
        ("Mon 09:00", Why.OPEN),
    ]


def test_a_pause_moves_the_due_time_by_the_business_time_in_it():
    created = in_berlin("2026-11-16 16:00")
    left, answered = in_berlin("2026-11-16 17:00"), in_berlin("2026-11-17 10:00")
    waiting = Pause(left, answered, "waiting on customer")
    full = Calendar("Full", "Europe/Berlin", (hours("09:00-18:00"),) * 5 + ((),) * 2)
    assert after(full, created, 8 * HOUR) == in_berlin("2026-11-17 15:00")
    assert after(full, created, 8 * HOUR, [waiting]) == in_berlin("2026-11-17 17:00")
    assert after(full, created, HOUR, [Pause(waiting.begin, None, "x")]) == waiting.begin
    assert after(full, created, 2 * HOUR, [Pause(waiting.begin, None, "x")]) is None
    assert list(trace(full, created, answered + HOUR, [waiting]))[1] == Interval(
        left.astimezone(UTC), answered.astimezone(UTC), Why.PAUSED, "waiting on customer"
    )


def test_time_that_ends_with_a_shift_is_over_with_it_and_none_is_over_at_once():
    assert after(OFFICE, in_berlin("2026-11-20 17:00"), HOUR) == in_berlin("2026-11-20 18:00")
    assert after(OFFICE, in_berlin("2026-11-21 17:00"), timedelta()) == in_berlin("2026-11-21 17:00")
    assert next_opening(OFFICE, in_berlin("2026-11-20 18:00")) == in_berlin("2026-11-23 09:00")


@pytest.mark.parametrize(
    ("zone", "day", "worked", "night"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 24, 2),
        ("Europe/Berlin", date(2026, 10, 25), 24, 4),
        ("America/New_York", date(2026, 3, 8), 24, 2),
        ("America/New_York", date(2026, 11, 1), 24, 4),
        ("Asia/Shanghai", date(2026, 3, 29), 24, 3),
    ],
)
def test_a_skipped_hour_counts_for_nothing_and_a_repeated_one_twice(zone, day, worked, night):
    always = Calendar("always", zone, (hours("00:00-24:00"),) * 7)
    nights = Calendar("nights", zone, (hours("01:00-04:00"),) * 7)
    midnight, next_midnight = (
        datetime(day.year, day.month, day.day + n, tzinfo=ZoneInfo(zone)) for n in (0, 1)
    )
    assert between(always, midnight, next_midnight) == (worked + night - 3) * HOUR
    assert between(nights, midnight, next_midnight) == night * HOUR
    assert len(list(trace(nights, midnight, next_midnight))) == 3


def test_hours_within_what_the_clock_repeats_are_worked_twice_and_what_it_skips_never():
    autumn, spring = (Calendar("c", "Europe/Berlin", (hours("02:15-02:45"),) * 7) for _ in range(2))
    twice = list(trace(autumn, datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 25, 2, tzinfo=UTC)))
    assert [(one.begin.minute, one.end.minute) for one in twice if one.counted] == [(15, 45), (15, 45)]
    day = datetime(2026, 3, 29, tzinfo=BERLIN)
    assert between(spring, day, day + timedelta(days=1)) == timedelta()
    assert next_opening(spring, day) == in_berlin("2026-03-30 02:15")


def test_a_moment_told_twice_by_the_wall_is_told_apart():
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    always = Calendar("always", "Europe/Berlin", (hours("00:00-24:00"),) * 7)
    assert between(always, first, first.replace(fold=1)) == HOUR


CLOSED_2026 = {
    "元旦": ("01-01", 3),
    "春节": ("02-15", 9),
    "清明节": ("04-04", 3),
    "劳动节": ("05-01", 5),
    "端午节": ("06-19", 3),
    "中秋节": ("09-25", 3),
    "国庆节": ("10-01", 7),
}
WORKED_2026 = {
    "元旦": ["01-04"],
    "春节": ["02-14", "02-28"],
    "劳动节": ["05-09"],
    "国庆节": ["09-20", "10-10"],
}
"""The notice of the State Council's General Office of 4 November 2025: days off, and days of weekends that are worked."""
SHIFTS = hours("09:00-12:00", "13:30-18:00")


def of_2026(day: str) -> date:
    return date.fromisoformat(f"2026-{day}")


SHANGHAI = Calendar(
    "上海",
    "Asia/Shanghai",
    (SHIFTS,) * 5 + ((),) * 2,
    (
        *(
            SpecialDay(of_2026(first) + timedelta(days=n), name)
            for name, (first, days) in CLOSED_2026.items()
            for n in range(days)
        ),
        *(
            SpecialDay(of_2026(day), f"{name}调休上班", SHIFTS)
            for name, days in WORKED_2026.items()
            for day in days
        ),
    ),
)


def test_a_chinese_year_has_as_many_workdays_as_the_ministry_counts():
    zone = ZoneInfo("Asia/Shanghai")
    year = between(SHANGHAI, datetime(2026, 1, 1, tzinfo=zone), datetime(2027, 1, 1, tzinfo=zone))
    assert year == 248 * 7.5 * HOUR


def test_a_make_up_saturday_is_worked_and_the_spring_festival_is_told_by_name():
    zone = ZoneInfo("Asia/Shanghai")
    begin = datetime(2026, 2, 14, 17, 0, tzinfo=zone)
    due = after(SHANGHAI, begin, 2 * HOUR)
    assert due == datetime(2026, 2, 24, 10, 0, tzinfo=zone)
    told = list(trace(SHANGHAI, begin, due))
    assert [(one.why, one.name) for one in told] == [
        (Why.OPEN, "春节调休上班"),
        (Why.CLOSED, "春节调休上班"),
        (Why.HOLIDAY, "春节"),
        (Why.CLOSED, None),
        (Why.OPEN, None),
    ]
    assert told[2].end - told[2].begin == timedelta(days=9)


def test_a_night_shift_is_two_spans_and_one_interval():
    nights = Calendar("nights", "Asia/Shanghai", (hours("00:00-06:00", "22:00-24:00"),) * 7)
    begin = datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert [one.why for one in trace(nights, begin, begin + timedelta(days=1))] == [
        Why.BREAK,
        Why.OPEN,
        Why.BREAK,
    ]


def test_a_calendar_that_does_not_open_enough_is_a_named_refusal():
    never = Calendar(
        "Attic", "UTC", ((),) * 7, (SpecialDay(date(2026, 1, 5), "stocktaking", hours("09:00-10:00")),)
    )
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    assert after(never, begin, HOUR) == datetime(2026, 1, 5, 10, tzinfo=UTC)
    with pytest.raises(
        RuleBroken, match="Attic does not open for 2:00:00 between 2026-01-01 and 2036-01-02"
    ) as refused:
        after(never, begin, 2 * HOUR)
    assert refused.value.code == "calendar_never_opens"
    with pytest.raises(RuleBroken):
        next_opening(never, datetime(2026, 1, 6, tzinfo=UTC))
    late = Pause(begin, begin + HORIZON, "a long wait")
    in_the_end = after(OFFICE, begin, HOUR, [late])
    assert in_the_end is not None
    assert in_the_end > begin + HORIZON


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"time_zone": "Asia/Peking"}, "time_zone", "no time zone 'Asia/Peking'"),
        ({"week": ((),) * 6}, "week", "7 days, from Monday on, and not 6"),
        ({"week": (hours("09:00-12:00", "11:00-18:00"),) * 7}, "week.monday", "Monday: the hours 09:00-12:00 and 11:00-18:00 overlap"),
        ({"week": ((),) * 6 + (hours("22:00-06:00"),)}, "week.sunday", "Sunday: the hours 22:00-06:00 .* over midnight are two"),
        ({"week": (hours("09:00-09:00"),) * 7}, "week.monday", "09:00-09:00 do not end after they begin"),
        ({"week": (hours("09:00-24:30"),) * 7}, "week.monday", "within one day"),
        ({"special_days": (SpecialDay(date(2026, 12, 24), "Eve", hours("12:00-09:00")),)}, "special_days.2026-12-24", "2026-12-24 .Eve.: the hours"),
        ({"special_days": (SpecialDay(date(2026, 1, 1), "New Year"), SpecialDay(date(2026, 1, 1), "元旦"))}, "special_days.2026-01-01", "said twice, as New Year and as 元旦"),
    ],
)  # fmt: skip
def test_what_no_calendar_can_be_is_refused_with_a_sentence(changed, field, sentence):
    parts = {"name": "c", "time_zone": "UTC", "week": ((),) * 7, "special_days": ()} | changed
    with pytest.raises(InvalidInput, match=sentence) as refused:
        Calendar(**parts)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    "text",
    ["9:00-12:00", "09:00", "09:00–12:00", "09:60-10:00", "25:00-26:00", "٠٩:00-10:00", "09:00-12:00\n"],
)
def test_hours_that_cannot_be_read_are_refused(text: str):
    with pytest.raises(InvalidInput, match="write 09:00-12:00"):
        span(text)


def test_hours_are_written_as_they_are_read():
    for text in ("00:00-24:00", "09:05-12:30", "18:00-24:00"):
        assert str(span(text)) == text


def test_a_pause_cannot_end_before_it_begins_nor_time_go_backward():
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(ValueError, match="begins later"):
        Pause(now, now - HOUR, "waiting")
    with pytest.raises(ValueError, match="goes forward"):
        after(OFFICE, now, -HOUR)


def test_time_without_a_zone_and_time_that_no_zone_is_known_for_are_refused():
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(TypeError):
        between(OFFICE, now.replace(tzinfo=None), now)
    second = timedelta(seconds=1)
    first, last = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    for at in (now.replace(year=1), first - second, last, now.replace(year=9999)):
        with pytest.raises(InvalidInput, match="from 1900 until before 2100"):
            is_open(OFFICE, at)
    assert between(OFFICE, first, last - second) > timedelta(days=10_000)
    with pytest.raises(RuleBroken):
        after(OFFICE, datetime(2099, 12, 1, tzinfo=UTC), 1000 * HOUR)


@settings(deadline=None)
@given(worlds())
def test_a_calendar_is_read_as_it_was_written(drawn: tuple[Calendar, datetime]):
    calendar, _ = drawn
    told = {"name": calendar.name, "time_zone": calendar.time_zone, **write(calendar)}
    again = read(told)
    assert again.week == tuple(tuple(sorted(day)) for day in calendar.week)
    by_date = sorted(calendar.special_days, key=lambda day: day.on)
    assert again.special_days == tuple(SpecialDay(d.on, d.name, tuple(sorted(d.hours))) for d in by_date)
    assert write(again) == write(calendar)


def test_a_weekday_that_is_not_written_is_closed():
    calendar = read(
        {"name": "c", "time_zone": "UTC", "week": {"sunday": ["09:00-12:00"]}, "special_days": []}
    )
    assert calendar.week == ((),) * 6 + (hours("09:00-12:00"),)


def test_hours_that_cannot_be_read_are_named_by_their_day():
    right = {"name": "c", "time_zone": "UTC", "week": {}, "special_days": []}
    for wrong, field in (
        ({"week": {"friday": ["9-12"]}}, "week.friday"),
        ({"special_days": [{"on": "2026-12-24", "name": "Eve", "hours": ["9-12"]}]}, "special_days.2026-12-24"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            read(right | wrong)
        assert (refused.value.code, refused.value.facts["field"]) == ("hours_unreadable", field)


def test_the_standard_week_is_monday_to_friday_from_nine_to_six_of_the_zone():
    calendar = standard("Asia/Shanghai")
    begin = datetime(2026, 9, 28, tzinfo=ZoneInfo("Asia/Shanghai"))
    opened = [one.begin.astimezone(begin.tzinfo) for one in trace(calendar, begin, begin + 7 * 24 * HOUR) if one.counted]  # fmt: skip
    assert opened == [begin.replace(hour=9) + timedelta(days=n) for n in range(5)]
    assert between(calendar, begin, begin + 7 * 24 * HOUR) == 45 * HOUR


def test_what_is_traced_goes_forward_and_not_for_more_than_a_year():
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    check_traced(begin, begin)
    check_traced(begin, datetime(2025, 1, 1, tzinfo=UTC))
    for end, code in (
        (begin - timedelta.resolution, "period_backwards"),
        (datetime(2025, 1, 1, 0, 0, 1, tzinfo=UTC), "period_too_long"),
    ):
        with pytest.raises(InvalidInput) as refused:
            check_traced(begin, end)
        assert refused.value.code == code


@settings(deadline=None)
@given(worlds(), st.integers(0, 40), st.integers(0, 60))
def test_more_workdays_have_begun_since_any_day_before_the_one_that_is_so_many_back(world, days, ago):
    calendar, at = world
    today = at.date()
    entered = today - timedelta(days=ago)
    first = workdays_back(calendar, today, days)
    since = [entered + timedelta(days=n) for n in range(1, ago + 1)]
    begun = sum(bool(calendar.table.day((day - date(1970, 1, 1)).days).hours) for day in since)
    assert (begun > days) == (first is not None and entered < first)
