"""The event log, custom fields, rates and the one search box over HTTP."""

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
