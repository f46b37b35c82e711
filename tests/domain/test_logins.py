"""What is said when a sign-in fails."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.logins import PAUSE, must_wait

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=PAUSE))
def test_whoever_waits_as_long_as_told_is_let_in_and_not_much_later(wait: timedelta):
    told = must_wait(NOW + wait, NOW)
    assert 0 <= told.facts["retry_after"] - wait.total_seconds() <= 1
    assert "minutes" in told.detail
