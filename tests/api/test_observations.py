"""Observations of the market: found by words, days and what they are of."""

from typing import Any

import pytest

from tests.api.test_deal_competitors import competitor
from tests.makers.organisations import Organisation
from tests.makers.work import work_off
from tests.nouns.nouns import ANY

Body = dict[str, Any]


async def observed(org: Organisation, topic: str, day: str = "2026-03-28", **more: Any) -> Body:
    """A new observation."""
    said = {"topic": topic, "kind": "trend", "observed_on": day, "source": "Weekly report"}
    answer = await org.admin.post("/v1/observations", json=said | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def found(org: Organisation, **asked: Any) -> list[str]:
    """The topics that a list shows."""
    answer = await org.admin.get("/v1/observations", params=asked | {"sort": "observed_on"})
    assert answer.status_code == 200, answer.text
    return [one["topic"] for one in answer.json()["data"]]


async def test_observations_are_found_by_words_of_topic_source_and_region(org: Organisation):
    first = await observed(org, "明前茶收购价", region="浙江")
    await observed(org, "Retail demand", source="茶叶流通协会")
    for words, topics in {
        "明前茶": ["明前茶收购价"],
        "mingqian": ["明前茶收购价"],
        "浙江": ["明前茶收购价"],
        "流通协会": ["Retail demand"],
        "demnad": ["Retail demand"],
        "weekly": ["明前茶收购价"],
        "nothing": [],
    }.items():
        assert await found(org, q=words) == topics, words
    hits = (await org.admin.get("/v1/search", params={"q": "收购价"})).json()["data"]
    assert hits == [{"noun": "observation", "id": first["id"], "title": "明前茶收购价"}]


async def test_observations_are_filtered_by_what_they_are_of_and_when(org: Organisation):
    rival = await competitor(org, "远山")
    await observed(org, "a", "2026-01-01", kind="policy", tags=["vip"])
    await observed(org, "b", "2026-01-02", competitor_id=rival, region="浙江")
    await observed(org, "c", "2026-01-03", region="浙江")
    assert await found(org, observed_since="2026-01-02") == ["b", "c"]
    assert await found(org, observed_before="2026-01-02") == ["a"]
    assert await found(org, kind="policy") == await found(org, tag="vip") == ["a"]
    assert await found(org, competitor_id=rival) == ["b"]
    assert await found(org, region="浙江") == ["b", "c"]


async def test_a_figure_is_exact_and_may_be_below_zero(org: Organisation):
    made = await observed(org, "a", figure="-3.25", unit="%")
    assert (made["figure"], made["unit"]) == ("-3.2500", "%")
    where = {"field": "figure", "op": "lt", "value": "-3.2"}
    listed = (await org.admin.post("/v1/observations/search", json={"where": where})).json()["data"]
    assert [one["id"] for one in listed] == [made["id"]]


async def test_a_tag_that_is_renamed_is_renamed_on_observations(org: Organisation):
    assert (await org.admin.post("/v1/tags", json={"name": "old"})).status_code == 201
    made = await observed(org, "a", tags=["old"])
    [tag] = (await org.admin.get("/v1/tags")).json()["data"]
    answer = await org.admin.post(f"/v1/tags/{tag['id']}/rename", json={"name": "new"}, headers=ANY)
    assert answer.status_code == 202, answer.text
    await work_off(org.service)
    assert (await org.admin.get(f"/v1/observations/{made['id']}")).json()["tags"] == ["new"]


@pytest.mark.parametrize("link", ["http://a.example", "javascript:alert(1)"])
async def test_a_link_leads_to_a_page_over_https(org: Organisation, link: str):
    said = {"topic": "a", "kind": "trend", "observed_on": "2026-01-01", "source": "x", "link": link}
    assert (await org.admin.post("/v1/observations", json=said)).status_code == 422
