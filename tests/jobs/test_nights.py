"""Once a night, by the organisation's own clock, whoever asks how often and however late."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.db import nights
from app.db.engine import Database, Row
from app.db.uow import UnitOfWork
from app.jobs import rfm  # noqa: F401 - it registers its night
from app.jobs.nights import NIGHTLY, begin_nights
from app.usecases.rfm.opening import SCORE
from tests.makers.buyers import buyers
from tests.makers.organisations import Organisation

EVENING = datetime(2026, 3, 28, 17, 59, 59, tzinfo=UTC)
"""A second before two at night in Shanghai."""
SECOND = timedelta(seconds=1)


@pytest.fixture
async def customer(org: Organisation, monkeypatch: pytest.MonkeyPatch) -> Organisation:
    """An organisation with a customer; other organisations, and other nightly work, have no nights meanwhile."""
    ask = nights.due

    async def due(database: Database, kind: str, at: datetime) -> Sequence[Row]:
        found = await ask(database, kind, at)
        return [night for night in found if (kind, night["org_id"]) == (SCORE, org.id)]

    monkeypatch.setattr(nights, "due", due)
    await buyers(org, {"a": [(datetime(2026, 1, 1, tzinfo=UTC), "5")]})
    return org


async def moments(org: Organisation) -> list[str]:
    """The moments of which runs were started."""
    listed = (await org.admin.get("/v1/runs", params={"kind": "rfm.score", "sort": "created_at"})).json()
    return [one["params"]["as_of"] for one in listed["data"]]


async def test_a_night_begins_at_two_as_of_midnight_and_once(customer: Organisation):
    database = customer.database
    assert await begin_nights(database, EVENING) == 1, "the night before, which nobody had begun"
    assert await begin_nights(database, EVENING) == 0
    assert await begin_nights(database, EVENING + SECOND) == 1
    assert await begin_nights(database, EVENING + timedelta(hours=23, minutes=59)) == 0
    assert await moments(customer) == ["2026-03-27T16:00:00Z", "2026-03-28T16:00:00Z"]


async def test_of_many_at_once_one_begins(customer: Organisation):
    begun = await asyncio.gather(*(begin_nights(customer.database, EVENING) for _ in range(6)))
    assert sorted(begun) == [0, 0, 0, 0, 0, 1]
    assert len(await moments(customer)) == 1


async def test_after_a_time_without_workers_the_last_night_is_made_up_for(customer: Organisation):
    await begin_nights(customer.database, EVENING)
    assert await begin_nights(customer.database, EVENING + timedelta(days=9, hours=12)) == 1
    assert (await moments(customer))[1:] == ["2026-04-06T16:00:00Z"]


async def test_the_clock_is_the_organisations_and_may_be_put_forward(customer: Organisation):
    answer = await customer.admin.patch(
        "/v1/settings", json={"time_zone": "Europe/Berlin"}, headers={"If-Match": "*"}
    )
    assert answer.status_code == 200, answer.text
    for hour, begun in ((0, 1), (24, 1), (25, 0), (47, 1), (48, 0)):
        at = datetime(2026, 3, 28, 1, tzinfo=UTC) + timedelta(hours=hour)
        assert await begin_nights(customer.database, at) == begun, hour
    assert await moments(customer) == ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]


async def test_a_time_zone_that_the_database_does_not_know_stops_nobody_else(
    customer: Organisation, other: Organisation, owner: Database
):
    async with owner.connection() as connection:
        await connection.execute("update organisations set time_zone = 'Moon/Crater' where id = $1", other.id)
    assert await begin_nights(customer.database, EVENING) == 1


async def test_where_nobody_had_bought_nothing_is_started(customer: Organisation):
    assert await begin_nights(customer.database, datetime(2025, 6, 1, tzinfo=UTC)) == 1
    assert await moments(customer) == []


async def test_a_night_that_cannot_begin_is_due_still(customer: Organisation):
    for _ in range(5):
        await customer.admin.post("/v1/rfm/runs", json={})
    assert await begin_nights(customer.database, EVENING) == 0
    for run in (await customer.admin.get("/v1/runs", params={"kind": "rfm.score"})).json()["data"]:
        await customer.admin.post(f"/v1/runs/{run['id']}/cancel")
    assert await begin_nights(customer.database, EVENING) == 1


async def test_a_fault_of_one_night_keeps_nobody_from_theirs(
    customer: Organisation, monkeypatch: pytest.MonkeyPatch
):
    async def fails(_: UnitOfWork, __: datetime) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setitem(NIGHTLY, SCORE, fails)
        assert await begin_nights(customer.database, EVENING) == 0
    assert await begin_nights(customer.database, EVENING) == 1, "it is due still"
