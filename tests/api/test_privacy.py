"""Erasing a person."""

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from app.db.engine import Database
from app.db.runs import start as start_run
from app.kit import json
from app.usecases import privacy
from app.usecases.privacy import redacted
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, work_off

SECRETS = ("zhangwei", "13800138000", "张伟", "采购", "erp-77", "糖尿病", "朝阳路", "1980-02-03", "chat-9")
PERSON = {
    "name": "张伟",
    "given_name": "伟",
    "family_name": "张",
    "emails": [{"address": "ZhangWei@Example.com"}],
    "phones": [{"number": "138 0013 8000"}, {"number": "13800138000"}],
    "addresses": [{"city": "北京", "street": "朝阳路 1 号"}],
    "job_title": "采购",
    "birth_date": "1980-02-03",
    "gender": "male",
    "tags": ["糖尿病"],
    "external_ids": {"erp": "erp-77"},
}
TABLES = ("contacts", "interactions", "events", "external_ids", "idempotency_keys", "runs", "tags", "users")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.text(min_size=1, max_size=2))
def test_what_is_redacted_holds_the_word_no_more_and_keeps_the_rest(value, word):
    after = redacted(value, [word])
    if word not in privacy.ERASED:
        assert word not in json.loads(json.dumps([*_texts(after), ""])) or word == ""
        assert all(word not in text for text in _texts(after))
    if all(word not in text for text in _texts(value)):
        assert after == value


def _texts(value) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for pair in value.items() for part in pair for text in _texts(part)]
        case list():
            return [text for part in value for text in _texts(part)]
        case _:
            return []


async def everything(owner: Database, org: Organisation) -> str:
    """Every row of the organisation, as text."""
    async with owner.connection() as connection:
        found = [
            await connection.fetchval(f"select json_agg(t)::text from {table} t where org_id = $1", org.id)  # noqa: S608 - the names above
            for table in TABLES
        ]
    return "\n".join(text or "" for text in found)


async def a_person(org: Organisation, interactions: int) -> str:
    """A contact with a history; its address."""
    made = await org.admin.post("/v1/contacts", json=PERSON, headers={"Idempotency-Key": "k1"})
    assert made.status_code == 201, made.text
    here = made.headers["location"]
    contact = made.json()["id"]
    edit = {"given_name": "张伟", "language": "zh-CN"}
    assert (await org.admin.patch(here, json=edit, headers={"If-Match": "*"})).status_code == 200
    said = {
        "purpose": "marketing",
        "channel": "email",
        "state": "granted",
        "source": "form",
        "evidence": "张伟 said so",
    }
    assert (await org.admin.post(f"{here}/consents", json=said, headers={"If-Match": "*"})).status_code == 200
    call = {
        "kind": "call",
        "at": "2026-03-02T10:30:00+08:00",
        "contact_id": contact,
        "subject": "张伟 called",
        "body": "from 13800138000",
        "page": "/me/zhangwei",
        "session": "chat-9",
    }
    items = [call | {"external_ids": {"pbx": f"erp-77-{i}"}} for i in range(interactions)]
    done = await org.admin.post("/v1/interactions/bulk", json={"items": items})
    assert done.json()["created"] == interactions, done.text
    one = await org.admin.post("/v1/interactions", json=call, headers={"Idempotency-Key": "k2"})
    assert one.status_code == 201
    return here


async def test_nothing_of_an_erased_person_is_left_anywhere(
    service: FastAPI, org: Organisation, owner: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(privacy, "BATCH", 4)
    here = await a_person(org, 10)
    async with await org.work() as uow:
        told = await start_run(uow, "tests.unheard_of", {"rows": [{"email": "zhangwei@example.com", "n": 1}]})
        await uow.commit()
    await org.admin.post(f"/v1/runs/{told}/cancel")
    before = await everything(owner, org)
    assert [secret for secret in SECRETS if secret not in before.lower()] == []

    asked = await org.admin.post(f"{here}/erase", headers={"Idempotency-Key": "k3"})
    assert asked.status_code == 202, asked.text
    refused = await org.admin.post(f"{here}/erase")
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_under_way")
    await work_off(service)
    run = (await org.admin.get(asked.headers["location"])).json()
    assert (run["status"], run["result"], run["error"]) == ("done", {"erased": 12}, None)

    after = await everything(owner, org)
    assert [secret for secret in SECRETS if secret in after.lower()] == []
    contact = (await org.admin.get(here)).json()
    assert (contact["name"], contact["emails"], contact["phones"], contact["external_ids"]) == (
        "erased",
        [],
        [],
        {},
    )
    assert contact["archived_at"]
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [event["type"] for event in history] == [
        *("contact.erased", "contact.consent_recorded", "contact.edited", "contact.added")
    ]
    assert all(event["after"] == {} for event in history)
    for words in ("张伟", "zhangwei", "8000"):
        assert (await org.admin.get("/v1/contacts", params={"q": words})).json()["data"] == []
    assert (await run_row(org, told))["params"] == {"rows": [{"email": "erased", "n": 1}]}


async def test_the_keys_of_an_erased_person_still_do_nothing_twice(service: FastAPI, org: Organisation):
    here = await a_person(org, 1)
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    again = await org.admin.post("/v1/contacts", json=PERSON, headers={"Idempotency-Key": "k1"})
    assert again.json() == {}
    both = await org.admin.post("/v1/contacts/count", json={"archived": None})
    assert both.json() == {"count": 1}


async def test_erasing_twice_changes_nothing_more(service: FastAPI, org: Organisation, owner: Database):
    here = await a_person(org, 3)
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    first = (await org.admin.get(here)).json()
    count = await _events(owner, org)
    asked = await org.admin.post(f"{here}/erase")
    await work_off(service)
    assert (await org.admin.get(asked.headers["location"])).json()["result"] == {"erased": 0}
    assert (await org.admin.get(here)).json() == first
    assert await _events(owner, org) == count


async def _events(owner: Database, org: Organisation) -> int:
    async with owner.connection() as connection:
        return await connection.fetchval(
            "select count(*) from events where org_id = $1 and noun <> 'run'", org.id
        )


async def test_others_keep_what_is_theirs(service: FastAPI, org: Organisation, other: Organisation):
    here = await a_person(org, 1)
    theirs = await a_person(other, 1)
    beside = (await org.admin.post("/v1/contacts", json={"name": "张伟强"})).headers["location"]
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    assert (await org.admin.get(beside)).json()["name"] == "张伟强"
    kept = (await other.admin.get(theirs)).json()
    assert (kept["name"], kept["version"]) == ("张伟", 3)
    history = (await other.admin.get(f"{theirs}/history")).json()["data"]
    assert all(event["after"] for event in history)


async def test_the_app_cannot_reach_into_another_tenants_log(org: Organisation, other: Organisation):
    theirs = await a_person(other, 1)
    contact = (await other.admin.get(theirs)).json()["id"]
    async with await org.work() as uow:
        assert await uow.fetchval("select rapport_scrub(array[$1::uuid])", contact) == 0
        await uow.commit()


async def test_answers_that_show_other_records_stay(service: FastAPI, org: Organisation):
    here = await a_person(org, 1)
    order = {
        "number": "SO-1",
        "currency": "CNY",
        "placed_at": "2026-03-01T10:30:00+08:00",
        "contact_id": here.rpartition("/")[2],
    }
    first = await org.admin.post("/v1/orders", json=order, headers={"Idempotency-Key": "k9"})
    assert first.status_code == 201, first.text
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    again = await org.admin.post("/v1/orders", json=order, headers={"Idempotency-Key": "k9"})
    assert (again.status_code, again.json()) == (201, first.json())
