"""Numbers about competitors by the API, beside a count of every deal in plain Python."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.analytics.rates import rate
from tests.api.test_competitor_prices import priced
from tests.api.test_deal_competitors import competitor
from tests.api.test_deals import opened
from tests.api.test_pipelines import made
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
HERE = "/v1/analytics/sales/competitors"
BEGUN = datetime(2026, 1, 20, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
YEAR: Body = {"since": "2026-01-01", "before": "2027-01-01"}
CHANNELS = (None, "wechat", "fair")
RATES = {(3, "USD"): Decimal("7.1"), (30, "USD"): Decimal("7.3"), (12, "EUR"): Decimal(8)}
"""Days after the beginning, and the currency, to what one was worth in CNY from then on."""
STAGES: list[Body] = [
    {"key": kind, "name": kind, "kind": kind, "probability": odds}
    for kind, odds in (("open", "0.2"), ("won", "1"), ("lost", "0"))
]


async def walked(org: Organisation, deal: Body, rivals: list[str], chance: random.Random) -> None:
    """A deal that is closed, or closed again after it was reopened, at times of which some are the same."""
    at = BEGUN + timedelta(hours=chance.randrange(24 * 30))
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        at += timedelta(hours=chance.choice([0, 1, 300]))
        body: Body = {"at": at.isoformat()}
        verb = chance.choice(["win", "lose", "lose", "reopen"])
        if verb == "lose":
            body |= {"reason": "x", "lost_to_id": chance.choice([None, *rivals])}
        answer = await org.admin.post(f"/v1/deals/{deal['id']}/{verb}", json=body, headers=ANY)
        assert answer.status_code in {200, 409}, answer.text


async def a_world(org: Organisation, seed: int) -> Body:
    """Competitors with prices, exchange rates, and deals with their histories."""
    chance = random.Random(seed)
    line = await made(org, stages=STAGES, moves={"reopened": ["open"]})
    rivals = [await competitor(org, name) for name in ("近山", "远山", "中山")]
    teas = []
    for n in range(2):
        tea = {"sku": f"T{n}", "name": "茶", "price": "9", "currency": "CNY"}
        teas.append((await org.admin.post("/v1/products", json=tea)).json()["id"])
    for (day, currency), worth in RATES.items():
        said = {"currency": currency, "base": "CNY", "on_date": str(BEGUN.date() + timedelta(days=day))}
        answer = await org.admin.post("/v1/exchange_rates", json=said | {"rate": str(worth)})
        assert answer.status_code == 201, answer.text
    prices = []
    for rival, thing in product(rivals, "ab"):
        for day in chance.sample(range(40), chance.randrange(1, 5)):
            more = {
                "product_id": chance.choice([None, *teas * 3]),
                "currency": chance.choice(["CNY", "USD"]),
            }
            begins = BEGUN.date() + timedelta(days=day)
            answer = await priced(org, rival, thing, begins, str(chance.choice([0, 8, 9, 10, 12])), **more)
            prices.append(answer.json())
    deals = []
    for _ in range(40):
        lines = [
            {
                "product_id": chance.choice([None, *teas * 3]),
                "quantity": chance.choice(["1", "3", "2.5", "-1"]),
                "unit_price": chance.choice(["9", "70"]),
                "discount": chance.choice(["0", "0.5"]),
            }
            for _ in range(chance.randrange(4))
        ] + [{"quantity": "1", "unit_price": "200"}]
        deal = await opened(
            org,
            at=BEGUN.isoformat(),
            lines=lines,
            currency=chance.choice(["CNY", "USD", "EUR"]),
            channel=chance.choice(CHANNELS),
            competitors=[{"competitor_id": one} for one in chance.sample(rivals, chance.randrange(3))],
        )
        await walked(org, deal, rivals, chance)
        deals.append(await history(org, deal))
    return {"id": line["id"], "deals": deals, "prices": prices, "rivals": rivals}


async def history(org: Organisation, deal: Body) -> Body:
    """A deal with its history, and with the winner of each of its losses."""
    told = (await org.admin.get(f"/v1/deals/{deal['id']}")).json()
    events = (await org.admin.get(f"/v1/deals/{deal['id']}/history", params={"limit": 200})).json()["data"]
    winners = [one["after"]["lost_to_id"] for one in reversed(events) if one["type"] == "deal.lost"]
    steps = (await org.admin.get(f"/v1/deals/{deal['id']}/stages?limit=200")).json()["data"]
    for step in steps:
        step["at"] = datetime.fromisoformat(step["at"])
        step["lost_to"] = winners.pop(0) if step["verb"] == "lose" else None
    return told | {"steps": steps}


def ended(deals: list[Body], since: str, before: str, as_of: datetime) -> list[Body]:
    """The deals that were closed in a window of days in Shanghai, with how and on which day."""
    found = []
    for deal in deals:
        told = [step for step in deal["steps"] if step["at"] <= as_of]
        last: Body = told[-1] if told else {"verb": "open"}
        if last["verb"] in {"win", "lose"}:
            day = last["at"].astimezone(SHANGHAI).date()
            if date.fromisoformat(since) <= day < date.fromisoformat(before):
                found.append(deal | {"won": last["verb"] == "win", "day": day, "lost_to": last["lost_to"]})
    return found


def worth(currency: str, day: date) -> Decimal | None:
    """What one of a currency was worth in CNY on a day."""
    if currency == "CNY":
        return Decimal(1)
    days = [(n, value) for (n, one), value in RATES.items() if one == currency]
    known = [(n, value) for n, value in days if BEGUN.date() + timedelta(days=n) <= day]
    return max(known)[1] if known else None


def ratios(world: Body, deal: Body, rival: str) -> list[float]:
    """Our prices of a deal divided by those of a competitor on the day when it was closed."""
    found = []
    for line, price in product(deal["lines"], world["prices"]):
        quantity, theirs = Decimal(line["quantity"]), Decimal(price["price"])
        begins = date.fromisoformat(price["valid_from"])
        later = any(
            other["competitor_id"] == rival
            and other["their_product"] == price["their_product"]
            and begins < date.fromisoformat(other["valid_from"]) <= deal["day"]
            for other in world["prices"]
        )
        fits = price["competitor_id"] == rival and price["product_id"] == line["product_id"] is not None
        if not fits or quantity <= 0 or not theirs or begins > deal["day"] or later:
            continue
        ours = (Decimal(line["unit_price"]) * quantity - Decimal(line["discount"])) / quantity
        if deal["currency"] != price["currency"]:
            rates = worth(deal["currency"], deal["day"]), worth(price["currency"], deal["day"])
            if None in rates:
                continue
            ours, theirs = ours * rates[0], theirs * rates[1]  # type: ignore[operator]
        found.append(float(ours / theirs))
    return found


def money(deals: list[Body]) -> tuple[Decimal, int]:
    """What deals come to in CNY, and how many have no exchange rate."""
    known = [(Decimal(one["amount"]), worth(one["currency"], one["day"])) for one in deals]
    told = sum((amount * rate_ for amount, rate_ in known if rate_ is not None), Decimal(0))
    return told, sum(rate_ is None for _, rate_ in known)


def agree(world: Body, told: Body, own: list[Body]) -> None:
    """What is told of a group is what its deals come to."""
    won, lost = [one for one in own if one["won"]], [one for one in own if not one["won"]]
    named = [one for one in lost if one["lost_to"]]
    assert (told["deals"], told["won"], told["lost"], told["lost_to"]) == (
        len(own),
        len(won),
        len(lost),
        len(named),
    )
    wins = len(won) + len(named)
    assert told["share_of_wins"] == rate(len(won), wins)
    met = {
        rival: [
            one
            for one in own
            if one["lost_to"] == rival or any(c["competitor_id"] == rival for c in one["competitors"])
        ]
        for rival in world["rivals"]
    }
    found = {one["competitor_id"]: one for one in told["competitors"]}
    assert found.keys() == {rival for rival, theirs in met.items() if theirs}
    assert told["competitors_in_all"] == len(found)
    for rival, one in found.items():
        theirs = met[rival]
        against = [each for each in theirs if each["won"]]
        without = [each for each in theirs if not each["won"]]
        to = [each for each in theirs if each["lost_to"] == rival]
        assert (one["deals"], one["won"], one["lost"], one["lost_to"]) == tuple(
            map(len, (theirs, against, without, to))
        )
        assert one["win_rate"] == rate(len(against), len(theirs))
        assert one["share_of_wins"] == rate(len(to), wins)
        for name, listed in (("won_amount", against), ("lost_amount", without), ("lost_to_amount", to)):
            assert Decimal(one[name]) == money(listed)[0].quantize(Decimal("0.0001")), name
        assert one["unconverted"] == money(theirs)[1]
        pairs = [ratio for each in theirs for ratio in ratios(world, each, rival)]
        assert one["prices"]["pairs"] == len(pairs)
        assert one["prices"]["ratio"] == (pytest.approx(median(pairs), abs=1e-5) if pairs else None)


async def asked(org: Organisation, **body: Any) -> Body:
    """What is told."""
    answer = await org.admin.post(HERE, json=YEAR | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(org: Organisation, **body: Any) -> list[str]:
    """The deals behind a number, page by page."""
    found, cursor = [], None
    while True:
        more: Body = {"cursor": cursor} if cursor else {}
        answer = await org.admin.post(f"{HERE}/deals", json=YEAR | {"limit": 3} | body | more)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if (cursor := answer.json()["next"]) is None:
            return found


@pytest.mark.parametrize("seed", [2, 5])
async def test_every_number_is_what_the_deals_come_to_one_by_one(org: Organisation, seed: int):
    world = await a_world(org, seed)
    days = st.dates(BEGUN.date() - timedelta(days=2), BEGUN.date() + timedelta(days=60))
    moments = st.none() | st.sampled_from([step["at"] for deal in world["deals"] for step in deal["steps"]])

    @settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(days, min_size=2, max_size=2, unique=True).map(sorted),
        moments,
        st.sampled_from([None, "channel"]),
    )
    async def any_window(window: list[Any], at: datetime | None, by: str | None) -> None:
        since, before = (day.isoformat() for day in window)
        body: Body = {"since": since, "before": before, "group_by": by, "pipeline_id": world["id"]}
        told = await asked(org, **body, **({"as_of": at.isoformat()} if at else {}))
        own = ended(world["deals"], since, before, at or datetime.max.replace(tzinfo=UTC))
        if by is None:
            agree(world, told["total"], own)
            return
        groups = {group["key"]: group for group in told["groups"]}
        assert groups.keys() == {deal["channel"] for deal in own}
        for key, group in groups.items():
            agree(world, group, [deal for deal in own if deal["channel"] == key])

    whole = (await asked(org, pipeline_id=world["id"]))["total"]
    agree(
        world, whole, ended(world["deals"], YEAR["since"], YEAR["before"], datetime.max.replace(tzinfo=UTC))
    )
    for name in ("won", "lost_to", "unconverted"):
        assert any(one[name] for one in whole["competitors"]), name
    assert sum(one["prices"]["pairs"] for one in whole["competitors"]) > 5
    await run_here(any_window)


async def test_behind_each_number_stand_as_many_deals(org: Organisation):
    world = await a_world(org, 3)
    own = ended(world["deals"], "2026-01-01", "2027-01-01", datetime.max.replace(tzinfo=UTC))
    for by in (None, "channel"):
        told = await asked(org, pipeline_id=world["id"], group_by=by)
        for group in told["groups"] if by else [told["total"]]:
            body = {"pipeline_id": world["id"], "group_by": by, "key": group["key"]}
            for one in (group, *group["competitors"]):
                rival = one.get("competitor_id")
                for outcome in ("deals", "won", "lost", "lost_to"):
                    found = await behind(org, **body, outcome=outcome, competitor_id=rival)
                    assert len(set(found)) == len(found) == one[outcome], (outcome, rival)
                found = await behind(org, **body, outcome="priced", competitor_id=rival)
                rivals = [rival] if rival else world["rivals"]
                assert set(found) == {
                    deal["id"]
                    for deal in own
                    if by is None or deal["channel"] == group["key"]
                    for each in rivals
                    if (each == deal["lost_to"] or each in {c["competitor_id"] for c in deal["competitors"]})
                    and ratios(world, deal, each)
                }


async def test_a_product_is_compared_with_what_stands_against_it_alone(org: Organisation):
    await made(org, stages=STAGES, moves={"reopened": ["open"]})
    rival = await competitor(org, "远山")
    teas = []
    for n, theirs in enumerate(("8", "20")):
        tea = {"sku": f"T{n}", "name": "茶", "price": "9", "currency": "CNY"}
        teas.append((await org.admin.post("/v1/products", json=tea)).json()["id"])
        await priced(org, rival, f"茶 {n}", BEGUN.date(), theirs, product_id=teas[-1])
    lines = [{"product_id": tea, "quantity": "2", "unit_price": "10", "discount": "4"} for tea in teas]
    deal = await opened(org, at=BEGUN.isoformat(), lines=lines, competitors=[{"competitor_id": rival}])
    answer = await org.admin.post(
        f"/v1/deals/{deal['id']}/win", json={"at": (BEGUN + timedelta(days=2)).isoformat()}, headers=ANY
    )
    assert answer.status_code == 200, answer.text
    groups = {one["key"]: one["competitors"][0] for one in (await asked(org, group_by="product"))["groups"]}
    assert {key: one["prices"] for key, one in groups.items()} == {
        teas[0]: {"pairs": 1, "ratio": 1.0},
        teas[1]: {"pairs": 1, "ratio": 0.4},
    }
    [both] = (await asked(org))["total"]["competitors"]
    assert both["prices"] == {"pairs": 2, "ratio": 0.7}


async def test_no_figure_of_money_is_told_to_who_may_not_read_what_it_is_made_of(org: Organisation):
    world = await a_world(org, 4)
    scopes = ["deals:read", "pipelines:read", "competitors:read", "competitor_prices:read"]
    every = {"deal": ["*"], "pipeline": ["*"], "competitor": ["*"], "competitor_price": ["*"]}
    deal = (await org.admin.get(f"/v1/deals/{world['deals'][0]['id']}")).json()
    price = world["prices"][0]
    hidden = {
        "amount": {"deal": sorted(deal.keys() - {"amount"})},
        "currency": {"deal": sorted(deal.keys() - {"currency"})},
        "lines": {"deal": sorted(deal.keys() - {"lines"})},
        "price": {"competitor_price": sorted(price.keys() - {"price"})},
        "competitors": {"deal": sorted(deal.keys() - {"competitors"})},
        "lost_to_id": {"deal": sorted(deal.keys() - {"lost_to_id"})},
        "name": {"competitor": ["domain"]},
        "prices:read": {},
    }
    body = YEAR | {"pipeline_id": world["id"]}
    for n, (name, read) in enumerate(hidden.items()):
        mine = [one for one in scopes if not one.endswith(name)]
        await org.role(f"role {n}", scopes=mine, sight={"deal": "all"}, read=every | read)
        _, client = await org.user(f"user{n}", f"role {n}")
        answer = await client.post(HERE, json=body)
        priced_ = await client.post(f"{HERE}/deals", json=body | {"outcome": "priced"})
        if name in {"competitors", "lost_to_id", "name"}:
            assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden"), name
            continue
        assert answer.status_code == 200, answer.text
        for one in answer.json()["total"]["competitors"]:
            assert (one["won_amount"] is None) is (name in {"amount", "currency"}), name
            assert (one["unconverted"] is None) is (name in {"amount", "currency"}), name
            assert (one["prices"] is None) is (name != "amount"), name
        assert priced_.status_code == (200 if name == "amount" else 403), name
