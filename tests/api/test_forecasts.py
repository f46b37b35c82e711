"""Forecasts over HTTP: of what was known and nothing later, and by whom they are seen."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.analytics.pipelines.forecast import forecast
from app.analytics.pipelines.history import History
from app.db.engine import Database
from app.domain.forecasts import KEPT_FOR
from app.jobs.housekeeping import forget
from app.kit import clock
from app.usecases.forecasts import opening
from app.usecases.forecasts.opening import MOST_WAITING
from tests.makers import selling
from tests.makers.organisations import Organisation, found
from tests.makers.sold import KEYS, LINE, Sold, local, sent, sold, stands, worth
from tests.makers.work import work_off

Body = dict[str, Any]
FORECASTS = "/v1/analytics/sales/forecasts"
AS_OF = local("2024-02-20")
QUARTER = ("2024-01-01", "2024-04-01")
World = tuple[Organisation, Sold]


@pytest.fixture(scope="module")
async def world(service: FastAPI, database_url: str) -> AsyncIterator[World]:
    """A company of ten sellers and two years."""
    org = await found(service, database_url)
    yield org, await sold(org, 1, deals=900)
    await org.close()


async def run(org: Organisation, line: str | None, as_of: datetime = AS_OF, **more: Any) -> str:
    """A forecast that is done; its id."""
    body = {"kind": "pipeline", "pipeline_id": line, "as_of": as_of.isoformat()} | more
    answer = await org.admin.post(FORECASTS, json=body)
    assert answer.status_code == 202, answer.text
    await work_off(org.service)
    done = (await org.admin.get(answer.headers["location"])).json()
    assert done["status"] == "done", done
    return str(answer.json()["id"])


async def got(client: httpx.AsyncClient, one: str) -> Body:
    answer = await client.get(f"{FORECASTS}/{one}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(client: httpx.AsyncClient, one: str, **query: Any) -> list[Body]:
    """Every deal of a forecast that fits, page by page."""
    items: list[Body] = []
    cursor = None
    while True:
        asked = {**query, "limit": 50} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(f"{FORECASTS}/{one}/deals", params=asked)
        assert answer.status_code == 200, answer.text
        items += answer.json()["data"]
        if (cursor := answer.json()["next"]) is None:
            return items


def by_hand(known: Sold) -> History:
    """The history as of the moment, straight from what was sent."""
    rows = [
        (
            number,
            KEYS.index(step["stage"]),
            datetime.fromisoformat(step["at"]).replace(tzinfo=None),
            float(worth(deal)),
            deal["expected_close"],
        )
        for number, deal in enumerate(known.deals)
        for step in deal["steps"]
        if datetime.fromisoformat(step["at"]) < AS_OF
    ]
    deal, stage, at, amount, closes = zip(*rows, strict=True)
    owner = np.array([known.people.index(one["owner_id"]) for one in known.deals])
    return History(
        np.array(deal),
        np.array(stage),
        np.array(at, "datetime64[s]"),
        np.array(amount),
        np.array(closes, "datetime64[s]"),
        owner,
    )


async def test_a_forecast_is_what_the_model_says_of_what_was_known(world: World):
    org, known = world
    one = await run(org, known.pipeline)
    told = await got(org.admin, one)
    start, end = (np.datetime64(day) for day in QUARTER)
    past = selling.periods(np.datetime64("2022-01-01"), start, 3)[-8:]
    model = forecast(by_hand(known), selling.STAGES, np.datetime64("2024-02-20"), (start, end), past=past)
    deals = {deal["deal_id"]: deal for deal in await behind(org.admin, one)}
    ids = [deal["id"] for deal in known.deals]
    chances = {ids[deal]: chance for deal, chance in zip(model.deal, model.open.chance, strict=True)}
    won = {
        deal["id"]: worth(deal)
        for deal in known.deals
        if (at := stands(deal, AS_OF)) and at[0] == "won" and at[1] >= local(QUARTER[0])
    }
    assert len(won) > 5
    assert {key: Decimal(deal["amount"]) for key, deal in deals.items() if deal["part"] == "won"} == {
        key: amount.quantize(Decimal("0.01")) for key, amount in won.items()
    }
    assert {key for key, deal in deals.items() if deal["part"] != "won"} == chances.keys()
    for key, chance in chances.items():
        assert deals[key]["chance"] == pytest.approx(chance, abs=1e-6)
    for name in ("expected", "low", "middle", "high"):
        assert float(told[name]) == pytest.approx(getattr(model, name), abs=1), name
    assert (told["model"], told["over"], told["starts_on"], told["ends_on"]) == ("history", "all", *QUARTER)
    parts = {part["part"]: part for part in told["parts"]}
    for name in ("commit", "best_case", "pipeline"):
        assert (
            parts[name]["deals"] == getattr(model, name).deals == len(await behind(org.admin, one, part=name))
        )
        assert float(parts[name]["expected"]) == pytest.approx(getattr(model, name).expected, abs=1)
    sums = [sum(Decimal(deal["expected"]) for deal in deals.values()), Decimal(told["of_new"])]
    assert Decimal(told["expected"]) == sum(sums)
    assert sum(Decimal(owner["expected"]) for owner in told["owners"]) == sums[0]
    teams = {team["team_id"]: Decimal(team["expected"]) for team in told["teams"]}
    assert teams[known.teams["upper"]] == sums[0] > teams[known.teams["lower"]] > 0
    assert told["made_from"] | {"first_on": None} == {
        "deals": len(set(by_hand(known).deal)),
        "won": sum((stands(deal, AS_OF) or ("",))[0] == "won" for deal in known.deals),
        "open": len(chances),
        "first_on": None,
        "without_amount": 0,
        "without_rate": 0,
    }
    assert told["backtest"]["periods"] == len(model.past) > 0
    assert [float(one["actual"]) for one in told["backtest"]["past"]] == pytest.approx(
        [one.actual for one in model.past], abs=0.5
    )


async def test_no_later_fact_enters_a_forecast(org: Organisation):
    known = await sold(org, 3, deals=500)
    before = await got(org.admin, await run(org, known.pipeline))
    stood = {deal["id"]: stands(deal, AS_OF) for deal in known.deals}
    assert (
        sum(at is not None and at[0] in "abc" for at in stood.values()) > 5 < list(stood.values()).count(None)
    )
    edit = {"amount": "1234567", "expected_close": "2024-02-21", "currency": "CNY"}
    for number, deal in enumerate(known.deals[-150:]):
        one = f"deals/{deal['id']}"
        await sent(org, "PATCH", one, edit)
        if (stands(deal, local("2026-01-01")) or "")[0] in "abc":
            await sent(org, "POST", f"{one}/lose", {"reason": "x"})
        elif number % 2:
            await sent(org, "POST", f"{one}/reopen", {"to": "a"})
        heir = known.people[deal["owner_id"] == known.people[0]]
        await sent(org, "POST", f"{one}/reassign", {"owner_id": heir})
        if number % 3 == 0:
            await sent(org, "POST", f"{one}/archive", {})
    rate = {"currency": "USD", "base": "CNY", "on_date": "2024-02-21", "rate": "99"}
    await sent(org, "POST", "exchange_rates", rate)
    stages = [stage | ({"probability": "0.9"} if stage["kind"] == "open" else {}) for stage in LINE["stages"]]
    await sent(
        org,
        "POST",
        f"pipelines/{known.pipeline}/change",
        {"stages": stages[1:], "goes": {"a": "b"}, "moves": {}},
    )
    after = await got(org.admin, await run(org, known.pipeline))
    own = dict.fromkeys(("id", "finished_at"))
    assert before["model"] == "history"
    assert after | own == before | own
    now = await got(org.admin, await run(org, known.pipeline, clock.now()))
    assert now["parts"] != before["parts"], "by now all that counts"


async def test_a_step_may_be_dated_to_before_its_stage_was_made(org: Organisation):
    line = (await sent(org, "POST", "pipelines", LINE))["id"]
    new = {"key": "n", "name": "N", "kind": "open", "probability": "0.5"}
    change = {"stages": [new, *LINE["stages"]], "goes": {}, "moves": {"forward": 4, "back": 2}}
    await sent(org, "POST", f"pipelines/{line}/change", change)
    steps = [{"stage": "n", "at": local("2024-01-06").isoformat()}]
    deal = {"name": "x", "pipeline_id": line, "currency": "CNY", "amount": "10", "steps": steps}
    made = (await sent(org, "POST", "deals/bulk", {"items": [deal | {"expected_close": "2024-03-01"}]}))[
        "items"
    ]
    assert made[0]["status"] == "created", made
    told = await got(org.admin, await run(org, line))
    assert told["expected"] == "5.00"


async def test_what_was_known_of_a_deal_is_what_had_been_written_by_then(org: Organisation):
    line = (await sent(org, "POST", "pipelines", LINE))["id"]
    deal = {
        "name": "x",
        "pipeline_id": line,
        "currency": "CNY",
        "amount": "100",
        "expected_close": "2026-12-01",
    }
    one = await sent(org, "POST", "deals", deal)
    moments = [clock.now()]
    for amount, to in (("200", "b"), ("300", "c"), ("400", "won")):
        await sent(org, "PATCH", f"deals/{one['id']}", {"amount": amount})
        verb, body = ("win", {}) if to == "won" else ("move", {"to": to})
        await sent(org, "POST", f"deals/{one['id']}/{verb}", body)
        moments.append(clock.now())
    told = []
    for moment in moments:
        made = await run(org, line, moment, day="2026-12-01")
        [listed] = await behind(org.admin, made)
        told.append((listed["part"], listed["amount"], listed["chance"], listed["expected"]))
        found = await got(org.admin, made)
        assert (found["model"], found["backtest"], found["low"], found["of_new"]) == (
            "probability",
            *[None] * 3,
        )
        assert "20" in found["why"]["en"]
        assert found["expected"] == listed["expected"]
    assert told == [
        ("pipeline", "100.00", 0.1, "10.00"),
        ("best_case", "200.00", 0.3, "60.00"),
        ("best_case", "300.00", 0.6, "180.00"),
        ("won", "400.00", 1, "400.00"),
    ]


async def test_the_gap_is_to_quotas_that_fill_the_period(org: Organisation):
    line = (await sent(org, "POST", "pipelines", LINE))["id"]
    seller = str((await org.user("seller", "sales"))[0])
    deal = {
        "name": "x",
        "pipeline_id": line,
        "currency": "CNY",
        "amount": "100",
        "expected_close": "2026-12-01",
    }
    await sent(org, "POST", "deals", deal | {"owner_id": seller})
    quota = {"measure": "won_amount", "currency": "CNY", "user_id": seller}
    months = [
        ("2026-10-01", "2026-10-31", "20"),
        ("2026-11-01", "2026-11-30", "30"),
        ("2026-12-01", "2026-12-31", "40"),
    ]
    gaps = []
    for begins, ends, amount in months:
        await sent(org, "POST", "quotas", quota | {"begins_on": begins, "ends_on": ends, "amount": amount})
        found = await got(org.admin, await run(org, line, clock.now(), day="2026-12-31"))
        gaps.append((found["target"], found["owners"][0]["gap"]))
    assert gaps == [(None, None)] * 2 + [({"amount": "90.00", "of": "owners", "gap": "80.00"}, "80.00")]
    every = {"measure": "won_amount", "currency": "CNY", "begins_on": "2026-10-01", "ends_on": "2026-12-31"}
    await sent(org, "POST", "quotas", every | {"amount": "50"})
    one = await run(org, line, clock.now(), day="2026-12-31")
    assert (await got(org.admin, one))["target"] == {"amount": "50.00", "of": "all", "gap": "40.00"}
    rest = ["deals:read", "pipelines:read", "analytics:read"]
    await org.role("asks no quota", scopes=rest, read={"*": ["*"]}, write={}, sight={"*": "all"})
    _, client = await org.user("narrow", "asks no quota")
    found = await got(client, one)
    assert (found["target"], found["owners"][0]["target"], found["teams"]) == (None, None, None)
    assert found["owners"][0]["expected"] == "10.00"


async def test_earlier_forecasts_stand_beside_what_came(world: World):
    org, known = world
    ids = [await run(org, known.pipeline, local(day)) for day in ("2023-04-01", "2023-05-01", "2023-06-01")]
    query: Body = {"pipeline_id": known.pipeline, "day": "2023-05-05", "unit": "quarter", "limit": 2}
    first = (await org.admin.get(FORECASTS, params=query)).json()
    rest = (await org.admin.get(FORECASTS, params=query | {"cursor": first["next"]})).json()
    listed = first["data"] + rest["data"]
    assert ([one["id"] for one in listed], rest["next"]) == (ids[::-1], None)
    won = [
        worth(deal)
        for deal in known.deals
        if (at := stands(deal, clock.now()))
        and at[0] == "won"
        and local("2023-04-01") <= at[1] < local("2023-07-01")
    ]
    assert {one["actual"] for one in listed} == {f"{sum(won):.2f}"}
    assert [one["expected"] for one in listed] == [
        (await got(org.admin, one))["expected"] for one in ids[::-1]
    ]
    answer = await org.admin.get(FORECASTS, params={"kind": "revenue"})
    assert answer.json()["data"] == []


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"as_of": "2199-01-01T00:00:00Z"}, 422, "as_of_in_future"),
        ({"day": "2020-01-01"}, 422, "period_over"),
        ({"day": "2199-01-01"}, 422, "period_too_far"),
        ({"pipeline_id": "01a206d3-6874-7101-982e-d2b6ff106fce"}, 404, "pipeline_not_found"),
        ({"kind": "weather"}, 422, "request_invalid"),
        ({"unit": "hour"}, 422, "request_invalid"),
    ],
)
async def test_what_cannot_be_forecast_is_refused(org: Organisation, asked: Body, status: int, code: str):
    await sent(org, "POST", "pipelines", LINE)
    answer = await org.admin.post(FORECASTS, json={"kind": "pipeline"} | asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_few_forecasts_at_once(org: Organisation):
    await sent(org, "POST", "pipelines", LINE)
    for _ in range(MOST_WAITING):
        assert (await org.admin.post(FORECASTS, json={"kind": "pipeline"})).status_code == 202
    refused = await org.admin.post(FORECASTS, json={"kind": "pipeline"})
    assert (refused.status_code, refused.json()["code"]) == (409, "runs_under_way")
    [waiting, *_] = (await org.admin.get("/v1/runs", params={"kind": "forecasts.pipeline"})).json()["data"]
    answer = await org.admin.get(f"{FORECASTS}/{waiting['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "forecast_not_found")


async def test_each_night_month_and_quarter_of_pipelines_with_enough_history(world: World):
    org, known = world
    await sent(org, "POST", "pipelines", LINE | {"name": "empty"})
    async with await org.work() as uow:
        await opening.forecast_night(uow, AS_OF)
        await uow.commit()
    await work_off(org.service)
    query: Body = {"pipeline_id": known.pipeline, "day": "2024-02-20", "limit": 200}
    listed = (await org.admin.get(FORECASTS, params=query)).json()["data"]
    months = [one for one in listed if one["unit"] == "month"]
    assert [(one["starts_on"], one["ends_on"]) for one in months] == [("2024-02-01", "2024-03-01")]
    every = (await org.admin.get(FORECASTS, params={"limit": 200})).json()["data"]
    assert {one["pipeline_id"] for one in every} == {known.pipeline}


async def test_chances_are_forgotten_and_findings_stay(world: World, owner: Database):
    org, known = world
    one = await run(org, known.pipeline)
    found = await got(org.admin, one)
    async with owner.connection() as connection:
        await connection.execute(
            "update forecasts set created_at = created_at - $2::interval where id = $1", one, KEPT_FOR
        )
    assert (await forget(org.database, clock.now()))["chances"] == sum(
        part["deals"] for part in found["parts"]
    )
    assert await got(org.admin, one) == found
    for client, url in ((org.admin, f"{FORECASTS}/{one}/deals"), (known.clients[0], f"{FORECASTS}/{one}")):
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (409, "chances_let_go")
