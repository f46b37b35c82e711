"""Segments over HTTP: defined, built, followed and read."""

from typing import Any

from fastapi import FastAPI

from app.jobs.segments import follow_due
from app.kit import clock
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
CUSTOMERS = {"field": "stage", "op": "eq", "value": "customer"}
BUYERS = {"of": "orders", "measure": "count", "op": "gte", "value": 2}


async def contact(org: Organisation, **values: Any) -> str:
    made = await org.admin.post("/v1/contacts", json={"name": "张伟"} | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def order(org: Organisation, contact: str, number: str, **values: Any) -> str:
    body = {
        "number": number,
        "currency": "CNY",
        "placed_at": clock.now().isoformat(),
        "contact_id": contact,
        "lines": [{"description": "茶", "quantity": "1", "unit_price": "9"}],
    }
    made = await org.admin.post("/v1/orders", json=body | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def segment(org: Organisation, condition: Any, **values: Any) -> str:
    made = await org.admin.post("/v1/segments", json={"name": "S", "condition": condition} | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def members(org: Organisation, of: str, **params: Any) -> set[str]:
    answer = await org.admin.get(f"/v1/segments/{of}/members", params=params)
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["data"]}


async def settled(org: Organisation) -> None:
    """Follow until nothing is due."""
    for _ in range(20):
        if not await follow_due(org.database, clock.now()):
            return
    raise AssertionError("it never comes to rest")


async def test_a_dynamic_segment_is_built_and_follows_every_change(service: FastAPI, org: Organisation):
    first, second = await contact(org, stage="customer"), await contact(org)
    made = await segment(org, {"any": [CUSTOMERS, BUYERS]})
    assert (await org.admin.get(f"/v1/segments/{made}")).json()["stage"] == "building"
    await work_off(service)
    await settled(org)
    assert (await org.admin.get(f"/v1/segments/{made}")).json()["stage"] == "live"
    assert await members(org, made) == {first}
    await order(org, second, "1")
    await settled(org)
    assert await members(org, made) == {first}
    await order(org, second, "2")
    await org.admin.patch(f"/v1/contacts/{first}", json={"stage": "lead"}, headers=ANY)
    await settled(org)
    assert await members(org, made) == {second}
    moved = (await org.admin.get(f"/v1/segments/{made}/movements")).json()["data"]
    told = {(one["contact_id"], one["entered"], one["why"]) for one in moved}
    assert told == {(first, True, "rebuild"), (second, True, "order"), (first, False, "contact")}
