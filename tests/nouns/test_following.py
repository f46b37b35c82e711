"""Following what changes: the way by which an ERP asks again and again for what is new."""

from typing import Any

import pytest

from tests.makers.organisations import Organisation


def product(sku: str) -> dict[str, Any]:
    """The least that makes a product."""
    return {"sku": sku, "name": sku, "price": "1.00", "currency": "CNY"}


@pytest.mark.parametrize("limit", [1, 50])
async def test_changes_since_come_in_the_order_in_which_they_were_made(org: Organisation, limit: int):
    made = [(await org.admin.post("/v1/products", json=product(s))).json() for s in ("a", "b", "c")]
    since = made[1]["updated_at"]
    first = made[0]["id"]
    assert (
        await org.admin.patch(f"/v1/products/{first}", json={"name": "new"}, headers={"If-Match": "*"})
    ).status_code == 200
    found, after = [], None
    while True:
        query = {"updated_since": since, "limit": limit} | ({"cursor": after} if after else {})
        page = (await org.admin.get("/v1/products", params=query)).json()
        found += [one["sku"] for one in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert found == ["b", "c", "a"]


async def test_a_sort_that_is_asked_for_stands(org: Organisation):
    made = [(await org.admin.post("/v1/products", json=product(s))).json() for s in ("a", "b", "c")]
    query = {"updated_since": made[0]["updated_at"], "sort": "-created_at"}
    page = (await org.admin.get("/v1/products", params=query)).json()
    assert [one["sku"] for one in page["data"]] == ["c", "b", "a"]
