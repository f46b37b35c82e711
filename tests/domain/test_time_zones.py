"""Stretches of one offset, for every zone that there is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.time_zones import EPOCH, FIRST, LAST, SECOND, stretches

ZONES = st.sampled_from(sorted(name for name in available_timezones() if not name.islower()))
INSTANTS = st.integers(FIRST, LAST)


def offset(name: str, instant: int) -> int:
    at = (EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(name))
    shift = at.utcoffset()
    assert shift is not None
    return shift // timedelta(microseconds=1)


@settings(deadline=None)
@given(ZONES, INSTANTS, st.timedeltas(timedelta(), timedelta(days=500)), st.data())
def test_the_wall_shows_what_the_stretches_say_all_the_way(name, begin, length, data):
    end = min(begin + length // timedelta(microseconds=1), LAST)
    found = list(stretches(name, begin, end))
    assert [begin, *(until for _, until, _ in found)] == [*(since for since, _, _ in found), end]
    for since, until, expected in found:
        assert since < until
        within = data.draw(st.integers(since, until - 1))
        assert {offset(name, one) for one in (since, within, until - 1)} == {expected}


def test_no_change_of_a_clock_is_missed_in_two_hundred_years():
    for name in ("Europe/Berlin", "Africa/Freetown", "Africa/Casablanca", "America/Boa_Vista", "Asia/Gaza"):
        found = list(stretches(name, FIRST, LAST))
        told = [(since, now) for (_, _, before), (since, _, now) in pairwise(found) if before != now]
        days = range(FIRST, LAST - 1, 86_400 * SECOND)
        changed = sum(offset(name, one) != offset(name, two) for one, two in pairwise((*days, LAST - 1)))
        assert len(told) == changed > 10, name
        assert all(offset(name, at - 1) != offset(name, at) == now for at, now in told)


def test_a_change_at_the_turn_of_a_year_is_told_once():
    zone, begin = "Europe/Lisbon", (datetime(1911, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    day = 86_400 * SECOND
    assert list(stretches(zone, begin, begin + 2 * day)) == [
        (begin, begin + day, -2205 * SECOND),
        (begin + day, begin + 2 * day, 0),
    ]
