"""Lines of orders: one file of them makes orders, customers and products."""

from decimal import Decimal

from fastapi import FastAPI

from tests.api.test_imports import _done, _sent
from tests.makers.organisations import Organisation

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
