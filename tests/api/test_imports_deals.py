"""Opportunities from other systems: where each row goes, by which steps, and what undoing takes back."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api.test_imports import ANY, _done, _sent
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

Body = dict[str, Any]
LINE: Body = {
    "name": "Maven",
    "stages": [
        {"key": "prospecting", "name": "Prospecting", "kind": "open", "probability": "0.2"},
        {"key": "engaging", "name": "Engaging 接触", "kind": "open", "probability": "0.5"},
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"forward": 2, "entries": ["prospecting", "engaging"], "reopened": ["engaging"]},
}
HEAD = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value"
ROWS = f"""{HEAD}
W1,Anna Li,GTX Pro,Acme,Won,2026-01-05,2026-02-06,1054
L1,Anna Li,GTXPro,Acme,Lost,2026-01-05,2026-01-09,0
E1,Bo Chen,GTX Basic,,Engaging,2026-03-01,,
P1,Bo Chen,GTX Basic,Beta,Prospecting,,,
D1,Bo Chen,GTX Basic,Beta,Won,2026-03-01,2026-03-01,550
U1,Nobody,GTX Basic,Beta,Engaging,2026-03-01,,
T1,Two Same,GTX Basic,Beta,Engaging,2026-03-01,,
X1,Anna Li,GTX 9000,Beta,Engaging,2026-03-01,,
S1,Anna Li,GTX Basic,Beta,Dreaming,2026-03-01,,
N1,Anna Li,GTX Basic,Beta,Won,2026-03-01,,900
"""
OPTIONS = {
    "replace": {"product": {"GTXPro": "GTX Pro"}},
    "lost_reason": "Not stated",
    "undated": "2026-01-01T00:00:00Z",
}


@pytest.fixture
async def maven(org: Organisation) -> Organisation:
    """An organisation with the pipeline, the people and the products."""
    for old in (await org.admin.get("/v1/pipelines")).json()["data"]:
        await org.admin.post(f"/v1/pipelines/{old['id']}/archive", headers=ANY)
    assert (await org.admin.post("/v1/pipelines", json=LINE)).status_code == 201
    for name in ("Anna Li", "Bo Chen", "Two Same", "Two Same"):
        await org.user(name)
    for name, price in (("GTX Pro", "4821"), ("GTX Basic", "550")):
        body = {"sku": name.replace(" ", "-"), "name": name, "price": price, "currency": "USD"}
        assert (await org.admin.post("/v1/products", json=body)).status_code == 201
    return org


async def imported(
    service: FastAPI, org: Organisation, text: str, options: Mapping[str, Any] = OPTIONS, **said: Any
) -> tuple[Body, dict[str, str]]:
    """An import of opportunities that is done, and the code of each row that did not go well, by its first cell."""
    one = await _sent(org, text, name="deals.csv", **{"preset": "maven-opportunities"} | said)
    here = f"/v1/imports/{one['id']}"
    edited = await org.admin.patch(here, json={"options": {"currency": "USD", **options}}, headers=ANY)
    assert edited.status_code == 200, edited.text
    done = await _done(service, org, one)
    rows = (await org.admin.get(f"{here}/rows", params={"limit": 200})).json()["data"]
    return done, {row["cells"][0]: row["code"] for row in rows if row["code"]}


async def deal(org: Organisation, id_: str, system: str = "maven") -> Body:
    """A deal by what the file calls it, with its way."""
    answer = await org.admin.get(f"/v1/deals/by/{system}/{id_}")
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    steps = (await org.admin.get(f"/v1/deals/{found['id']}/stages?limit=200")).json()["data"]
    found["way"] = [(step["verb"], step["to_stage"], step["at"][:10]) for step in steps]
    return found


async def test_every_row_becomes_a_deal_with_its_way_or_is_told_why_not(
    service: FastAPI, maven: Organisation
):
    done, codes = await imported(service, maven, ROWS, {**OPTIONS, "time_zone": "UTC"})
    assert codes == {
        "U1": "cell_invalid",
        "T1": "cell_invalid",
        "X1": "cell_invalid",
        "S1": "stage_unknown",
        "N1": "deal_undated",
    }
    assert done["account"]["created"] + done["account"]["failed"] == 10
    won = await deal(maven, "W1")
    assert won["way"] == [("open", "engaging", "2026-01-05"), ("win", "won", "2026-02-06")]
    assert (won["amount"], won["name"], won["lines"][0]["unit_price"]) == (
        "1054.0000",
        "Acme · GTX Pro",
        "1054.0000",
    )
    lost = await deal(maven, "L1")
    assert (lost["lost_reason"], lost["amount"], lost["lines"][0]["product_id"]) == (
        "Not stated",
        "0.0000",
        won["lines"][0]["product_id"],
    )
    engaging = await deal(maven, "E1")
    assert (engaging["amount"], engaging["name"], engaging["company_id"]) == ("550.0000", "GTX Basic", None)
    assert (await deal(maven, "P1"))["way"] == [("open", "prospecting", "2026-01-01")]
    assert (await deal(maven, "D1"))["way"] == [
        ("open", "engaging", "2026-03-01"),
        ("win", "won", "2026-03-01"),
    ]
    names = {one["id"]: one["name"] for one in (await maven.admin.get("/v1/users")).json()["data"]}
    assert names[won["owner_id"]] == "Anna Li"
    again, _ = await imported(service, maven, ROWS, {**OPTIONS, "time_zone": "UTC"})
    assert again["account"]["unchanged"] == done["account"]["created"]


async def test_without_a_moment_or_a_reason_stated_such_rows_are_told(service: FastAPI, maven: Organisation):
    _, codes = await imported(service, maven, ROWS, {"replace": OPTIONS["replace"]})
    assert (codes["P1"], codes["L1"]) == ("deal_undated", "lost_reason_missing")
    _, codes = await imported(service, maven, ROWS, {})
    assert codes["L1"] == "cell_invalid"  # the product as it is spelt there is none


ENTERED = 'Date entered ""Appointment Scheduled (Sales Pipeline)""'
HUBSPOT = f'''Record ID,Deal Name,Amount,Deal Stage,Create Date,Close Date,Closed Lost Reason,Deal owner,"{ENTERED}",Date entered Closed Won
1,One,10,\uff23\uff2c\uff2f\uff33\uff25\uff24\u3000won,2026-01-02 09:00,2026-01-09,,Anna Li,2026-01-02 09:05,2026-01-09 11:00
2,Two,,appointment scheduled,2026-01-02 09:00,2026-12-24,,,2026-01-02 09:05,
3,Three,5,Closed Lost,2026-01-02 09:00,2026-01-02,slow,,,
'''


async def test_an_export_with_a_column_a_stage(service: FastAPI, maven: Organisation):
    keys = {
        "appointment scheduled": "open",
        "contract sent": "open",
        "closed won": "won",
        "closed lost": "lost",
    }
    odds = {"open": "0.5", "won": "1", "lost": "0"}
    stages = [
        {"key": name.replace(" ", "_"), "name": name, "kind": kind, "probability": odds[kind]}
        for name, kind in keys.items()
    ]
    body = {"name": "HubSpot", "stages": stages, "moves": {"forward": 2}}
    line = (await maven.admin.post("/v1/pipelines", json=body)).json()
    options = {"pipeline": line["id"], "time_zone": "UTC"}
    done, codes = await imported(service, maven, HUBSPOT, options, preset="hubspot-deals")
    assert (done["account"]["created"], codes) == (3, {})
    one, two, three = [await deal(maven, str(n), "hubspot") for n in (1, 2, 3)]
    assert one["way"] == [
        ("open", "appointment_scheduled", "2026-01-02"),
        ("win", "closed_won", "2026-01-09"),
    ]
    assert (one["opened_at"][:16], one["closed_at"][:16]) == ("2026-01-02T09:00", "2026-01-09T11:00")
    assert (two["stage"], two["expected_close"], two["closed_at"]) == (
        "appointment_scheduled",
        "2026-12-24",
        None,
    )
    # The day of closing begins before the hour of opening on that day.
    assert (three["closed_at"][:16], three["lost_reason"]) == ("2026-01-02T09:00", "slow")


async def test_a_row_takes_a_deal_on_and_what_came_before_is_refused_by_name(
    service: FastAPI, maven: Organisation
):
    await imported(service, maven, f"{HEAD}\nE1,Anna Li,GTX Basic,Acme,Engaging,2026-03-01,,\n")
    row = f"{HEAD}\nE1,Bo Chen,GTX Basic,Acme,Won,2026-03-01,2026-03-09,700\n"
    done, codes = await imported(service, maven, row)
    assert (done["account"]["updated"], codes) == (1, {})
    found = await deal(maven, "E1")
    assert (found["status"], found["amount"], len(found["way"])) == ("won", "700.0000", 2)
    _, codes = await imported(
        service, maven, f"{HEAD}\nE1,Bo Chen,GTX Basic,Acme,Won,2026-02-01,2026-03-09,700\n"
    )
    assert codes == {"E1": "step_not_in_history"}


async def test_a_line_comes_to_the_amount_of_its_row_to_the_last_digit(service: FastAPI, maven: Organisation):
    text = "id,name,sku,quantity,amount,created\n1,A,GTX-Pro,3,100,2026-01-05\n2,B,GTX-Pro,2,,2026-01-05\n"
    one = await _sent(maven, text, target="deal")
    assert set(one["mapping"].values()) == {
        "external:import",
        "name",
        "sku",
        "quantity",
        "amount",
        "opened_at",
    }
    edited = await maven.admin.patch(
        f"/v1/imports/{one['id']}", json={"options": {"currency": "USD"}}, headers=ANY
    )
    assert edited.status_code == 200, edited.text
    assert (await _done(service, maven, one))["account"]["created"] == 2
    first, second = await deal(maven, "1", "import"), await deal(maven, "2", "import")
    assert (first["amount"], first["lines"][0]["quantity"]) == ("100.0000", "3.0000")
    assert second["amount"] == "9642.0000"


async def test_an_amount_of_no_quantity_fails_its_row_alone(service: FastAPI, maven: Organisation):
    cells = ["0,100", "-1,100", "1e-20,1234567890123.33", f"1,{'9' * 30}", "2,100"]
    lines = [f"{n},A,GTX-Pro,{cell},2026-01-05" for n, cell in enumerate(cells)]
    text = "\n".join(["id,name,sku,quantity,amount,created", *lines, ""])
    one = await _sent(maven, text, target="deal")
    options = {"options": {"currency": "USD"}}
    edited = await maven.admin.patch(f"/v1/imports/{one['id']}", json=options, headers=ANY)
    assert edited.status_code == 200, edited.text
    account = (await _done(service, maven, one))["account"]
    assert (account["created"], account["failed"]) == (1, 4)


async def test_undoing_archives_what_was_opened_and_leaves_where_a_deal_has_gone(
    service: FastAPI, maven: Organisation
):
    await imported(service, maven, f"{HEAD}\nE1,Anna Li,GTX Basic,Acme,Engaging,2026-03-01,,\n")
    before = await deal(maven, "E1")
    rows = f"{HEAD}\nE1,Bo Chen,GTX Basic,Acme,Won,2026-03-01,2026-03-09,700\n"
    rows += "E2,Bo Chen,GTX Basic,Acme,Won,2026-03-01,2026-03-09,700\n"
    one, codes = await imported(service, maven, rows)
    assert (one["account"]["created"], one["account"]["updated"], codes) == (1, 1, {})
    made = await deal(maven, "E2")
    undone = await maven.admin.post(f"/v1/imports/{one['id']}/undo", headers=ANY)
    assert undone.status_code == 202, undone.text
    await work_off(service)
    told = (await maven.admin.get(f"/v1/imports/{one['id']}/undone")).json()["data"]
    assert {(row["record_id"], row["outcome"], row["code"]) for row in told if row["noun"] == "deal"} == {
        (made["id"], "archived", None),
        (before["id"], "kept", "stage_history"),
    }
    after = await deal(maven, "E1")
    assert (after["stage"], after["way"][-1][1], len(after["way"])) == ("won", "won", 2)
    assert (after["owner_id"], after["amount"]) == (before["owner_id"], before["amount"])
    assert (await maven.admin.get("/v1/deals/by/maven/E2")).status_code == 404
    done, _ = await imported(service, maven, rows)
    assert (done["account"]["created"], done["account"]["updated"]) == (1, 1)


async def test_corrections_are_of_any_target(service: FastAPI, org: Organisation):
    one = await _sent(org, "name,industry\nAcme,technolgy\nBeta,retail\n", target="company")
    replace = {"industry": {"technolgy": "technology"}}
    here = f"/v1/imports/{one['id']}"
    assert (
        await org.admin.patch(here, json={"options": {"replace": replace}}, headers=ANY)
    ).status_code == 200
    shown = (await org.admin.get(f"{here}/preview")).json()["rows"]
    assert [row["values"]["industry"] for row in shown] == ["technology", "retail"]
    await _done(service, org, one)
    found = (await org.admin.get("/v1/companies", params={"sort": "name"})).json()["data"]
    assert [one["industry"] for one in found] == ["technology", "retail"]
