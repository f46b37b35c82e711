"""Who may not read what a segment is made of learns of it by no way; who may, learns it of the contacts they see."""

from typing import Any

import pytest
from fastapi import FastAPI

from app.jobs.segments import follow_due
from app.kit import clock
from app.usecases.segments import following
from tests.leaks.test_fields import hiding
from tests.leaks.world import ANY, World
from tests.makers.work import work_off

BANDED = {"field": "income_band", "op": "is_null", "value": False}


@pytest.fixture(scope="module")
async def told(world: World, service: FastAPI) -> dict[str, str]:
    """Segments made of a field of contacts, of orders and of companies, and one made of the first."""
    made = {}
    for name, condition in {
        "contact": BANDED,
        "order": {"of": "orders", "measure": "sum", "field": "total", "op": "gt", "value": "0"},
        "company": {"company": {"field": "industry", "op": "is_null", "value": False}},
    }.items():
        made[name] = await _added(world, name, condition)
    made["nested"] = await _added(world, "nested", {"segment": made["contact"], "op": "in"})
    await work_off(service)
    for _ in range(9):
        await follow_due(world.org.database, clock.now())
    return made


async def _added(world: World, name: str, condition: Any) -> str:
    answer = await world.org.admin.post("/v1/segments", json={"name": f"of {name}", "condition": condition})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.fixture(scope="module")
async def masked(world: World) -> World:
    """The world, with a role for one seat that each case defines anew."""
    await world.org.role("segment reader", **hiding("contact", "income_band"))
    await world.give(("boss",), "segment reader")
    return world


CASES = [
    ("contact", "contact", "income_band"),
    ("nested", "contact", "income_band"),
    ("order", "order", "total"),
    ("order", "order", "contact_id"),
    ("company", "company", "industry"),
    ("company", "contact", "company_id"),
]


@pytest.mark.parametrize(("which", "noun", "name"), CASES)
async def test_a_segment_of_a_hidden_field_is_unknown(
    masked: World, told: dict[str, str], which: str, noun: str, name: str
):
    await masked.redefine("segment reader", **hiding(noun, name))
    boss, admin, here = masked.clients["boss"], masked.org.admin, told[which]
    inside = (await admin.get(f"/v1/segments/{here}/members")).json()["data"]
    assert inside
    contact = inside[0]["id"]
    for rest in ("", "/members", "/movements", "/history"):
        answer = await boss.get(f"/v1/segments/{here}{rest}")
        assert (answer.status_code, answer.json()["code"]) == (404, "segment_not_found"), rest
    for rest in ("/archive", "/rebuild"):
        assert (await boss.post(f"/v1/segments/{here}{rest}", headers=ANY)).status_code == 404
    assert here not in (await boss.get("/v1/segments?limit=200")).text
    assert here not in (await boss.get(f"/v1/contacts/{contact}/segments?past=true")).text
    assert here not in (await boss.get("/v1/events?limit=200&type=contact.entered_segment")).text
    assert here not in (await boss.get(f"/v1/contacts/{contact}/history?limit=200")).text
    known = {one["id"] for one in (await boss.get("/v1/segments?limit=200")).json()["data"]}
    entered = (await boss.get(f"/v1/contacts/{contact}/history?limit=200")).json()["data"]
    told_of = [one["after"]["segment_id"] for one in entered if one["type"] == "contact.entered_segment"]
    assert set(told_of) <= known
    line = (await boss.get(f"/v1/contacts/{contact}/timeline?limit=200")).json()["data"]
    assert sum(one["title"] == "contact.entered_segment" for one in line) == len(told_of)
    everybody = (await boss.post("/v1/contacts/count", json={})).json()["count"]
    for op, count in (("in", 0), ("not_in", everybody)):
        asked = {"where": {"segment": here, "op": op}}
        assert (await boss.post("/v1/contacts/count", json=asked)).json()["count"] == count
        assert op == "not_in" or (await boss.post("/v1/contacts/search", json=asked)).json()["data"] == []
    made = {"name": "x", "condition": {"segment": here, "op": "in"}}
    answer = await boss.post("/v1/segments", json=made)
    assert (answer.status_code, answer.json()["code"]) == (422, "segment_unknown")


async def test_a_restored_segment_tells_of_what_its_parts_were_edited_to_meanwhile(
    masked: World, service: FastAPI
):
    admin, boss = masked.org.admin, masked.clients["boss"]
    inner = await _added(masked, "inner", {"field": "stage", "op": "eq", "value": "customer"})
    outer = await _added(masked, "outer", {"segment": inner, "op": "in"})
    assert (await admin.post(f"/v1/segments/{outer}/archive", headers=ANY)).status_code == 200
    edited = await admin.patch(f"/v1/segments/{inner}", json={"condition": BANDED}, headers=ANY)
    assert edited.status_code == 200, edited.text
    assert (await admin.post(f"/v1/segments/{outer}/restore", headers=ANY)).status_code == 200
    await work_off(service)
    await masked.redefine("segment reader", **hiding("contact", "income_band"))
    for one in (inner, outer):
        for rest in ("", "/members", "/movements", "/history"):
            assert (await boss.get(f"/v1/segments/{one}{rest}")).status_code == 404, rest


async def test_a_building_tells_nobody_how_many_contacts_there_are(
    masked: World, service: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "BATCH", 3)
    made = await _added(masked, "number", {"field": "stage", "op": "eq", "value": "customer"})
    run = (await masked.org.admin.get(f"/v1/segments/{made}")).json()["run_id"]
    await work_off(service)
    told = (await masked.org.admin.get(f"/v1/runs/{run}")).json()
    assert (told["status"], told["done"], told["total"], told["result"]) == ("done", 100, 100, {})


ASKED = [
    ("order", "total", {"of": "orders", "measure": "sum", "field": "total", "op": "gt", "value": "0"}),
    ("order", "placed_at", {"of": "orders", "measure": "count", "days": [9, 0], "op": "gt", "value": 0}),
    ("order", "contact_id", {"of": "orders", "measure": "count", "op": "gt", "value": 0}),
    (
        "product",
        "category",
        {
            "of": "order_lines",
            "measure": "count",
            "where": {"field": "product.category", "op": "eq", "value": "x"},
            "op": "gt",
            "value": 0,
        },
    ),
    ("order", "lines", {"of": "order_lines", "measure": "count", "op": "gt", "value": 0}),
    (
        "interaction",
        "body",
        {"of": "interactions", "measure": "distinct", "field": "body", "op": "gt", "value": 0},
    ),
    ("company", "industry", {"company": {"not": {"field": "industry", "op": "is_null", "value": True}}}),
    ("contact", "company_id", {"company": {"all": []}}),
]


@pytest.mark.parametrize(("noun", "name", "condition"), ASKED)
async def test_a_hidden_field_is_asked_about_by_no_further_part(
    masked: World, noun: str, name: str, condition: Any
):
    await masked.redefine("segment reader", **hiding(noun, name))
    boss = masked.clients["boss"]
    for raw in (condition, {"not": {"any": [condition]}}):
        for url, body in (
            ("contacts/search", {"where": raw}),
            ("contacts/count", {"where": raw}),
            ("segments/preview", {"condition": raw}),
            ("segments", {"name": "x", "condition": raw}),
        ):
            answer = await boss.post(f"/v1/{url}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), (url, answer.text)


async def test_members_and_counts_are_those_that_the_reader_sees(masked: World, told: dict[str, str]):
    role = hiding("contact", "income_band")
    role["read"]["contact"] = ["*"]
    role["sight"] = {"*": "own", "company": "all"}
    await masked.redefine("segment reader", **role)
    boss = masked.clients["boss"]
    own = {one.id for one in masked.of("contact") if one.owner == "boss"}
    assert own
    for segment in told.values():
        seen = await boss.get(f"/v1/segments/{segment}/members")
        listed = {one["id"] for one in seen.json()["data"]}
        assert listed <= own
        moved = (await boss.get(f"/v1/segments/{segment}/movements")).json()["data"]
        assert {one["contact_id"] for one in moved} == listed
        asked = {"where": {"segment": segment, "op": "in"}}
        assert (await boss.post("/v1/contacts/count", json=asked)).json()["count"] == len(listed)


async def test_a_company_out_of_sight_is_not_learned_of_by_its_contacts(masked: World, told: dict[str, str]):
    role = hiding("contact", "income_band")
    role["read"]["contact"] = ["*"]
    role["sight"] = {"contact": "all"}
    await masked.redefine("segment reader", **role)
    boss = masked.clients["boss"]
    assert (await boss.get(f"/v1/segments/{told['company']}")).status_code == 404
    asked = {"where": {"company": {"field": "industry", "op": "is_null", "value": False}}}
    found = (await boss.post("/v1/contacts/search", json=asked)).json()["data"]
    owners = {one.id: one.owner for one in masked.of("company")}
    assert {owners[one["company_id"]] for one in found} <= {"boss"}
