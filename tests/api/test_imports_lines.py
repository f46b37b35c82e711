"""Lines of orders: one file of them makes orders, customers and products."""

import asyncio
import csv
import io
import itertools
import random
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.usecases.imports import match, reading, work
from tests.api.test_imports import _done, _sent
from tests.makers import forms
from tests.makers.files import account, imported, rows
from tests.makers.organisations import Organisation
from tests.nouns.nouns import run_here

LINES = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,A1,LANTERN,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
1001,B2,HEART,2,2010-12-01 08:26:00,3.395,17850,United Kingdom
1002,A1,LANTERN,1,2010-12-02 09:00:00,2.55,,France
C1003,A1,LANTERN,-2,2010-12-03 10:00:00,2.55,17850,United Kingdom
1004,A1,LANTERN,many,2010-12-03 10:00:00,2.55,17850,United Kingdom
1004,B2,HEART,1,2010-12-03 10:00:00,2.55,17850,United Kingdom
A1005,B,Adjust bad debt,1,2010-12-04 10:00:00,-11062.06,,United Kingdom
,B2,HEART,1,2010-12-05 10:00:00,2.55,17850,United Kingdom
"""


async def test_lines_become_orders_customers_and_products(service: FastAPI, org: Organisation):
    one = await _sent(org, LINES, "lines.csv", preset="transaction-lines")
    assert one["target"] == "line"
    done = await _done(service, org, one)
    assert done["account"] == {
        "read": 8, "created": 5, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 3
    }  # fmt: skip
    listed = (await org.admin.get("/v1/orders", params={"sort": "number"})).json()["data"]
    assert [(o["number"], o["total"], o["country"]) for o in listed] == [
        ("1001", "22.0900", "United Kingdom"),
        ("1002", "2.5500", "France"),
        ("A1005", "-11062.0600", "United Kingdom"),
        ("C1003", "-5.1000", "United Kingdom"),
    ]
    buyer = (await org.admin.get("/v1/contacts/by/online_retail/17850")).json()
    assert [o["contact_id"] for o in listed] == [buyer["id"], None, None, buyer["id"]]
    products = (await org.admin.get("/v1/products", params={"sort": "sku"})).json()["data"]
    assert [(p["sku"], p["name"]) for p in products] == [
        ("A1", "LANTERN"), ("B", "Adjust bad debt"), ("B2", "HEART")
    ]  # fmt: skip
    failed = await org.admin.get(f"/v1/imports/{one['id']}/rows", params={"outcome": "failed"})
    assert [(row["line"], row["code"]) for row in failed.json()["data"]] == [
        (6, "line_invalid"), (7, "line_invalid"), (9, "number_missing")
    ]  # fmt: skip
    again = await _done(service, org, await _sent(org, LINES, "lines.csv", preset="transaction-lines"))
    assert (again["account"]["unchanged"], again["account"]["failed"]) == (5, 3)
    assert sum(Decimal(o["total"]) for o in listed) == Decimal("-11042.52")


HEAD = "number,at,sku,description,quantity,unit price,customer,customer name,customer email,customer phone,discount\n"
TOLD = {name: name.replace(" ", "_") for name in HEAD.strip().split(",")}
SAID = {"number": "1", "at": "2026-03-01", "sku": "A1", "quantity": "2", "unit price": "9.50"}


def line(**said: str) -> str:
    values = SAID | {name.replace("_", " "): value for name, value in said.items()}
    return ",".join(values.get(name, "") for name in HEAD.strip().split(",")) + "\n"


async def _made(org: Organisation, plural: str, *, archived: bool = False, **body: Any) -> str:
    made = await org.admin.post(f"/v1/{plural}", json=body)
    assert made.status_code == 201, made.text
    if archived:
        put = await org.admin.post(f"/v1/{plural}/{made.json()['id']}/archive", headers={"If-Match": "*"})
        assert put.status_code == 200, put.text
    id_: str = made.json()["id"]
    return id_


async def _in_the_way(org: Organisation) -> None:
    """Who and what a line cannot mean: a customer and a product that were put away, and two people of one number."""
    await _made(org, "contacts", archived=True, name="Gone", external_ids={"import": "C-9"})
    await _made(org, "products", archived=True, sku="OLD", name="Old", price="1", currency="CNY")
    for name in ("Ann", "Anne"):
        await _made(org, "contacts", name=name, phones=[{"number": "+442071838750"}])


async def _counts(org: Organisation) -> dict[str, int]:
    return {
        plural: (await org.admin.post(f"/v1/{plural}/count", json={})).json()["count"]
        for plural in ("orders", "contacts", "products")
    }


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"customer": "C-9"}, "archived"),
        ({"sku": "OLD"}, "archived"),
        ({"customer_phone": "+442071838750"}, "2 contacts"),
        ({"customer_email": "x" * 400 + "@example.com"}, "customer"),
        ({"customer_name": "Anna"}, "no code"),
        ({"quantity": ""}, "Line 2: the quantity is empty."),
        ({"unit_price": ""}, "Line 2: the unit price is empty."),
    ],
)
async def test_no_order_loses_its_customer_its_product_or_its_amount(
    service: FastAPI, org: Organisation, said: dict[str, str], word: str
):
    await _in_the_way(org)
    done = await imported(
        service, org, HEAD + line(**said), "lines.csv", target="line", plan={"mapping": TOLD}
    )
    assert done["account"] == account(failed=1), await rows(org, done)
    [row] = await rows(org, done)
    assert word in row["detail"]
    assert (await _counts(org))["orders"] == 0


async def test_a_customer_is_known_by_any_of_three(service: FastAPI, org: Organisation):
    anna = await _made(
        org,
        "contacts",
        name="Anna",
        external_ids={"import": "C-1"},
        emails=[{"address": "anna@example.com"}],
        phones=[{"number": "+442071838750"}],
    )
    text = HEAD + "".join(
        line(number=str(n), **said)
        for n, said in enumerate(
            (
                {"customer": "C-1"},
                {"customer_email": "ANNA@example.com", "customer_name": "A."},
                {"customer_phone": "0044 20 7183 8750"},
            )
        )
    )
    done = await imported(service, org, text, "lines.csv", target="line")
    assert done["account"] == account(created=3), await rows(org, done)
    listed = (await org.admin.get("/v1/orders")).json()["data"]
    assert {order["contact_id"] for order in listed} == {anna}


async def test_customers_of_different_codes_who_share_an_address_are_two(service: FastAPI, org: Organisation):
    coded = await _made(
        org,
        "contacts",
        name="Coded",
        external_ids={"import": "C-1"},
        emails=[{"address": "office@example.com"}, {"address": "coded@example.com"}],
        phones=[{"number": "+442071838750"}],
    )
    said = (
        {"customer": "C-2", "customer_email": "office@example.com"},
        {"customer": "C-3", "customer_phone": "+442071838750"},
        {"customer": "C-2", "customer_phone": "+442071838750"},
        {"customer_email": "new@example.com", "customer_phone": "+442071838750"},
        {"customer_email": "coded@example.com"},
        {"customer_email": "office@example.com"},
    )
    text = HEAD + "".join(line(number=str(n), **one) for n, one in enumerate(said))
    done = await imported(service, org, text, "lines.csv", target="line")
    assert done["account"] == account(created=5, failed=1), await rows(org, done)
    [told] = await rows(org, done, outcome="failed")
    assert "2 contacts have the email 'office@example.com'" in told["detail"]
    listed = (await org.admin.get("/v1/orders")).json()["data"]
    of = {order["number"]: order["contact_id"] for order in listed}
    assert of["4"] == coded
    assert of["0"] == of["2"]
    assert of["1"] == of["3"], "whoever has the number and no address yet"
    assert len({coded, of["0"], of["1"]}) == 3


@pytest.mark.parametrize("mode", ["update", "create"])
async def test_customers_and_products_are_not_made_for_orders_that_are_skipped(
    service: FastAPI, org: Organisation, mode: str
):
    if mode == "create":
        await _made(org, "orders", number="1", currency="CNY", placed_at="2026-03-01T00:00:00Z")
    before = await _counts(org)
    plan = {"mapping": TOLD, "mode": mode}
    done = await imported(service, org, HEAD + line(customer="C-9"), "lines.csv", target="line", plan=plan)
    assert done["account"] == account(skipped=1), await rows(org, done)
    assert await _counts(org) == before


async def test_an_order_of_more_lines_than_it_can_have_fails_and_costs_no_other(
    service: FastAPI, org: Organisation, monkeypatch
):
    monkeypatch.setattr(work, "MOST_LINES", 3)
    monkeypatch.setattr(work, "LINES", 2)
    text = HEAD + "".join(line(number=number) for number in ("A", "B", "A", "A", "C", "A", "B", "B"))
    done = await _done(service, org, await _sent(org, text, "lines.csv", target="line"))
    assert done["account"] == account(created=4, failed=4)
    failed = [row for row in await rows(org, done) if row["outcome"] == "failed"]
    assert {row["code"] for row in failed} == {"order_too_long"}
    assert [row["line"] for row in failed] == [2, 4, 5, 7]


async def test_a_form_and_a_file_that_bring_one_person_at_once_make_one_contact(
    service: FastAPI, org: Organisation, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    here = await forms.address(org, await forms.made(org))
    body = await forms.body(org, here)
    find, sending = match.find, list[asyncio.Task[httpx.Response]]()

    async def slowly(*given: Any) -> Any:
        found = await find(*given)
        sending.append(asyncio.create_task(stranger.post(here, json=body)))
        await asyncio.wait(sending, timeout=0.5)
        return found

    monkeypatch.setattr(match, "find", slowly)
    text = HEAD + line(customer_email=forms.WEI["email"])
    done = await imported(service, org, text, "lines.csv", target="line")
    assert done["account"] == account(created=1), await rows(org, done)
    assert [(await sent).status_code for sent in sending] == [200]
    assert (await _counts(org))["contacts"] == 1


NEW = {"sku": "NEW", "customer": "C-1"}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"at": ""}, "has a date"),
        ({"discount": "-1"}, "discount"),
        ({"discount": "19.01"}, "below zero"),
        ({"quantity": ""}, "quantity is empty"),
        ({"customer": "", "customer_phone": "+442071838750"}, "2 contacts"),
        ({"customer": "", "customer_email": "x" * 400 + "@example.com"}, "customer"),
        ({"customer": "C-9"}, "archived"),
        ({"sku": "OLD"}, "archived"),
        ({"sku": "x" * 400}, "product"),
    ],
)
async def test_nothing_is_made_for_an_order_that_comes_to_nothing(
    service: FastAPI, org: Organisation, said: dict[str, str], word: str
):
    await _in_the_way(org)
    before = await _counts(org)
    text, plan = HEAD + line(**(NEW | said)), {"mapping": TOLD}
    done = await imported(service, org, text, "lines.csv", target="line", plan=plan)
    assert done["account"] == account(failed=1), await rows(org, done)
    [row] = await rows(org, done)
    assert word in row["detail"]
    assert await _counts(org) == before


async def test_a_line_without_a_date_edits_an_order_that_is_there(service: FastAPI, org: Organisation):
    await _made(org, "orders", number="1", currency="CNY", placed_at="2026-03-01T00:00:00Z")
    done = await imported(service, org, HEAD + line(at="", customer="C-1"), "lines.csv", target="line")
    assert done["account"] == account(updated=1), await rows(org, done)
    assert await _counts(org) == {"orders": 1, "contacts": 1, "products": 1}


LINES_OF_ANY_ORDER = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from(["1", "1", "1", "many", "1\n"])),
    min_size=1,
    max_size=25,
)


async def test_every_line_is_told_of_wherever_it_stands(service: FastAPI, org: Organisation, monkeypatch):
    monkeypatch.setattr(reading, "PACKED", 3)
    monkeypatch.setattr(reading, "READ", 7)
    tries = itertools.count()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(lines=LINES_OF_ANY_ORDER, size=st.integers(1, 4))
    async def told(lines: list[tuple[str, str]], size: int) -> None:
        run, begins, at = next(tries), [], 2
        for order, quantity in lines:
            begins.append((at, f"{run}{order}", quantity.strip()))
            at += 1 + quantity.count("\n")
        text = HEAD + "".join(
            line(number=number, quantity=f'"{quantity}"', description=f"at {at}")
            for (at, number, _), (_, quantity) in zip(begins, lines, strict=True)
        )
        one = await _sent(org, text, "lines.csv", target="line", mode="create")
        done = await _done(service, org, one)
        bad = {number for _, number, quantity in begins if quantity == "many"}
        failed = [found for found in begins if found[1] in bad]
        assert done["account"] == account(created=len(begins) - len(failed), failed=len(failed))
        assert [row["line"] for row in await every(org, one, size)] == [at for at, _, _ in begins]
        left = await every(org, one, size, outcome="failed")
        assert [(row["line"], row["cells"][0], row["cells"][4]) for row in left] == failed
        again = (await org.admin.get(f"/v1/imports/{one['id']}/failures.csv")).text
        reasons = [row[0] for row in csv.reader(io.StringIO(again.removeprefix("\ufeff")))][1:]
        assert [f"line {at})" in reason for (at, _, _), reason in zip(failed, reasons, strict=True)] == [
            True
        ] * len(failed)

    await run_here(told)


async def every(org: Organisation, one: dict[str, Any], size: int, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        page = await org.admin.get(f"/v1/imports/{one['id']}/rows", params={"limit": size, **asked, **more})
        found += page.json()["data"]
        if page.json()["next"] is None:
            return found
        more = {"cursor": page.json()["next"]}


async def test_a_product_costs_what_it_was_first_sold_for(service: FastAPI, org: Organisation):
    text = (
        "number,at,sku,description,quantity,unit price,currency\n"
        "1,2026-03-01,S,,1,10,EUR\n2,2026-03-01,S,,1,0,EUR\n"
        "3,2026-03-02,T,,1,10,EUR\n4,2026-03-02,T,,-1,3,EUR\n"
        "5,2026-03-03,U,,1,0,EUR\n6,2026-03-03,U,Lamp,1,0,EUR\n7,2026-03-03,U,Light,1,4,USD\n"
    )
    await imported(service, org, text, "lines.csv", target="line")
    listed = (await org.admin.get("/v1/products", params={"sort": "sku"})).json()["data"]
    assert [(one["sku"], one["name"], one["price"], one["currency"]) for one in listed] == [
        ("S", "S", "10.0000", "EUR"),
        ("T", "T", "10.0000", "EUR"),
        ("U", "Lamp", "4.0000", "USD"),
    ]


async def test_a_number_that_no_order_can_have_costs_its_own_lines_only(service: FastAPI, org: Organisation):
    chance = random.Random(1)
    long = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(3_000))
    text = HEAD + line(number="A") + line(number=long) + line(number="n" * 100)
    found = await imported(service, org, text, "lines.csv", target="line")
    assert found["account"] == account(created=2, failed=1)
    assert [row["code"] for row in await rows(org, found) if row["code"]] == ["number_too_long"]
