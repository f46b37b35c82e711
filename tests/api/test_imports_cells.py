"""One odd cell, option or column costs its own row, or is named before anything begins."""

import pytest
from fastapi import FastAPI

from tests.makers.files import ANY, account, begun, done, imported, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import work_off


async def test_a_column_that_goes_nowhere_is_left_out(service: FastAPI, org: Organisation):
    text = "Email,First Name,Favourite colour,custom.level\na@example.com,Anna,red,gold\n"
    one = await sent(org, text, target="contact")
    assert set(one["mapping"].values()) == {"email", "given_name"}
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()
    assert shown["unmapped"] == ["Favourite colour", "custom.level"]
    assert (await done(service, org, one))["account"] == account(created=1)


async def test_a_field_that_is_archived_meanwhile_is_named(service: FastAPI, org: Organisation):
    field = {"noun": "contact", "key": "level", "label": "Level", "kind": "text"}
    made = await org.admin.post("/v1/custom_fields", json=field)
    assert made.status_code == 201, made.text
    one = await sent(org, "name,email,custom.level\nAnna,a@example.com,gold\n")
    assert "custom.level" in one["mapping"].values()
    again = await sent(org, "name,email,custom.level\nBob,b@example.com,gold\n")
    run = await begun(org, again)
    gone = await org.admin.post(f"/v1/custom_fields/{made.json()['id']}/archive", headers=ANY)
    assert gone.status_code == 200, gone.text
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()
    assert "custom.level" in shown["missing"]
    refused = await org.admin.post(f"/v1/imports/{one['id']}/start", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "field_gone")
    await work_off(service)
    assert "custom.level" in (await org.admin.get(run)).json()["error"]


async def test_a_time_zone_that_is_none_is_refused(org: Organisation):
    one = await sent(org, "name,email\nAnna,a@example.com\n")
    options = {"options": {"time_zone": "Mars/Base"}}
    refused = await org.admin.patch(f"/v1/imports/{one['id']}", json=options, headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (422, "time_zone_unknown")


async def test_a_number_that_nobody_counts_to_is_its_row_s_fault(service: FastAPI, org: Organisation):
    text = f"company name,employees,website\nA,{'9' * 23},a.example\nB,12,b.example\n"
    one = await sent(org, text, target="company")
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()["rows"]
    assert [bool(row["problems"]) for row in shown] == [True, False]
    assert (await done(service, org, one))["account"] == account(created=1, failed=1)


async def test_a_day_before_all_days_is_its_row_s_fault(service: FastAPI, org: Organisation):
    text = "type,date,body\nnote,0001-01-01,x\nnote,2026-01-01,y\n"
    one = await sent(org, text, target="interaction", plan={"options": {"time_zone": "Asia/Shanghai"}})
    assert (await org.admin.get(f"/v1/imports/{one['id']}/preview")).status_code == 200
    one = await done(service, org, one)
    [failed] = await rows(org, one, outcome="failed")
    assert (failed["line"], failed["code"]) == (2, "cell_invalid")


LINES = "order number,order date,sku,quantity,unit price\n"


@pytest.mark.parametrize("mode", ["create", "upsert"])
async def test_an_order_without_a_date_is_named(service: FastAPI, org: Organisation, mode: str):
    text = f"{LINES}A-1,,T-1,1,5\nA-2,2026-01-01,T-1,1,5\n"
    one = await done(service, org, await sent(org, text, target="line", plan={"mode": mode}))
    assert one["account"] == account(created=1, failed=1)
    [failed] = await rows(org, one, outcome="failed")
    assert (failed["code"], "date" in failed["detail"]) == ("line_invalid", True)


async def test_lines_without_a_date_change_the_order_that_is_there(service: FastAPI, org: Organisation):
    await imported(service, org, f"{LINES}A-1,2026-01-01,T-1,1,5\n", target="line")
    text = "order number,sku,quantity,unit price,country\nA-1,T-1,1,5,France\nA-9,T-1,2,5,France\n"
    one = await done(service, org, await sent(org, text, target="line", plan={"mode": "update"}))
    assert one["account"] == account(updated=1, skipped=1)
    [order] = (await org.admin.get("/v1/orders")).json()["data"]
    assert (order["country"], order["placed_at"][:10]) == ("France", "2025-12-31")


async def test_half_a_name_replaces_no_whole_one(service: FastAPI, org: Organisation):
    await imported(service, org, "name,email\nAnna Lovelace,a@example.com\n")
    text = "first name,last name,email\nAda,,a@example.com\nEve,,e@example.com\n"
    one = await imported(service, org, text)
    assert one["account"] == account(updated=1, created=1)
    listed = (await org.admin.get("/v1/contacts", params={"sort": "name"})).json()["data"]
    assert [(who["name"], who["given_name"]) for who in listed] == [("Anna Lovelace", "Ada"), ("Eve", "Eve")]


async def test_a_number_of_the_file_is_kept_to_its_last_digit(service: FastAPI, org: Organisation):
    text = (
        '{"number": "A", "at": "2026-03-01", "sku": "S", "customer": 123456789012345678901, "quantity": 1, "unit_price": 12345678901.2345}\n'
        '{"number": "B", "at": "2026-03-01", "sku": "S", "customer": 123456789012345678902, "quantity": 0.5, "unit_price": 7}\n'
        '{"number": "C", "at": "2026-03-01", "sku": "S", "customer": null, "quantity": 1, "unit_price": 12345678901.23456789}\n'
    )
    plan = {"options": {"decimal_mark": ","}}
    found = await imported(service, org, text, "lines.ndjson", target="line", plan=plan)
    assert found["account"] == account(created=2, failed=1)
    orders = (await org.admin.get("/v1/orders", params={"sort": "number"})).json()["data"]
    assert [one["total"] for one in orders] == ["12345678901.2345", "3.5000"]
    people = (await org.admin.get("/v1/contacts")).json()["data"]
    codes = {code for one in people for code in one["external_ids"].values()}
    assert codes == {"123456789012345678901", "123456789012345678902"}
    assert (await rows(org, found, outcome="failed"))[0]["cells"][-1] == "12345678901.23456789"
    failures = (await org.admin.get(f"/v1/imports/{found['id']}/failures.csv")).text
    assert "12345678901.23456789" in failures
