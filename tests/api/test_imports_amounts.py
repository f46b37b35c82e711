"""Amounts mean what the file says, in the currency that it says, or are refused."""

import json
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api.test_imports_bad_files import book
from tests.makers.files import ANY, Body, account, done, imported, rows, sent
from tests.makers.organisations import Organisation


async def prices(org: Organisation) -> dict[str, tuple[str, str]]:
    listed = (await org.admin.get("/v1/products", params={"sort": "sku"})).json()["data"]
    return {one["sku"]: (one["price"].rstrip("0").rstrip("."), one["currency"]) for one in listed}


async def edited(org: Organisation, one: Body, **plan: object) -> Body:
    answer = await org.admin.patch(f"/v1/imports/{one['id']}", json=plan, headers=ANY)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


async def test_an_option_leaves_the_others_as_they_were_told(service: FastAPI, org: Organisation):
    one = await sent(org, 'sku;name;price\nT-1;Tea;"1.500"\nT-2;Tea;"2.500,75"\n', target="product")
    one = await edited(org, one, options={"currency": "EUR"})
    assert one["options"]["decimal_mark"] == ","
    await done(service, org, one)
    assert await prices(org) == {"T-1": ("1500", "EUR"), "T-2": ("2500.75", "EUR")}


async def test_a_column_that_is_mapped_by_hand_is_told_anew(service: FastAPI, org: Organisation):
    one = await sent(org, 'sku;name;zzz\nT-1;Tea;"1.500"\nT-2;Tea;"2.500,75"\n', target="product")
    assert one["options"]["decimal_mark"] is None
    mapping = {"sku": "sku", "name": "name", "zzz": "price"}
    assert (await edited(org, one, mapping=mapping))["options"]["decimal_mark"] == ","
    stated = await edited(org, one, options={"decimal_mark": "."})
    assert (await edited(org, stated, mapping=mapping))["options"]["decimal_mark"] == ".", "it was stated"


async def test_a_column_that_can_be_read_in_two_ways_is_refused(service: FastAPI, org: Organisation):
    one = await imported(service, org, "sku,name,price\nT-1,Tea,1.234\nT-2,Tea,12.500\n", target="product")
    assert one["account"] == account(failed=2)
    assert "two amounts" in (await rows(org, one))[0]["detail"]


@pytest.mark.parametrize("form", ["xlsx", "ndjson"])
async def test_a_number_of_the_file_is_not_read_as_text(service: FastAPI, org: Organisation, form: str):
    table: list[list[Any]] = [["T-1", "Tea", 1.125], ["T-2", "Tea", "1,5"], ["T-3", "Tea", "1.125"]]
    objects = [dict(zip(("sku", "name", "price"), row, strict=True)) for row in table]
    data = book([["sku", "name", "price"], *table]) if form == "xlsx" else "\n".join(map(json.dumps, objects))
    one = await sent(org, data, f"x.{form}", target="product", plan={"options": {"decimal_mark": ","}})
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()["rows"]
    assert [row["values"]["price"] for row in shown] == ["1.125", "1.5", "1125"]
    assert (await rows(org, one))[0]["cells"] == ["T-1", "Tea", "1.125"]
    await done(service, org, one)
    assert {sku: price for sku, (price, _) in (await prices(org)).items()} == {
        "T-1": "1.125", "T-2": "1.5", "T-3": "1125"
    }  # fmt: skip


async def test_a_currency_that_is_named_is_used_or_must_agree(service: FastAPI, org: Organisation):
    text = """sku,name,price,cost,currency
T-1,Tea,USD 12.50,,
T-2,Tea,€ 9,,
T-3,Tea,¥ 9,,
T-4,Tea,$ 9,,
T-5,Tea,$ 9,,USD
T-6,Tea,USD 9,,EUR
T-7,Tea,USD 9,EUR 3,
T-8,Tea,min 50,,
"""
    one = await imported(service, org, text, target="product")
    assert one["account"] == account(created=4, failed=4)
    assert await prices(org) == {
        "T-1": ("12.5", "USD"), "T-2": ("9", "EUR"), "T-3": ("9", "CNY"), "T-5": ("9", "USD")
    }  # fmt: skip
    assert [row["code"] for row in await rows(org, one, outcome="failed")] == ["cell_invalid"] * 4
