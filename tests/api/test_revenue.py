"""Revenue by the API, beside the same counted by hand from the orders that were sent."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.orders import rounded
from app.domain.revenue import Buyer
from app.kit import clock
from tests.makers.buyers import order, ordered
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
REVENUE = "/v1/analytics/sales/revenue"
SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGUN = datetime(2025, 1, 1, tzinfo=UTC)
YEARS: Body = {"since": "2024-01-01", "before": "2027-01-01"}
RATES = {"2025-01-20": Decimal(7), "2025-06-01": Decimal("8.1234567891")}
"""Of USD; of EUR nobody knows one."""
CHANNELS = (None, "web", "店")


async def sent(org: Organisation, plural: str, body: Body) -> str:
    """The id of what was made."""
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def a_world(org: Organisation, seed: int) -> list[Body]:
    """Orders of few customers, of which some are cancelled, refunded, below zero, of nobody, or archived."""
    chance = random.Random(seed)
    for on, rate in RATES.items():
        body = {"currency": "USD", "base": "CNY", "on_date": on, "rate": str(rate)}
        await sent(org, "exchange_rates", body)
    people = [None, *[await sent(org, "contacts", {"name": f"P{n}"}) for n in range(6)]]
    regions: dict[str | None, str | None] = {None: None}
    for region in ("华东", "华南", None):
        regions[await sent(org, "companies", {"name": f"{region}", "region": region})] = region
    orders = []
    for n in range(60):
        at = BEGUN + timedelta(hours=chance.randrange(24 * 500))
        amount = Decimal(chance.choice([-5, 0, 10, 25, 300, 1200])) + Decimal("0.75")
        later = (at + timedelta(days=chance.randrange(60))).isoformat()
        more: Body = {"channel": chance.choice(CHANNELS), "country": chance.choice([None, "CN"])}
        more |= {
            "currency": chance.choice(["CNY", "CNY", "USD", "EUR"]),
            "company_id": chance.choice([*regions]),
        }
        if chance.random() < 0.15:
            more |= {"cancelled_at": later, "paid_at": None}
        elif amount > 1 and chance.random() < 0.3:
            more |= {"refunded": "0.5", "refunded_at": chance.choice([later, None])}
        orders.append(order(str(n), chance.choice(people), at, amount, **more))
    await ordered(org, orders)
    told = (await org.admin.get("/v1/orders", params={"limit": 200})).json()["data"]
    for one in chance.sample(told, 5):
        await org.admin.post(f"/v1/orders/{one['id']}/archive", headers=ANY)
    found = [(await org.admin.get(f"/v1/orders/{one['id']}")).json() for one in told]
    return [one | {"region": regions[one["company_id"]]} for one in found]


def when(text: str | None) -> datetime | None:
    """A moment as it is told."""
    return datetime.fromisoformat(text) if text else None


def day_of(one: Body) -> date:
    """In Shanghai."""
    return datetime.fromisoformat(one["placed_at"]).astimezone(SHANGHAI).date()


def counts(one: Body, as_of: datetime) -> bool:
    """Whether an order was there, and neither archived nor cancelled."""
    gone, cancelled = when(one["archived_at"]), when(one["cancelled_at"])
    there = datetime.fromisoformat(one["placed_at"]) <= as_of and (gone is None or gone > as_of)
    return there and (cancelled > as_of if cancelled else one["status"] != "cancelled")


def value(one: Body, as_of: datetime) -> Decimal | None:
    """What is left of it in yuan."""
    refunded = when(one["refunded_at"])
    left = Decimal(one["total"]) - (0 if refunded and refunded > as_of else Decimal(one["refunded"]))
    known = [rate for on, rate in RATES.items() if on <= day_of(one).isoformat()]
    if one["currency"] == "CNY":
        return left
    return left * known[-1] if known and one["currency"] == "USD" else None


def group_of(one: Body, by: str | None) -> str | None:
    """The group that an order is in."""
    if by in {None, "channel", "country", "region"}:
        return one.get(by) if by else None
    day = day_of(one)
    return f"{day:%Y-%m}" if by == "month" else f"{day.year}-Q{(day.month + 2) // 3}"


def buyer_of(one: Body, span: list[Body], every: list[Body], lapsed: int) -> str:
    """What its customer was at their first order of a span."""
    who = one["contact_id"]
    if who is None:
        return "unknown"
    first = min(datetime.fromisoformat(each["placed_at"]) for each in span if each["contact_id"] == who)
    before = [
        datetime.fromisoformat(each["placed_at"])
        for each in every
        if each["contact_id"] == who and Decimal(each["total"]) > 0
    ]
    known = [at for at in before if at < first]
    if not known:
        return "new"
    return "came_back" if first - max(known) > timedelta(days=lapsed) else "returning"


def part(orders: list[Body], as_of: datetime) -> Body:
    """What orders come to."""
    values = [value(one, as_of) for one in orders]
    return {
        "customers": len({one["contact_id"] for one in orders} - {None}),
        "orders": len(orders),
        "revenue": f"{rounded(sum((one or 0 for one in values), Decimal(0))):f}",
        "left_out": values.count(None),
    }


async def asked(client: httpx.AsyncClient, **body: Any) -> Body:
    """An answer."""
    answer = await client.post(REVENUE, json=YEARS | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(client: httpx.AsyncClient, **body: Any) -> list[str]:
    """The orders behind a number, page by page."""
    found, cursor = [], None
    while True:
        more: Body = {"cursor": cursor} if cursor else {}
        answer = await client.post(f"{REVENUE}/orders", json=YEARS | {"limit": 7} | body | more)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if (cursor := answer.json()["next"]) is None:
            return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_revenue_is_what_counting_every_order_by_hand_gives(org: Organisation, seed: int):
    orders = await a_world(org, seed)
    dates = st.dates(BEGUN.date() - timedelta(days=5), BEGUN.date() + timedelta(days=510))
    ends = [when(one[name]) for one in orders for name in ("placed_at", "refunded_at", "cancelled_at")]
    moments = st.just(clock.now()) | st.sampled_from([at for at in ends if at])
    bys = st.sampled_from([None, "channel", "country", "region", "month", "quarter"])
    buyers, chosen = st.none() | st.sampled_from(Buyer), st.sampled_from(CHANNELS)

    @settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(dates, min_size=2, max_size=2, unique=True).map(sorted),
        moments,
        bys,
        st.sampled_from([1, 20, 60, 365]),
        buyers,
        chosen,
    )
    async def any_window(
        window: Any, as_of: datetime, by: str | None, lapsed: int, buyer: Buyer | None, channel: str | None
    ) -> None:
        since, before = window
        body: Body = {"since": str(since), "before": str(before), "as_of": as_of.isoformat(), "group_by": by}
        body |= {"lapsed_after": lapsed}
        body |= {"where": {"field": "channel", "op": "eq", "value": channel}} if channel else {}
        every = [one for one in orders if counts(one, as_of)]
        within = [one for one in every if since <= day_of(one) < before]
        found: dict[str | None, dict[str, list[Body]]] = defaultdict(lambda: defaultdict(list))
        for one in within:
            span = by if by in {"month", "quarter"} else None
            same = [each for each in within if span is None or group_of(each, by) == group_of(one, by)]
            if channel is None or one["channel"] == channel:
                found[group_of(one, by)][buyer_of(one, same, every, lapsed)].append(one)
        if by is None:
            found[None]  # is told of even when it is empty
        told = await asked(org.admin, **body)
        groups = {group["key"]: group for group in told["groups"]} if by else {None: told["total"]}
        assert groups.keys() == found.keys()
        for key, group in groups.items():
            for name in Buyer:
                assert group[name] == part(found[key][name], as_of), name
            both = [one for some in found[key].values() for one in some]
            assert group["all"] == part(both, as_of)
            own = both if buyer is None else found[key][buyer]
            ids = await behind(org.admin, **body, key=key, buyer=buyer)
            assert ids == sorted(one["id"] for one in own)

    await run_here(any_window)


async def test_revenue_is_of_the_orders_that_the_reader_sees_and_refused_where_it_is_hidden(
    org: Organisation,
):
    await org.role("own", scopes=["orders:read"], read={"order": ["*"]})
    fields = ["contact_id", "placed_at", "status", "currency", "refunded", "refunded_at", "cancelled_at"]
    await org.role("narrow", scopes=["orders:read"], read={"order": fields}, sight={"order": "all"})
    await org.role("open", scopes=["orders:read"], read={"order": [*fields, "total"]}, sight={"order": "all"})
    mine, seller = await org.user("seller", "own")
    _, narrow = await org.user("narrow", "narrow")
    _, free = await org.user("open", "open")
    who = await sent(org, "contacts", {"name": "李娜"})
    sold = [
        order("1", who, BEGUN, "10"),
        order("2", who, BEGUN + timedelta(days=50), "20", owner_id=str(mine)),
    ]
    await ordered(org, sold)
    window: Body = {"since": "2025-02-01"}
    every, own = await asked(org.admin, **window), await asked(seller, **window)
    assert (every["over"], every["total"]["returning"]["revenue"]) == ("all", "20.0000")
    assert (own["over"], own["total"]["new"]["revenue"]) == ("seen", "20.0000"), (
        "The first one is not theirs."
    )
    assert (await asked(free, **window))["total"] == every["total"]
    assert len(await behind(org.admin)) == 2
    assert len(await behind(seller)) == 1
    refused: list[tuple[httpx.AsyncClient, Body, tuple[int, str]]] = [
        (narrow, {}, (403, "field_hidden")),
        (free, {"group_by": "channel"}, (403, "field_hidden")),
        (free, {"where": {"field": "channel", "op": "eq", "value": "x"}}, (403, "field_hidden")),
        (seller, {"group_by": "region"}, (403, "scope_missing")),
        (org.admin, {"before": "2024-01-01"}, (422, "window_reversed")),
    ]
    for client, body, expected in refused:
        for path in (REVENUE, f"{REVENUE}/orders"):
            answer = await client.post(path, json=YEARS | body)
            assert (answer.status_code, problem(answer)["code"]) == expected, body
