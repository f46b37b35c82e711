"""The event log, custom fields, rates and the one search box over HTTP."""

from typing import Any

from httpx import AsyncClient

from app.db.contacts import CONTACTS
from app.kit import clock
from app.usecases import plain
from tests.db.test_events import plain_contact
from tests.makers.organisations import Organisation

STAR = {"If-Match": "*"}


async def test_events_tell_who_changed_what(org: Organisation):
    made = await org.admin.post("/v1/contacts", json={"name": "李娜"})
    here = made.headers["location"]
    await org.admin.patch(here, json={"name": "李娜娜"}, headers=STAR)
    page = (await org.admin.get("/v1/events", params={"noun": "contact"})).json()
    assert [e["type"] for e in page["data"]] == ["contact.edited", "contact.added"]
    assert page["data"][0]["before"] == {"name": "李娜"}
    one = (await org.admin.get("/v1/events", params={"noun": "contact", "limit": 1})).json()
    two = (
        await org.admin.get("/v1/events", params={"noun": "contact", "limit": 1, "cursor": one["next"]})
    ).json()
    assert two["data"][0]["type"] == "contact.added"
    assert two["next"] is None
    assert (await org.admin.get("/v1/events", params={"noun": "nonsense"})).status_code == 422


async def followed(client: AsyncClient, cursor: str | None = None, **more: Any) -> tuple[list[str], str]:
    """The names in the events of contacts from a place in the log on, and the place after them."""
    asked: dict[str, Any] = {"noun": "contact", "order": "committed", "limit": 2} | more
    names: list[str] = []
    while True:
        page = (await client.get("/v1/events", params=asked | ({"cursor": cursor} if cursor else {}))).json()
        cursor = page["next"]
        names += [event["after"]["name"] for event in page["data"]]
        if not page["data"]:
            return names, cursor


async def test_who_follows_the_log_misses_nothing_that_is_committed_after_a_look(org: Organisation):
    names, here = await followed(org.admin)
    assert (names, (await org.admin.get("/v1/events", params={"noun": "contact"})).json()["next"]) == (
        [],
        None,
    )
    async with await org.work() as slow:
        for n in range(3):
            await plain.add(slow, CONTACTS, plain_contact(f"slow {n}"), {"name"})
        await org.admin.post("/v1/contacts", json={"name": "quick"})
        assert await followed(org.admin, here) == ([], here)
        looked = clock.now().isoformat()
        await slow.commit()
    changed = (await org.admin.get("/v1/contacts", params={"updated_since": looked})).json()["data"]
    assert changed == [], "what a look by time would miss"
    names, after = await followed(org.admin, here)
    assert names == ["slow 0", "slow 1", "slow 2", "quick"]
    assert (await followed(org.admin))[0] == names
    assert await followed(org.admin, after) == ([], after)
    for wrong in ({"cursor": here}, {"cursor": here[:-2], "order": "committed"}):
        assert (await org.admin.get("/v1/events", params=wrong)).json()["code"] == "cursor_invalid"


async def test_who_follows_the_log_goes_on_past_what_they_do_not_see(org: Organisation):
    await org.role("auditor", scopes=["events:read", "contacts:read"], read={"contact": ["name"]})
    _, auditor = await org.user("auditor", "auditor")
    _, before = await followed(auditor)
    await org.admin.post("/v1/contacts", json={"name": "hidden"})
    names, after = await followed(auditor, before)
    assert names == []
    assert after != before
    assert (await org.admin.get("/v1/events", params={"order": "committed", "cursor": after})).json()[
        "data"
    ] == []


async def test_a_custom_field_is_defined_written_filtered_sorted_and_hidden(org: Organisation):
    field = {"noun": "contact", "key": "shoe_size", "kind": "integer", "label": "Shoe size"}
    made = await org.admin.post("/v1/custom_fields", json=field)
    assert made.status_code == 201, made.text
    for size in (44, 38, None):
        custom = {} if size is None else {"shoe_size": size}
        added = await org.admin.post("/v1/contacts", json={"name": f"s{size}", "custom": custom})
        assert added.status_code == 201, added.text
    wrong = await org.admin.post("/v1/contacts", json={"name": "x", "custom": {"shoe_size": "big"}})
    assert wrong.json()["code"] == "custom_field_invalid"
    unknown = await org.admin.post("/v1/contacts", json={"name": "x", "custom": {"hat_size": 5}})
    assert unknown.json()["code"] == "custom_field_unknown"
    where = {"field": "custom.shoe_size", "op": "gte", "value": 40}
    found = (await org.admin.post("/v1/contacts/search", json={"where": where})).json()["data"]
    assert [one["name"] for one in found] == ["s44"]
    by_size = (await org.admin.get("/v1/contacts", params={"sort": "custom.shoe_size"})).json()["data"]
    assert [one["name"] for one in by_size] == ["s38", "s44", "sNone"]
    _, sales = await org.user("sales", "marketing")
    seen = (await sales.get("/v1/contacts")).json()["data"]
    assert all("custom" not in one for one in seen)
    refused = await sales.post("/v1/contacts/search", json={"where": where})
    assert refused.json()["code"] == "field_hidden"


async def test_one_box_searches_all_nouns(org: Organisation):
    await org.admin.post("/v1/contacts", json={"name": "王海蓝"})
    await org.admin.post("/v1/companies", json={"name": "深圳市海蓝科技有限公司"})
    await org.admin.post(
        "/v1/products", json={"sku": "T-1", "name": "海蓝茶", "price": "1.00", "currency": "CNY"}
    )
    hits = (await org.admin.get("/v1/search", params={"q": "海蓝"})).json()
    assert {hit["noun"] for hit in hits["data"]} == {"contact", "company", "product"}
    assert hits["more"] == []


async def test_a_price_history_tells_when_each_price_began(org: Organisation):
    product = {"sku": "T-1", "name": "茶", "price": "168.00", "cost": "90", "currency": "CNY"}
    here = (await org.admin.post("/v1/products", json=product)).headers["location"]
    await org.admin.patch(here, json={"price": "158.00"}, headers=STAR)
    await org.admin.patch(here, json={"category": "茶叶"}, headers=STAR)
    prices = (await org.admin.get(f"{here}/prices")).json()["data"]
    assert [one["price"] for one in prices] == ["158.0000", "168.0000"]
    _, sales = await org.user("sales", "sales")
    assert all("cost" not in one for one in (await sales.get(f"{here}/prices")).json()["data"])


async def test_rates_are_between_two_currencies(org: Organisation):
    rate = {"currency": "USD", "base": "CNY", "on_date": "2026-01-02", "rate": "7.0312"}
    assert (await org.admin.post("/v1/exchange_rates", json=rate)).status_code == 201
    assert (await org.admin.post("/v1/exchange_rates", json=rate)).json()["code"] == "rate_taken"
    assert (await org.admin.post("/v1/exchange_rates", json=rate | {"base": "USD"})).json()[
        "code"
    ] == "same_currency"
