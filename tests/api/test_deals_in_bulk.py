"""Deals in bulk: a whole history in one item is the same as the deal opened and moved step by step."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.kit import clock
from tests.api.test_deals import opened
from tests.api.test_deals_at_once import LINE, TYPES
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY

Body = dict[str, Any]
START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
KINDS = {"a": "open", "b": "open", "c": "open", "won": "won", "lost": "lost"}
WAYS = {
    "a": ["b", "c", "lost"],
    "b": ["a", "c", "won", "lost"],
    "c": ["b", "won", "lost"],
    "won": ["a", "b"],
    "lost": ["a", "b"],
}


@pytest.fixture
async def line(org: Organisation) -> Body:
    """A pipeline that allows much."""
    for old in (await org.admin.get("/v1/pipelines")).json()["data"]:
        await org.admin.post(f"/v1/pipelines/{old['id']}/archive", headers=ANY)
    answer = await org.admin.post("/v1/pipelines", json=LINE)
    assert answer.status_code == 201, answer.text
    return answer.json()


def history(chance: random.Random, *, wrong: float = 0) -> list[Body]:
    """Steps from the first stage on; some, with a chance, lead where none leads."""
    here, at = "a", START + timedelta(minutes=chance.randrange(100_000))
    steps: list[Body] = [{"stage": here, "at": at.isoformat()}]
    for _ in range(chance.randrange(7)):
        here = chance.choice("abc" if chance.random() < wrong else WAYS[here])
        at += timedelta(minutes=chance.choice([0, 1, 700, 20_000]))
        step = {"stage": here, "at": at.isoformat()}
        if here == "lost":
            step["reason"] = chance.choice(["价格", "慢"])
        elif chance.random() < 0.5:
            step["why"] = str(chance.random())
        steps.append(step)
    return steps


async def bulk(org: Organisation, *items: Body, **params: str) -> Body:
    """What became of the items."""
    answer = await org.admin.post("/v1/deals/bulk", json={"items": list(items)}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def one_by_one(org: Organisation, item: Body) -> Body:
    """The same deal opened and moved by the verbs; the problem that stops it, or the deal."""
    first, *further = item["steps"]
    values = {name: value for name, value in item.items() if name not in ("steps", "external_ids")}
    here = await opened(org, **values, at=first["at"], stage=first["stage"])
    if "why" in first:
        raise AssertionError("an opening by the verb has no why")
    for step in further:
        closed = KINDS[here["stage"]] != "open"
        verb = {"won": "win", "lost": "lose"}.get(step["stage"], "reopen" if closed else "move")
        body = {"to": step["stage"], **{name: step[name] for name in ("at", "why", "reason") if name in step}}
        answer = await org.admin.post(f"/v1/deals/{here['id']}/{verb}", json=body, headers=ANY)
        if answer.status_code != 200:
            return answer.json()
        here = answer.json()
    return here


async def told(org: Organisation, deal: str) -> Body:
    """All that can be read of a deal but its names."""
    record = (await org.admin.get(f"/v1/deals/{deal}")).json()
    moves = (await org.admin.get(f"/v1/deals/{deal}/stages?limit=200")).json()["data"]
    events = (await org.admin.get(f"/v1/deals/{deal}/history", params={"limit": 200})).json()["data"]
    for name in ("id", "created_at", "updated_at", "external_ids"):
        del record[name]
    for row in record["lines"]:
        del row["id"]
    for event in events:
        event["after"].pop("external_ids", None)
        for row in event["after"].get("lines", ()):
            del row["id"]
    kept = [{name: event[name] for name in ("type", "version", "before", "after")} for event in events]
    return {"record": record, "moves": moves, "events": kept}


@pytest.mark.parametrize("seed", range(3))
async def test_a_history_in_one_item_is_the_deal_moved_one_by_one(org: Organisation, line: Body, seed: int):
    chance = random.Random(seed)
    owner = (await org.admin.get("/v1/users")).json()["data"][0]["id"]
    items = []
    for n in range(14):
        steps = history(chance, wrong=0.1)
        steps[0].pop("why", None)
        item: Body = {"name": f"茶礼 {n}", "currency": "CNY", "external_ids": {"erp": f"{n}"}, "steps": steps}
        item |= chance.choice(
            [{}, {"amount": "48000.5"}, {"lines": [{"quantity": "2", "unit_price": "8.1"}]}]
        )
        item |= chance.choice([{}, {"owner_id": owner}])
        items.append(item)
    done = await bulk(org, *items)
    for item, outcome in zip(items, done["items"], strict=True):
        single = await one_by_one(org, item)
        if outcome["status"] == "failed":
            assert outcome["problem"]["code"] == single["code"]
            assert (await org.admin.get(f"/v1/deals/by/erp/{item['external_ids']['erp']}")).status_code == 404
        else:
            assert await told(org, outcome["id"]) == await told(org, single["id"])
    assert done["created"] >= 5
    again = await bulk(
        org, *(i for i, o in zip(items, done["items"], strict=True) if o["status"] == "created")
    )
    assert again["unchanged"] == done["created"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_history_in_parts_is_the_history_in_one(org: Organisation, line: Body, seed: int):
    chance = random.Random(seed)
    for n in range(6):
        steps = history(chance)
        item = {"name": "茶礼", "currency": "CNY", "amount": "5"}
        whole = await bulk(org, item | {"external_ids": {"a": str(n)}, "steps": steps})
        named = {"external_ids": {"b": str(n)}}
        cut = chance.randrange(1, len(steps) + 1)
        first = await bulk(org, item | named | {"steps": steps[:cut]})
        second = await bulk(org, named | {"steps": steps})
        assert second["items"][0]["status"] == ("unchanged" if cut == len(steps) else "updated")
        assert await told(org, whole["items"][0]["id"]) == await told(org, first["items"][0]["id"])
        named = {"external_ids": {"c": str(n)}}
        both = await bulk(org, item | named | {"steps": steps[:cut]}, named | {"steps": steps})
        assert await told(org, whole["items"][0]["id"]) == await told(org, both["items"][1]["id"])


async def test_each_item_fails_alone_with_the_problem_of_its_rule(org: Organisation, line: Body):
    at = [(START + timedelta(days=n)).isoformat() for n in range(6)]

    def item(name: str, *steps: tuple[str, int], **more: Any) -> Body:
        listed = [{"stage": stage, "at": at[day]} for stage, day in steps]
        return {"name": name, "currency": "CNY", "external_ids": {"erp": name}, "steps": listed} | more

    future = (clock.now() + timedelta(days=2)).isoformat()
    items: dict[str, Body] = {
        "stage_not_allowed": item("1", ("c", 0)),
        "amount_missing": item("2", ("a", 0), ("b", 1), ("won", 2)),
        "lost_reason_missing": item("3", ("a", 0), ("lost", 1)),
        "deal_closed": item(
            "4",
            ("a", 0),
            steps=[
                {"stage": "a", "at": at[0]},
                {"stage": "lost", "at": at[1], "reason": "x"},
                {"stage": "won", "at": at[2]},
            ],
        ),
        "steps_out_of_order": item("5", ("a", 1), ("b", 0)),
        "stage_not_in_pipeline": item("6", ("a", 0), ("z", 1)),
        "at_in_future": item("7", steps=[{"stage": "a", "at": future}]),
        "already_there": item("8", ("a", 0), ("a", 1)),
        "reason_not_lost": item("9", steps=[{"stage": "a", "at": at[0], "reason": "x"}]),
        "reference_unknown": item("10", ("a", 0), pipeline_id="01a20000-0000-7000-8000-000000000001"),
    }
    good = item("good", ("a", 0), ("b", 1), ("won", 3), amount="7")
    done = await bulk(org, *items.values(), good)
    nobody = {"owner_id": "01a20000-0000-7000-8000-000000000001"}
    by_nobody = await bulk(org, item("11", ("a", 0)) | nobody, item("12", ("a", 0)))
    assert [one["status"] for one in by_nobody["items"]] == ["failed", "created"]
    assert by_nobody["items"][0]["problem"]["code"] == "reference_unknown"
    codes = [one["problem"]["code"] for one in done["items"][:-1]]
    assert codes == list(items)
    assert (done["created"], done["failed"]) == (1, len(items))
    assert (await org.admin.post("/v1/deals/count", json={})).json()["count"] == 2


async def test_a_deal_that_is_there_is_taken_on_and_its_past_is_not_written_anew(
    org: Organisation, line: Body
):
    at = [(START + timedelta(days=n)).isoformat() for n in range(9)]
    users = (await org.admin.get("/v1/users")).json()["data"]
    url = "/v1/deals/by/erp/V-1"
    body: Body = {"name": "茶礼", "currency": "CNY", "steps": [{"stage": "a", "at": at[1]}]}
    assert (await org.admin.put(url, json=body)).status_code == 201
    body["steps"] += [{"stage": "b", "at": at[3]}]
    body |= {"amount": "9", "owner_id": users[0]["id"], "probability": "0.9"}
    deal = await org.admin.put(url, json=body)
    assert deal.status_code == 200, deal.text
    assert (deal.json()["stage"], deal.json()["probability"]) == ("b", "0.9000")
    told_ = [
        event["type"]
        for event in (await org.admin.get(f"/v1/deals/{deal.json()['id']}/history")).json()["data"]
    ]
    assert told_[::-1] == ["deal.opened", "deal.edited", "deal.reassigned", "deal.moved"]
    for steps in (
        [{"stage": "a", "at": at[0]}, {"stage": "won", "at": at[5]}],
        [{"stage": "c", "at": at[2]}, {"stage": "b", "at": at[3]}],
    ):
        answer = await org.admin.put(url, json={"steps": steps, "next_step": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "step_not_in_history"), answer.text
    assert (await org.admin.get(url)).json()["next_step"] is None
    other = (await org.admin.post("/v1/pipelines", json=LINE | {"name": "Other"})).json()
    answer = await org.admin.put(url, json={"pipeline_id": other["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "pipeline_differs")
    won = await org.admin.put(url, json={"steps": [{"stage": "won", "at": at[5]}], "pipeline_id": line["id"]})
    assert (won.status_code, won.json()["credit"]) == (
        200,
        [{"user_id": users[0]["id"], "share": "100.0000"}],
    )


async def test_who_may_not_write_where_a_deal_stands_or_whose_it_is_may_not_send_it(
    org: Organisation, line: Body
):
    made = await opened(org, external_ids={"erp": "1"})
    step = {"stage": "b", "at": clock.now().isoformat()}
    owner = (await org.admin.get("/v1/users")).json()["data"][0]["id"]
    for hidden, more in (("stage", {"steps": [step]}), ("owner_id", {"owner_id": owner})):
        fields = {"deal": [name for name in made if name not in (hidden, "custom")]}
        await org.role(f"no {hidden}", scopes=["*"], sight={"*": "all"}, read={"*": ["*"]}, write=fields)
        _, client = await org.user(f"no {hidden}", f"no {hidden}")
        for item in ({"id": made["id"]}, {"name": "x", "currency": "CNY"}):
            answer = (await client.post("/v1/deals/bulk", json={"items": [item | more]})).json()
            problem = answer["items"][0]["problem"]
            assert (problem["code"], problem["status"]) == ("field_read_only", 403), answer


async def test_a_dry_run_keeps_nothing(org: Organisation, line: Body):
    steps = [{"stage": "a", "at": START.isoformat()}, {"stage": "b", "at": START.isoformat()}]
    done = await bulk(org, {"name": "x", "currency": "CNY", "steps": steps}, dry_run="true")
    assert done["created"] == 1
    assert (await org.admin.post("/v1/deals/count", json={})).json()["count"] == 0


async def test_two_bulks_of_the_same_deals_and_moves_beside_them_leave_one_history(
    org: Organisation, line: Body
):
    chance = random.Random(5)
    steps = [history(chance) for _ in range(30)]
    items = [
        {"name": "x", "currency": "CNY", "amount": "1", "external_ids": {"erp": str(n)}, "steps": steps[n]}
        for n in range(30)
    ]

    async def moves() -> None:
        for n in chance.choices(range(30), k=60):
            deal = await org.admin.get(f"/v1/deals/by/erp/{n}")
            if deal.status_code == 200:
                await org.admin.post(f"/v1/deals/{deal.json()['id']}/lose", json={"reason": "x"}, headers=ANY)

    async with asyncio.timeout(120):
        first, second, _ = await asyncio.gather(bulk(org, *items), bulk(org, *items[::-1]), moves())
    assert first["created"] + second["created"] == 30
    for outcome in first["items"]:
        deal = (await told(org, outcome["id"])) if outcome["id"] else None
        if deal:
            assert deal["moves"][-1]["to_stage"] == deal["record"]["stage"]
            types = [event["type"] for event in deal["events"][::-1]]
            assert types == [f"deal.{TYPES[move['verb']]}" for move in deal["moves"]]
            stages = [move["to_stage"] for move in deal["moves"]]
            assert [move["from_stage"] for move in deal["moves"]] == [None, *stages[:-1]]
