"""Acquisition by the API, beside the same counted by hand from what was spent, ordered and won."""

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.acquisition import By
from app.domain.orders import rounded
from app.kit import clock
from tests.api import test_revenue as sales
from tests.api.test_funnel import history
from tests.api.test_pipelines import made
from tests.api.test_revenue import BEGUN, CHANNELS, RATES, SHANGHAI, YEARS, sent, when
from tests.api.test_velocity import LINE, stood, walk
from tests.makers.buyers import order, ordered
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
ACQUISITION = "/v1/analytics/sales/acquisition"
KINDS = ("advertising", "campaign", "sales", "tools", "other")
CAMPAIGNS = (None, "春茶", "autumn")


async def costs_of(org: Organisation, chance: random.Random) -> list[Body]:
    """Costs in three currencies, of which one has no rate, and some are put away."""
    items = [
        {
            "day": str(BEGUN.date() + timedelta(days=chance.randrange(600))),
            "kind": chance.choice(KINDS),
            "amount": f"{chance.randrange(900)}.25",
            "currency": chance.choice(["CNY", "CNY", "USD", "EUR"]),
            "channel": chance.choice(CHANNELS),
            "campaign": chance.choice(CAMPAIGNS),
        }
        for _ in range(60)
    ]
    answer = (await org.admin.post("/v1/costs/bulk", json={"items": items})).json()
    assert {one["status"] for one in answer["items"]} == {"created"}, answer
    ids = [one["id"] for one in answer["items"]]
    for id_ in chance.sample(ids, 6):
        await org.admin.post(f"/v1/costs/{id_}/archive", headers=ANY)
    return [(await org.admin.get(f"/v1/costs/{id_}")).json() for id_ in ids]


async def deals_of(org: Organisation, chance: random.Random) -> list[Body]:
    """Deals of few customers with their histories: of companies, of contacts, of both, of nobody."""
    await made(org, **LINE)
    people = [None, *[await sent(org, "contacts", {"name": f"D{n}"}) for n in range(4)]]
    firms = [None, None, *[await sent(org, "companies", {"name": f"F{n}"}) for n in range(3)]]
    items: list[Body] = []
    for n in range(50):
        item: Body = {"name": str(n), "currency": "CNY", "amount": "1", "steps": walk(chance)}
        item |= {"channel": chance.choice(CHANNELS), "campaign": chance.choice(CAMPAIGNS)}
        items.append(item | {"contact_id": chance.choice(people), "company_id": chance.choice(firms)})
    answer = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()
    assert {one["status"] for one in answer["items"]} == {"created"}, answer
    for one in chance.sample(answer["items"], 4):
        await org.admin.post(f"/v1/deals/{one['id']}/archive", headers=ANY)
    return [await history(org, {"id": one["id"]}) for one in answer["items"]]


def day_of(at: datetime) -> date:
    """In Shanghai."""
    return at.astimezone(SHANGHAI).date()


def kept(record: Body, as_of: datetime) -> bool:
    """Whether it was not put away."""
    gone = when(record["archived_at"])
    return gone is None or gone > as_of


def buyers(orders: list[Body], since: date, before: date, as_of: datetime) -> list[Body]:
    """Who had bought nothing before their first order in the window, with what that carries."""
    every = [one for one in orders if one["contact_id"] and sales.counts(one, as_of)]
    found = []
    for who in {one["contact_id"] for one in every}:
        own = sorted(
            (datetime.fromisoformat(one["placed_at"]), one["id"], one)
            for one in every
            if one["contact_id"] == who and since <= sales.day_of(one) < before
        )
        if own and not any(
            datetime.fromisoformat(one["placed_at"]) < own[0][0] and Decimal(one["total"]) > 0
            for one in every
            if one["contact_id"] == who
        ):
            day, carried = day_of(own[0][0]), {"channel": own[0][2]["channel"]}
            found.append({"id": who, "noun": "contact", "day": day, **carried})
    return found


def winners(deals: list[Body], since: date, before: date, as_of: datetime) -> list[Body]:
    """Whose deal was won in the window, and none before, with what that carries."""
    first: dict[str, tuple[datetime, str, Body]] = {}
    for here in filter(None, (stood(deal, as_of) for deal in deals)):
        deal = here["deal"]
        who = deal["company_id"] or deal["contact_id"]
        if who and here["state"] == "won":
            won = (here["closed"], deal["id"], deal)
            first[who] = min(first.get(who, won), won)
    return [
        {"id": who, "noun": "company" if deal["company_id"] else "contact", "day": day_of(at)}
        | {"channel": deal["channel"], "campaign": deal["campaign"]}
        for who, (at, _, deal) in first.items()
        if since <= day_of(at) < before
    ]


def group_of(one: Body, by: str | None) -> str | None:
    """The group that a cost or a customer is in."""
    day = date.fromisoformat(str(one["day"]))
    spans: dict[str | None, str | None] = {
        "month": f"{day:%Y-%m}",
        "quarter": f"{day.year}-Q{(day.month + 2) // 3}",
        None: None,
    }
    return spans[by] if by in spans else one[str(by)]


def value(cost: Body) -> Decimal | None:
    """In yuan, on its day."""
    known = [rate for on, rate in RATES.items() if on <= cost["day"]]
    if cost["currency"] == "CNY":
        return Decimal(cost["amount"])
    return Decimal(cost["amount"]) * known[-1] if known and cost["currency"] == "USD" else None


def told(key: str | None, costs: list[Body], customers: list[Body] | None) -> Body:
    """A group as it is to be told."""
    values = [one for one in map(value, costs) if one is not None]
    reason = "not_told_apart" if customers is None else None if customers else "no_new_customers"
    reason = reason or (None if values else "no_costs")
    each = None if reason else f"{rounded(sum(values, Decimal(0)) / len(customers or ())):f}"
    spent = {"costs": len(costs), "spent": f"{rounded(sum(values, Decimal(0))):f}"}
    spent |= {"left_out": len(costs) - len(values), "cost_per_customer": each, "reason": reason}
    return {"key": key, **spent, "customers": None if customers is None else len(customers)}


async def asked(client: httpx.AsyncClient, **body: Any) -> Body:
    """An answer."""
    answer = await client.post(ACQUISITION, json=YEARS | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(client: httpx.AsyncClient, side: str, **body: Any) -> list[Body]:
    """The costs or customers behind a number, page by page."""
    found, cursor = [], None
    while True:
        more: Body = {"cursor": cursor} if cursor else {}
        answer = await client.post(f"{ACQUISITION}/{side}", json=YEARS | {"limit": 7} | body | more)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if (cursor := answer.json()["next"]) is None:
            return found


async def test_acquisition_is_what_counting_by_hand_gives(org: Organisation):
    chance = random.Random(7)
    orders = await sales.a_world(org, 1)
    costs, deals = await costs_of(org, chance), await deals_of(org, chance)
    ends = [when(one["placed_at"]) for one in orders] + [when(one["archived_at"]) for one in (*costs, *deals)]
    steps = [step["at"] for deal in deals for step in deal["steps"]]
    moments = st.just(clock.now()) | st.sampled_from([*filter(None, ends), *steps])
    dates = st.dates(BEGUN.date() - timedelta(days=5), BEGUN.date() + timedelta(days=610))

    @settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(dates, min_size=2, max_size=2, unique=True).map(sorted),
        moments,
        st.sampled_from(["orders", "deals"]),
        st.sampled_from([None, *By]),
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(KINDS),
                "channel": st.sampled_from(CHANNELS[1:]),
                "campaign": st.sampled_from(CAMPAIGNS[1:]),
            },
        ),
    )
    async def any_window(window: Any, as_of: datetime, new_by: str, by: By | None, only: Body) -> None:
        since, before = window
        if new_by == "orders":
            only.pop("campaign", None)
        body: Body = {"since": str(since), "before": str(before), "as_of": as_of.isoformat()}
        body |= {"new_by": new_by, "group_by": by, **only}
        spent = [
            one
            for one in costs
            if since <= date.fromisoformat(one["day"]) < before
            and date.fromisoformat(one["day"]) <= day_of(as_of)
            and kept(one, as_of)
            and all(one[name] == wanted for name, wanted in only.items())
        ]
        new = (
            buyers(orders, since, before, as_of)
            if new_by == "orders"
            else winners(deals, since, before, as_of)
        )
        both = {name: wanted for name, wanted in only.items() if name != "kind"}
        new = [one for one in new if all(one[name] == wanted for name, wanted in both.items())]
        apart = by != By.KIND and (by != By.CAMPAIGN or new_by == "deals")
        answer = await asked(org.admin, **body)
        assert answer["total"] == told(None, spent, new)
        groups: dict[str | None, tuple[list[Body], list[Body]]] = defaultdict(lambda: ([], []))
        for one in spent if by else ():
            groups[group_of(one, by)][0].append(one)
        for one in new if by and apart else ():
            groups[group_of(one, by)][1].append(one)
        wanted = {key: told(key, ours, theirs if apart else None) for key, (ours, theirs) in groups.items()}
        assert {one["key"]: one for one in answer["groups"]} == wanted
        for key, (ours, theirs) in groups.items() if by else [(None, (spent, new))]:
            ids = [one["id"] for one in await behind(org.admin, "costs", **body, key=key)]
            assert ids == sorted(one["id"] for one in ours)
            listed = await behind(org.admin, "customers", **body, key=key)
            own = theirs if apart else new
            assert listed == sorted(
                ({"id": one["id"], "noun": one["noun"]} for one in own), key=lambda one: one["id"]
            )

    await run_here(any_window)
    for window in ({"since": "2025-01-01", "before": "2025-05-01"}, YEARS):
        revenue = (await org.admin.post(sales.REVENUE, json=window)).json()["total"]["new"]["customers"]
        assert (await asked(org.admin, **window))["total"]["customers"] == revenue


async def test_it_is_of_what_the_reader_sees_and_tells_nothing_of_hidden_money(org: Organisation):
    scopes = ["costs:read", "orders:read"]
    await org.role("own", scopes=scopes, read={"cost": ["*"], "order": ["*"]})
    everybody = {"cost": "all", "order": "all"}
    await org.role("poor", scopes=scopes, read={"cost": ["day"], "order": ["*"]}, sight=everybody)
    await org.role("blind", scopes=scopes, read={"cost": ["*"], "order": ["total"]}, sight=everybody)
    mine, seller = await org.user("seller", "own")
    _, poor = await org.user("poor", "poor")
    _, blind = await org.user("blind", "blind")
    spent = {"day": "2025-02-01", "amount": "30", "currency": "CNY", "channel": "web"}
    await sent(org, "costs", spent)
    own = await sent(org, "costs", spent | {"owner_id": str(mine)})
    who = [await sent(org, "contacts", {"name": name}) for name in ("李娜", "王芳", "张伟")]
    sold = [order(str(n), one, BEGUN, "10") for n, one in enumerate(who)]
    sold[0] |= {"owner_id": str(mine)}
    await ordered(org, sold)
    every, seen, hidden = [await asked(client) for client in (org.admin, seller, poor)]
    assert (every["over"], every["total"]["cost_per_customer"]) == ("all", "20.0000")
    assert (seen["over"], seen["total"]["cost_per_customer"]) == ("seen", "30.0000")
    assert await behind(seller, "costs") == [{"id": own}]
    assert await behind(seller, "customers") == [{"id": who[0], "noun": "contact"}]
    assert hidden["total"] == every["total"] | {"reason": "hidden"} | dict.fromkeys(
        ("spent", "left_out", "cost_per_customer")
    )
    refused: list[tuple[httpx.AsyncClient, Body, tuple[int, str]]] = [
        (blind, {}, (403, "field_hidden")),
        (poor, {"group_by": "channel"}, (403, "field_hidden")),
        (poor, {"kind": "tools"}, (403, "field_hidden")),
        (seller, {"new_by": "deals"}, (403, "scope_missing")),
        (org.admin, {"campaign": "x"}, (422, "campaign_not_carried")),
        (org.admin, {"before": "2024-01-01"}, (422, "window_reversed")),
    ]
    for client, body, expected in refused:
        for path in (ACQUISITION, f"{ACQUISITION}/costs", f"{ACQUISITION}/customers"):
            answer = await client.post(path, json=YEARS | body)
            assert (answer.status_code, problem(answer)["code"]) == expected, body
