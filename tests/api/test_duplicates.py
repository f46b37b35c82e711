"""Duplicates over HTTP: found by a run, shown with their reasons to who sees them all, dismissed and merged."""

import asyncio
import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from fastapi import FastAPI

from app.analytics.duplicates.linking import Records
from app.db import duplicates
from app.domain.errors import RuleBroken
from app.jobs.base import do_batch
from app.jobs.duplicates import find_night
from app.kit import clock
from app.usecases.duplicates import finding, merging
from tests.makers.organisations import Organisation
from tests.makers.work import run_row, work_off

ANY = {"If-Match": "*"}
Body = dict[str, Any]
WEI: list[Body] = [
    {"name": "张伟", "phones": [{"number": "13800138000"}], "birth_date": "1990-03-04", "job_title": "经理"},
    {"name": "Wei Zhang", "phones": [{"number": "13800138000"}], "birth_date": "1990-03-04"},
]
EVA: list[Body] = [
    {"name": "Eva Novak", "emails": [{"address": "eva@novak.example"}], "birth_date": "1985-01-02"},
    {"name": "Novak Eva", "emails": [{"address": "EVA@novak.example"}], "birth_date": "1985-01-02"},
]


async def add(org: Organisation, *bodies: Body) -> list[Body]:
    made = []
    for body in bodies:
        answer = await org.admin.post("/v1/contacts", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json())
    return made


async def find(service: FastAPI, org: Organisation, **said: Any) -> Body:
    asked = await org.admin.post("/v1/duplicates/find", json=said)
    assert asked.status_code == 202, asked.text
    run: Body = {"status": "queued"}
    async with asyncio.timeout(240):
        while run["status"] in {
            "queued",
            "running",
        }:  # it waits for a minute where it meets another one's search
            await work_off(service, seconds=240)
            run = (await org.admin.get(asked.headers["location"])).json()
            await asyncio.sleep(0.05)
    assert run["status"] == "done", run
    return run


async def found(org: Organisation, **said: Any) -> list[Body]:
    answer = await org.admin.get("/v1/duplicates", params={"status": "open", **said})
    assert answer.status_code == 200, answer.text
    listed: list[Body] = answer.json()["data"]
    return listed


def people(one: Body) -> set[str]:
    return {member["member_id"] for member in one["members"]}


async def test_a_search_finds_them_and_says_why(service: FastAPI, org: Organisation):
    wei, eva = await add(org, *WEI), await add(org, *EVA)
    await add(org, {"name": "Somebody Else", "emails": [{"address": "else@else.example"}]})
    run = await find(service, org)
    assert (run["result"]["found"], run["result"]["looked"]) == (2, 5)
    listed = await found(org)
    assert sorted(map(people, listed), key=sorted) == sorted(
        ({one["id"] for one in pair} for pair in (wei, eva)), key=sorted
    )
    [shown] = [
        (await org.admin.get(f"/v1/duplicates/{one['id']}")).json()
        for one in listed
        if people(one) == {one["id"] for one in wei}
    ]
    [pair] = shown["pairs"]
    reasons = {one["field"]: one for one in pair["reasons"]}
    assert reasons["name"]["level"] == "same_sound"
    assert (reasons["phone"]["en"], reasons["phone"]["zh"]) == ("The phone number is the same.", "电话相同。")
    assert shown["suggestion"]["survivor_id"] == wei[0]["id"]
    assert {one["id"] for one in shown["contacts"]} == {one["id"] for one in wei}


async def test_the_next_search_looks_at_what_is_new_and_finds_nothing_twice(
    service: FastAPI, org: Organisation
):
    await add(org, *WEI, *EVA)
    await find(service, org)
    before = await found(org)
    async with await org.work() as uow:
        await uow.execute(
            "update contacts set updated_at = updated_at - interval '1 day' where org_id = $1", org.id
        )
        await uow.commit()
    third = await add(org, {**WEI[0], "name": "张薇"})
    run = await find(service, org)
    assert (run["result"]["whole"], run["result"]["fresh"], run["result"]["looked"]) == (False, 1, 5)
    after = await found(org)
    assert [one for one in before if one in after] == [
        one for one in before if one["size"] == 2 and one in after
    ]
    [three] = [one for one in after if one["size"] == 3]
    assert third[0]["id"] in people(three)
    assert len(after) == 2
    run = await find(service, org, whole=True)
    assert (run["result"]["found"], run["result"]["archived"]) == (0, 0)


async def test_what_is_dismissed_comes_back_only_when_it_changes(service: FastAPI, org: Organisation):
    wei = await add(org, *WEI)
    await find(service, org)
    [one] = await found(org)
    answer = await org.admin.post(f"/v1/duplicates/{one['id']}/dismiss", headers=ANY)
    assert answer.json()["status"] == "dismissed"
    again = await org.admin.post(f"/v1/duplicates/{one['id']}/dismiss", headers=ANY)
    assert again.json()["code"] == "status_not_allowed"
    await find(service, org, whole=True)
    assert await found(org) == []
    changed = {"emails": [{"address": "wei@zhang.example"}]}
    await org.admin.patch(f"/v1/contacts/{wei[0]['id']}", json=changed, headers=ANY)
    await find(service, org, whole=True)
    [back] = await found(org)
    assert people(back) == {one["id"] for one in wei}


async def test_who_does_not_see_all_of_them_sees_nothing_of_it(service: FastAPI, org: Organisation):
    me, mine = await org.user("mine", "sales")
    await add(org, *({**body, "owner_id": str(me)} for body in EVA))
    await add(org, WEI[0], {**WEI[1], "owner_id": str(me)})
    await find(service, org)
    [eva] = (await mine.get("/v1/duplicates")).json()["data"]
    [wei] = [one for one in await found(org) if one["id"] != eva["id"]]
    assert (await mine.post("/v1/duplicates/count", json={})).json() == {"count": 1}
    for method, tail, body in (
        ("GET", "", None),
        ("POST", "/dismiss", None),
        ("POST", "/merge", {}),
        ("GET", "/history", None),
    ):
        answer = await mine.request(method, f"/v1/duplicates/{wei['id']}{tail}", json=body, headers=ANY)
        assert answer.status_code == 404, (method, tail)
    assert (await mine.get(f"/v1/duplicates/{eva['id']}")).status_code == 200


async def test_a_hidden_field_is_no_reason(service: FastAPI, org: Organisation):
    _, blind = await org.user("blind", "sales")
    await org.role(
        "narrow",
        scopes=["contacts:read", "duplicates:read"],
        sight={"*": "all"},
        read={"contact": ["name"], "duplicate": ["*"]},
    )
    _, blind = await org.user("blind", "narrow")
    await add(org, *WEI)
    await find(service, org)
    [one] = await found(org)
    answer = await blind.get(f"/v1/duplicates/{one['id']}")
    assert answer.status_code == 200, answer.text
    assert "13800138000" not in answer.text
    assert "1990" not in answer.text
    assert [reason["field"] for pair in answer.json()["pairs"] for reason in pair["reasons"]] == []
    assert answer.json()["suggestion"]["values"].keys() <= {"name"}


async def test_scores_are_for_who_may_read_all_that_is_compared(service: FastAPI, org: Organisation):
    await org.role(
        "narrow",
        scopes=["contacts:read", "duplicates:read"],
        sight={"*": "all"},
        read={"contact": ["name", "given_name", "family_name", "emails", "phones"], "duplicate": ["*"]},
    )
    _, blind = await org.user("blind", "narrow")
    await add(org, *WEI)
    await find(service, org)
    [one] = (await blind.get("/v1/duplicates")).json()["data"]
    shown = (await blind.get(f"/v1/duplicates/{one['id']}")).json()
    past = (await blind.get(f"/v1/duplicates/{one['id']}/history")).text
    assert "score" not in one.keys() | shown.keys()
    assert "score" not in past
    assert [pair["score"] for pair in shown["pairs"]] == [None]
    least = {"field": "score", "op": "gte", "value": "0.5"}
    for method, said in (
        ("GET", {"params": {"sort": "-score"}}),
        ("GET", {"params": {"fields": "score"}}),
        ("POST", {"json": {"where": least}}),
    ):
        tail = "/search" if method == "POST" else ""
        answer = await blind.request(method, f"/v1/duplicates{tail}", **said)
        assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), answer.text
    whole = (await org.admin.get(f"/v1/duplicates/{one['id']}")).json()
    assert (whole["score"], whole["pairs"][0]["score"]) == ("1.0000", "1.0")


async def test_an_identifying_field_is_named_by_the_administrator(service: FastAPI, org: Organisation):
    said = {"noun": "contact", "key": "passport", "kind": "text", "label": "Passport"}
    await org.admin.post("/v1/custom_fields", json=said)
    twins = [
        {"name": "Ann Lee", "custom": {"passport": "E1234567"}},
        {"name": "Anna Leigh", "custom": {"passport": "E1234567"}},
    ]
    await add(org, *twins)
    await find(service, org)
    before = len(await found(org))
    here = "/v1/duplicates/settings"
    refused = await org.admin.patch(here, json={"identifying": ["nothing"]}, headers=ANY)
    assert refused.json()["code"] == "custom_field_unknown"
    told = await org.admin.patch(here, json={"identifying": ["passport"]}, headers=ANY)
    assert told.json()["identifying"] == ["passport"]
    run = await find(service, org)
    assert run["result"]["whole"]
    assert (before, len(await found(org))) == (0, 1)


async def test_one_identifying_field_of_several_is_enough(service: FastAPI, org: Organisation):
    for key in ("passport", "licence"):
        await org.admin.post(
            "/v1/custom_fields", json={"noun": "contact", "key": key, "kind": "text", "label": key}
        )
    said = {"identifying": ["passport", "licence"]}
    await org.admin.patch("/v1/duplicates/settings", json=said, headers=ANY)
    await add(
        org,
        {"name": "Ann Lee", "custom": {"passport": "E1234567", "licence": "L9"}},
        {"name": "Anna Leigh", "custom": {"licence": "L9"}},
    )
    await find(service, org)
    assert [one["size"] for one in await found(org)] == [2]


async def test_who_was_said_to_be_two_is_not_brought_together_by_a_third(service: FastAPI, org: Organisation):
    wei = await add(org, *WEI)
    await find(service, org)
    [one] = await found(org)
    await org.admin.post(f"/v1/duplicates/{one['id']}/dismiss", headers=ANY)
    await add(org, {**WEI[0], "name": "张薇"})
    await find(service, org)
    [pair] = await found(org)
    assert pair["size"] == 2
    assert people(pair) != {each["id"] for each in wei}


@pytest.mark.parametrize("way", ["erase", "merge"])
async def test_who_remains_stays_found(service: FastAPI, org: Organisation, way: str):
    three = await add(org, *WEI, {**WEI[0], "name": "张薇"})
    await find(service, org)
    [one] = await found(org)
    assert one["size"] == 3
    async with await org.work() as uow:
        await uow.execute(
            "update contacts set updated_at = updated_at - interval '1 day' where org_id = $1", org.id
        )
        await uow.commit()
    first, *others = three
    if way == "erase":
        await org.admin.post(f"/v1/contacts/{first['id']}/erase")
        await work_off(service)
    else:
        fourth = (await add(org, {"name": "Wei"}))[0]
        said = {"others": [first["id"]]}
        await org.admin.post(f"/v1/contacts/{fourth['id']}/merge", json=said, headers=ANY)
    [rest] = await found(org)
    assert people(rest) == {each["id"] for each in others}
    await find(service, org)
    assert {each["id"] for each in others} <= people((await found(org))[0])


async def test_one_search_at_a_time(service: FastAPI, org: Organisation):
    first = await org.admin.post("/v1/duplicates/find", json={})
    second = await org.admin.post("/v1/duplicates/find", json={})
    assert (first.status_code, second.json()["code"]) == (202, "search_under_way")
    await work_off(service)


async def test_the_night_begins_a_search_where_something_has_changed(service: FastAPI, org: Organisation):
    async def searches() -> int:
        async with await org.work() as uow:
            await find_night(uow, clock.now())
            await uow.commit()
        await work_off(service, seconds=240)
        listed = (await org.admin.get("/v1/runs", params={"kind": "duplicates.find"})).json()["data"]
        assert {run["status"] for run in listed} <= {"done"}
        return len(listed)

    assert await searches() == 0
    await add(org, *WEI)
    assert await searches() == 1
    assert len(await found(org)) == 1
    async with await org.work() as uow:
        await uow.execute(
            "update contacts set updated_at = updated_at - interval '1 day' where org_id = $1", org.id
        )
        await uow.commit()
    assert await searches() == 1
    await add(org, *EVA)
    refused = await org.admin.patch(
        "/v1/duplicates/settings", json={"nightly": False}, headers={"If-Match": "*"}
    )
    assert refused.status_code == 200, refused.text
    assert await searches() == 1


async def test_what_is_sure_is_merged_by_itself_when_the_organisation_says_so(
    service: FastAPI, org: Organisation
):
    wei = await add(org, *WEI)
    said = {"auto_merge_at": "0.95"}
    told = await org.admin.patch("/v1/duplicates/settings", json=said, headers=ANY)
    assert told.json()["auto_merge_at"] == "0.9500"
    run = await find(service, org)
    assert run["result"]["merged"] == 1
    left = (await org.admin.get("/v1/contacts")).json()["data"]
    assert [one["id"] for one in left] == [wei[0]["id"]]
    [one] = await found(org, status="merged")
    undone = await org.admin.post(f"/v1/merges/{one['merge_id']}/undo")
    assert undone.status_code == 200, undone.text
    run = await find(service, org, whole=True)
    assert (run["result"]["found"], run["result"]["merged"]) == (0, 0)


async def test_what_is_sure_is_merged_in_batches_that_go_past_what_is_refused(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(finding, "MERGED", 1)
    wei, eva = await add(org, *WEI), await add(org, *EVA)
    await org.admin.patch("/v1/duplicates/settings", json={"auto_merge_at": "0.95"}, headers=ANY)
    first = min((wei[0]["id"], eva[0]["id"]))
    merge = merging.merge_found

    async def refusing(uow: Any, one: Any, *rest: Any, **more: Any) -> Any:
        if UUID(first) in await duplicates.members(uow, [one]):
            await uow.execute("update contacts set name = 'half' where org_id = $1", org.id)
            raise RuleBroken("archived", "No.")
        return await merge(uow, one, *rest, **more)

    monkeypatch.setattr(merging, "merge_found", refusing)
    run = await find(service, org)
    assert (run["result"]["found"], run["result"]["merged"]) == (2, 1)
    [left] = await found(org)
    assert first in people(left)
    names = {one["name"] for one in (await org.admin.get("/v1/contacts")).json()["data"]}
    assert "half" not in names


async def cancelled(org: Organisation, run: UUID) -> None:
    """Or whoever works off what is due after this would search for it, too, and nobody else could meanwhile."""
    assert (await org.admin.post(f"/v1/runs/{run}/cancel")).status_code == 200


async def test_a_search_gives_its_turn_back_while_another_computes(org: Organisation):
    asked = await org.admin.post("/v1/duplicates/find", json={})
    run = UUID(asked.headers["location"].rpartition("/")[2])
    async with finding._ONE:
        async with asyncio.timeout(5):
            assert await do_batch(org.database, org.id, run) is None
    told = (await org.admin.get(asked.headers["location"])).json()
    assert told["status"] == "running"
    assert datetime.fromisoformat(told["due_at"]) > clock.now() + timedelta(seconds=30)
    await cancelled(org, run)


@pytest.mark.parametrize("value", ["2", "0.12345", "x", "-1"])
async def test_a_probability_is_one(org: Organisation, value: str):
    said = {"auto_merge_at": value}
    answer = await org.admin.patch("/v1/duplicates/settings", json=said, headers=ANY)
    assert answer.status_code == 422


async def test_a_worker_that_is_stopped_while_it_reads_hands_the_search_back(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    begun, add = threading.Event(), Records.add

    def slowly(self: Records, features: pa.Table) -> None:
        add(self, features)
        begun.set()
        self._connection.execute("select sum(hash(x)) from range(100000000000) t(x)").fetchall()

    monkeypatch.setattr(Records, "add", slowly)
    await org.admin.post("/v1/contacts", json={"name": "Anna"})
    asked = await org.admin.post("/v1/duplicates/find", json={})
    run = UUID(asked.headers["location"].rpartition("/")[2])
    working = asyncio.create_task(do_batch(org.database, org.id, run))
    await asyncio.to_thread(begun.wait, 30)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    row = await run_row(org, run)
    assert (row["attempts"], row["error"], row["lease"]) == (0, None, None)
    await cancelled(org, run)
