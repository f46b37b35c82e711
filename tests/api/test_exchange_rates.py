"""Exchange rates over HTTP: one for each pair of currencies and day."""

from typing import Any

from tests.makers.organisations import Organisation

RATE = {"currency": "USD", "base": "CNY", "on_date": "2026-01-02", "rate": "7.0312"}


async def upsert(org: Organisation, *items: dict[str, Any]) -> list[str]:
    """What came of each item: its outcome, or the code of what refused it."""
    answer = await org.admin.post("/v1/exchange_rates/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    told = answer.json()["items"]
    return [item["problem"]["code"] if item["status"] == "failed" else item["status"] for item in told]


async def test_a_rate_is_known_by_its_currencies_and_its_day_together(org: Organisation):
    assert await upsert(org, RATE, RATE | {"currency": "EUR"}, RATE | {"on_date": "2026-01-03"}) == (
        ["created"] * 3
    )
    told = await upsert(
        org,
        RATE | {"rate": "7.5"},
        RATE | {"base": "EUR"},
        {"currency": "USD", "base": "CNY", "rate": "8"},
        RATE | {"rate": "7.5"},
    )
    assert told == ["updated", "created", "incomplete", "unchanged"]
    rates = (await org.admin.get("/v1/exchange_rates", params={"on_date": "2026-01-02"})).json()["data"]
    assert sorted((one["currency"], one["base"], one["rate"]) for one in rates) == [
        ("EUR", "CNY", "7.0312000000"),
        ("USD", "CNY", "7.5000000000"),
        ("USD", "EUR", "7.0312000000"),
    ]


async def test_a_rate_is_between_two_currencies(org: Organisation):
    same = RATE | {"base": "USD"}
    alone = await org.admin.post("/v1/exchange_rates", json=same)
    assert (alone.status_code, alone.json()["code"]) == (422, "same_currency")
    assert await upsert(org, same, RATE) == ["same_currency", "created"]


async def test_the_pair_and_the_day_of_a_rate_stay(org: Organisation):
    made = (await org.admin.post("/v1/exchange_rates", json=RATE)).json()
    for other in ({"currency": "EUR"}, {"base": "EUR"}, {"on_date": "2026-01-03"}):
        assert await upsert(org, {"id": made["id"]} | other) == ["field_fixed"]
    assert (await org.admin.get(f"/v1/exchange_rates/{made['id']}")).json() == made
