"""Boards by the API: open deals stage by stage, as whoever looks sees them."""

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

from tests.api.test_deals import opened
from tests.api.test_funnel import BEGUN, KEEPS, MOVES, OPENING, STAGES, walked
from tests.api.test_pipelines import made
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]
BOARD = "/v1/deals/board"


async def test_a_board_shows_what_stands_in_each_stage_and_what_it_comes_to(org: Organisation):
    line, chance = await made(org, stages=STAGES, moves=MOVES), random.Random(7)
    for n in range(40):
        values: Body = {"currency": chance.choice(["CNY", "EUR"]), "channel": chance.choice(KEEPS)}
        values |= {"amount": f"{n}.0125"} if n % 5 else {}
        deal = await opened(org, at=BEGUN.isoformat(), stage="fresh", **values)
        await walked(org, deal, chance, BEGUN)
        if n % 6 == 0:
            await org.admin.patch(f"/v1/deals/{deal['id']}", json={"probability": "0.125"}, headers=ANY)
        if n % 11 == 0:
            await org.admin.post(f"/v1/deals/{deal['id']}/archive", headers=ANY)
    every = (await org.admin.get("/v1/deals", params={"limit": 200, "status": "open"})).json()["data"]
    queries: tuple[Body, ...] = ({}, {"limit": 1}, {"limit": 0, "channel": "fair"}, {"channel": "fair"})
    for query in queries:
        told = (await org.admin.get(BOARD, params=query | {"pipeline_id": line["id"]})).json()
        assert [stage["stage"] for stage in told["stages"]] == [*OPENING]
        for stage in told["stages"]:
            own = [one for one in every if one["stage"] == stage["stage"]]
            own = [one for one in own if one["channel"] == query.get("channel", one["channel"])]
            own.sort(key=lambda one: (one["entered_at"], one["id"]))
            assert (stage["count"], stage["deals"]) == (len(own), own[: query.get("limit", 20)])
            sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
            for one in own:
                if one["amount"] is not None:
                    worth = Decimal(one["amount"])
                    parts = (Decimal(1), worth, worth * Decimal(one["probability"] or "0.5"))
                    sums[one["currency"]] = [a + b for a, b in zip(sums[one["currency"]], parts, strict=True)]
            found = {
                total["currency"]: [total["deals"], Decimal(total["amount"]), Decimal(total["weighted"])]
                for total in stage["totals"]
            }
            assert found.keys() == sums.keys()
            for currency, (deals, worth, weighted) in sums.items():
                assert found[currency][:2] == [deals, worth]
                assert abs(found[currency][2] - weighted) <= Decimal("0.00005")


async def test_a_board_keeps_to_sight_and_to_the_fields_of_whoever_looks(org: Organisation):
    await made(org, stages=STAGES, moves=MOVES)
    read = {"deal": ["pipeline_id", "stage", "status", "entered_at", "currency"], "pipeline": ["*"]}
    await org.role("own", scopes=["deals:read", "pipelines:read"], read=read)
    await org.role("blind", scopes=["deals:read", "pipelines:read"], read={"pipeline": ["*"]})
    mine, seller = await org.user("seller", "own")
    _, blind = await org.user("blind", "blind")
    own = await opened(org, owner_id=str(mine), amount="5", stage="fresh")
    await opened(org, amount="7", stage="fresh")
    first = (await seller.get(BOARD)).json()["stages"][0]
    assert (first["count"], first["totals"]) == (1, None)
    assert [one["id"] for one in first["deals"]] == [own["id"]]
    assert "amount" not in first["deals"][0]
    for client, query in ((blind, {}), (seller, {"channel": "fair"})):
        answer = await client.get(BOARD, params=query)
        assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden")
    answer = await org.admin.get(BOARD, params={"pipeline_id": own["id"]})
    assert (answer.status_code, problem(answer)["code"]) == (404, "pipeline_not_found")
