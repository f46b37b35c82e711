"""A change of access counts at the very next request, whatever the service remembers of the one before."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db import write
from app.db.api_keys import API_KEYS
from app.db.nouns import Noun
from app.db.teams import TEAMS
from app.db.users import USERS
from tests.leaks.world import ANY, World
from tests.makers.organisations import Organisation

_ALL = {"scopes": ["*"], "sight": {"*": "all"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
WRITE: dict[str, Any] = {"json": {"tags": []}, "headers": ANY, "params": {"dry_run": "true"}}


@pytest.fixture
async def boss(world: World) -> httpx.AsyncClient:
    """Somebody who saw everything a moment ago, by a role made for them."""
    name = f"whole {len(world.org.roles)}"
    await world.org.role(name, **_ALL)
    await world.give(("boss",), name)
    world.org.roles["whole now"] = world.org.roles[name]
    assert (await world.clients["boss"].get("/v1/contacts")).status_code == 200
    return world.clients["boss"]


async def _change(org: Organisation, noun: Noun, id_: UUID, **values: object) -> None:
    async with await org.work() as uow:
        rows = await write.locked(uow, noun, [id_])
        await write.change(uow, noun, [(row, values) for row in rows.values()], f"{noun.name}.edited")
        await uow.commit()


def _asked(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    contact, company = world.of("contact")[0], world.of("company")[0]
    here = f"/v1/contacts/{contact.id}"
    return [
        ("GET", "/v1/contacts", {}),
        ("GET", here, {}),
        ("GET", f"{here}/history", {}),
        ("GET", f"{here}/timeline", {}),
        ("GET", f"{here}/summary", {}),
        ("GET", f"/v1/contacts/by/erp/{contact.external}", {}),
        ("GET", f"/v1/companies/{company.id}/contacts", {}),
        ("POST", "/v1/contacts/search", {"json": {}}),
        ("POST", "/v1/contacts/count", {"json": {}}),
        ("PATCH", here, WRITE),
        (
            "POST",
            "/v1/contacts/bulk",
            {"json": {"items": [{"id": contact.id, "tags": []}]}, "params": {"dry_run": "true"}},
        ),
    ]


@pytest.mark.parametrize("number", range(11))
async def test_a_scope_taken_away_closes_the_next_request(world: World, boss: httpx.AsyncClient, number: int):
    await world.redefine("whole now", scopes=["companies:read"])
    method, url, more = _asked(world)[number]
    answer = await boss.request(method, url, **more)
    assert answer.status_code == 403, (url, answer.text)


async def test_a_scope_taken_away_leaves_the_event_log(world: World, boss: httpx.AsyncClient):
    assert (await boss.get("/v1/events", params={"noun": "contact"})).json()["data"]
    await world.redefine("whole now", scopes=["companies:read", "events:read"])
    assert (await boss.get("/v1/events", params={"noun": "contact"})).json()["data"] == []


async def test_a_scope_taken_away_leaves_the_search_box(world: World, boss: httpx.AsyncClient):
    word = (await world.org.admin.get(f"/v1/contacts/{world.of('contact')[0].id}")).json()["name"]
    assert len((await boss.get("/v1/search", params={"q": word})).json()["data"]) == 1
    await world.redefine("whole now", scopes=["companies:read", "events:read"])
    assert (await boss.get("/v1/search", params={"q": word})).json()["data"] == []


@pytest.mark.parametrize("before", [{"scopes": []}, {"read": {"contact": []}}])
async def test_what_is_opened_is_open_at_the_next_request(
    world: World, boss: httpx.AsyncClient, before: dict[str, Any]
):
    await world.redefine("whole now", **before)
    asked: dict[str, Any] = {"params": {"sort": "name"}}
    assert (await boss.get("/v1/contacts", **asked)).status_code == 403
    await world.redefine("whole now", **_ALL)
    assert (await boss.get("/v1/contacts", **asked)).status_code == 200


@pytest.mark.parametrize("number", range(11))
async def test_a_narrowed_sight_closes_the_next_request(world: World, boss: httpx.AsyncClient, number: int):
    await world.redefine("whole now", sight={"company": "all"})
    method, url, more = _asked(world)[number]
    contact = world.of("contact")[1]
    first = world.of("contact")[0]
    assert (contact.owner, first.owner) == ("child", "boss")
    url = url.replace(first.id, contact.id).replace(first.external, contact.external)
    url = url.replace(world.of("company")[0].id, world.of("company")[1].id)
    if "bulk" in url:
        more = {**more, "json": {"items": [{"id": contact.id, "tags": []}]}}
    answer = await boss.request(method, url, **more)
    planted = world.canaries.found(answer.text)
    held = {h.record for value in planted for h in world.canaries.holders[value]}
    assert contact.key not in held or contact.id in url or "bulk" in url, (url, answer.text)
    assert answer.status_code in {200, 404}
    if contact.id in url:
        assert answer.status_code == 404, (url, answer.text)
    if url.endswith("/count"):
        assert answer.json() == {"count": 1}


async def test_a_field_hidden_hides_at_the_next_request(world: World, boss: httpx.AsyncClient):
    here = f"/v1/contacts/{world.of('contact')[0].id}"
    for url in (here, "/v1/contacts", f"{here}/history"):
        await world.redefine("whole now", read={"*": ["*"]})
        before = (await boss.get(url)).text
        await world.redefine("whole now", read={"contact": ["name"]})
        after = (await boss.get(url)).text
        assert '"job_title"' in before
        assert '"job_title"' not in after


async def test_a_person_moved_to_another_team_sees_that_team_at_the_next_request(
    world: World, boss: httpx.AsyncClient
):
    await world.redefine("whole now", sight={"contact": "team"})
    seen = {one.owner: one for one in world.of("contact")}
    child = f"/v1/contacts/{seen['child'].id}"
    assert (await boss.get(child)).status_code == 200
    teams = {one["name"]: one for one in (await world.org.admin.get("/v1/teams")).json()["data"]}
    await _change(world.org, USERS, world.people["boss"], team_id=teams["south"]["id"])
    assert (await boss.get(child)).status_code == 404
    assert (await boss.get(f"/v1/contacts/{seen['stranger'].id}")).status_code == 200
    await _change(world.org, USERS, world.people["boss"], team_id=teams["north"]["id"])
    assert (await boss.get(child)).status_code == 200
    await _change(world.org, TEAMS, teams["north-east"]["id"], parent_id=teams["south"]["id"])
    assert (await boss.get(child)).status_code == 404
    await _change(world.org, TEAMS, teams["north-east"]["id"], parent_id=teams["north"]["id"])
    assert (await boss.get(child)).status_code == 200


async def test_a_record_given_to_somebody_else_is_gone_at_the_next_request(
    world: World, boss: httpx.AsyncClient
):
    await world.redefine("whole now", sight={})
    contact = next(one for one in world.of("contact") if one.owner == "boss")
    here = f"/v1/contacts/{contact.id}"
    tag = (await boss.get(here)).headers["etag"]
    for owner, status in (("stranger", 404), ("boss", 200)):
        body = {"owner_id": str(world.people[owner])}
        assert (await world.org.admin.patch(here, json=body, headers=ANY)).status_code == 200
        assert (await boss.get(here)).status_code == status
        assert (await boss.get(here, headers={"If-None-Match": tag})).status_code == status, "304 would tell"
        assert (await boss.patch(here, **WRITE)).status_code == status
        assert len((await boss.get("/v1/contacts")).json()["data"]) == (status == 200)


@pytest.mark.parametrize("how", ["revoked", "expired", "scoped", "inactive", "archived"])
async def test_a_key_that_ends_ends_at_the_next_request(world: World, how: str):
    user, client = await world.org.user(f"going {how}", "admin")
    assert (await client.get("/v1/contacts")).status_code == 200
    async with await world.org.work() as uow:
        key = (
            await uow.fetch("select id from api_keys where org_id = $1 and user_id = $2", world.org.id, user)
        )[0]["id"]
        now = uow.now
    match how:
        case "revoked":
            await _change(world.org, API_KEYS, key, revoked_at=now)
        case "expired":
            await _change(world.org, API_KEYS, key, expires_at=now)
        case "scoped":
            await _change(world.org, API_KEYS, key, scopes=["tags:read"])
        case "inactive":
            await _change(world.org, USERS, user, active=False)
        case "archived":
            await _change(world.org, USERS, user, archived_at=now)
    for method, url, more in _asked(world):
        answer = await client.request(method, url, **more)
        assert answer.status_code == (403 if how == "scoped" else 401), (url, answer.text)
        assert not world.canaries.found(answer.text) - world.canaries.found(f"{url} {more}")


async def test_a_new_field_is_closed_to_those_who_read_the_others(world: World, boss: httpx.AsyncClient):
    await world.redefine("whole now", read={"contact": ["name", "custom.open"]})
    contact = world.of("contact")[0]
    assert (await boss.get(f"/v1/contacts/{contact.id}")).json()["custom"].keys() == {"open"}
    made = {"noun": "contact", "key": "later", "kind": "text", "label": "later"}
    field = (await world.org.admin.post("/v1/custom_fields", json=made)).json()
    here = f"/v1/contacts/{contact.id}"
    done = await world.org.admin.patch(here, json={"custom": {"later": "zqlaterlater"}}, headers=ANY)
    assert done.status_code == 200
    for url in (here, f"{here}/history", "/v1/contacts"):
        assert "zqlaterlater" not in (await boss.get(url)).text
    await world.org.admin.patch(here, json={"custom": {"later": None}}, headers=ANY)
    await world.org.admin.post(f"/v1/custom_fields/{field['id']}/archive", headers=ANY)
