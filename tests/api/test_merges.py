"""Merging contacts over HTTP: nothing is lost, and nobody does by it what they may not."""

import asyncio

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import references
from app.db.contacts import CONTACTS
from tests.makers.merging import ANY, Body, contact, duplicate, history, merge, stands
from tests.makers.organisations import Organisation
from tests.makers.work import work_off


async def test_the_survivor_takes_everything_and_the_others_say_where_they_went(org: Organisation):
    one = await contact(
        org,
        "Eva Novak",
        emails=[{"address": "eva@novak.example"}],
        tags=["vip"],
        external_ids={"erp": "1"},
        job_title="Buyer",
    )
    other = await contact(
        org,
        "E. Novak",
        emails=[{"address": "EVA@novak.example"}, {"address": "e@other.example"}],
        phones=[{"number": "13800138000"}],
        tags=["vip", "late"],
        external_ids={"erp": "2", "shop": "9"},
        birth_date="1985-01-02",
        job_title="Head",
    )
    await history(org, one)
    await history(org, other)
    done = await merge(org, one, other)
    assert done.status_code == 200, done.text
    assert (done.json()["survivor_id"], done.json()["status"]) == (one["id"], "done")
    now = (await org.admin.get(f"/v1/contacts/{one['id']}")).json()
    assert [each["normalised"] for each in now["emails"]] == ["eva@novak.example", "e@other.example"]
    assert (now["phone"], now["tags"], now["birth_date"]) == ("+8613800138000", ["vip", "late"], "1985-01-02")
    assert (now["name"], now["job_title"], now["external_ids"]) == (
        "Eva Novak",
        "Buyer",
        {"erp": "1", "shop": "9"},
    )
    gone = (await org.admin.get(f"/v1/contacts/{other['id']}")).json()
    assert gone["archived_at"] is not None
    assert (gone["merged_into_id"], gone["external_ids"]) == (one["id"], {"erp": "2"})
    for plural, count in (("orders", 2), ("interactions", 4)):
        assert [each["contact_id"] for each in (await stands(org, plural)).values()] == [one["id"]] * count
    told = (await org.admin.get(f"/v1/contacts/{other['id']}/history")).json()["data"]
    assert told[0]["type"] == "contact.merged"
    found = (await org.admin.get("/v1/contacts", params={"q": "e@other.example"})).json()["data"]
    assert [each["id"] for each in found] == [one["id"]]


async def test_a_merge_asked_for_twice_is_done_once(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    first = await merge(org, one, other)
    before = await stands(org)
    second = await merge(org, one, other)
    assert first.json()["id"] == second.json()["id"]
    assert await stands(org) == before
    third = await contact(org, "c")
    refused = await merge(org, third, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "archived")


async def test_chosen_values_win_and_rules_choose_the_rest(org: Organisation):
    rules = {"job_title": "longest", "occupation": "most_recent", "source": "source_order"}
    said = {"rules": rules, "sources": ["shop", "fair"]}
    assert (await org.admin.patch("/v1/duplicates/settings", json=said, headers=ANY)).status_code == 200
    one = await contact(org, "a", job_title="x", occupation="old", source="fair", education="low")
    other = await contact(org, "b", job_title="longer", occupation="new", source="shop", education="high")
    await merge(org, one, other, values={"name": "Chosen"})
    now = (await org.admin.get(f"/v1/contacts/{one['id']}")).json()
    shown = [now[name] for name in ("name", "job_title", "occupation", "source", "education")]
    assert shown == ["Chosen", "longer", "new", "shop", "low"]


async def test_a_withdrawn_consent_stays_withdrawn(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    for each, state, at in ((one, "granted", "2026-02-01"), (other, "withdrawn", "2026-01-01")):
        said = {
            "purpose": "marketing",
            "channel": "sms",
            "state": state,
            "at": f"{at}T00:00:00Z",
            "source": "form",
        }
        await org.admin.post(f"/v1/contacts/{each['id']}/consents", json=said, headers=ANY)
    await merge(org, one, other)
    now = (await org.admin.get(f"/v1/contacts/{one['id']}")).json()
    assert (now["consents"][0]["state"], now["consented"]) == ("withdrawn", [])


async def test_a_merge_needs_versions_that_are_true_and_people_who_are_seen(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    stale = await org.admin.post(
        f"/v1/contacts/{one['id']}/merge", json={"others": [other["id"]]}, headers={"If-Match": '"7"'}
    )
    assert stale.status_code == 412
    stale = await merge(org, one, other, versions={other["id"]: 7})
    assert stale.status_code == 412
    alone = await merge(org, one, one)
    assert alone.json()["code"] == "others_invalid"
    me, mine = await org.user("mine", "sales")
    own = await contact(org, "c", owner_id=str(me))
    said = {"others": [other["id"]]}
    answer = await mine.post(f"/v1/contacts/{own['id']}/merge", json=said, headers=ANY)
    assert answer.status_code == 404
    named = await mine.post(f"/v1/contacts/{own['id']}/merge", json={"others": [str(one["id"])]}, headers=ANY)
    assert named.json()["code"] == answer.json()["code"]


async def test_hidden_fields_are_neither_shown_nor_lost(org: Organisation):
    await org.role(
        "narrow",
        scopes=["contacts:read", "contacts:write", "merges:read", "merges:write"],
        sight={"*": "all"},
        read={"contact": ["name"], "merge": ["*"]},
        write={"contact": ["name"]},
    )
    _, blind = await org.user("blind", "narrow")
    one, other = await contact(org, "a"), await contact(org, "b", emails=[{"address": "hidden@x.example"}])
    done = await blind.post(f"/v1/contacts/{one['id']}/merge", json={"others": [other["id"]]}, headers=ANY)
    assert done.status_code == 200, done.text
    assert "hidden" not in done.text
    assert (await org.admin.get(f"/v1/contacts/{one['id']}")).json()["email"] == "hidden@x.example"
    closed = {"others": [other["id"]], "values": {"emails": []}}
    third = await contact(org, "c")
    refused = await blind.post(
        f"/v1/contacts/{third['id']}/merge", json=closed | {"others": [one["id"]]}, headers=ANY
    )
    assert refused.json()["code"] == "field_read_only"
    undone = await blind.post(f"/v1/merges/{done.json()['id']}/undo")
    assert undone.status_code == 200, undone.text
    assert (await org.admin.get(f"/v1/contacts/{one['id']}")).json()["email"] is None


async def test_merging_changes_nothing_that_whoever_merges_may_not(org: Organisation):
    scopes = ["contacts:read", "contacts:write", "duplicates:write", "merges:read"]
    said: Body = {"sight": {"*": "all"}, "read": {"contact": ["*"], "duplicate": ["*"], "merge": ["*"]}}
    await org.role("tagger", scopes=[*scopes, "merges:write"], write={"contact": ["tags"]}, **said)
    await org.role("unscoped", scopes=scopes, write={"contact": ["*"]}, **said)
    _, tagger = await org.user("tagger", "tagger")
    _, unscoped = await org.user("unscoped", "unscoped")
    one, other = await contact(org, "a"), await contact(org, "b", job_title="Head")
    third = await contact(org, "c", tags=["vip"])
    found = await duplicate(org, one, other)
    before = await stands(org)
    asked = (
        (f"/v1/contacts/{one['id']}/merge", {"others": [other["id"]]}),
        (f"/v1/duplicates/{found}/merge", {"survivor_id": one["id"]}),
    )
    for client, code in ((tagger, "field_read_only"), (unscoped, "scope_missing")):
        for address, body in asked:
            refused = await client.post(address, json=body, headers=ANY)
            assert (refused.status_code, refused.json()["code"]) == (403, code), refused.text
    assert await stands(org) == before
    done = await tagger.post(f"/v1/contacts/{one['id']}/merge", json={"others": [third["id"]]}, headers=ANY)
    assert done.status_code == 200, done.text


async def test_a_merge_locks_contacts_before_what_was_found_of_them(org: Organisation):
    one, other = await contact(org, "a"), await contact(org, "b")
    found = await duplicate(org, one, other)
    async with await org.work() as uow:
        await references.claim(uow, CONTACTS, None)
        merging = asyncio.create_task(org.admin.post(f"/v1/duplicates/{found}/merge", json={}, headers=ANY))
        await asyncio.sleep(0.3)
        free = "select id from duplicates where org_id = $1 and id = $2 for update skip locked"
        assert await uow.fetchval(free, org.id, found) == found
        await uow.fetch("select from contacts where org_id = $1 for update nowait", org.id)
    assert (await merging).status_code == 200


async def test_what_was_found_is_merged_once_and_not_after_it_was_put_away(
    service: FastAPI, org: Organisation
):
    one, other = await contact(org, "a"), await contact(org, "b")
    merged = f"/v1/duplicates/{await duplicate(org, one, other)}/merge"
    first = await org.admin.post(merged, json={"survivor_id": one["id"]}, headers=ANY)
    for said in ({}, {"survivor_id": one["id"]}):
        again = await org.admin.post(merged, json=said, headers=ANY)
        assert again.json()["id"] == first.json()["id"]
    refused = await org.admin.post(merged, json={"survivor_id": other["id"]}, headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "status_not_allowed")
    gone = [await contact(org, "c"), await contact(org, "d")]
    found = await duplicate(org, *gone)
    for each in gone:
        await org.admin.post(f"/v1/contacts/{each['id']}/erase")
        await work_off(service)
    refused = await org.admin.post(f"/v1/duplicates/{found}/merge", json={}, headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (409, "archived"), refused.text


async def test_what_comes_in_for_a_merged_contact_goes_to_the_survivor(org: Organisation):
    one = await contact(org, "a", external_ids={"erp": "1"})
    other = await contact(org, "b", external_ids={"erp": "2"})
    await merge(org, one, other)
    items = [{"name": "a", "external_ids": {"erp": "2"}, "job_title": "Head"}]
    told = (await org.admin.post("/v1/contacts/bulk", json={"items": items})).json()
    assert [(each["status"], each.get("id")) for each in told["items"]] == [("updated", one["id"])], told
    now = (await org.admin.get("/v1/contacts/by/erp/2")).json()
    assert (now["id"], now["job_title"], now["external_ids"]) == (one["id"], "Head", {"erp": "1"})


async def test_erasing_a_person_reaches_all_that_they_were_merged_from(service: FastAPI, org: Organisation):
    one = await contact(org, "Kept", emails=[{"address": "kept@x.example"}])
    other = await contact(org, "Merged", emails=[{"address": "merged@x.example"}])
    done = (await merge(org, one, other)).json()
    asked = await org.admin.post(f"/v1/contacts/{one['id']}/erase")
    assert asked.status_code == 202, asked.text
    await work_off(service)
    run = (await org.admin.get(asked.headers["location"])).json()
    assert run["status"] == "done", run
    for each in (one, other):
        told = await org.admin.get(f"/v1/contacts/{each['id']}")
        past = await org.admin.get(f"/v1/contacts/{each['id']}/history")
        assert "x.example" not in told.text + past.text
        assert told.json()["name"] == "erased"
    refused = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert refused.status_code == 409, refused.text


_LISTS = st.lists(st.sampled_from(["red", "blue", "green", "gold"]), unique=True, max_size=3)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_LISTS, min_size=3, max_size=3), st.permutations([1, 2]))
async def test_the_order_of_merges_does_not_matter_to_lists(org: Organisation, tags, order):
    people = [await contact(org, "x", tags=each) for each in tags]
    for number in order:
        await merge(org, people[0], people[number])
    now = (await org.admin.get(f"/v1/contacts/{people[0]['id']}")).json()
    assert set(now["tags"]) == {tag for each in tags for tag in each}
    assert len(now["tags"]) == len(set(now["tags"]))
