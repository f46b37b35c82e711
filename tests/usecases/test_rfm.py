"""Scores as the database makes them, beside the same in plain Python; clusters come of the same customers alike."""

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import rfm
from app.domain.rfm import BINS, TIERS, Returns, cents, segment
from app.usecases.rfm import opening
from tests.makers.buyers import order, ordered, scores
from tests.makers.organisations import Organisation, found

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
ANY = {"If-Match": "*"}
ZONE = ZoneInfo("Asia/Shanghai")
RATES = {("USD", "2024-01-01"): "7.1234567890", ("USD", "2024-06-02"): "6.5", ("EUR", "2024-07-01"): "8.05"}
Values = dict[str, Any]


def _order(chance: random.Random, number: int, contacts: list[str]) -> Values:
    at = BEGIN + timedelta(days=chance.choice([0, 30, 92, 93, 200]), seconds=chance.randrange(86_400 * 3))
    amount = Decimal(chance.choice([-5000, 1, 5, 5000, 5000, 99999, chance.randrange(1, 10**7)])) / 1000
    made = order(str(number), chance.choice([*contacts, None]), at, amount)
    made["currency"] = chance.choice(["CNY"] * 6 + ["USD", "EUR", "JPY"])
    match chance.randrange(8):
        case 0:
            del made["paid_at"]
            made["cancelled_at"] = (at + timedelta(days=chance.choice([1, 50]))).isoformat()
        case 1 if amount > 0:
            made |= {"refunded": str(amount / 2), "refunded_at": (at + timedelta(days=40)).isoformat()}
        case 2 if amount > 0:
            made |= {"refunded": str(amount)}
        case 3 if amount > 0:
            made |= {"refunded": str(amount), "cancelled_at": (at + timedelta(days=50)).isoformat()}
        case _:
            pass
    return made


@pytest.fixture(scope="module")
async def world(service: FastAPI, database_url: str) -> Any:
    """Customers with all sorts of orders."""
    org, chance = await found(service, database_url), random.Random(7)
    people = [{"name": f"c{n}"} for n in range(60)]
    made = (await org.admin.post("/v1/contacts/bulk", json={"items": people})).json()["items"]
    ids = [one["id"] for one in made]
    for (currency, day), rate in RATES.items():
        body = {"currency": currency, "base": "CNY", "on_date": day, "rate": rate}
        assert (await org.admin.post("/v1/exchange_rates", json=body)).status_code == 201
    body = {"currency": "USD", "base": "CNY", "on_date": "2024-06-03", "rate": "99"}
    wrong = (await org.admin.post("/v1/exchange_rates", json=body)).json()["id"]
    assert (await org.admin.post(f"/v1/exchange_rates/{wrong}/archive", headers=ANY)).status_code == 200
    await ordered(org, [_order(chance, number, ids) for number in range(400)])
    for one in ids[:3]:
        assert (await org.admin.post(f"/v1/contacts/{one}/archive", headers=ANY)).status_code == 200
    orders, cursor = [], None
    while True:
        asked = {"limit": "200", "sort": "id"} | ({"cursor": cursor} if cursor else {})
        answer = (await org.admin.get("/v1/orders", params=asked)).json()
        orders += answer["data"]
        if (cursor := answer["next"]) is None:
            break
    first = orders.pop()
    await org.admin.post(f"/v1/orders/{first['id']}/archive", headers=ANY)
    yield org, [one for one in orders if one["contact_id"] not in ids[:3]]
    await org.close()


def _rate(currency: str, at: datetime) -> Decimal | None:
    day = at.astimezone(ZONE).date().isoformat()
    known = sorted((since, rate) for (one, since), rate in RATES.items() if one == currency and since <= day)
    return Decimal(1) if currency == "CNY" else Decimal(known[-1][1]) if known else None


def _counted(
    one: Values, as_of: datetime, returns: Returns, window: int | None
) -> tuple[datetime, bool, Decimal] | None:
    """When an order was placed, whether it is a sale, and the money kept; None when it does not count."""
    at, total, back = (
        datetime.fromisoformat(one["placed_at"]),
        Decimal(one["total"]),
        Decimal(one["refunded"]),
    )
    rate = _rate(one["currency"], at)
    out = one["contact_id"] is None or at >= as_of or (window and at < as_of - timedelta(days=window))
    off = one["cancelled_at"] is not None and datetime.fromisoformat(one["cancelled_at"]) < as_of
    if rate is None or out or off or (returns == Returns.IGNORE and total <= 0):
        return None
    later = one["refunded_at"] and datetime.fromisoformat(one["refunded_at"]) >= as_of
    kept = total if later or returns == Returns.IGNORE else total - back
    return at, total > 0, kept * rate


def band(value: Any, edges: list[Any]) -> int:
    """1 to 5 for frequency and money: one more for each edge that is reached."""
    return 1 + sum(edge <= value for edge in edges)


def band_of_days(value: int, edges: list[int]) -> int:
    """5 to 1 for recency: one less for each edge that is passed."""
    return BINS - sum(edge < value for edge in edges)


def naive(
    orders: list[Values], as_of: datetime, returns: Returns, window: int | None, bins: Values
) -> dict[str, Values]:
    """What every customer's row should say."""
    bought = defaultdict(list)
    for one in orders:
        if counted := _counted(one, as_of, returns, window):
            bought[one["contact_id"]].append(counted)
    rows: dict[str, Values] = {}
    for contact, listed in bought.items():
        sales = [at for at, sale, _ in listed if sale]
        if sales:
            rows[contact] = {
                "recency_days": (as_of - max(sales)).days,
                "tenure_days": (as_of - min(sales)).days,
                "frequency": len(sales),
                "monetary": cents(sum((money for *_, money in listed), Decimal(0))),
            }
    for letter, measure, sign in (("r", "recency_days", -1), ("f", "frequency", 1), ("m", "monetary", 1)):
        edges = bins.get(measure.removesuffix("_days"))
        ranked = scores([sign * row[measure] for row in rows.values()])
        for row, ranking in zip(rows.values(), ranked, strict=True):
            if edges is None:
                row[letter] = ranking
            else:
                row[letter] = (band_of_days if letter == "r" else band)(row[measure], edges)
    for row in rows.values():
        row |= {"segment": segment(row["r"], row["f"], row["m"]), "tier": TIERS[row["m"]]}
    return rows


async def stored(
    org: Organisation, as_of: datetime, returns: Returns, window: int | None, bins: Mapping[str, Any]
) -> dict[str, Values]:
    """The rows as the database makes them; nothing of it is kept."""
    async with await org.work() as uow:
        run = await opening.start_rfm_run(uow, as_of=as_of, returns=returns, window_days=window, bins=bins)
        await rfm.prepare(uow)
        await rfm.score(uow, await rfm.of_run(uow, run))
        rows = await uow.fetch("select * from rfm_scores where org_id = $1 and run_id = $2", org.id, run)
        hidden = ("org_id", "run_id", "contact_id", "cluster")
        return {str(r["contact_id"]): {k: v for k, v in r.items() if k not in hidden} for r in rows}


_EDGES = st.sets(st.integers(0, 300), min_size=BINS - 1, max_size=BINS - 1).map(sorted)
_MONEY = st.sets(st.decimals("0", "9000", places=2), min_size=BINS - 1, max_size=BINS - 1).map(sorted)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    day=st.integers(-2, 260),
    second=st.sampled_from([0, 3_600 * 16, 40_000]),
    returns=st.sampled_from(Returns),
    window=st.none() | st.integers(1, 150),
    bins=st.fixed_dictionaries({}, optional={"recency": _EDGES, "frequency": _EDGES, "monetary": _MONEY}),
)
async def test_the_database_scores_as_plain_python_does(
    world: Any, day: int, second: int, returns: Returns, window: int | None, bins: Values
):
    org, orders = world
    as_of = BEGIN + timedelta(days=day, seconds=second)
    expected = naive(orders, as_of, returns, window, bins)
    assert await stored(org, as_of, returns, window, bins) == expected


async def test_nothing_at_or_after_the_moment_counts(world: Any):
    org, orders = world
    last = max(datetime.fromisoformat(one["placed_at"]) for one in orders if one["contact_id"])
    for as_of in (last, last + timedelta(microseconds=1)):
        rows = await stored(org, as_of, Returns.NET, None, {})
        assert rows == naive(orders, as_of, Returns.NET, None, {})
    assert await stored(org, BEGIN, Returns.NET, None, {}) == {}


async def test_a_currency_without_a_rate_is_left_out_and_told(world: Any):
    org, _ = world
    async with await org.work() as uow:
        run = await opening.start_rfm_run(uow)
        left = await rfm.left_out(uow, await rfm.of_run(uow, run))
        orders = await uow.fetch(
            "select currency, count(*) as n from orders where org_id = $1 and currency = 'JPY' and archived_at is null"
            " and cancelled_at is null and contact_id is not null group by 1",
            org.id,
        )
    assert {one["currency"] for one in left} == {"JPY", "EUR"}
    assert next(one["orders"] for one in left if one["currency"] == "JPY") == orders[0]["n"]


async def test_rows_in_another_order_are_scored_alike(org: Organisation):
    made = (
        await org.admin.post("/v1/contacts/bulk", json={"items": [{"name": f"c{n}"} for n in range(9)]})
    ).json()
    ids = [one["id"] for one in made["items"]]
    orders = [order(str(n), ids[n % 9], BEGIN + timedelta(hours=n % 4), str(n % 3 + 1)) for n in range(60)]
    results = []
    for seed in (1, 2):
        random.Random(seed).shuffle(orders)
        for place, one in enumerate(orders):
            one["number"] = f"{seed} {place}"
        await ordered(org, orders)
        results.append(await stored(org, BEGIN + timedelta(days=9), Returns.NET, None, {}))
        async with await org.work() as uow:
            await uow.execute("update orders set archived_at = $2 where org_id = $1", org.id, uow.now)
            await uow.commit()
    assert results[0] == results[1] != {}


async def test_a_customer_alone_and_customers_all_alike_score_one(org: Organisation):
    made = (
        await org.admin.post("/v1/contacts/bulk", json={"items": [{"name": f"c{n}"} for n in range(7)]})
    ).json()
    ids = [UUID(one["id"]) for one in made["items"]]
    await ordered(org, [order("1", str(ids[0]), BEGIN, "10")])
    as_of = BEGIN + timedelta(days=1, microseconds=-1)
    alone = await stored(org, as_of, Returns.NET, None, {})
    assert [(row["r"], row["f"], row["m"], row["recency_days"]) for row in alone.values()] == [(1, 1, 1, 0)]
    await ordered(org, [order(f"n{n}", str(ids[n]), BEGIN, "10") for n in range(1, 7)])
    alike = await stored(org, as_of, Returns.NET, None, {})
    assert {(row["r"], row["f"], row["m"]) for row in alike.values()} == {(1, 1, 1)}
    assert len(alike) == 7
