"""Contacts over HTTP."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.makers.organisations import Organisation

WEI = {
    "name": "张伟",
    "emails": [{"address": "Wei.Zhang@Example.com", "label": "work"}],
    "phones": [{"number": "138 0013 8000"}],
    "external_ids": {"erp": "C-1"},
    "tags": ["vip"],
}


async def test_a_contact_is_added_read_edited_archived_and_restored(org: Organisation):
    made = await org.admin.post("/v1/contacts", json=WEI)
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["email"] == "wei.zhang@example.com"
    assert body["phone"] == "+8613800138000"
    assert made.headers["etag"].startswith('"1.')
    here = made.headers["location"]
    assert (await org.admin.get(here)).json() == body

    edited = await org.admin.patch(here, json={"job_title": "采购经理"}, headers={"If-Match": '"1"'})
    assert edited.status_code == 200, edited.text
    assert edited.json()["version"] == 2

    stale = await org.admin.patch(here, json={"job_title": "x"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["conflicts"] == [
        {"field": "job_title", "base": None, "theirs": "采购经理", "yours": "x"}
    ]
    assert (await org.admin.patch(here, json={"job_title": "x"})).status_code == 428

    gone = await org.admin.post(f"{here}/archive", headers={"If-Match": "*"})
    assert gone.json()["archived_at"]
    assert (await org.admin.get("/v1/contacts")).json()["data"] == []
    back = await org.admin.post(f"{here}/restore", headers={"If-Match": "*"})
    assert back.json()["archived_at"] is None

    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [event["type"] for event in history] == [
        "contact.restored",
        "contact.archived",
        "contact.edited",
        "contact.added",
    ]
    assert history[2]["before"] == {"job_title": None}
    assert history[2]["after"] == {"job_title": "采购经理"}


@pytest.mark.parametrize("code", ["SO/2026/1", "/", "a//b/", "bulk", "100%", "%2F", "a?b#c", "订单/1"])
async def test_a_contact_is_found_by_whatever_another_system_calls_it(org: Organisation, code: str):
    here = f"/v1/contacts/by/erp/{quote(code, safe='')}"
    made = await org.admin.post("/v1/contacts", json={"name": "x", "external_ids": {"erp": code}})
    assert made.status_code == 201, made.text
    found = await org.admin.get(here)
    assert found.json() == made.json()
    edited = await org.admin.put(here, json={"name": "y"})
    assert (edited.status_code, edited.json()["id"]) == (200, made.json()["id"])
    new = await org.admin.put(here.replace("erp", "pos"), json={"name": "z"})
    assert new.json()["external_ids"] == {"pos": code}
    for no_code in ("%0A", "%20"):
        assert (await org.admin.put(here + no_code, json={"name": "y"})).status_code == 422
    measured = (await org.admin.get("/metrics")).text
    assert 'route="/v1/contacts/by/{system}/{external_id}"' in measured


async def test_words_find_contacts(org: Organisation):
    await org.admin.post("/v1/contacts", json=WEI)
    await org.admin.post("/v1/contacts", json={"name": "Michael Johnson"})
    for words in ("张伟", "伟", "zhangw", "zw", "8000", "wei.zhang", "Micheal", "johns", "micheal jonson"):
        found = await org.admin.get("/v1/contacts", params={"q": words})
        assert found.status_code == 200, found.text
        assert len(found.json()["data"]) == 1, words


async def test_pages_follow_each_other(org: Organisation):
    items = [{"name": f"n{i % 3}", "external_ids": {"erp": f"{i}"}} for i in range(25)]
    done = await org.admin.post("/v1/contacts/bulk", json={"items": items})
    assert done.json()["created"] == 25, done.text
    again = await org.admin.post("/v1/contacts/bulk", json={"items": items})
    assert again.json()["unchanged"] == 25, again.text
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": "4", "sort": "-name"} | ({"cursor": cursor} if cursor else {})
        page = (await org.admin.get("/v1/contacts", params=params)).json()
        seen += [one["id"] for one in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 25
    assert UUID(seen[0])


async def test_the_360_view(org: Organisation):
    contact = (await org.admin.post("/v1/contacts", json=WEI)).json()
    order = {
        "number": "SO-1",
        "currency": "CNY",
        "placed_at": "2026-03-01T10:30:00+08:00",
        "contact_id": contact["id"],
        "lines": [{"description": "茶", "quantity": "2", "unit_price": "168.00"}],
    }
    placed = await org.admin.post("/v1/orders", json=order)
    assert placed.status_code == 201, placed.text
    assert placed.json()["total"] == "336.0000"
    here = placed.headers["location"]
    paid = await org.admin.post(f"{here}/pay", json={}, headers={"If-Match": '"1"'})
    assert paid.json()["status"] == "paid", paid.text
    refunded = await org.admin.post(f"{here}/refund", json={"amount": "36"}, headers={"If-Match": '"2"'})
    assert refunded.json()["status"] == "refunded_in_part", refunded.text
    call = {"kind": "call", "at": "2026-03-02T10:30:00+08:00", "contact_id": contact["id"], "subject": "发货"}
    assert (await org.admin.post("/v1/interactions", json=call)).status_code == 201
    timeline = (await org.admin.get(f"/v1/contacts/{contact['id']}/timeline")).json()
    assert [item["kind"] for item in timeline["data"]] == ["event", "interaction", "order"]
    assert timeline["data"][2]["detail"]["total"] == "336.0000"
    summary = (await org.admin.get(f"/v1/contacts/{contact['id']}/summary")).json()
    assert summary["orders"]["spent"] == [
        {"currency": "CNY", "orders": 1, "total": "336.0000", "refunded": "36.0000", "average": "336.0000"}
    ]
    assert summary["interactions"]["count"] == 1


async def test_bought_is_what_was_paid_for_and_open_what_is_not_paid_yet(org: Organisation):
    contact = (await org.admin.post("/v1/contacts", json=WEI)).json()["id"]
    ways = {
        1: (),
        2: ("cancel",),
        4: ("pay",),
        8: ("ship",),
        16: ("ship", "pay"),
        32: ("pay", "ship"),
        64: ("pay", "refund"),
    }
    for total, verbs in ways.items():
        order = {
            "number": f"SO-{total}",
            "currency": "CNY",
            "placed_at": "2026-03-01T10:30:00+08:00",
            "contact_id": contact,
            "lines": [{"quantity": "1", "unit_price": str(total)}],
        }
        here = (await org.admin.post("/v1/orders", json=order)).headers["location"]
        for verb in verbs:
            moved = await org.admin.post(f"{here}/{verb}", json={}, headers={"If-Match": "*"})
            assert moved.status_code == 200, moved.text
    told = (await org.admin.get(f"/v1/contacts/{contact}/summary")).json()["orders"]
    assert (told["count"], told["open"]) == (7, 2)
    (spent,) = told["spent"]
    assert (spent["orders"], spent["total"], spent["refunded"]) == (4, "116.0000", "64.0000")


async def test_the_same_key_gets_the_same_answer(org: Organisation):
    first = await org.admin.post("/v1/contacts", json=WEI, headers={"Idempotency-Key": "k"})
    second = await org.admin.post("/v1/contacts", json=WEI, headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.content) == (second.status_code, second.content)
    other = await org.admin.post("/v1/contacts", json={"name": "x"}, headers={"Idempotency-Key": "k"})
    assert other.json()["code"] == "idempotency_key_reused"
    assert len((await org.admin.get("/v1/contacts")).json()["data"]) == 1


async def test_a_dry_run_keeps_nothing(org: Organisation):
    tried = await org.admin.post("/v1/contacts?dry_run=true", json=WEI)
    assert tried.status_code == 201
    assert (await org.admin.get("/v1/contacts")).json()["data"] == []


async def test_what_was_understood_stays_when_something_else_is_edited(org: Organisation):
    typed = {"phones": [{"number": "138 0013 8000"}], "emails": [{"address": "A@b.cn"}]}
    here = (await org.admin.post("/v1/contacts", json={"name": "a", **typed})).headers["location"]
    moved = await org.admin.patch("/v1/settings", json={"region": "DE"}, headers={"If-Match": "*"})
    assert moved.status_code == 200
    edited = await org.admin.patch(here, json={"name": "b"}, headers={"If-Match": "*"})
    assert (edited.json()["name"], edited.json()["phone"]) == ("b", "+8613800138000"), edited.text
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert history[0]["after"] == {"name": "b"}
    found = (await org.admin.get("/v1/contacts", params={"q": "8000"})).json()["data"]
    assert len(found) == 1
    anew = {"phones": [{"number": "030 901820"}]}
    assert (await org.admin.patch(here, json=anew, headers={"If-Match": "*"})).json()[
        "phone"
    ] == "+4930901820"


@pytest.mark.parametrize("plural", ["contacts", "companies"])
async def test_names_are_listed_by_their_sound(org: Organisation, plural: str):
    listed = ["Anna", "阿宝", "白", "Bob", "陈", "Émile", "张伟", "张玮", "章伟"]
    items = [{"name": name} for name in reversed(listed)]
    done = (await org.admin.post(f"/v1/{plural}/bulk", json={"items": items})).json()
    assert done["created"] == len(listed)

    async def names(sort: str) -> list[str]:
        shown, cursor = [], None
        while True:
            given: dict[str, Any] = {"sort": sort, "limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await org.admin.get(f"/v1/{plural}", params=given)).json()
            shown += [one["name"] for one in page["data"]]
            if (cursor := page["next"]) is None:
                return shown

    by_sound = ["阿宝", "Anna", "白", "Bob", "陈", "Émile", "张伟", "张玮", "章伟"]
    assert await names("name") == by_sound
    assert await names("-name") == by_sound[::-1]
    last = f"/v1/{plural}/{done['items'][0]['id']}"
    assert (await org.admin.patch(last, json={"name": "艾"}, headers={"If-Match": "*"})).status_code == 200
    assert await names("name") == ["阿宝", "艾", *by_sound[1:-1]]
    assert "name_key" not in (await org.admin.get(last)).text
    assert "name_key" not in (await org.admin.get(f"{last}/history")).text
