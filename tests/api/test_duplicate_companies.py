"""Duplicates of companies over HTTP: found by a run of their own, shown with reasons, merged, and kept from who may not know."""

from itertools import combinations
from typing import Any

import pytest
from fastapi import FastAPI

from app.kit.ids import new_id
from tests.api.test_duplicates import ANY, find, found, people
from tests.makers import firms
from tests.makers.organisations import Organisation

Body = dict[str, Any]
COMPANY = {"noun": "company"}
HAILAN: list[Body] = [
    {"name": "深圳市海蓝科技有限公司", "domain": "hailan.example", "region": "深圳", "country": "CN"},
    {"name": "Hai Lan Technology (Shenzhen) Co., Ltd.", "domain": "hailan.example", "industry": "电子"},
]
ACME: list[Body] = [
    {"name": "Acme Logistics GmbH", "domain": "acme.example", "country": "DE"},
    {"name": "ACME Logistics AG", "domain": "acme.example", "country": "DE"},
]
NOT_HAILAN: list[Body] = [
    {**HAILAN[0], "name": "深圳市海蓝科技有限公司广州分公司"},
    {**HAILAN[0], "name": "深圳市海蓝贸易有限公司"},
    {**HAILAN[0], "name": "海蓝（北京）科技有限公司"},
]


async def add(org: Organisation, *bodies: Body) -> list[Body]:
    made = []
    for body in bodies:
        answer = await org.admin.post("/v1/companies", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    return made


async def shown(client: Any, one: Body) -> Body:
    answer = await client.get(f"/v1/duplicates/{one['id']}")
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


async def test_a_search_among_companies_finds_them_and_says_why(service: FastAPI, org: Organisation):
    hailan, _ = await add(org, *HAILAN), await add(org, *NOT_HAILAN)
    await org.admin.post("/v1/contacts", json={"name": "张伟"})
    run = await find(service, org, noun="company")
    assert (run["result"]["noun"], run["result"]["found"], run["result"]["looked"]) == ("company", 1, 5)
    [one] = await found(org, noun="company")
    assert (one["noun"], people(one)) == ("company", {each["id"] for each in hailan})
    assert {member["noun"] for member in one["members"]} == {"company"}
    assert await found(org, noun="contact") == []
    told = await shown(org.admin, one)
    assert ({each["id"] for each in told["companies"]}, told["contacts"]) == (people(one), [])
    reasons = {each["field"]: each for each in told["pairs"][0]["reasons"]}
    assert (reasons["name"]["level"], reasons["domain"]["level"]) == ("same_sound", "same")
    assert (reasons["domain"]["en"], reasons["domain"]["zh"]) == ("The domain is the same.", "域名相同。")
    assert told["suggestion"] == {
        "survivor_id": hailan[0]["id"],
        "values": {"industry": "电子"},
    }


async def test_a_world_of_companies_is_sorted_out_over_the_api(service: FastAPI, org: Organisation):
    said = {"noun": "company", "key": "tax_number", "kind": "text", "label": "Tax number"}
    await org.admin.post("/v1/custom_fields", json=said)
    await org.admin.patch(
        "/v1/duplicates/settings", params=COMPANY, json={"identifying": ["tax_number"]}, headers=ANY
    )
    rows, truth = firms.firms(600, seed=3)
    unknown = {"id", "updated_at"}
    items = [
        {name: value for name, value in row.items() if name not in unknown and value is not None}
        | {"external_ids": {"world": row["id"]}}
        for row in rows
    ]
    answer = await org.admin.post("/v1/companies/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    ids = {one["id"]: row["id"] for one, row in zip(answer.json()["items"], rows, strict=True)}
    await find(service, org, noun="company")
    met: set[tuple[str, str]] = set()
    for one in await found(org, noun="company", limit=200):
        met.update(combinations(sorted(ids[each] for each in people(one)), 2))
    good = len(met & truth)
    assert good / len(met) >= 0.95
    assert good / len(truth) >= 0.95


async def test_the_nouns_are_searched_apart_and_side_by_side(service: FastAPI, org: Organisation):
    first = await org.admin.post("/v1/duplicates/find", json={})
    beside = await org.admin.post("/v1/duplicates/find", json=COMPANY)
    again = await org.admin.post("/v1/duplicates/find", json=COMPANY)
    assert (first.status_code, beside.status_code) == (202, 202)
    assert (again.status_code, again.json()["code"]) == (409, "search_under_way")
    unknown = await org.admin.post("/v1/duplicates/find", json={"noun": "order"})
    assert unknown.status_code == 422


async def test_the_next_search_among_companies_looks_at_what_is_new(service: FastAPI, org: Organisation):
    await add(org, *HAILAN, *ACME)
    await find(service, org, noun="company")
    before = await found(org, noun="company")
    async with await org.work() as uow:
        await uow.execute(
            "update companies set updated_at = updated_at - interval '1 day' where org_id = $1", org.id
        )
        await uow.commit()
    third = await add(org, {"name": "Acme Logistics", "domain": "acme.example"}, NOT_HAILAN[1])
    run = await find(service, org, noun="company")
    assert (run["result"]["whole"], run["result"]["fresh"], run["result"]["looked"]) == (False, 2, 6)
    after = await found(org, noun="company")
    [three] = [one for one in after if one["size"] == 3]
    assert third[0]["id"] in people(three)
    assert len([one for one in before if one in after]) == 1
    run = await find(service, org, noun="company", whole=True)
    assert (run["result"]["found"], run["result"]["archived"]) == (0, 0)


async def test_what_was_found_is_merged_by_the_companies_own_rules_and_can_be_undone(
    service: FastAPI, org: Organisation
):
    survivor, other = await add(org, *HAILAN)
    here = "/v1/duplicates/settings"
    told = await org.admin.patch(here, params=COMPANY, json={"rules": {"name": "longest"}}, headers=ANY)
    assert told.json()["rules"] == {"name": "longest"}
    assert (await org.admin.get(here)).json()["rules"] == {}
    assert (await org.admin.get(here, params=COMPANY)).json()["rules"] == {"name": "longest"}
    await find(service, org, noun="company")
    [one] = await found(org, noun="company")
    for name, value in (("job_title", "经理"), ("emails", [])):
        refused = await org.admin.post(f"/v1/duplicates/{one['id']}/merge", json={"values": {name: value}})
        assert (refused.status_code, refused.json()["code"]) == (422, "field_unknown"), refused.text
    done = await org.admin.post(f"/v1/duplicates/{one['id']}/merge", json={"values": {"employees": 40}})
    assert (done.status_code, done.json()["noun"]) == (200, "company"), done.text
    now = (await org.admin.get(f"/v1/companies/{survivor['id']}")).json()
    assert (now["name"], now["employees"], now["industry"]) == (HAILAN[1]["name"], 40, "电子")
    gone = (await org.admin.get(f"/v1/companies/{other['id']}")).json()
    assert gone["merged_into_id"] == survivor["id"]
    undone = await org.admin.post(f"/v1/merges/{done.json()['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert (await org.admin.get(f"/v1/companies/{survivor['id']}")).json()["name"] == HAILAN[0]["name"]
    await find(service, org, noun="company", whole=True)
    assert await found(org, noun="company") == []


async def test_a_contact_found_twice_takes_no_field_of_companies(service: FastAPI, org: Organisation):
    twice = {"name": "Eva Novak", "emails": [{"address": "eva@novak.example"}], "birth_date": "1985-01-02"}
    for _ in range(2):
        await org.admin.post("/v1/contacts", json=twice)
    await find(service, org)
    [one] = await found(org)
    refused = await org.admin.post(f"/v1/duplicates/{one['id']}/merge", json={"values": {"employees": 40}})
    assert (refused.status_code, refused.json()["code"]) == (422, "field_unknown"), refused.text


async def test_companies_are_merged_by_themselves_when_the_organisation_says_so(
    service: FastAPI, org: Organisation
):
    first, _ = await add(org, *ACME)
    await org.admin.patch(
        "/v1/duplicates/settings", params=COMPANY, json={"auto_merge_at": "0.95"}, headers=ANY
    )
    run = await find(service, org, noun="company")
    assert run["result"]["merged"] == 1
    left = (await org.admin.get("/v1/companies")).json()["data"]
    assert [one["id"] for one in left] == [first["id"]]


async def test_what_stands_below_the_other_is_not_the_same(service: FastAPI, org: Organisation):
    above = (await add(org, ACME[0]))[0]
    await add(org, {**ACME[1], "parent_id": above["id"]})
    await find(service, org, noun="company")
    assert await found(org, noun="company") == []


async def test_who_does_not_see_both_companies_sees_nothing_of_it(service: FastAPI, org: Organisation):
    me, mine = await org.user("mine", "sales")
    own = await add(org, *({**body, "owner_id": str(me)} for body in ACME))
    await add(org, HAILAN[0], {**HAILAN[1], "owner_id": str(me)})
    await find(service, org, noun="company")
    [acme] = (await mine.get("/v1/duplicates")).json()["data"]
    assert people(acme) == {one["id"] for one in own}
    [hidden] = [one for one in await found(org) if one["id"] != acme["id"]]
    for method, tail, body in (
        ("GET", "", None),
        ("POST", "/dismiss", None),
        ("POST", "/merge", {}),
        ("GET", "/history", None),
    ):
        answer = await mine.request(method, f"/v1/duplicates/{hidden['id']}{tail}", json=body, headers=ANY)
        assert answer.status_code == 404, (method, tail)
    assert (await shown(mine, acme))["companies"]


async def test_a_refusal_tells_nothing_of_companies_that_are_not_seen(service: FastAPI, org: Organisation):
    scopes = [
        "contacts:read",
        "contacts:write",
        "companies:read",
        "duplicates:read",
        "duplicates:write",
        "merges:write",
    ]
    role = {"read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("people", scopes=scopes, sight={"*": "own"}, **role)
    me, person = await org.user("person", "people")
    await add(org, *({**body, "owner_id": str(me)} for body in ACME), *HAILAN)
    await find(service, org, noun="company")
    by_seen = {
        people(one) == people(two): one
        for one in await found(org)
        for two in (await person.get("/v1/duplicates")).json()["data"]
    }
    seen, hidden = by_seen[True], by_seen[False]
    refused = await person.post(f"/v1/duplicates/{seen['id']}/merge", json={})
    assert (refused.status_code, refused.json()["scope"]) == (403, "companies:write")
    for one in (hidden["id"], new_id()):
        answer = await person.post(f"/v1/duplicates/{one}/merge", json={})
        assert (answer.status_code, answer.json()["code"]) == (404, "duplicate_not_found"), answer.text


async def test_a_hidden_field_of_companies_is_no_reason_and_gives_no_score(
    service: FastAPI, org: Organisation
):
    await org.role(
        "narrow",
        scopes=["contacts:read", "companies:read", "duplicates:read"],
        sight={"*": "all"},
        read={"contact": ["*"], "company": ["name", "region"], "duplicate": ["*"]},
    )
    _, blind = await org.user("blind", "narrow")
    await add(org, *HAILAN)
    await find(service, org, noun="company")
    [one] = (await blind.get("/v1/duplicates")).json()["data"]
    assert "score" not in one
    told = await shown(blind, one)
    assert {reason["field"] for pair in told["pairs"] for reason in pair["reasons"]} == {"name", "place"}
    assert [pair["score"] for pair in told["pairs"]] == [None]
    assert "hailan.example" not in str(told)
    assert told["suggestion"]["values"] == {}


@pytest.mark.parametrize("noun", ["contact", "company"])
async def test_nothing_is_told_of_records_to_who_may_not_read_such(
    service: FastAPI, org: Organisation, noun: str
):
    plurals = {"contact": "contacts", "company": "companies"}
    opened = [f"{plural}:read" for name, plural in plurals.items() if name != noun]
    common = ["duplicates:read", "duplicates:write", "merges:read", "events:read"]
    sees = {"sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    await org.role("all", scopes=[*common, *(f"{plural}:read" for plural in plurals.values())], **sees)
    await org.role("some", scopes=[*common, *opened], **sees)
    _, knowing = await org.user("knowing", "all")
    _, person = await org.user("person", "some")
    bodies = {"contact": [{"name": "王伟", "emails": [{"address": "w@x.example"}]}] * 2, "company": HAILAN}
    made = []
    for body in bodies[noun]:
        answer = await org.admin.post(f"/v1/{plurals[noun]}", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    await find(service, org, noun=noun)
    [one] = await found(org, noun=noun)
    said = {"others": [made[1]["id"]]}
    done = await org.admin.post(f"/v1/{plurals[noun]}/{made[0]['id']}/merge", json=said, headers=ANY)
    assert done.status_code == 200, done.text
    places = {"duplicates": one["id"], "merges": done.json()["id"]}
    for client, count in ((knowing, 1), (person, 0)):
        for plural, each in places.items():
            listed = (await client.get(f"/v1/{plural}")).json()["data"]
            events = (await client.get("/v1/events", params={"noun": plural[:-1]})).json()["data"]
            counted = (await client.post(f"/v1/{plural}/count", json={})).json()["count"]
            assert (len(listed), bool(events), counted) == (count, bool(count), count), (client, plural)
            for tail in ("", "/history"):
                told = await client.get(f"/v1/{plural}/{each}{tail}")
                assert told.status_code == (200 if count else 404), (plural, tail, told.text)
    refused = await person.post(f"/v1/duplicates/{one['id']}/dismiss", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (404, "duplicate_not_found")


@pytest.mark.parametrize("noun", ["contact", "company"])
async def test_an_identifying_field_is_one_of_the_noun(org: Organisation, noun: str):
    other = {"contact": "company", "company": "contact"}[noun]
    said = {"noun": other, "key": "number", "kind": "text", "label": "Number"}
    await org.admin.post("/v1/custom_fields", json=said)
    refused = await org.admin.patch(
        "/v1/duplicates/settings", params={"noun": noun}, json={"identifying": ["number"]}, headers=ANY
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "custom_field_unknown")


async def test_settings_of_a_noun_are_tried_as_every_other_write(org: Organisation):
    place, said = "/v1/duplicates/settings?noun=company", {"auto_merge_at": "0.9900"}
    before = (await org.admin.get(place)).json()
    tried = await org.admin.patch(f"{place}&dry_run=true", json=said, headers={"If-Match": "*"})
    assert (tried.status_code, tried.json()["auto_merge_at"]) == (200, "0.9900")
    assert (await org.admin.get(place)).json() == before
    for method in ("GET", "PATCH"):
        body = said if method == "PATCH" else None
        refused = await org.admin.request(method, f"{place}&x=1", json=body, headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["code"]) == (422, "parameter_unknown")
