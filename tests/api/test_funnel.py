"""Funnels by the API, beside a replay of every stage history in plain Python."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.api.test_deals import opened
from tests.api.test_pipelines import change, made
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
FUNNEL = "/v1/analytics/sales/funnel"
OPENING = ("fresh", "talks", "sample", "quote")
STAGES: list[Body] = [
    *({"key": key, "name": key, "kind": "open", "probability": "0.5"} for key in OPENING),
    {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
    {"key": "signed", "name": "Signed", "kind": "won", "probability": "1"},
    {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    {"key": "gone", "name": "Gone", "kind": "lost", "probability": "0"},
]
MOVES: Body = {"forward": 3, "back": 2, "entries": ["fresh", "talks"], "reopened": ["fresh", "sample"]}
BEGUN = datetime(2026, 1, 20, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
KEEPS = (None, "wechat", "fair", "shop")
YEAR: Body = {"since": "2026-01-01", "before": "2027-01-01"}


async def walked(org: Organisation, deal: Body, chance: random.Random, at: datetime) -> None:
    """A deal sent about by whatever verbs its pipeline allows, at times of which some are the same."""
    for _ in range(chance.randrange(9)):
        at += timedelta(hours=chance.choice([0, 0, 1, 30, 400]))
        verb = chance.choice(["move", "move", "move", "win", "lose", "reopen"])
        body: Body = {"at": at.isoformat()}
        if verb == "move" or chance.random() < 0.5:
            keys = {"win": ["won", "signed"], "lose": ["lost", "gone"]}.get(verb, OPENING)
            body["to"] = chance.choice(keys)
        if verb == "lose":
            body["reason"] = chance.choice(["价格", "时间", "竞品"])
        answer = await org.admin.post(f"/v1/deals/{deal['id']}/{verb}", json=body, headers=ANY)
        assert answer.status_code in {200, 409}, answer.text


async def a_world(org: Organisation, seed: int) -> tuple[Body, list[Body]]:
    """A pipeline that lost a stage on the way, and its deals with their histories."""
    chance = random.Random(seed)
    line = await made(org, stages=STAGES, moves=MOVES)
    people = [str((await org.user(f"seller{n}"))[0]) for n in range(2)]
    deals = []
    for n in range(24):
        at = BEGUN + timedelta(hours=chance.randrange(24 * 70))
        deal = await opened(
            org,
            at=at.isoformat(),
            stage=chance.choice(["fresh", "talks"]),
            amount=str(n),
            channel=chance.choice(KEEPS),
            owner_id=chance.choice(people),
        )
        deals.append(deal)
        await walked(org, deal, chance, at)
    stages = [stage for stage in STAGES if stage["key"] != "talks"]
    moves = MOVES | {"entries": ["fresh"]}
    answer = await change(org, line, stages=stages, moves=moves, goes={"talks": "sample"})
    assert answer.status_code == 200, answer.text
    for deal in chance.sample(deals, 6):
        await org.admin.post(f"/v1/deals/{deal['id']}/archive", headers=ANY)
    return {"stages": stages, "id": line["id"]}, [await history(org, deal) for deal in deals]


async def history(org: Organisation, deal: Body) -> Body:
    """A deal with its history, and with the reason of each of its losses."""
    told = (await org.admin.get(f"/v1/deals/{deal['id']}")).json()
    events = (await org.admin.get(f"/v1/deals/{deal['id']}/history", params={"limit": 200})).json()["data"]
    reasons = [one["after"]["lost_reason"] for one in reversed(events) if one["type"] == "deal.lost"]
    steps = (await org.admin.get(f"/v1/deals/{deal['id']}/stages?limit=200")).json()["data"]
    for step in steps:
        step["at"] = datetime.fromisoformat(step["at"])
        step["reason"] = reasons.pop(0) if step["verb"] == "lose" else None
    return told | {"steps": steps}


def replayed(line: Body, deals: list[Body], as_of: datetime) -> Body:
    """What a funnel over the deals says, counted one by one."""
    keys = [stage["key"] for stage in line["stages"]]
    kinds = {stage["key"]: stage["kind"] for stage in line["stages"]}
    steps = [key for key in keys if kinds[key] == "open"]
    counts: dict[str, Counter[str]] = {key: Counter() for key in keys}
    stays: dict[str, list[int]] = {key: [] for key in keys}
    reasons: dict[str, Counter[str]] = {key: Counter() for key in keys}
    ever_won = 0
    for deal in deals:
        told = [step for step in deal["steps"] if step["at"] <= as_of]
        for left, after in pairwise(told):
            if left["to_stage"] in kinds:
                stays[left["to_stage"]].append(after["seconds"])
        known = [step["to_stage"] for step in told if step["to_stage"] in kinds]
        was_won = any(kinds[key] == "won" for key in known)
        ever_won += was_won
        far = max([steps.index(key) for key in known if key in steps], default=-1)
        for n, key in enumerate(steps):
            counts[key]["reached"] += was_won or far >= n
        for key in set(known):
            counts[key]["entered"] += 1
            counts[key]["reached"] += kinds[key] != "open"
            last = max(n for n, step in enumerate(told) if step["to_stage"] == key)
            after = next((step for step in told[last + 1 :] if step["to_stage"] in kinds), None)
            counts[key][ended(kinds, steps, key, after, last == len(told) - 1)] += 1
            if after is not None and kinds[after["to_stage"]] == "lost":
                reasons[key][after["reason"]] += 1
    return {"counts": counts, "stays": stays, "reasons": reasons, "won": ever_won}


def ended(kinds: Body, steps: list[str], key: str, after: Body | None, stands: bool) -> str:
    """How the last stay in a stage ended."""
    if stands:
        return "standing"
    if after is None:
        return "elsewhere"
    to = after["to_stage"]
    if kinds[to] == "lost":
        return "lost"
    if kinds[key] != "open":
        return "went_back" if kinds[to] == "open" else "moved_on"
    on = kinds[to] == "won" or steps.index(to) >= steps.index(key)
    return "moved_on" if on else "went_back"


def middle(values: list[int], share: float) -> int | None:
    """The least value that no less than this share of them reach."""
    return sorted(values)[ceil(share * len(values)) - 1] if values else None


def agree(line: Body, told: Body, deals: list[Body], as_of: datetime) -> None:
    """Say whether one group of a funnel is what the replay of its deals comes to."""
    found = replayed(line, deals, as_of)
    assert told["deals"] == len(deals)
    steps = [stage["key"] for stage in line["stages"] if stage["kind"] == "open"]
    for stage in told["stages"]:
        key = stage["stage"]
        parts = ("moved_on", "went_back", "lost", "elsewhere", "standing")
        names = ("entered", "reached", *parts)
        assert {name: stage[name] for name in names} == {name: found["counts"][key][name] for name in names}
        assert stage["entered"] == sum(stage[part] for part in parts)
        stays = found["stays"][key]
        assert stage["time"]["stays"] == len(stays)
        assert (stage["time"]["median"], stage["time"]["p90"]) == (middle(stays, 0.5), middle(stays, 0.9))
        assert {one["reason"]: one["deals"] for one in stage["drop_off"]} == found["reasons"][key]
        if key in steps:
            after = steps[steps.index(key) + 1 :][:1]
            going = found["counts"][after[0]]["reached"] if after else found["won"]
            assert (stage["next"]["count"], stage["next"]["of"]) == (going, stage["reached"])
            assert (stage["won"]["count"], stage["won"]["of"]) == (found["won"], stage["reached"])
        else:
            assert stage["next"] is stage["won"] is None


def in_window(deals: list[Body], since: str, before: str, as_of: datetime) -> list[Body]:
    """Those opened on days of Shanghai, and not archived, as of a moment."""
    found = []
    for deal in deals:
        begun = deal["steps"][0]["at"]
        gone = deal["archived_at"] and datetime.fromisoformat(deal["archived_at"]) <= as_of
        if since <= begun.astimezone(SHANGHAI).date().isoformat() < before and begun <= as_of and not gone:
            found.append(deal)
    return found


def group_of(deal: Body, by: str) -> str | None:
    """The group that a deal is in."""
    begun = deal["steps"][0]["at"].astimezone(SHANGHAI)
    match by:
        case "owner":
            return deal["owner_id"]
        case "channel":
            return deal.get("channel")
        case "month":
            return f"{begun:%Y-%m}"
        case _:
            return f"{begun.year}-Q{(begun.month + 2) // 3}"


async def asked(org: Organisation, **body: Any) -> Body:
    """A funnel."""
    answer = await org.admin.post(FUNNEL, json=YEAR | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def behind(org: Organisation, **body: Any) -> list[str]:
    """The deals behind a number, page by page."""
    found, cursor = [], None
    while True:
        more: Body = {"cursor": cursor} if cursor else {}
        answer = await org.admin.post(f"{FUNNEL}/deals", json=YEAR | {"limit": 7} | body | more)
        assert answer.status_code == 200, answer.text
        found += [one["id"] for one in answer.json()["data"]]
        if (cursor := answer.json()["next"]) is None:
            return found


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_funnel_is_what_the_replay_of_every_history_comes_to(org: Organisation, seed: int):
    line, deals = await a_world(org, seed)
    days = st.dates(BEGUN.date() - timedelta(days=5), BEGUN.date() + timedelta(days=90))
    moments = st.none() | st.sampled_from([step["at"] for deal in deals for step in deal["steps"]])

    bys = st.sampled_from([None, "owner", "channel", "month", "quarter"])

    @settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(days, min_size=2, max_size=2, unique=True).map(sorted), moments, bys, st.sampled_from(KEEPS)
    )
    async def any_window(window: list[Any], at: datetime | None, by: str | None, channel: str | None) -> None:
        since, before = (day.isoformat() for day in window)
        body: Body = {"since": since, "before": before, "group_by": by, "pipeline_id": line["id"]}
        body |= {"as_of": at.isoformat()} if at else {}
        as_of, own = at or datetime.max.replace(tzinfo=UTC), deals
        if channel:
            body["where"] = {"field": "channel", "op": "eq", "value": channel}
            own = [deal for deal in deals if deal.get("channel") == channel]
        told, own = await asked(org, **body), in_window(own, since, before, as_of)
        if by is None:
            agree(line, told["total"], own, as_of)
            return
        groups = {group["key"]: group for group in told["groups"]}
        assert groups.keys() == {group_of(deal, by) for deal in own}
        for key, group in groups.items():
            agree(line, group, [deal for deal in own if group_of(deal, by) == key], as_of)

    await run_here(any_window)


async def test_behind_each_number_stand_as_many_deals(org: Organisation):
    await a_world(org, 3)
    for by in (None, "channel"):
        told = await asked(org, group_by=by)
        for group in told["groups"] if by else [told["total"]]:
            body = {"group_by": by, "key": group["key"]}
            assert len(set(await behind(org, **body))) == group["deals"]
            for stage in group["stages"]:
                for part in ("entered", "reached", "moved_on", "went_back", "lost", "elsewhere", "standing"):
                    found = await behind(org, **body, stage=stage["stage"], part=part)
                    assert len(set(found)) == len(found) == stage[part], (stage["stage"], part)


async def test_a_past_moment_is_answered_later_as_it_was_then(org: Organisation):
    line = await made(org, stages=STAGES, moves=MOVES)
    deals = [await opened(org, at=BEGUN.isoformat(), amount="5") for _ in range(4)]
    for deal in deals[:2]:
        body = {"at": (BEGUN + timedelta(days=1)).isoformat(), "reason": "价格"}
        assert (
            await org.admin.post(f"/v1/deals/{deal['id']}/lose", json=body, headers=ANY)
        ).status_code == 200
    as_of = (BEGUN + timedelta(days=2)).isoformat()
    first = await asked(org, pipeline_id=line["id"], as_of=as_of)
    assert first["total"]["stages"][0]["drop_off"] == [{"reason": "价格", "deals": 2}]
    bodies: dict[str, Body | None] = {"reopen": {}, "archive": None, "lose": {"reason": "竞品"}}
    for deal, verb in zip(deals, ("reopen", "archive", "lose", "archive"), strict=True):
        answer = await org.admin.post(f"/v1/deals/{deal['id']}/{verb}", json=bodies[verb], headers=ANY)
        assert answer.status_code == 200, answer.text
    assert await asked(org, pipeline_id=line["id"], as_of=as_of) == first
    assert await asked(org, pipeline_id=line["id"]) != first


async def test_two_windows_are_compared_when_both_had_the_same_time(org: Organisation):
    await made(org, stages=STAGES, moves=MOVES)
    early = []
    for month, wins in ((2, 1), (3, 3)):
        for n in range(4):
            at = datetime(2026, month, 2, 4, tzinfo=UTC)
            deal = await opened(org, at=at.isoformat(), amount="5", stage="fresh")
            body = {"at": (at + timedelta(days=2 if n < wins else 20)).isoformat(), "to": "quote"}
            await org.admin.post(f"/v1/deals/{deal['id']}/move", json=body, headers=ANY)
            early += [deal["id"]] if month == 2 else []
    window = {"since": "2026-03-01", "before": "2026-04-01", "as_of": "2026-03-10T00:00:00+08:00"}
    told = await asked(org, **window, compare_since="2026-02-01", compare_before="2026-03-01")
    first = told["total"]["stages"][0]
    assert (first["next"]["rate"], first["next_change"]["difference"]) == (0.75, 0.5)
    assert first["next_change"]["low"] < 0.5 < first["next_change"]["high"]
    until_now = {"since": "2026-03-01", "before": "2026-04-01"}
    until_now |= {"compare_since": "2026-02-01", "compare_before": "2026-03-01"}
    told = await asked(org, **until_now)
    for deal in early:
        await org.admin.post(f"/v1/deals/{deal}/archive", headers=ANY)
    again = await asked(org, **until_now)
    assert again["total"] == told["total"], "archived, but later than what the earlier window is seen as of"
    for body, code in (
        ({"compare_since": "2026-02-01"}, "compare_incomplete"),
        ({"compare_since": "2026-02-01", "compare_before": "2026-03-02"}, "compare_overlaps"),
        ({"compare_since": "2026-02-01", "compare_before": "2026-02-01"}, "window_reversed"),
    ):
        answer = await org.admin.post(FUNNEL, json=window | body)
        assert (answer.status_code, problem(answer)["code"]) == (422, code)


async def test_numbers_count_what_the_reader_sees_and_tell_nothing_of_hidden_fields(org: Organisation):
    line = await made(org, stages=STAGES, moves=MOVES)
    scopes = ["deals:read", "pipelines:read", "companies:read", "users:read"]
    shown = {"deal": ["*"], "pipeline": ["*"]}
    await org.role("own", scopes=scopes, read=shown)
    fields = ["pipeline_id", "stage", "status", "opened_at", "entered_at"]
    await org.role("narrow", scopes=scopes, read=shown | {"deal": fields}, sight={"deal": "all"})
    mine, seller = await org.user("seller", "own")
    _, narrow = await org.user("narrow", "narrow")
    own = await opened(org, at=BEGUN.isoformat(), owner_id=str(mine), stage="fresh")
    for deal in (own, await opened(org, at=BEGUN.isoformat(), stage="fresh")):
        await org.admin.post(f"/v1/deals/{deal['id']}/lose", json={"reason": "价格"}, headers=ANY)
    told = (await seller.post(FUNNEL, json=YEAR)).json()
    assert (told["over"], told["total"]["deals"], told["total"]["stages"][0]["lost"]) == ("seen", 1, 1)
    listed = (await seller.post(f"{FUNNEL}/deals", json=YEAR | {"stage": "fresh", "part": "lost"})).json()
    assert listed == {"data": [{"id": own["id"]}], "next": None}
    told = (await narrow.post(FUNNEL, json=YEAR)).json()
    assert (told["over"], told["total"]["deals"]) == ("all", 2)
    assert {stage["drop_off"] and 1 for stage in told["total"]["stages"]} == {None}
    filters: list[Body] = [
        {"group_by": by} for by in ("owner", "channel", "campaign", "product", "team", "region", "country")
    ]
    filters += [{"country": "CN"}, {"team_id": line["id"]}, {"product_id": line["id"]}]
    filters += [{"where": {"field": "amount", "op": "gt", "value": 1}}]
    for body in filters:
        answer = await narrow.post(FUNNEL, json=YEAR | body)
        assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden"), body
    for body in ({"segment_id": line["id"]}, {"group_by": "segment"}):
        answer = await narrow.post(FUNNEL, json=YEAR | body)
        assert (answer.status_code, problem(answer)["code"]) == (403, "scope_missing")


async def test_companies_products_teams_and_segments_choose_and_take_deals_apart(org: Organisation):
    await made(org, stages=STAGES, moves=MOVES)
    team = await org.team("south")
    seller, _ = await org.user("seller", team=team)
    firm = (
        await org.admin.post("/v1/companies", json={"name": "海蓝", "country": "CN", "region": "华东"})
    ).json()
    person = (await org.admin.post("/v1/contacts", json={"name": "李娜"})).json()
    product = {"sku": "t1", "name": "茶", "price": "5.00", "currency": "CNY"}
    tea = (await org.admin.post("/v1/products", json=product)).json()
    line = {"product_id": tea["id"], "quantity": "2", "unit_price": "5.00"}
    every = {
        "company_id": firm["id"],
        "contact_id": person["id"],
        "owner_id": str(seller),
        "campaign": "春茶",
        "lines": [line, line],
    }
    deal = await opened(org, at=BEGUN.isoformat(), **every)
    await opened(org, at=BEGUN.isoformat())
    body = {"name": "those", "kind": "static"}
    segment = (await org.admin.post("/v1/segments", json=body)).json()
    put = await org.admin.post(f"/v1/segments/{segment['id']}/members", json={"add": [person["id"]]})
    assert put.status_code < 300, put.text
    keys = {"region": "华东", "country": "CN", "team": str(team), "product": tea["id"], "campaign": "春茶"}
    keys["segment"] = segment["id"]
    for by, key in keys.items():
        told = await asked(org, group_by=by)
        assert [(one["key"], one["deals"]) for one in told["groups"]] == [(None, 1), (key, 1)], by
        filter_ = {by: key} if by in {"region", "country"} else {f"{by}_id": key}
        if by == "campaign":
            filter_ = {"where": {"field": by, "op": "eq", "value": key}}
        assert await behind(org, **filter_) == [deal["id"]]
    told = await asked(org, group_by="segment", as_of=BEGUN.isoformat())
    assert [(one["key"], one["deals"]) for one in told["groups"]] == [(None, 2)]
    assert await behind(org, segment_id=segment["id"], as_of=BEGUN.isoformat()) == []
