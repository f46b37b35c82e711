"""Velocity by the API, beside a replay of every stage history in plain Python."""

import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain.deals.velocity import Behind
from app.domain.orders import rounded
from app.kit import clock
from tests.api.test_funnel import BEGUN, KEEPS, MOVES, OPENING, SHANGHAI, STAGES, YEAR, group_of, history
from tests.api.test_pipelines import change, made
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
VELOCITY = "/v1/analytics/sales/velocity"
EXPECTED = {"fresh": 3, "sample": 10}
LINE: Body = {
    "stages": [
        stage | ({"expected_days": due} if (due := (EXPECTED | {"talks": 2}).get(stage["key"])) else {})
        for stage in STAGES
    ],
    "moves": MOVES | {"forward": 4, "back": 3},
}
RATES = {"2026-01-01": Decimal(7), "2026-03-01": Decimal("8.1234567891")}
"""Of USD; of EUR nobody knows one."""


def walk(chance: random.Random) -> list[Body]:
    """Stages that a deal came to, at times of which some are the same."""
    at, here = BEGUN + timedelta(hours=chance.randrange(24 * 70)), chance.choice(MOVES["entries"])
    steps: list[Body] = [{"stage": here, "at": at.isoformat()}]
    for _ in range(chance.randrange(7)):
        at += timedelta(hours=chance.choice([0, 0, 1, 30, 400]))
        if here in OPENING:
            here = chance.choice([*(key for key in OPENING if key != here), "won", "signed", "lost", "gone"])
        else:
            here = chance.choice(MOVES["reopened"])
        steps.append(
            {"stage": here, "at": at.isoformat()} | ({"reason": "x"} if here in {"lost", "gone"} else {})
        )
    return steps


async def a_world(org: Organisation, seed: int) -> tuple[Body, list[Body]]:
    """Deals with their histories, in a pipeline that lost an open stage and one of those that are won."""
    chance = random.Random(seed)
    line = await made(org, **LINE)
    for on, rate in RATES.items():
        body = {"currency": "USD", "base": "CNY", "on_date": on, "rate": str(rate)}
        assert (await org.admin.post("/v1/exchange_rates", json=body)).status_code == 201
    items = []
    for n in range(40):
        steps = walk(chance)
        won = any(step["stage"] in {"won", "signed"} for step in steps)
        worth = {"amount": f"{chance.randrange(1000)}.5"} if won or chance.random() < 0.7 else {}
        currency, channel = chance.choice(["CNY", "CNY", "USD", "EUR"]), chance.choice(KEEPS)
        items.append({"name": str(n), "currency": currency, "channel": channel, "steps": steps, **worth})
    answer = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()
    assert {one["status"] for one in answer["items"]} == {"created"}, answer
    stages = [stage for stage in LINE["stages"] if stage["key"] not in {"talks", "signed"}]
    goes = {"talks": "sample", "signed": "won"}
    changed = await change(org, line, stages=stages, moves=MOVES | {"entries": ["fresh"]}, goes=goes)
    assert changed.status_code == 200, changed.text
    deals = [{"id": one["id"]} for one in answer["items"]]
    for deal in chance.sample(deals, 20):
        await org.admin.post(f"/v1/deals/{deal['id']}/reopen", json={}, headers=ANY)
        await org.admin.post(f"/v1/deals/{deal['id']}/lose", json={"reason": "x"}, headers=ANY)
    for deal in chance.sample(deals, 6):
        await org.admin.post(f"/v1/deals/{deal['id']}/archive", headers=ANY)
    return line | {"stages": stages}, [await history(org, deal) for deal in deals]


def stood(deal: Body, as_of: datetime) -> Body | None:
    """Where a deal stood, since when, and whether it was open, won or lost, since when."""
    archived = deal["archived_at"] and datetime.fromisoformat(deal["archived_at"]) <= as_of
    told = [step for step in deal["steps"] if step["at"] <= as_of]
    if archived or not told:
        return None
    turned = [step for step in told if step["verb"] != "relocate"][-1]
    state = {"win": "won", "lose": "lost"}.get(turned["verb"], "open")
    here = {"id": deal["id"], "stage": told[-1]["to_stage"], "since": told[-1]["at"], "state": state}
    here |= {"opened": told[0]["at"], "closed": turned["at"], "currency": deal["currency"]}
    return here | {"amount": None if deal["amount"] is None else Decimal(deal["amount"]), "deal": deal}


def day_of(at: datetime) -> date:
    """In Shanghai."""
    return at.astimezone(SHANGHAI).date()


def value(here: Body) -> Decimal | None:
    """In yuan, on the day of closing."""
    if here["currency"] == "CNY" or here["amount"] is None:
        return here["amount"]
    known = [rate for on, rate in RATES.items() if on <= day_of(here["closed"]).isoformat()]
    return here["amount"] * known[-1] if known and here["currency"] == "USD" else None


def is_late(here: Body, as_of: datetime) -> bool:
    """Whether more weekdays than expected have begun since the day of entry."""
    first = day_of(here["since"])
    days = (first + timedelta(days=n) for n in range(1, (day_of(as_of) - first).days + 1))
    return here["stage"] in EXPECTED and sum(day.weekday() < 5 for day in days) > EXPECTED[here["stage"]]


def parts(deals: list[Body], window: tuple[date, date], as_of: datetime) -> dict[str, list[Body]]:
    """The deals behind each number."""
    since, before = window
    found: dict[str, list[Body]] = {part.value: [] for part in Behind}
    for here in filter(None, (stood(deal, as_of) for deal in deals)):
        if since <= day_of(here["opened"]) < before:
            found["opened"].append(here)
        if here["state"] == "open":
            found["open"].append(here)
            found["overdue"] += [here] if is_late(here, as_of) else []
        elif since <= day_of(here["closed"]) < before:
            found[here["state"]].append(here)
            found["left_out"] += [here] if value(here) is None else []
    return found


def middle(values: list[Any], share: float) -> Any:
    """The least value that no less than this share of them reach."""
    return sorted(values)[ceil(share * len(values)) - 1] if values else None


def days(time: timedelta | None) -> float | None:
    """As days are told."""
    return None if time is None else round(time / timedelta(days=1), 2)


def worth(deals: list[Body]) -> Body:
    """What they come to."""
    values = [one for one in map(value, deals) if one is not None]
    total = sum(values, Decimal(0))
    return {
        "deals": len(values),
        "left_out": len(deals) - len(values),
        "total": f"{rounded(total):f}",
        "mean": f"{rounded(total / len(values)):f}" if values else None,
        "median": f"{rounded(middle(values, 0.5)):f}" if values else None,
    }


def cycle(deals: list[Body]) -> Body:
    """How long they took."""
    times = [one["closed"] - one["opened"] for one in deals]
    mean = sum(times, timedelta()) / len(times) if times else None
    return {"mean": days(mean), "median": days(middle(times, 0.5)), "p90": days(middle(times, 0.9))}


def speed(won: list[Body], lost: list[Body], still: list[Body]) -> Decimal | None:
    """Open deals times win rate times mean value, by the mean days that winning took."""
    values = [one for one in map(value, won) if one is not None]
    took = sum((one["closed"] - one["opened"] for one in won), timedelta()) / max(1, len(won))
    if not values or not took:
        return None
    rate = Decimal(len(won)) / (len(won) + len(lost))
    mean = sum(values, Decimal(0)) / len(values)
    return len(still) * rate * mean / (Decimal(took / timedelta(seconds=1)) / 86_400)


def agree(line: Body, told: Body, found: dict[str, list[Body]], as_of: datetime) -> None:
    """Say whether one group is what the replay of its deals comes to."""
    won, lost, still = found["won"], found["lost"], found["open"]
    for name in ("opened", "won", "lost", "open"):
        assert told[name] == len(found[name]), name
    assert (told["win_rate"]["count"], told["win_rate"]["of"]) == (len(won), len(won) + len(lost))
    assert told["won_value"] == worth(won)
    assert told["lost_value"] == worth(lost)
    values = [sum((value(one) or 0 for one in deals), Decimal(0)) for deals in (won, lost)]
    share = round(float(values[0] / sum(values)), 6) if any(values) else None
    assert told["win_rate_by_value"] == share
    sums: Counter[str] = Counter()
    for one in won:
        sums[one["currency"]] += one["amount"]
    assert {one["currency"]: Decimal(one["total"]) for one in told["won_by_currency"]} == sums
    assert told["cycle_won"] == cycle(won)
    assert told["cycle_lost"] == cycle(lost)
    exact = speed(won, lost, still)
    assert (told["sales_velocity"] is None) == (exact is None)
    assert exact is None or abs(Decimal(told["sales_velocity"]) - exact) <= Decimal("0.0001")
    for span in told["open_for"]:
        end = timedelta(days=span["below_days"] or 100_000)
        opened = [as_of - one["opened"] for one in still]
        assert span["deals"] == sum(timedelta(days=span["from_days"]) <= age < end for age in opened)
    assert sum(span["deals"] for span in told["open_for"]) == len(still)
    stages = {stage["key"]: stage for stage in line["stages"] if stage["kind"] == "open"}
    assert [stage["stage"] for stage in told["stages"]] == list(stages)
    for stage in told["stages"]:
        here = [one for one in still if one["stage"] == stage["stage"]]
        late = [one for one in found["overdue"] if one["stage"] == stage["stage"]]
        ages = [as_of - one["since"] for one in here]
        assert stage["deals"] == len(here)
        assert stage["overdue"] == (len(late) if stage["stage"] in EXPECTED else None)
        assert stage["days"] == {
            "median": days(middle(ages, 0.5)),
            "p90": days(middle(ages, 0.9)),
            "longest": days(max(ages, default=None)),
        }
    assert told["elsewhere"] == sum(one["stage"] not in stages for one in still)


async def asked(client: httpx.AsyncClient, **body: Any) -> Body:
    """An answer."""
    answer = await client.post(VELOCITY, json=YEAR | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(client: httpx.AsyncClient, **body: Any) -> list[str]:
    """The deals behind a number, page by page."""
    found, cursor = [], None
    while True:
        more: Body = {"cursor": cursor} if cursor else {}
        answer = await client.post(f"{VELOCITY}/deals", json=YEAR | {"limit": 7} | body | more)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if (cursor := answer.json()["next"]) is None:
            return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_velocity_is_what_the_replay_of_every_history_comes_to(org: Organisation, seed: int):
    line, deals = await a_world(org, seed)
    dates = st.dates(BEGUN.date() - timedelta(days=5), BEGUN.date() + timedelta(days=120))
    steps = [step for deal in deals for step in deal["steps"]]
    relocated = [step["at"] for step in steps if step["verb"] == "relocate"]
    moments = st.sampled_from([clock.now(), *relocated]) | st.sampled_from([step["at"] for step in steps])
    bys, chosen = st.sampled_from([None, "channel", "month", "quarter"]), st.sampled_from(KEEPS)

    @settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(dates, min_size=2, max_size=2, unique=True).map(sorted),
        moments,
        bys,
        chosen,
        st.sampled_from(Behind),
        st.sampled_from([None, "fresh", "talks", "won"]),
    )
    async def any_window(
        window: Any, as_of: datetime, by: str | None, channel: str | None, part: Behind, stage: str | None
    ) -> None:
        body: Body = {
            "since": str(window[0]),
            "before": str(window[1]),
            "group_by": by,
            "as_of": as_of.isoformat(),
        }
        own = deals
        if channel:
            body["where"] = {"field": "channel", "op": "eq", "value": channel}
            own = [deal for deal in deals if deal.get("channel") == channel]
        told = await asked(org.admin, **body)
        groups = {group["key"]: group for group in told["groups"]} if by else {None: told["total"]}
        mine = {
            key: parts([deal for deal in own if by is None or group_of(deal, by) == key], window, as_of)
            for key in ({group_of(deal, by) for deal in own} if by else {None})
        }
        assert groups.keys() == {key for key, found in mine.items() if by is None or any(found.values())}
        for key, group in groups.items():
            agree(line, group, mine[key], as_of)
        for key, found in mine.items():
            ids = await behind(org.admin, **body, key=key, part=part, stage=stage)
            assert ids == sorted(one["id"] for one in found[part] if stage in {None, one["stage"]})

    await run_here(any_window)


async def test_numbers_count_what_the_reader_sees_and_tell_nothing_of_hidden_money(org: Organisation):
    await made(org, **LINE)
    scopes = ["deals:read", "pipelines:read"]
    await org.role("own", scopes=scopes, read={"deal": ["*"], "pipeline": ["*"]})
    fields = ["pipeline_id", "stage", "status", "opened_at", "entered_at", "closed_at", "currency"]
    await org.role("narrow", scopes=scopes, read={"deal": fields, "pipeline": ["*"]}, sight={"deal": "all"})
    await org.role(
        "blind", scopes=scopes, read={"deal": fields[:-2], "pipeline": ["*"]}, sight={"deal": "all"}
    )
    mine, seller = await org.user("seller", "own")
    _, narrow = await org.user("narrow", "narrow")
    _, blind = await org.user("blind", "blind")
    steps = [{"stage": "fresh", "at": BEGUN.isoformat()}]
    steps += [{"stage": "won", "at": (BEGUN + timedelta(days=4)).isoformat()}]
    items = [
        {"name": "a", "currency": "CNY", "amount": "80", "owner_id": str(mine), "steps": steps},
        {"name": "b", "currency": "CNY", "amount": "40", "steps": steps},
        {"name": "c", "currency": "CNY", "owner_id": str(mine), "steps": steps[:1]},
    ]
    made_ = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()["items"]
    own = await asked(seller)
    assert (own["over"], own["total"]["won"], own["total"]["won_value"]["total"]) == ("seen", 1, "80.0000")
    assert own["total"]["sales_velocity"] == "20.0000", "One open deal, all won, 80 in 4 days."
    assert await behind(seller, part="won") == [made_[0]["id"]]
    told = await asked(narrow)
    assert (told["over"], told["total"]["won"], told["total"]["cycle_won"]["mean"]) == ("all", 2, 4.0)
    money = {"won_value", "lost_value", "won_by_currency", "win_rate_by_value", "sales_velocity"}
    assert {name: told["total"][name] for name in money} == dict.fromkeys(money)
    answer = await narrow.post(f"{VELOCITY}/deals", json=YEAR | {"part": "left_out"})
    assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden")
    for path, body in ((VELOCITY, {}), (f"{VELOCITY}/deals", {"part": "open"})):
        answer = await blind.post(path, json=YEAR | body)
        assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden")
        answer = await org.admin.post(path, json=YEAR | body | {"before": "2026-01-01"})
        assert (answer.status_code, problem(answer)["code"]) == (422, "window_reversed")
    answer = await org.admin.post(VELOCITY, json=YEAR | {"pipeline_id": made_[0]["id"]})
    assert (answer.status_code, problem(answer)["code"]) == (404, "pipeline_not_found")
