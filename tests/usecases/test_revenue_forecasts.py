"""Forecasts of revenue: orders as they were known, by step, with holidays and promotions where these tell something."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pytest

from app.analytics import series
from app.analytics.series import Every
from app.domain.calendars import read, standard
from app.usecases.forecasts.revenue import regressors
from tests.makers.buyers import order, ordered
from tests.makers.organisations import Organisation
from tests.makers.sold import local, sent
from tests.makers.work import work_off

FORECASTS = "/v1/analytics/sales/forecasts"
ALWAYS = {
    "name": "x",
    "time_zone": "Asia/Shanghai",
    "week": {"monday": ["09:00-18:00"], "tuesday": ["09:00-18:00"]},
}
Body = dict[str, Any]


async def run(org: Organisation, **asked: Any) -> Body:
    """What was forecast."""
    answer = await org.admin.post(FORECASTS, json={"kind": "revenue"} | asked)
    assert answer.status_code == 202, answer.text
    await work_off(org.service)
    done = (await org.admin.get(answer.headers["location"])).json()
    assert done["status"] == "done", done
    found = await org.admin.get(f"{FORECASTS}/{answer.json()['id']}")
    assert found.status_code == 200, found.text
    return found.json()


def test_holidays_and_promotions_make_a_forecast_err_less():
    """Sales halve on holidays that move from year to year, and double in promotions."""
    told_of: list[float] = []
    plain: list[float] = []
    for seed in range(3):
        chance = np.random.default_rng(seed)
        days = 500
        special = np.zeros((days, 2))
        for first in np.cumsum(chance.integers(25, 45, 14)):
            special[first : first + 4, int(chance.integers(2))] = 1
        usual = 100 + np.array([0, 5, 10, 15, 30, 40, -20])[np.arange(days) % 7]
        values = usual * (1 - 0.5 * special[:, 0]) * (1 + special[:, 1]) + chance.normal(0, 4, days)
        until = int(np.flatnonzero(special[:460].any(1))[-1]) - 3
        truth = values[until : until + 14]
        told = {"known": special[:until], "coming": special[until : until + 14]}
        for errors, more in ((plain, {}), (told_of, told)):
            found = series.forecast(values[:until], Every.DAY, 14, **more)
            errors.append(np.abs(found.mean - truth).mean())
            assert (found.lowest <= found.low).all()
            assert (found.high <= found.highest).all()
    assert np.mean(told_of) < 0.8 * np.mean(plain)


def test_days_that_are_not_as_usual_are_counted_by_step():
    special = [
        {"on": "2026-02-16", "name": "春节", "hours": []},
        {"on": "2026-02-17", "name": "春节", "hours": []},
        {"on": "2026-02-18", "name": "no workday anyway", "hours": []},
        {"on": "2026-02-28", "name": "made up for", "hours": ["09:00-18:00"]},
        {"on": "2027-01-01", "name": "later", "hours": []},
    ]
    calendar = read(ALWAYS | {"special_days": special})
    promotion = {"name": "双十一", "since": "2026-02-22", "until": "2026-02-24"}
    weeks = [date(2026, 2, 9) + timedelta(days=7 * n) for n in range(4)]
    names, columns = regressors(calendar, [promotion], weeks)
    assert names == ["holiday", "workday_made_up", "promotion 双十一"]
    assert columns.tolist() == [[0, 0, 0], [2, 0, 1], [0, 1, 2]]
    assert regressors(standard("Asia/Shanghai"), [], weeks)[1].sum() == 0


async def test_revenue_is_forecast_from_what_was_known_of_orders(org: Organisation):
    chance = np.random.default_rng(4)
    first, days = local("2025-03-03", 12), 120
    amounts = [Decimal(int(100 + 10 * (n % 7) + chance.integers(0, 5))) for n in range(days)]
    await sent(
        org,
        "POST",
        "exchange_rates",
        {"currency": "USD", "base": "CNY", "on_date": "2025-01-01", "rate": "7"},
    )
    await ordered(
        org,
        [
            *(
                order(f"{n}", None, first + timedelta(days=n), amount, channel="web")
                for n, amount in enumerate(amounts)
            ),
            order("usd", None, first, "10", channel="shop") | {"currency": "USD"},
            order("eur", None, first, "10", channel="shop") | {"currency": "EUR"},
        ],
    )
    as_of = local("2025-06-16", 15)
    found = await run(org, as_of=as_of.isoformat(), ahead=7, channel="web")
    assert (found["starts_on"], found["ends_on"], len(found["steps"])) == ("2025-06-16", "2025-06-23", 7)
    assert found["made_from"] == {"steps": 105, "orders": 105, "without_rate": 0, "first_on": "2025-03-03"}
    assert found["choice"]["beats_naive"] in (True, False)
    assert {score["model"] for score in found["choice"]["scores"]} >= {"naive", "seasonal_naive"}
    direct = series.forecast(
        np.array([float(one) for one in amounts[:105]]),
        Every.DAY,
        7,
        known=np.zeros((105, 2)),
        coming=np.zeros((7, 2)),
    )
    assert [float(one["mean"]) for one in found["steps"]] == pytest.approx(list(direct.mean), abs=0.01)
    for low, high in (("low", "high"), ("lowest", "highest")):
        assert all(Decimal(one[low]) <= Decimal(one["mean"]) <= Decimal(one[high]) for one in found["steps"])
    ids = {
        one["number"]: one["id"]
        for one in (await org.admin.get("/v1/orders", params={"limit": 200, "sort": "placed_at"})).json()[
            "data"
        ]
    }
    await sent(org, "POST", f"orders/{ids['50']}/refund", {"amount": "100", "at": "2025-06-17T00:00:00Z"})
    await sent(org, "POST", f"orders/{ids['60']}/archive", {})
    await ordered(org, [order("late", None, as_of, "99999", channel="web")])
    later = await run(org, as_of=as_of.isoformat(), ahead=7, channel="web")
    assert later["steps"] == found["steps"]
    weekly = await run(org, as_of=as_of.isoformat(), unit="week", ahead=2)
    assert weekly["made_from"] == {"steps": 15, "orders": 107, "without_rate": 1, "first_on": "2025-03-03"}
    listed = (await org.admin.get(FORECASTS, params={"kind": "revenue"})).json()["data"]
    actual = {one["id"]: one["actual"] for one in listed}
    assert actual[found["id"]] != actual[weekly["id"]]
    assert [one["expected"] for one in listed][-1] == found["expected"]


async def test_nothing_sold_is_nothing_forecast(org: Organisation):
    found = await run(org, unit="month", ahead=3)
    assert (found["expected"], found["steps"], found["choice"], found["model"]) == (None, [], None, None)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"unit": "quarter"}, "not_of_kind"),
        ({"day": "2026-01-01"}, "not_of_kind"),
        ({"kind": "pipeline", "ahead": 3}, "not_of_kind"),
        ({"kind": "pipeline", "unit": "week"}, "not_of_kind"),
        ({"unit": "month", "ahead": 37}, "ahead_too_far"),
        ({"promotions": [{"name": "x", "since": "2026-01-02", "until": "2026-01-01"}]}, "promotion_reversed"),
    ],
)
async def test_what_cannot_be_forecast_is_refused(org: Organisation, asked: Body, code: str):
    answer = await org.admin.post(FORECASTS, json={"kind": "revenue"} | asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_revenue_is_told_to_whoever_sees_every_order(org: Organisation):
    await ordered(org, [order("1", None, datetime(2026, 1, 5, tzinfo=UTC), "5")])
    one = (await run(org, ahead=2))["id"]
    every: Body = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("own", **every, sight={})
    await org.role("no total", **every | {"read": {"order": ["status", "placed_at"]}}, sight={"*": "all"})
    for role, code in (("own", "sight_too_narrow"), ("no total", "field_hidden")):
        _, client = await org.user(role.replace(" ", ""), role)
        await refused(client, one, code)
        listed = await client.get(FORECASTS)
        assert (listed.status_code, listed.json().get("data", [])) in ((200, []), (403, []))


async def refused(client: httpx.AsyncClient, one: str, code: str) -> None:
    for answer in (
        await client.get(f"{FORECASTS}/{one}"),
        await client.post(FORECASTS, json={"kind": "revenue"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, code), answer.text
