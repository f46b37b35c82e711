"""What is said when a sign-in fails, and which refresh tokens are good."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.logins import GRACE, PAUSE, Shown, judge, must_wait

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=PAUSE))
def test_whoever_waits_as_long_as_told_is_let_in_and_not_much_later(wait: timedelta):
    told = must_wait(NOW + wait, NOW)
    assert 0 <= told.facts["retry_after"] - wait.total_seconds() <= 1
    assert "minutes" in told.detail


@dataclass
class Login:
    token_hash: str = "second"
    previous_hash: str | None = "first"
    used_at: datetime = NOW


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=40)))
def test_the_token_before_is_good_within_the_grace_and_the_present_one_always(since: timedelta):
    now = NOW + since
    assert judge(Login(), "second", now) is Shown.PRESENT
    assert judge(Login(), "first", now) is (Shown.REPEATED if since <= GRACE else Shown.REUSED)
    assert judge(Login(previous_hash=None), "first", now) is Shown.REUSED
    assert judge(Login(), "another", now) is Shown.REUSED
