"""Erasing a person."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.contacts import CONTACTS
from app.db.engine import Database
from app.db.interactions import INTERACTIONS
from app.db.runs import start as start_run
from app.db.uow import UnitOfWork
from app.jobs.base import do_batch
from app.usecases import plain, privacy
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, until, work_off

SECRETS = (
    "zhangwei",
    "13800138000",
    "张伟",
    "采购",
    "erp-77",
    "糖尿病",
    "朝阳路",
    "1980-02-03",
    "chat-9",
    "刻字",
)
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
ORDER = {
    "currency": "CNY",
    "placed_at": "2026-03-01T10:30:00+08:00",
    "lines": [
        {"description": "刻字：张伟", "quantity": "2", "unit_price": "9.5"},
        {"quantity": "1", "unit_price": "1"},
    ],
    "tags": ["糖尿病"],
    "custom": {"gift_to": "zhangwei"},
}
ANY = {"If-Match": "*"}
TABLES = (
    "contacts",
    "interactions",
    "orders",
    "order_lines",
    "deals",
    "deal_competitors",
    "deal_lines",
    "deal_moves",
    "events",
    "external_ids",
    "idempotency_keys",
    "runs",
    "tags",
    "users",
)


async def everything(owner: Database, org: Organisation) -> str:
    """Every row of the organisation, as text."""
    async with owner.connection() as connection:
        found = [
            await connection.fetchval(f"select json_agg(t)::text from {table} t where org_id = $1", org.id)  # noqa: S608 - the names above
            for table in TABLES
        ]
    return "\n".join(text or "" for text in found)


def order(number: int, contact: str) -> dict:
    """An order of a contact, with free text about them."""
    return ORDER | {"number": f"SO-{number}", "contact_id": contact, "external_ids": {"shop": f"{number}"}}


async def a_deal(org: Organisation, contact: str) -> dict[str, Any]:
    """A lost deal of a contact, with free text about them everywhere."""
    assert (await org.admin.post("/v1/pipelines", json={"template": "b2b"})).status_code == 201
    rival = (await org.admin.post("/v1/competitors", json={"name": "Rival"})).json()["id"]
    deal = {
        "competitors": [{"competitor_id": rival, "note": "张伟 knows them"}],
        "name": "张伟 采购",
        "currency": "CNY",
        "contact_id": contact,
        "lines": [{"description": "刻字：张伟", "quantity": "1", "unit_price": "9.5"}],
        "next_step": "call 13800138000",
        "tags": ["糖尿病"],
    }
    made = await org.admin.post("/v1/deals", json=deal, headers={"Idempotency-Key": "d1"})
    assert made.status_code == 201, made.text
    lost = {"reason": "张伟 left", "why": "zhangwei said so"}
    answer = await org.admin.post(f"/v1/deals/{made.json()['id']}/lose", json=lost, headers=ANY)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def a_person(org: Organisation, interactions: int, orders: int = 0) -> str:
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
    if orders:
        gift = {"noun": "order", "key": "gift_to", "kind": "text", "label": "Gift to"}
        assert (await org.admin.post("/v1/custom_fields", json=gift)).status_code == 201
    for number in range(orders):
        bought = await org.admin.post(
            "/v1/orders",
            json=order(number, contact),
            headers={"Idempotency-Key": f"o{number}"},
        )
        assert bought.status_code == 201, bought.text
    return here


async def test_nothing_of_an_erased_person_is_left_anywhere(
    service: FastAPI, org: Organisation, owner: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(privacy, "BATCH", 4)
    here = await a_person(org, 10, orders=5)
    lost = await a_deal(org, here.rpartition("/")[2])
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
    assert (run["status"], run["result"], run["error"]) == ("done", {"erased": 18}, None)

    after = await everything(owner, org)
    assert [secret for secret in SECRETS if secret in after.lower()] == []
    deal = (await org.admin.get(f"/v1/deals/{lost['id']}")).json()
    free: dict[str, Any] = {"name": "erased", "next_step": None, "lost_reason": "erased", "tags": []}
    assert {name: deal[name] for name in free} == free
    assert (deal["stage"], deal["amount"], deal["lines"][0]["description"]) == ("lost", "9.5000", "erased")
    assert [one["note"] for one in deal["competitors"]] == ["erased"]
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


async def test_the_orders_of_an_erased_person_keep_their_money(service: FastAPI, org: Organisation):
    here = await a_person(org, 1, orders=1)
    mine = (await org.admin.get("/v1/orders")).json()["data"][0]
    its = f"/v1/orders/{mine['id']}"
    paid = (await org.admin.post(f"{its}/pay", json={}, headers=ANY)).json()
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    kept = (await org.admin.get(its)).json()
    free = {"version", "updated_at", "tags", "custom", "lines"}
    assert {k: v for k, v in kept.items() if k not in free} == {
        k: v for k, v in paid.items() if k not in free
    }
    assert (kept["tags"], kept["custom"], kept["external_ids"]) == ([], {}, {"shop": "0"})
    assert [line["description"] for line in kept["lines"]] == ["erased", None]
    money = [{k: v for k, v in line.items() if k not in {"id", "description"}} for line in mine["lines"]]
    assert [{k: line[k] for k in money[0]} for line in kept["lines"]] == money
    history = (await org.admin.get(f"{its}/history")).json()["data"]
    assert [event["type"] for event in history] == ["order.erased", "order.paid", "order.added"]
    assert history[2]["after"]["total"] == "20.0000"
    assert history[1]["after"]["status"] == "paid"
    refund = await org.admin.post(f"{its}/refund", json={}, headers=ANY)
    assert refund.json()["refunded"] == "20.0000"
    again = await org.admin.post(
        "/v1/orders",
        json=order(0, here.rpartition("/")[2]),
        headers={"Idempotency-Key": "o0"},
    )
    assert (again.status_code, again.json()) == (201, {})


async def test_the_keys_of_an_erased_person_still_do_nothing_twice(service: FastAPI, org: Organisation):
    here = await a_person(org, 1)
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    again = await org.admin.post("/v1/contacts", json=PERSON, headers={"Idempotency-Key": "k1"})
    assert again.json() == {}
    both = await org.admin.post("/v1/contacts/count", json={"archived": None})
    assert both.json() == {"count": 1}


async def test_erasing_twice_changes_nothing_more(service: FastAPI, org: Organisation, owner: Database):
    here = await a_person(org, 3, orders=2)
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
        assert await uow.fetchval("select rapport_scrub(array[$1::uuid], null)", contact) == 0
        await uow.commit()


async def test_answers_that_show_other_records_stay(service: FastAPI, org: Organisation):
    here = await a_person(org, 1)
    other = {"number": "SO-1", "currency": "CNY", "placed_at": "2026-03-01T10:30:00+08:00"}
    first = await org.admin.post("/v1/orders", json=other, headers={"Idempotency-Key": "k9"})
    assert first.status_code == 201, first.text
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    again = await org.admin.post("/v1/orders", json=other, headers={"Idempotency-Key": "k9"})
    assert (again.status_code, again.json()) == (201, first.json())


async def an_ended_run(org: Organisation, params: dict[str, Any]) -> UUID:
    """A run that was cancelled before it began."""
    async with await org.work() as uow:
        run = await start_run(uow, "tests.unheard_of", params)
        await uow.commit()
    assert (await org.admin.post(f"/v1/runs/{run}/cancel")).status_code == 200
    return run


async def test_what_was_typed_for_want_of_an_address_ruins_no_run(service: FastAPI, org: Organisation):
    unknown = {"name": "阿", "emails": [{"address": "a"}, {"address": "?"}], "phones": [{"number": "1"}]}
    here = (await org.admin.post("/v1/contacts", json=unknown)).headers["location"]
    params = {"tag_id": "01a2", "old": "a?", "new": "1"}
    run = await an_ended_run(org, params)
    before = (await org.admin.get(f"/v1/runs/{run}")).json()
    await org.admin.post(f"{here}/erase")
    await work_off(service)
    assert (await org.admin.get(f"/v1/runs/{run}")).json() == before
    assert before["params"] == params
    history = (await org.admin.get(f"/v1/runs/{run}/history")).json()["data"]
    assert history[-1]["after"]["params"] == params


async def test_all_ended_runs_are_looked_through_for_what_was_typed_too(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(privacy, "BATCH", 2)
    person = {"name": "张伟", "phones": [{"number": "138 0013 8000"}], "emails": [{"address": "wei at@cn"}]}
    here = (await org.admin.post("/v1/contacts", json=person)).headers["location"]
    kept = [{"n": number} for number in range(3)]
    told: list[dict[str, Any]] = [
        {"note": "call 138 0013 8000"},
        *kept,
        {"wei at@cn": ["wei at@cn"]},
        {"note": "+8613800138000"},
    ]
    runs = [await an_ended_run(org, params) for params in told]
    asked = await org.admin.post(f"{here}/erase")
    await work_off(service)
    assert (await org.admin.get(asked.headers["location"])).json()["status"] == "done"
    after = [(await run_row(org, run))["params"] for run in runs]
    assert after == [{"note": "erased"}, *kept, {"wei at@cn": ["erased"]}, {"note": "erased"}]


async def test_what_is_written_while_the_erasure_goes_by_is_erased_too(service: FastAPI, org: Organisation):
    here = await a_person(org, 1)
    contact = UUID(here.rpartition("/")[2])
    older = UUID(
        (
            await org.admin.post("/v1/interactions", json={"kind": "call", "at": "2026-01-01T00:00:00Z"})
        ).json()["id"]
    )
    said = {"subject": "张伟 called", "body": "from 13800138000"}
    asked = (await org.admin.post(f"{here}/erase")).json()
    run = UUID(asked["id"])
    # By hand: the person, then what hangs on them, which is all of the first pass.
    assert await do_batch(org.database, org.id, run)
    async with await org.work() as uow:
        await plain.edit(uow, INTERACTIONS, older, {"contact_id": contact, **said}, version=None)
        while (await run_row(org, run))["checkpoint"]["noun"] != CONTACTS.name:
            assert await do_batch(org.database, org.id, run)
        working = asyncio.create_task(work_off(service))
        await until(lambda: _somebody_waits(uow))
        await uow.commit()
    await working
    assert (await org.admin.get(f"/v1/runs/{run}")).json()["status"] == "done"
    found = (await org.admin.get(f"/v1/interactions/{older}")).json()
    assert (found["contact_id"], found["subject"], found["body"]) == (str(contact), None, None)
    history = (await org.admin.get(f"/v1/interactions/{older}/history")).json()["data"]
    assert [event["after"] for event in history] == [{}] * 3


async def _somebody_waits(uow: UnitOfWork) -> bool:
    return bool(await uow.fetchval("select exists (select from pg_locks where not granted)"))
