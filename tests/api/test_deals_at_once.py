"""Many clients at the same deals: whatever wins, each deal has one legal history without a gap."""

import asyncio
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.api.test_deals import opened
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY

Body = dict[str, Any]
CALLS, DEALS, CLIENTS = 1_000, 10, 4
LINE: Body = {
    "name": "Doors",
    "stages": [
        {"key": "a", "name": "A", "kind": "open", "probability": "0.2"},
        {"key": "b", "name": "B", "kind": "open", "probability": "0.4"},
        {"key": "c", "name": "C", "kind": "open", "probability": "0.6"},
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"forward": 2, "back": 1, "reopened": ["a", "b"]},
}
LEGAL = {
    "move": {("a", "b"), ("a", "c"), ("b", "c"), ("b", "a"), ("c", "b")},
    "win": {("b", "won"), ("c", "won")},
    "lose": {("a", "lost"), ("b", "lost"), ("c", "lost")},
    "reopen": {(closed, back) for closed in ("won", "lost") for back in ("a", "b")},
}
"""Every way between two stages, written out."""
TYPES = {"open": "opened", "move": "moved", "win": "won", "lose": "lost", "reopen": "reopened"}


def asked(chance: random.Random) -> tuple[str, Body]:
    """A verb that may well be refused."""
    verb = chance.choice(["move", "move", "move", "win", "lose", "reopen", "reopen"])
    match verb:
        case "move":
            return verb, {"to": chance.choice("abc"), "why": str(chance.random())}
        case "lose":
            return verb, {"reason": str(chance.random())}
        case "reopen":
            return verb, {"to": chance.choice("ab")}
        case _:
            return verb, {}


async def test_a_change_of_the_pipeline_amid_moves_leaves_every_deal_in_a_stage_that_is_there(
    org: Organisation,
):
    chance = random.Random(3)
    line = (await org.admin.post("/v1/pipelines", json=LINE)).json()
    deals = [(await opened(org, amount="10"))["id"] for _ in range(DEALS)]
    fewer = [stage for stage in LINE["stages"] if stage["key"] != "c"]

    async def change() -> None:
        statuses = []
        for body in [{"stages": fewer, "goes": {"c": "b"}}, {"stages": LINE["stages"]}] * 8 + [
            {"stages": fewer, "goes": {"c": "b"}}
        ]:
            answer = await org.admin.post(f"/v1/pipelines/{line['id']}/change", json=body, headers=ANY)
            statuses.append(answer.status_code)
        assert set(statuses) == {200}, statuses

    async def call(deal: str) -> int:
        verb, body = asked(chance)
        answer = await org.admin.post(f"/v1/deals/{deal}/{verb}", json=body, headers=ANY)
        return answer.status_code

    async def go_on(deal: str) -> set[int]:
        return {await call(deal) for _ in range(40)}

    async with asyncio.timeout(120):
        _, told = await asyncio.gather(change(), asyncio.gather(*(go_on(deal) for deal in deals * 2)))
    for statuses in told:
        assert statuses <= {200, 409, 422}, "nobody waits for each other in a circle"
    for deal in deals:
        now = (await org.admin.get(f"/v1/deals/{deal}")).json()
        steps = (await org.admin.get(f"/v1/deals/{deal}/stages?limit=200")).json()["data"]
        assert now["stage"] in {"a", "b", "won", "lost"}
        assert now["version"] == len(steps)
        assert [one["to_stage"] for one in steps[:-1]] == [one["from_stage"] for one in steps[1:]]
        assert now["stage"] == steps[-1]["to_stage"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_moves_at_once_end_in_one_legal_history_for_each_deal(org: Organisation, seed: int):
    chance = random.Random(seed)
    assert (await org.admin.post("/v1/pipelines", json=LINE)).status_code == 201
    deals = [(await opened(org, amount="10"))["id"] for _ in range(DEALS)]
    clients = [(await org.user(f"seller {n}", "admin"))[1] for n in range(CLIENTS)]
    done: list[tuple[str, str, Body]] = []

    async def call(client: Any, deal: str, verb: str, body: Body, version: str) -> None:
        while True:
            answer = await client.post(f"/v1/deals/{deal}/{verb}", json=body, headers={"If-Match": version})
            if answer.status_code != 503:
                break
            await asyncio.sleep(int(answer.headers["retry-after"]))  # too many at once for the connections
        assert answer.status_code in {200, 409, 412}, answer.text
        if answer.status_code == 200:
            done.append((deal, verb, answer.json()))

    async with asyncio.timeout(120):
        await asyncio.gather(
            *(
                call(
                    chance.choice(clients),
                    chance.choice(deals),
                    *asked(chance),
                    chance.choice(["*", "*", "*", '"9"']),
                )
                for _ in range(CALLS)
            )
        )
    assert len(done) > DEALS, "something must have been done"
    for deal in deals:
        await judge(org, deal, [(verb, body) for other, verb, body in done if other == deal])


async def judge(org: Organisation, deal: str, done: list[tuple[str, Body]]) -> None:
    """Check a deal, its stage history and its events against the answers that told of success."""
    now = (await org.admin.get(f"/v1/deals/{deal}")).json()
    steps = (await org.admin.get(f"/v1/deals/{deal}/stages?limit=200")).json()["data"]
    events = (await org.admin.get(f"/v1/deals/{deal}/history", params={"limit": 200})).json()
    assert events["next"] is None
    events = events["data"][::-1]
    assert steps[0]["verb"] == "open"
    for one, following in pairwise(steps):
        assert following["from_stage"] == one["to_stage"]
        assert following["at"] >= one["at"]
        assert (following["from_stage"], following["to_stage"]) in LEGAL[following["verb"]], following
    assert (now["stage"], now["entered_at"]) == (steps[-1]["to_stage"], steps[-1]["at"])
    assert now["status"] == {"won": "won", "lost": "lost"}.get(now["stage"], "open")
    assert (now["closed_at"] is None) == (now["status"] == "open")
    assert [event["version"] for event in events] == list(range(1, now["version"] + 1))
    assert [event["type"] for event in events] == [f"deal.{TYPES[step['verb']]}" for step in steps]
    assert [event["after"]["stage"] for event in events] == [step["to_stage"] for step in steps]
    assert Counter(verb for verb, _ in done) == Counter(step["verb"] for step in steps[1:])
    told = {body["version"]: (verb, body["stage"]) for verb, body in done}
    assert len(told) == len(done), "no version was given twice"
    assert told == {
        event["version"]: (step["verb"], step["to_stage"])
        for event, step in zip(events[1:], steps[1:], strict=True)
    }
