"""What the house's rules keep from going back when an import is undone, and what is told of it."""

from decimal import Decimal
from typing import Any

from fastapi import FastAPI

from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from tests.makers.organisations import Organisation
from tests.makers.undoing import ANY, by_import, edits, kept, made, patched, shown, undone
from tests.makers.work import work_off

LINE = {"description": "Lamp", "quantity": "2", "unit_price": "10"}


async def an_order(org: Organisation, number: str = "N-1") -> str:
    return await made(
        org, "orders", number=number, placed_at="2026-01-01T00:00:00Z", currency="GBP", lines=[LINE, LINE]
    )


async def test_an_order_is_as_before_to_the_ids_of_its_lines(service: FastAPI, org: Organisation):
    order = await an_order(org)
    before = await shown(org, "orders", order)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    assert (await shown(org, "orders", order))["total"] == "50.0000"
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 0}
    assert await shown(org, "orders", order) == before


def _lines() -> dict[str, Any]:
    line = {"product_id": None, "description": "Lamp", "quantity": Decimal(5), "unit_price": Decimal(10)}
    return {"lines": [line | {"discount": Decimal(0)}], "discount": Decimal(0)}


async def test_what_follows_is_computed_anew_where_hands_were_at_its_sources(
    service: FastAPI, org: Organisation
):
    order = await an_order(org)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    await patched(org, "orders", order, tax="3")
    assert (await undone(service, org.admin, here))["restored"] == 1
    found = await shown(org, "orders", order)
    assert (found["subtotal"], found["tax"], found["total"]) == ("40.0000", "3.0000", "43.0000")
    assert [line["quantity"] for line in found["lines"]] == ["2.0000", "2.0000"]


async def test_money_that_somebody_has_paid_does_not_go_back(service: FastAPI, org: Organisation):
    order = await an_order(org)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    assert (await org.admin.post(f"/v1/orders/{order}/pay", json={}, headers=ANY)).status_code == 200
    before = await shown(org, "orders", order)
    assert (await undone(service, org.admin, here))["kept"] == 1
    assert await shown(org, "orders", order) == before
    (row,) = await kept(org.admin, here)
    assert (row["record_id"], row["code"]) == (order, "order_settled")
    assert "lines" in {one["field"] for one in row["conflicts"]}


async def test_a_status_that_the_import_moved_goes_back(service: FastAPI, org: Organisation):
    order = await an_order(org)
    before = await shown(org, "orders", order)
    here = await by_import(service, org, edits(ORDERS, order, {"paid_at": (await org.work()).now}))
    assert (await shown(org, "orders", order))["status"] == "paid"
    await undone(service, org.admin, here)
    assert await shown(org, "orders", order) == before


async def test_a_name_that_somebody_has_taken_since_is_not_taken_back(service: FastAPI, org: Organisation):
    lamp, desk = [await made(org, "products", sku=s, name=s, price="1", currency="GBP") for s in ("L", "D")]

    async def rename(uow: UnitOfWork) -> None:
        await edits(PRODUCTS, lamp, {"sku": "L2"})(uow)
        await edits(PRODUCTS, desk, {"sku": "D2"})(uow)

    here = await by_import(service, org, rename)
    await made(org, "products", sku="L", name="Another", price="1", currency="GBP")
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 1}
    (row,) = await kept(org.admin, here)
    assert (row["record_id"], row["code"], row["conflicts"]) == (
        lamp, "sku_taken", [{"field": "sku", "base": "L", "theirs": "L2", "yours": "L2"}]
    )  # fmt: skip
    assert (await shown(org, "products", desk))["sku"] == "D"


async def test_names_that_were_handed_on_go_back_in_turn(service: FastAPI, org: Organisation):
    records = [await made(org, "products", sku=s, name=s, price="1", currency="GBP") for s in "abcdef"]

    async def hand_on(uow: UnitOfWork) -> None:
        for record, sku in zip(records, ("z", *"abcde"), strict=True):
            await edits(PRODUCTS, record, {"sku": sku})(uow)

    here = await by_import(service, org, hand_on)
    assert (await undone(service, org.admin, here))["restored"] == 6
    assert [(await shown(org, "products", record))["sku"] for record in records] == list("abcdef")


async def test_a_tree_that_would_become_a_circle_stays(service: FastAPI, org: Organisation):
    above, below = [await made(org, "companies", name=name) for name in ("Above", "Below")]
    await patched(org, "companies", below, parent_id=above)
    here = await by_import(service, org, edits(COMPANIES, below, {"parent_id": None}))
    await patched(org, "companies", above, parent_id=below)
    assert (await undone(service, org.admin, here))["kept"] == 1
    assert [row["code"] for row in await kept(org.admin, here)] == ["circle"]


async def test_what_whoever_asks_does_not_see_stays_and_is_not_told_of(service: FastAPI, org: Organisation):
    await org.role(
        "seller",
        scopes=[
            *("imports:read", "imports:write", "runs:read"),
            *("contacts:read", "contacts:write", "companies:read", "companies:write"),
        ],
        sight={"*": "own", "import": "all", "run": "all"}, read={"*": ["*"]}, write={"*": ["*"]},
    )  # fmt: skip
    _, seller = await org.user("seller", "seller")
    secret = await made(org, "contacts", name="Secret")
    firm = await made(org, "companies", name="Firm")

    async def both(uow: UnitOfWork) -> None:
        await edits(CONTACTS, secret, {"name": "Other"})(uow)
        await edits(COMPANIES, firm, {"name": "Other"})(uow)

    here = await by_import(service, org, both)
    assert await undone(service, seller, here) == {"restored": 0, "archived": 0, "kept": 3}
    assert (await shown(org, "contacts", secret))["name"] == "Other"
    told = await kept(seller, here)
    assert {row["code"] for row in told} == {"hidden"}
    assert not [row for row in told if row["record_id"] or row["conflicts"]]
    assert {row["code"] for row in await kept(org.admin, here)} == {"hidden"}


async def test_fields_that_a_reader_may_not_read_are_not_told_of(service: FastAPI, org: Organisation):
    await org.role(
        "reader", scopes=["imports:read", "contacts:read"], sight={"*": "all"}, read={"contact": ["tags"]},
    )  # fmt: skip
    _, reader = await org.user("reader", "reader")
    anna = await made(org, "contacts", name="Anna")
    here = await by_import(service, org, edits(CONTACTS, anna, {"name": "File", "tags": ["file"]}))
    await patched(org, "contacts", anna, name="Hand", tags=["hand"])
    await undone(service, org.admin, here)
    (row,) = await kept(org.admin, here)
    assert [one["field"] for one in row["conflicts"]] == ["name", "tags"]
    (row,) = await kept(reader, here)
    assert [one["field"] for one in row["conflicts"]] == ["tags"]


async def test_whoever_is_erased_stays_erased(service: FastAPI, org: Organisation):
    anna = await made(org, "contacts", name="Anna", external_ids={"crm": "1"})
    here = await by_import(service, org, edits(CONTACTS, anna, {"name": "File"}))
    assert (await org.admin.post(f"/v1/contacts/{anna}/erase", headers=ANY)).status_code == 202
    await work_off(service)
    before = await shown(org, "contacts", anna)
    await undone(service, org.admin, here)
    assert await shown(org, "contacts", anna) == before
    (row,) = await kept(org.admin, here)
    assert (row["code"], row["conflicts"]) == ("erased", [])
