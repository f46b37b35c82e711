"""Costs: out of files and into them, by their days, and seen by whose they are."""

from typing import Any

import orjson
from fastapi import FastAPI

from tests.api.test_exports import exported
from tests.makers.files import imported
from tests.makers.organisations import Organisation
from tests.makers.undoing import undone

Body = dict[str, Any]
FILE = (
    "编号,日期,费用类型,花费,渠道,广告系列\n"
    '1,2026-03-01,advertising,"¥1,200.50",web,春茶\n2,2026-03-09,tools,30,,\n3,2026-03-10,x,30,,\n'
)


async def test_costs_come_in_by_a_file_are_undone_with_it_and_leave_by_an_export(
    service: FastAPI, org: Organisation
):
    one = await imported(service, org, FILE)
    assert (one["target"], one["account"]["created"], one["account"]["failed"]) == ("cost", 2, 1)
    listed = (await org.admin.get("/v1/costs", params={"sort": "day"})).json()["data"]
    told = [[cost[name] for name in ("day", "kind", "amount", "channel", "campaign")] for cost in listed]
    assert told == [
        ["2026-03-01", "advertising", "1200.5000", "web", "春茶"],
        ["2026-03-09", "tools", "30.0000", None, None],
    ]
    first = await org.admin.get("/v1/costs", params={"since": "2026-03-01", "before": "2026-03-09"})
    assert first.json()["data"] == listed[:1]
    _, content = await exported(service, org.admin, noun="cost", format="ndjson", sort="day")
    assert [orjson.loads(line) for line in content.splitlines()] == listed
    await undone(service, org.admin, f"/v1/imports/{one['id']}")
    assert (await org.admin.get("/v1/costs")).json()["data"] == []


async def test_a_manager_sees_the_costs_of_the_team_and_a_seller_none(org: Organisation):
    team = await org.team("north")
    mine, manager = await org.user("manager", "manager", team=team)
    _, seller = await org.user("seller", "sales", team=team)
    cost = {"day": "2026-03-01", "amount": "5", "currency": "CNY"}
    assert (await org.admin.post("/v1/costs", json=cost)).status_code == 201
    own = (await org.admin.post("/v1/costs", json=cost | {"owner_id": str(mine)})).json()
    assert own["kind"] == "other"
    assert [one["id"] for one in (await manager.get("/v1/costs")).json()["data"]] == [own["id"]]
    assert (await seller.get("/v1/costs")).status_code == 403
