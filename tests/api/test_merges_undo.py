"""Undoing merges: what nobody has changed since goes back to the letter."""

import pytest
from fastapi import FastAPI

from tests.makers.merging import ANY, contact, history, merge, stands
from tests.makers.organisations import Organisation
from tests.makers.work import work_off


async def test_an_undone_merge_is_as_if_it_had_not_been(org: Organisation):
    people = [
        await contact(
            org,
            f"P {n}",
            emails=[{"address": f"p{n}@x.example"}],
            tags=[f"t{n}"],
            external_ids={"erp": str(n)},
        )
        for n in range(3)
    ]
    for one in people:
        await history(org, one)
    before = {plural: await stands(org, plural) for plural in ("contacts", "orders", "interactions")}
    done = (await merge(org, *people)).json()
    assert await stands(org) != before["contacts"]
    undone = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert sorted(undone.json()["restored"]) == sorted(one["id"] for one in people)
    assert undone.json()["kept"] == []
    for plural, records in before.items():
        assert await stands(org, plural) == records
    again = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert again.json()["code"] == "status_not_allowed"
    for number in range(3):
        found = (await org.admin.get("/v1/contacts", params={"q": f"p{number}@x.example"})).json()["data"]
        assert [each["id"] for each in found] == [people[number]["id"]]


async def test_what_somebody_has_changed_since_is_left_and_told(org: Organisation):
    one, other = await contact(org, "a", job_title="x"), await contact(org, "b", language="en", tags=["t"])
    done = (await merge(org, one, other)).json()
    change = {"language": "de", "job_title": "Head"}
    await org.admin.patch(f"/v1/contacts/{one['id']}", json=change, headers=ANY)
    undone = (await org.admin.post(f"/v1/merges/{done['id']}/undo")).json()
    assert undone["restored"] == [other["id"]]
    assert undone["kept"] == [{"contact_id": one["id"], "fields": ["language"]}]
    now = (await org.admin.get(f"/v1/contacts/{one['id']}")).json()
    assert (now["language"], now["job_title"], now["tags"]) == ("de", "Head", [])


async def test_a_merged_contact_is_brought_back_by_undoing_alone(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    await merge(org, one, other)
    refused = await org.admin.post(f"/v1/contacts/{other['id']}/restore", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "merged")


async def test_a_chain_of_merges_is_undone_from_its_end(org: Organisation):
    a, b, c = [await contact(org, name, tags=[name]) for name in "abc"]
    before = await stands(org)
    first, second = (await merge(org, b, a)).json(), (await merge(org, c, b)).json()
    refused = await org.admin.post(f"/v1/merges/{first['id']}/undo")
    assert refused.json()["code"] == "merged_elsewhere"
    for one in (second, first):
        assert (await org.admin.post(f"/v1/merges/{one['id']}/undo")).status_code == 200
    assert await stands(org) == before


async def test_erasing_a_person_reaches_the_log_of_whom_they_were_one_with_for_a_while(
    service: FastAPI, org: Organisation
):
    one = await contact(org, "Kept", emails=[{"address": "kept@x.example"}], tags=["mine"])
    other = await contact(
        org, "B", emails=[{"address": "gone@y.example"}], phones=[{"number": "13800138000"}]
    )
    done = (await merge(org, one, other)).json()
    key = {"Idempotency-Key": "one", **ANY}
    shown = await org.admin.patch(f"/v1/contacts/{one['id']}", json={"language": "de"}, headers=key)
    assert "gone@y.example" in shown.text
    assert (await org.admin.post(f"/v1/merges/{done['id']}/undo")).status_code == 200
    await org.admin.post(f"/v1/contacts/{other['id']}/erase")
    await work_off(service)
    told = await org.admin.get(f"/v1/contacts/{one['id']}/history")
    assert [each["type"] for each in told.json()["data"]][:3] == [
        "contact.unmerged",
        "contact.edited",
        "contact.merged",
    ]
    again = await org.admin.patch(f"/v1/contacts/{one['id']}", json={"language": "de"}, headers=key)
    for text in (told.text, again.text):
        assert "y.example" not in text
        assert "13800138000" not in text
    assert "kept@x.example" in told.text


@pytest.mark.parametrize("readable", ["name", "job_title"])
async def test_undoing_tells_of_no_change_of_a_hidden_field(org: Organisation, readable: str):
    may = {"scopes": ["contacts:read", "contacts:write", "merges:write"], "sight": {"*": "all"}}
    await org.role("narrow", **may, read={"contact": [readable]}, write={"contact": ["*"]})
    _, narrow = await org.user("narrow", "narrow")
    one, other = await contact(org, "a"), await contact(org, "b", job_title="Boss")
    done = (await merge(org, one, other)).json()
    await org.admin.patch(f"/v1/contacts/{one['id']}", json={"job_title": "Head"}, headers=ANY)
    undone = (await narrow.post(f"/v1/merges/{done['id']}/undo")).json()
    told = readable == "job_title"
    assert undone["kept"] == ([{"contact_id": one["id"], "fields": ["job_title"]}] if told else [])
    assert set(undone["restored"]) == ({other["id"]} if told else {one["id"], other["id"]})
