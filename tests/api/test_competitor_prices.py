"""Prices of competitors: which one held on a day."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_deal_competitors import competitor
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
FIRST = date(2026, 1, 1)


async def priced(org: Organisation, rival: str, thing: str, day: date, price: str, **more: Any) -> Any:
    """The answer to a new price."""
    said = {"competitor_id": rival, "their_product": thing, "price": price, "currency": "CNY"}
    return await org.admin.post("/v1/competitor_prices", json=said | {"valid_from": str(day)} | more)


async def on(org: Organisation, day: date, **more: str) -> set[tuple[str, str, str]]:
    """What held on a day: competitor, what it is of, and the price."""
    answer = await org.admin.get(
        "/v1/competitor_prices", params={"on": str(day), "limit": "200", "sort": "their_product", **more}
    )
    assert answer.status_code == 200, answer.text
    return {(one["competitor_id"], one["their_product"], one["price"]) for one in answer.json()["data"]}


STEPS = st.tuples(st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 6), st.booleans())
"""One of two competitors, one of two things, the day, and whether the price is put away."""


async def test_of_every_day_the_latest_price_of_each_thing_holds(org: Organisation):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=8, unique_by=lambda one: one[:3]))
    async def holds(made: list[tuple[int, str, int, bool]]) -> None:
        rivals = [await competitor(org, name) for name in ("近山", "远山")]
        for number, (rival, thing, day, gone) in enumerate(made):
            answer = await priced(org, rivals[rival], thing, FIRST + timedelta(days=day), f"{number}.0000")
            assert answer.status_code == 201, answer.text
            if gone:
                here = f"/v1/competitor_prices/{answer.json()['id']}/archive"
                assert (await org.admin.post(here, headers=ANY)).status_code == 200
        for today in range(-1, 8):
            held: dict[tuple[str, str], tuple[int, str]] = {}
            for number, (rival, thing, day, gone) in enumerate(made):
                if not gone and day <= today:
                    key = (rivals[rival], thing)
                    held[key] = max(held.get(key, (day, "")), (day, f"{number}.0000"))
            wanted = {(*key, price) for key, (_, price) in held.items()}
            found = await on(org, FIRST + timedelta(days=today))
            assert {one for one in found if one[0] in rivals} == wanted
            mine = {one for one in wanted if one[0] == rivals[0]}
            assert await on(org, FIRST + timedelta(days=today), competitor_id=rivals[0]) == mine

    await run_here(holds)


async def test_a_thing_has_one_price_from_a_day_on_and_is_known_by_it(org: Organisation):
    rival = await competitor(org, "远山")
    first = await priced(org, rival, "龙井", FIRST, "9.5")
    again = await priced(org, rival, "龙井", FIRST, "9")
    assert (again.status_code, problem(again)["code"]) == (409, "price_taken")
    item = {"competitor_id": rival, "their_product": "龙井", "valid_from": str(FIRST), "price": "9"}
    later = item | {"valid_from": "2026-02-01", "currency": "CNY"}
    told = (await org.admin.post("/v1/competitor_prices/bulk", json={"items": [item, later]})).json()
    assert [one["status"] for one in told["items"]] == ["updated", "created"]
    assert told["items"][0]["id"] == first.json()["id"]
    assert await on(org, FIRST) == {(rival, "龙井", "9.0000")}


async def test_which_price_held_is_told_to_those_alone_who_may_read_what_it_is_of(org: Organisation):
    rival = await competitor(org, "远山")
    await priced(org, rival, "龙井", FIRST, "9.5")
    hidden = {"their_product", "competitor_id", "valid_from"}
    for name in sorted(hidden):
        shown = sorted({"price", *hidden} - {name})
        await org.role(f"no {name}", scopes=["competitor_prices:read"], read={"competitor_price": shown})
        _, client = await org.user(f"without_{name}", f"no {name}")
        answer = await client.get("/v1/competitor_prices", params={"on": str(FIRST)})
        assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden"), name


@pytest.mark.parametrize("link", ["http://a.example", "javascript:alert(1)", "https://", "https://a b"])
async def test_a_link_leads_to_a_page_over_https(org: Organisation, link: str):
    rival = await competitor(org, "远山")
    assert (await priced(org, rival, "龙井", FIRST, "9.5", link=link)).status_code == 422
