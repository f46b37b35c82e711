"""Before a company comes in: which may be there already, for those who may know."""

from typing import Any

import pytest

from tests.makers.organisations import Organisation

Body = dict[str, Any]
HAILAN: Body = {
    "name": "深圳市海蓝科技有限公司",
    "domain": "hailan.example",
    "region": "深圳",
    "country": "CN",
    "external_ids": {"erp": "K-1"},
}


async def match(client: Any, **company: Any) -> list[Body]:
    answer = await client.post("/v1/companies/match", json={"company": company})
    assert answer.status_code == 200, answer.text
    found: list[Body] = answer.json()["data"]
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"name": "海蓝（深圳）科技股份有限公司"},
        {"name": "Hai Lan Technology Co., Ltd.", "domain": "www.hailan.example"},
        {"name": "HAILAN Tech (Shenzhen) Ltd", "region": "Shenzhen"},
        {"name": "海蓝", "domain": "hailan.example"},
        {"external_ids": {"erp": "K-1"}},
        {"name": "Renamed Ltd", "external_ids": {"erp": "K-1"}},
    ],
)
async def test_what_shares_enough_is_found(org: Organisation, given: Body):
    made = (await org.admin.post("/v1/companies", json=HAILAN)).json()
    await org.admin.post("/v1/companies", json={"name": "Somebody Else Ltd", "domain": "else.example"})
    [one] = await match(org.admin, **given)
    assert one["company"]["id"] == made["id"]
    assert float(one["score"]) >= 0.7
    assert one["reasons"][0]["weight"] > 0


@pytest.mark.parametrize(
    "given",
    [
        {"name": "海蓝科技"},
        {"name": "北京海蓝科技有限公司", "domain": "hailan.example"},
        {"name": "深圳市海蓝贸易有限公司", "domain": "hailan.example"},
        {"name": "深圳市海蓝科技有限公司广州分公司", "domain": "hailan.example"},
        {"name": "Acme Ltd", "region": "深圳", "country": "CN"},
        {},
    ],
)
async def test_what_shares_a_word_or_belongs_to_the_same_group_is_not(org: Organisation, given: Body):
    await org.admin.post("/v1/companies", json=HAILAN)
    assert await match(org.admin, **given) == []


async def test_nothing_is_found_out_of_sight_or_by_what_is_hidden(org: Organisation):
    await org.admin.post("/v1/companies", json=HAILAN)
    _, mine = await org.user("mine", "sales")
    assert await match(mine, **HAILAN) == []
    await org.role("narrow", scopes=["companies:read"], sight={"*": "all"}, read={"company": ["region"]})
    _, blind = await org.user("blind", "narrow")
    assert await match(blind, **HAILAN) == []
    await org.role("named", scopes=["companies:read"], sight={"*": "all"}, read={"company": ["name"]})
    _, named = await org.user("named", "named")
    assert await match(named, name="Hailan Tech", domain=HAILAN["domain"], external_ids={"erp": "K-1"}) == []
    [one] = await match(named, name=HAILAN["name"])
    assert {each["field"] for each in one["reasons"]} == {"name", "place"}
    assert "hailan.example" not in str(one)


async def test_an_archived_company_is_not_found_and_a_merged_one_is_as_its_survivor(org: Organisation):
    made = (await org.admin.post("/v1/companies", json=HAILAN)).json()
    survivor = (
        await org.admin.post("/v1/companies", json={"name": "b", "external_ids": {"erp": "2"}})
    ).json()
    done = await org.admin.post(
        f"/v1/companies/{survivor['id']}/merge", json={"others": [made["id"]]}, headers={"If-Match": "*"}
    )
    assert done.status_code == 200, done.text
    [one] = await match(org.admin, external_ids=HAILAN["external_ids"])
    assert one["company"]["id"] == survivor["id"]
    await org.admin.post(f"/v1/companies/{survivor['id']}/archive", headers={"If-Match": "*"})
    assert await match(org.admin, **HAILAN) == []
