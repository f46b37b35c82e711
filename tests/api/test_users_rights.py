"""What whoever manages users may do to whom: never more than they could do themselves."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.makers.organisations import Organisation
from tests.makers.people import boss, upsert

ANY = {"If-Match": "*"}


async def hr(org: Organisation, **more) -> httpx.AsyncClient:
    """Somebody who manages users and roles, and may otherwise read contacts of their own."""
    await org.role(
        "hr",
        scopes=[
            "users:read",
            "users:write",
            "roles:read",
            "roles:write",
            "contacts:read",
            *more.get("scopes", ()),
        ],
        sight=more.get("sight", {}),
        read={"user": ["*"], "team": ["*"], "role": ["*"], "contact": ["name"]},
        write={"user": ["*"], "team": ["*"], "role": ["*"]},
    )
    _, client = await org.user("hr", "hr", team=more.get("team"))
    return client


async def test_nobody_gives_themselves_or_others_more_than_they_have(org: Organisation, na):
    client = await hr(org)
    me = (await client.get("/v1/auth/me")).json()
    own = f"/v1/users/{me['user_id']}"
    admin = next(u for u in (await org.admin.get("/v1/users")).json()["data"] if u["email"] == boss(org))
    admin_role, hr_role = str(org.roles["admin"]), str(org.roles["hr"])
    attempts = [
        client.patch(own, json={"role_ids": [hr_role, admin_role]}, headers=ANY),
        client.patch(own, json={"role_ids": [hr_role, str(org.roles["read_only"])]}, headers=ANY),
        client.post("/v1/users", json=na | {"role_ids": [admin_role]}),
        client.post(
            f"/v1/users/{admin['id']}/set_password", json={"password": "seven green bicycles"}, headers=ANY
        ),
        client.patch(f"/v1/users/{admin['id']}", json={"email": "mine@example.com"}, headers=ANY),
        client.patch(f"/v1/users/{admin['id']}", json={"active": False}, headers=ANY),
        client.post(f"/v1/users/{admin['id']}/archive", headers=ANY),
        client.post("/v1/roles", json={"name": "x", "scopes": ["*"]}),
        client.post("/v1/roles", json={"name": "x", "scopes": ["orders:read"]}),
        client.post("/v1/roles", json={"name": "x", "sight": {"contact": "all"}}),
        client.post("/v1/roles", json={"name": "x", "sight": {"*": "team"}}),
        client.post("/v1/roles", json={"name": "x", "read": {"contact": ["phones"]}}),
        client.post("/v1/roles", json={"name": "x", "read": {"*": ["*"]}}),
        client.post("/v1/roles", json={"name": "x", "write": {"contact": ["name"]}}),
        client.patch(f"/v1/roles/{hr_role}", json={"scopes": ["*"]}, headers=ANY),
        client.patch(f"/v1/roles/{org.roles['sales']}", json={"name": "x"}, headers=ANY),
    ]
    for attempt in attempts:
        answer = await attempt
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_own"), answer.text
    assert (await client.get("/v1/auth/me")).json()["scopes"] == me["scopes"]
    within = await client.post(
        "/v1/roles", json={"name": "reader", "scopes": ["contacts:read"], "read": {"contact": ["name"]}}
    )
    assert within.status_code == 201, within.text
    fine = await client.post("/v1/users", json=na | {"role_ids": [within.json()["id"], hr_role]})
    assert fine.status_code == 201, fine.text


async def test_who_does_not_see_everybody_moves_people_only_below_their_own_team(org: Organisation, na):
    top = await org.team("top")
    mine = await org.team("mine", top)
    below = await org.team("below", mine)
    aside = await org.team("aside", top)
    client = await hr(org, sight={"contact": "team"}, team=mine)
    own = f"/v1/users/{(await client.get('/v1/auth/me')).json()['user_id']}"
    stranger, _ = await org.user("stranger", team=aside)
    for refused in (
        client.patch(own, json={"team_id": str(top)}, headers=ANY),
        client.patch(f"/v1/users/{stranger}", json={"team_id": str(mine)}, headers=ANY),
        client.post("/v1/users", json=na | {"team_id": str(aside)}),
        client.patch(f"/v1/teams/{aside}", json={"parent_id": str(mine)}, headers=ANY),
    ):
        answer = await refused
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_own"), answer.text
    made = await client.post("/v1/users", json=na | {"team_id": str(mine)})
    assert made.status_code == 201, made.text
    moved = await client.patch(made.headers["location"], json={"team_id": str(below)}, headers=ANY)
    assert moved.status_code == 200, moved.text


async def test_fields_that_a_role_does_not_open_are_hidden_and_read_only(org: Organisation):
    await org.role(
        "names", scopes=["users:read", "users:write"], read={"user": ["name"]}, write={"user": ["name"]}
    )
    _, client = await org.user("plain", "names")
    target, _ = await org.user("target")
    shown = (await client.get(f"/v1/users/{target}")).json()
    assert "email" not in shown
    assert shown["name"] == "target"
    sort = await client.get("/v1/users", params={"sort": "email"})
    assert (sort.status_code, sort.json()["code"]) == (403, "field_hidden")
    edit = await client.patch(f"/v1/users/{target}", json={"language": "en"}, headers=ANY)
    assert (edit.status_code, edit.json()["code"]) == (403, "field_read_only")
    events = (await client.get(f"/v1/users/{target}/history")).json()["data"]
    assert "email" not in events[-1]["after"]


async def test_a_bulk_gives_nobody_more_than_its_sender_has(org: Organisation, na):
    client = await hr(org)
    me = (await client.get("/v1/auth/me")).json()
    admin = next(u for u in (await org.admin.get("/v1/users")).json()["data"] if u["email"] == boss(org))
    await org.admin.patch(f"/v1/users/{admin['id']}", json={"external_ids": {"hr": "boss"}}, headers=ANY)
    everybody = (await org.admin.get("/v1/users")).json()
    mine, high = {"id": me["user_id"]}, [str(org.roles["admin"])]
    new = {"name": "x", "email": f"x-{org.slug}@example.com"}
    refused = [
        new | {"role_ids": high},
        mine | {"role_ids": high},
        mine | {"role_ids": [str(org.roles["hr"]), str(org.roles["read_only"])]},
        {"email": me["email"], "role_ids": high},
        {"id": admin["id"], "email": f"mine-{org.slug}@example.com"},
        {"id": admin["id"], "active": False},
        {"email": admin["email"].upper(), "role_ids": []},
        {"external_ids": {"hr": "boss"}, "email": f"mine-{org.slug}@example.com"},
        {"external_ids": {"hr": "boss"}, "active": False},
    ]
    told = await upsert(client, "users", *refused)
    assert told == ["beyond_own"] * len(refused)
    for body in refused[-2:]:
        one = await client.put("/v1/users/by/hr/boss", json=body)
        assert (one.status_code, one.json()["code"]) == (403, "beyond_own")
    assert (await org.admin.get("/v1/users")).json() == everybody
    fine = new | {"role_ids": [str(org.roles["hr"])]}
    told = await upsert(client, "users", refused[1], fine, refused[4], mine | {"name": "me"})
    assert told == ["beyond_own", "created", "beyond_own", "updated"]
    assert (await client.get("/v1/auth/me")).json()["scopes"] == me["scopes"]


async def test_who_does_not_see_everybody_moves_nobody_by_a_bulk_either(org: Organisation, na):
    top = await org.team("top")
    mine = await org.team("mine", top)
    aside = await org.team("aside", top)
    client = await hr(org, sight={"contact": "team"}, team=mine)
    me = (await client.get("/v1/auth/me")).json()["user_id"]
    stranger, _ = await org.user("stranger", team=aside)
    new = {"name": "x", "email": f"x-{org.slug}@example.com"}
    told = await upsert(
        client,
        "users",
        {"id": me, "team_id": str(top)},
        {"id": str(stranger), "team_id": str(mine)},
        new | {"team_id": str(aside)},
        new | {"team_id": str(mine)},
    )
    assert told == ["beyond_own", "beyond_own", "beyond_own", "created"]
    assert await upsert(client, "teams", {"name": "aside", "parent_id": str(mine)}) == ["beyond_own"]
    assert (await org.admin.post(f"/v1/teams/{aside}/archive", headers=ANY)).status_code == 409
    await org.admin.post(f"/v1/users/{stranger}/archive", headers=ANY)
    assert (await org.admin.post(f"/v1/teams/{aside}/archive", headers=ANY)).status_code == 200
    archived = {"team_id": str(aside)}
    assert await upsert(org.admin, "users", {"id": me} | archived) == ["team_archived"]
    assert await upsert(org.admin, "teams", {"name": "new", "parent_id": str(aside)}) == ["team_archived"]


@pytest.mark.parametrize("sight", ["own", "team", "all"])
async def test_nobody_acts_as_somebody_whose_records_they_do_not_see(org: Organisation, sight: str):
    """By no verb: whoever is in reach differs with the sight, and each verb is tried on each of them."""
    top = await org.team("top")
    mine = await org.team("mine", top)
    below = await org.team("below", mine)
    aside = await org.team("aside", top)
    what = {name: ["*"] for name in ("user", "role", "api_key", "contact")}
    scopes = [f"{noun}:{verb}" for noun in ("users", "api_keys", "contacts") for verb in ("read", "write")]
    more = {"sight": {"*": sight}, "read": what, "write": what}
    await org.role("lead", scopes=[*scopes, "roles:read", "roles:write"], **more)
    _, lead = await org.user("lead", "lead", team=mine)
    reach: dict[str, set[UUID | None]] = {
        "own": set(),
        "team": {mine, below},
        "all": {mine, below, aside, top, None},
    }
    for team in (mine, below, aside, top, None):
        name = f"seller-{team}"
        await org.role(name, scopes=["contacts:read"], read={"contact": ["name"]})
        user, client = await org.user("seller", name, team=team)
        assert (await client.post("/v1/contacts", json={"name": "theirs"})).status_code == 403
        key = (await org.admin.get("/v1/api_keys", params={"user_id": str(user)})).json()["data"][0]["id"]
        here = f"/v1/users/{user}"
        password = {"password": "seven green bicycles"}
        known = {"hr": f"{user}"}
        calls = [
            lead.post("/v1/api_keys", json={"name": "x", "user_id": str(user), "scopes": ["contacts:read"]}),
            lead.patch(f"/v1/api_keys/{key}", json={"expires_at": None, "name": "y"}, headers=ANY),
            lead.post(f"/v1/api_keys/{key}/revoke", headers=ANY),
            lead.patch(f"/v1/roles/{org.roles[name]}", json={"scopes": scopes}, headers=ANY),
            lead.post(f"{here}/set_password", json=password, headers=ANY),
            lead.patch(here, json={"email": f"x-{user}@example.com"}, headers=ANY),
            lead.patch(here, json={"external_ids": known}, headers=ANY),
            lead.patch(here, json={"role_ids": [str(org.roles["lead"])]}, headers=ANY),
            lead.patch(here, json={"active": False}, headers=ANY),
            lead.post(f"{here}/archive", headers=ANY),
        ]
        told = [(await call).status_code for call in calls]
        if team in reach[sight]:
            assert told == [201, *[200] * 9]
            assert (await lead.post(f"{here}/restore", headers=ANY)).status_code == 200
            continue
        assert told == [403] * 10, team
        many: list[dict[str, Any]] = [
            {"id": str(user), "external_ids": known},
            {"id": str(user), "active": False},
            {"id": str(user), "role_ids": []},
            {"id": str(user), "email": f"x-{user}@example.com"},
        ]
        assert await upsert(lead, "users", *many) == ["beyond_own"] * 4
        assert await upsert(lead, "roles", {"name": name, "scopes": scopes}) == ["beyond_own"]
        assert await upsert(lead, "users", {"id": str(user), "language": "en"}) == ["updated"]
        await org.admin.post(f"{here}/archive", headers=ANY)
        assert (await lead.post(f"{here}/restore", headers=ANY)).status_code == 403


async def test_who_was_added_in_a_bulk_is_in_reach_of_its_next_item(org: Organisation, na):
    mine = await org.team("mine")
    client = await hr(org, sight={"*": "team"}, team=mine)
    new = {"name": "x", "email": na["email"], "team_id": str(mine)}
    assert await upsert(client, "users", new, {"email": na["email"], "active": False}) == [
        "created",
        "updated",
    ]
