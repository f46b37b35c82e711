"""Imports over HTTP: a file is sent, its columns are told, and every row is accounted for."""

import asyncio
from typing import Any

from fastapi import FastAPI

from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
PEOPLE = """姓名,邮箱,手机,公司,标签,客户编号
张伟,Wei.Zhang@example.com,138 0013 8000,大华贸易,vip;老客户,C-1
李娜,li.na@example.com,13900139000,大华贸易,,C-2
Anna Novak,anna@novak.example,,,,C-3
"""


async def _sent(
    org: Organisation, text: str | bytes, name: str = "people.csv", **said: str
) -> dict[str, Any]:
    content = text.encode() if isinstance(text, str) else text
    answer = await org.admin.post("/v1/imports", params={"name": name, **said}, content=content)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _done(service: FastAPI, org: Organisation, one: dict[str, Any]) -> dict[str, Any]:
    here = f"/v1/imports/{one['id']}"
    started = await org.admin.post(f"{here}/start", headers=ANY)
    assert started.status_code == 202, started.text
    await work_off(service)
    run = (await org.admin.get(started.headers["location"])).json()
    assert run["status"] == "done", run
    found: dict[str, Any] = (await org.admin.get(here)).json()
    return found


async def test_a_file_becomes_contacts(service: FastAPI, org: Organisation):
    one = await _sent(org, PEOPLE)
    assert (one["target"], one["stage"]) == ("contact", "ready")
    assert one["mapping"] == {
        "姓名": "name", "邮箱": "email", "手机": "phone:mobile", "公司": "company", "标签": "tags",
        "客户编号": "external:import",
    }  # fmt: skip
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()
    assert [row["values"]["name"] for row in shown["rows"]] == ["张伟", "李娜", "Anna Novak"]
    assert shown["missing"] is None
    done = await _done(service, org, one)
    assert done["account"] == {
        "read": 3, "created": 3, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 0
    }  # fmt: skip
    wei = (await org.admin.get("/v1/contacts/by/import/C-1")).json()
    assert (wei["name"], wei["email"], wei["phone"], wei["tags"]) == (
        "张伟", "wei.zhang@example.com", "+8613800138000", ["vip", "老客户"]
    )  # fmt: skip
    li = (await org.admin.get("/v1/contacts/by/import/C-2")).json()
    assert wei["company_id"] == li["company_id"]
    assert (await org.admin.get(f"/v1/companies/{wei['company_id']}")).json()["name"] == "大华贸易"


async def test_a_file_sent_again_changes_nothing(service: FastAPI, org: Organisation):
    await _done(service, org, await _sent(org, PEOPLE))
    again = await _done(service, org, await _sent(org, PEOPLE))
    assert again["account"] == {
        "read": 3, "created": 0, "updated": 0, "unchanged": 3, "skipped": 0, "failed": 0
    }  # fmt: skip


async def test_of_parallel_edits_of_one_version_exactly_one_wins(org: Organisation):
    here = f"/v1/imports/{(await _sent(org, PEOPLE))['id']}"
    edits = [{"mode": mode} for mode in ("create", "update", "create", "update")]
    answers = await asyncio.gather(
        *(org.admin.patch(here, json=edit, headers={"If-Match": '"1"'}) for edit in edits)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_once_it_has_begun_it_cannot_be_read_in_another_way(service: FastAPI, org: Organisation):
    one = await _done(service, org, await _sent(org, PEOPLE))
    here = f"/v1/imports/{one['id']}"
    for refused in (
        await org.admin.patch(here, json={"mode": "create"}, headers=ANY),
        await org.admin.post(f"{here}/start", headers=ANY),
        await org.admin.post(f"{here}/try", headers=ANY),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "import_begun")


async def test_a_file_can_be_sent_for_trial_and_with_no_word_that_nobody_knows(org: Organisation):
    for dry_run, kept in (("true", 0), ("false", 1)):
        answer = await org.admin.post(
            "/v1/imports", params={"name": "people.csv", "dry_run": dry_run}, content=PEOPLE.encode()
        )
        assert answer.status_code == 201, answer.text
        assert (answer.headers.get("rapport-dry-run") == "true") is (kept == 0)
        assert len((await org.admin.get("/v1/imports")).json()["data"]) == kept
    refused = await org.admin.post("/v1/imports", params={"name": "x", "mood": "x"}, content=b"a\n1\n")
    assert (refused.status_code, "mood" in refused.text) == (422, True)
