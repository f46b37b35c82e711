"""What comes of a file of order lines does not hang on where its reading, batches, rounds and chunks are cut."""

import random
from typing import Any

import pytest
from fastapi import FastAPI

from app.usecases import bulk
from app.usecases.imports import lines, reading, work
from tests.api.test_imports_lines import HEAD, line
from tests.makers.files import done, imported
from tests.makers.organisations import Organisation


def _world(dice: random.Random) -> str:
    """Orders whose lines stand far apart; of some a line is bad, a product is put away, or two customers are named."""
    said = []
    for order in range(30):
        customer = f"C{dice.randrange(9)}"
        many = dice.randint(1, 6)
        bad = dice.choice(["", "", "", "quantity", "sku", "customer"])
        for n in range(many):
            sku = dice.randrange(12)
            values = {
                "number": str(order),
                "sku": f"S{sku}",
                "description": f"Thing {sku}",
                "unit_price": f"{sku + 1}.25",
                "quantity": str(dice.choice([1, 2, 3, -1])),
                "customer": customer,
                "customer_email": f"{customer}@example.com" if dice.random() < 0.5 else "",
            }
            if n == many - 1 and bad:
                values[bad] = {"quantity": "many", "sku": "OLD", "customer": f"C{9 + order}"}[bad]
            said.append((order + dice.randrange(15), line(**values)))
    return HEAD + "".join(text for _, text in sorted(said, key=lambda one: one[0]))


async def _all(org: Organisation, plural: str, *names: str, **asked: Any) -> list[tuple[Any, ...]]:
    found = (await org.admin.get(f"/v1/{plural}", params={"limit": 200, **asked})).json()
    assert found["next"] is None
    return [tuple(one[name] for name in names) for one in found["data"]]


async def _came(service: FastAPI, org: Organisation, text: str) -> dict[str, Any]:
    old = {"sku": "OLD", "name": "Old", "price": "1", "currency": "CNY"}
    put = (await org.admin.post("/v1/products", json=old)).headers["location"]
    await org.admin.post(f"{put}/archive", headers={"If-Match": "*"})
    one = await imported(service, org, text, "lines.csv", target="line")
    contacts = await _all(org, "contacts", "id", "external_ids", "name", "version", sort="created_at")
    products = await _all(org, "products", "id", "sku", "name", "price", "version", sort="sku")
    named = {id_: tuple(ids.items()) for id_, ids, *_ in contacts} | {id_: sku for id_, sku, *_ in products}
    orders = await _all(org, "orders", "number", "total", "contact_id", "lines", "version", sort="number")
    events = [event for (event,) in await _all(org, "events", "type")]
    return {
        "account": one["account"],
        "rows": await _all(org, f"imports/{one['id']}/rows", "line", "outcome", "code", "detail"),
        "contacts": sorted((named[id_], *rest) for id_, _, *rest in contacts),
        "products": [rest for _, *rest in products],
        "orders": [
            (number, total, named.get(contact), version,
             [(named[one["product_id"]], one["description"], one["quantity"], one["amount"]) for one in listed])
            for number, total, contact, listed, version in orders
        ],
        "events": {kind: events.count(kind) for kind in ("order.added", "contact.added", "product.added")},
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_lines_come_to_the_same_wherever_they_are_cut(
    service: FastAPI, org: Organisation, other: Organisation, monkeypatch: pytest.MonkeyPatch, seed: int
):
    dice = random.Random(seed)
    text = _world(dice)
    whole = await _came(service, org, text)
    assert whole["account"]["failed"] > 0
    assert whole["events"]["order.added"] == len(whole["orders"]) > 10
    monkeypatch.setattr(reading, "READ", dice.randint(2, 30))
    monkeypatch.setattr(reading, "PACKED", dice.randint(1, 3))
    monkeypatch.setattr(work, "FIRST", dice.randint(1, 10))
    monkeypatch.setattr(work, "LINES", dice.randint(5, 60))
    monkeypatch.setattr(lines, "ROUND", dice.randint(1, 5))
    monkeypatch.setattr(lines, "GROWTH", dice.randint(1, 3))
    monkeypatch.setattr(bulk, "_CHUNK", dice.randint(1, 9))
    monkeypatch.setattr(bulk, "_CHUNK_OF_WHOLES", dice.randint(1, 9))
    monkeypatch.setattr(bulk, "_MANY", 0)
    assert await _came(service, other, text) == whole


async def test_a_customer_who_was_known_by_an_address_is_known_by_the_code_that_came_with_it(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lines, "ROUND", 1)
    monkeypatch.setattr(lines, "GROWTH", 1)
    text = HEAD + "".join(
        line(number=str(n), **said)
        for n, said in enumerate(
            (
                {"customer_email": "ann@example.com"},
                {"customer_email": "ann@example.com", "customer": "C-1"},
                {"customer": "C-1"},
                {"customer_email": "bob@example.com"},
                {"customer_email": "bob@example.com", "customer": "GONE"},
                {"customer_email": "bob@example.com"},
            )
        )
    )
    gone = {"name": "Gone", "external_ids": {"import": "GONE"}}
    put = (await org.admin.post("/v1/contacts", json=gone)).headers["location"]
    await org.admin.post(f"{put}/archive", headers={"If-Match": "*"})
    one = await imported(service, org, text, "lines.csv", target="line")
    assert one["account"]["created"] == 6
    ann, bob = await _all(org, "contacts", "id", "external_ids", "version", sort="created_at")
    assert (ann[1:], bob[1:]) == (({"import": "C-1"}, 2), ({}, 1))
    assert await _all(org, "orders", "number", "contact_id", sort="number") == [
        *((number, ann[0]) for number in "012"),
        *((number, bob[0]) for number in "345"),
    ]
    undone = await done(service, org, one, "undo")
    assert undone["undone"]["archived"] >= 8
    assert await _all(org, "contacts", "id") == []
