"""Before a contact comes in: who may be there already, for those who may know."""

from typing import Any

import pytest

from tests.makers.organisations import Organisation

Body = dict[str, Any]
WEI: Body = {
    "name": "张伟",
    "phones": [{"number": "13900139000"}, {"number": "13800138000"}],
    "emails": [{"address": "first@x.example"}, {"address": "wei@zhang.example"}],
    "birth_date": "1990-03-04",
    "external_ids": {"erp": "C-1"},
}


async def match(client: Any, **contact: Any) -> list[Body]:
    answer = await client.post("/v1/contacts/match", json={"contact": contact})
    assert answer.status_code == 200, answer.text
    found: list[Body] = answer.json()["data"]
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"name": "Wei Zhang", "phones": [{"number": "+86 138 0013 8000"}]},
        {"name": "Zhang Wei", "birth_date": "1990-03-04"},
        {"name": "张薇", "emails": [{"address": "WEI@zhang.example"}]},
        {"name": "张伟", "phones": [{"number": "13900139000"}]},
        {"external_ids": {"erp": "C-1"}},
    ],
)
async def test_whoever_shares_enough_is_found(org: Organisation, given: Body):
    made = (await org.admin.post("/v1/contacts", json=WEI)).json()
    await org.admin.post("/v1/contacts", json={"name": "Somebody Else", "birth_date": "1990-03-04"})
    [one] = await match(org.admin, **given)
    assert one["contact"]["id"] == made["id"]
    assert float(one["score"]) >= 0.9
    assert one["reasons"][0]["weight"] > 0


@pytest.mark.parametrize(
    "given", [{"name": "张伟"}, {"name": "王芳", "phones": [{"number": "13800138001"}]}, {}]
)
async def test_whoever_shares_a_common_name_or_nothing_is_not(org: Organisation, given: Body):
    await org.admin.post("/v1/contacts", json=WEI)
    assert await match(org.admin, **given) == []


async def test_nobody_is_found_out_of_sight_or_by_what_is_hidden(org: Organisation):
    await org.admin.post("/v1/contacts", json=WEI)
    _, mine = await org.user("mine", "sales")
    assert await match(mine, name="张伟", phones=WEI["phones"], external_ids=WEI["external_ids"]) == []
    names = {"contact": ["name"]}
    await org.role("narrow", scopes=["contacts:read"], sight={"*": "all"}, read=names)
    _, blind = await org.user("blind", "narrow")
    assert await match(blind, name="王芳", phones=WEI["phones"], emails=WEI["emails"]) == []
    assert (
        await match(blind, name="张伟", birth_date=WEI["birth_date"], external_ids=WEI["external_ids"]) == []
    )


async def test_an_archived_contact_is_not_found(org: Organisation):
    made = (await org.admin.post("/v1/contacts", json=WEI)).json()
    await org.admin.post(f"/v1/contacts/{made['id']}/archive", headers={"If-Match": "*"})
    for said in ({"name": "张伟", "phones": WEI["phones"]}, {"external_ids": WEI["external_ids"]}):
        assert await match(org.admin, **said) == []


async def test_a_merged_contact_is_found_as_its_survivor(org: Organisation):
    made = (await org.admin.post("/v1/contacts", json=WEI)).json()
    survivor = (await org.admin.post("/v1/contacts", json={"name": "b", "external_ids": {"erp": "2"}})).json()
    done = await org.admin.post(
        f"/v1/contacts/{survivor['id']}/merge", json={"others": [made["id"]]}, headers={"If-Match": "*"}
    )
    assert done.status_code == 200, done.text
    [one] = await match(org.admin, external_ids=WEI["external_ids"])
    assert one["contact"]["id"] == survivor["id"]
    assert [reason["field"] for reason in one["reasons"]] == ["external_id"]
