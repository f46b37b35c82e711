"""Kinds of runs that tests register, and the pace at which they go."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.domain import runs as rules
from app.jobs.base import JOBS
from tests.makers.runs import SHORT


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between failed attempts."""
    monkeypatch.setattr(rules, "pause", lambda _: timedelta(0))


@pytest.fixture
def known() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = dict(JOBS)
    yield
    JOBS.clear()
    JOBS.update(before)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases are soon over."""
    monkeypatch.setattr(rules, "LEASE", SHORT)
