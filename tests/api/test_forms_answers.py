"""What strangers send by a form: taken once, and never a way to learn or change what is known of somebody."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.domain.forms.tickets import MOST_SENT, OLDEST, WINDOW
from app.kit import clock
from tests.makers.forms import ASKS, WEI, address, body, contacts, interactions, made, ticket
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def test_a_stranger_becomes_a_contact_with_a_consent_and_an_interaction(
    org: Organisation, stranger: httpx.AsyncClient
):
    owner, _ = await org.user("li", "sales")
    form = await made(org, owner_id=str(owner))
    here = await address(org, form)
    answer = await stranger.post(here, json=await body(org, here, consent=True))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"thanks": None, "redirect_url": None}
    [wei] = await contacts(org)
    assert (wei["name"], wei["email"], wei["phone"]) == ("张伟", "wei.zhang@example.com", "+8613800138000")
    assert (wei["source"], wei["tags"], wei["owner_id"], wei["language"]) == (
        "tea fair",
        ["fair"],
        str(owner),
        "zh-CN",
    )
    assert [entry["city"] for entry in wei["addresses"]] == ["杭州"]
    assert wei["consented"] == ["marketing:email", "marketing:sms"]
    for said in wei["consents"]:
        assert (said["source"], said["evidence"], said["language"]) == ("form", "请向我发送资讯。", "zh")
        assert (said["form_id"], said["form_version"]) == (form["id"], form["version"])
        assert abs(datetime.fromisoformat(said["at"]) - clock.now()) < timedelta(minutes=1)
    [said] = await interactions(org)
    assert (said["kind"], said["direction"], said["contact_id"]) == ("form", "inbound", wei["id"])
    assert (said["subject"], said["owner_id"]) == ("保持联系", str(owner))
    assert "留言: 你好" in said["body"]
    assert "已同意：请向我发送资讯。" in said["body"]
    history = (await org.admin.get(f"/v1/contacts/{wei['id']}/history")).json()["data"]
    assert [event["type"] for event in history] == ["contact.consent_recorded", "contact.added"]
    for event in history:
        assert (event["actor_kind"], event["actor_id"], event["cause"]) == (
            "form",
            form["id"],
            f"form:{form['id']}",
        )


async def test_a_known_person_is_not_written_over(org: Organisation, stranger: httpx.AsyncClient):
    known = {
        "name": "Zhang Wei",
        "emails": [{"address": "wei.zhang@example.com", "label": "work"}],
        "phones": [{"number": "139 0013 9000"}],
        "addresses": [{"city": "北京"}],
        "tags": ["vip"],
        "stage": "customer",
    }
    before = (await org.admin.post("/v1/contacts", json=known)).json()
    here = await address(org, await made(org, owner_id=None))
    answers = WEI | {"job_title": "采购"}
    answer = await stranger.post(here, json=await body(org, here, answers))
    assert answer.status_code == 200, answer.text
    [after] = await contacts(org)
    assert after["id"] == before["id"]
    moved = {name for name in before if before[name] != after[name]} - {"version", "updated_at"}
    assert moved == {"phones", "tags", "job_title"}
    assert after["phones"][:1] == before["phones"]
    assert after["phones"][1] == {"number": "138 0013 8000", "label": "form", "e164": "+8613800138000"}
    assert after["tags"] == ["vip", "fair"]
    [said] = await interactions(org)
    assert "姓名: 张伟\n" in said["body"]
    assert "城市: 杭州\n" in said["body"]


async def test_who_was_known_and_who_was_not_get_one_answer(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org))
    answers = [await stranger.post(here, json=await body(org, here)) for _ in range(2)]
    assert len(await contacts(org)) == 1
    assert len(await interactions(org)) == 2
    [first, second] = answers
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers.keys() == second.headers.keys()


async def test_a_phone_finds_whom_no_address_finds(org: Organisation, stranger: httpx.AsyncClient):
    known = {"name": "张伟", "phones": [{"number": "+8613800138000"}]}
    before = (await org.admin.post("/v1/contacts", json=known)).json()
    here = await address(org, await made(org))
    await stranger.post(here, json=await body(org, here))
    [after] = await contacts(org)
    assert (after["id"], after["email"]) == (before["id"], "wei.zhang@example.com")


async def test_what_was_said_of_a_consent_before_counts(org: Organisation, stranger: httpx.AsyncClient):
    known = {"name": "张伟", "emails": [{"address": "wei.zhang@example.com"}]}
    id_ = (await org.admin.post("/v1/contacts", json=known)).json()["id"]
    said = {"purpose": "marketing", "channel": "email", "state": "withdrawn", "source": "phone"}
    await org.admin.post(f"/v1/contacts/{id_}/consents", json=said, headers=ANY)
    here = await address(org, await made(org))
    await stranger.post(here, json=await body(org, here, consent=True))
    [after] = await contacts(org)
    assert after["consented"] == ["marketing:sms"]
    assert [one["state"] for one in after["consents"] if one["channel"] == "email"] == ["withdrawn"]
    [told] = await interactions(org)
    assert "已同意：请向我发送资讯。" in told["body"]


async def test_the_same_form_twice_counts_once(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org))
    sent = await body(org, here, consent=True)
    answers = await asyncio.gather(*(stranger.post(here, json=sent) for _ in range(5)))
    answers.append(await stranger.post(here, json=sent))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert (len(await contacts(org)), len(await interactions(org))) == (1, 1)
    other = await stranger.post(here, json=sent | {"answers": WEI | {"message": "别的"}})
    assert (other.status_code, other.json()["code"]) == (409, "ticket_used")
    assert "提交过" in other.json()["detail"]


async def test_two_forms_of_one_stranger_at_one_moment_make_one_contact(
    org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    bodies = [await body(org, here) for _ in range(5)]
    answers = await asyncio.gather(*(stranger.post(here, json=one) for one in bodies))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert (len(await contacts(org)), len(await interactions(org))) == (1, 5)


async def test_what_falls_into_the_trap_is_thanked_and_not_kept(
    org: Organisation, api: httpx.AsyncClient, stranger: httpx.AsyncClient
):
    def counted(text: str) -> float:
        found = re.search(r'rapport_forms_total\{outcome="trapped"\} ([0-9.]+)', text)
        return float(found[1]) if found else 0.0

    here = await address(org, await made(org))
    before = counted((await api.get("/metrics")).text)
    caught = await stranger.post(here, json=await body(org, here, website="https://spam.example"))
    assert await contacts(org) == []
    assert counted((await api.get("/metrics")).text) == before + 1
    taken = await stranger.post(here, json=await body(org, here))
    assert (caught.status_code, caught.content) == (taken.status_code, taken.content)
    assert caught.headers.keys() == taken.headers.keys()


@pytest.mark.parametrize(
    ("age", "code", "status"),
    [
        (timedelta(seconds=1), "ticket_young", 409),
        (OLDEST + timedelta(seconds=1), "ticket_old", 409),
        (-timedelta(minutes=1), "ticket_invalid", 422),
    ],
)
async def test_a_ticket_is_good_for_a_day(
    age: timedelta, code: str, status: int, org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    late = await ticket(org, here, clock.now() - age)
    answer = await stranger.post(here, json=await body(org, here, ticket=late))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert re.search(r"[\u4e00-\u9fff]", answer.json()["detail"])
    english = await stranger.post(here, json=await body(org, here, ticket=late, language="en"))
    assert not re.search(r"[\u4e00-\u9fff]", english.json()["detail"])
    assert await contacts(org) == []


async def test_a_ticket_of_another_form_or_nobodys_is_refused(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org))
    good = await ticket(org, here)
    foreign = await ticket(org, await address(org, await made(org)))
    forged = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    for wrong in (foreign, forged, "", "x", "é", here.rpartition("/")[2]):
        answer = await stranger.post(here, json=await body(org, here, ticket=wrong))
        assert (answer.status_code, answer.json()["code"]) == (422, "ticket_invalid")
    assert await contacts(org) == []


async def test_too_many_of_one_neighbourhood_wait_and_others_do_not(
    org: Organisation, service: FastAPI, stranger: httpx.AsyncClient, owner: Any
):
    here, elsewhere = [await address(org, await made(org)) for _ in range(2)]
    sent = {"ticket": "x", "language": "zh", "answers": {}}
    codes = [(await stranger.post(here, json=sent)).status_code for _ in range(MOST_SENT)]
    assert set(codes) == {422}
    beside = httpx.ASGITransport(app=service, client=("203.0.113.250", 1))
    async with httpx.AsyncClient(transport=beside, base_url="http://test") as client:
        refused = await client.post(here, json=sent)
    assert (refused.status_code, refused.json()["code"]) == (429, "sent_too_often")
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW.total_seconds() + 1
    assert "提交过多" in refused.json()["detail"]
    assert (await stranger.post(elsewhere, json=sent)).status_code == 422
    far = httpx.ASGITransport(app=service, client=("2001:db8::1", 1))
    async with httpx.AsyncClient(transport=far, base_url="http://test") as client:
        assert (await client.post(here, json=await body(org, here))).status_code == 200
    async with owner.connection() as connection:
        kept = [row["address_hash"] for row in await connection.fetch("select address_hash from attempts")]
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in kept)


async def test_answers_are_judged_one_by_one_in_the_readers_language(
    org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org, consent=ASKS["consent"] | {"required": True}))
    wrong = {
        "email": "not one",
        "phone": "12",
        "city": "x" * 501,
        "message": "y" * 10_001,
        "stage": "customer",
    }
    answer = await stranger.post(here, json=await body(org, here, wrong))
    assert (answer.status_code, answer.json()["code"]) == (422, "answers_invalid")
    said = {fault["at"]: fault["detail"] for fault in answer.json()["errors"]}
    assert said == {
        "/answers/name": "请填写此项。",
        "/answers/email": "这不是有效的电子邮箱地址。",
        "/answers/phone": "这不是有效的电话号码；境外号码请以 + 和国家代码开头。",
        "/answers/city": "内容过长。",
        "/answers/message": "内容过长。",
        "/answers/stage": "此表单没有这个问题。",
        "/consent": "须同意此项方可提交。",
    }
    assert await contacts(org) == []


async def test_the_one_company_of_the_name_is_theirs(org: Organisation, stranger: httpx.AsyncClient):
    company = (await org.admin.post("/v1/companies", json={"name": "海蓝"})).json()["id"]
    asks = [*ASKS["questions"], {"path": "company", "label": {"zh": "公司"}}]
    here = await address(org, await made(org, questions=asks))
    await stranger.post(here, json=await body(org, here, WEI | {"company": "海蓝"}))
    await stranger.post(
        here, json=await body(org, here, {"name": "b", "email": "b@example.com", "company": "无"})
    )
    second, first = await contacts(org)
    assert (first["company_id"], second["company_id"]) == (company, None)
    assert "公司: 无" in (await interactions(org))[0]["body"]


async def test_a_company_is_theirs_however_its_name_is_written(
    org: Organisation, stranger: httpx.AsyncClient
):
    company = (await org.admin.post("/v1/companies", json={"name": "Acme Ltd"})).json()["id"]
    asks = [*ASKS["questions"], {"path": "company", "label": {"zh": "公司"}}]
    here = await address(org, await made(org, questions=asks))
    for number, name in enumerate(("ACME ltd", "Acme Ltd")):
        said = {"name": "b", "email": f"b{number}@example.com", "company": name}
        await stranger.post(here, json=await body(org, here, said))
    assert {one["company_id"] for one in await contacts(org)} == {company}


async def test_nothing_is_remembered_by_browsers_and_large_bodies_are_refused(
    org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    sent = await stranger.post(here, json=await body(org, here))
    for answer in (await stranger.get(here), await stranger.get(f"{here}/page"), sent):
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
    large = await stranger.post(here, json=await body(org, here, website="x" * 2**16))
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
