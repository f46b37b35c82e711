"""Users over HTTP."""

import asyncio

import httpx
import pytest

from app.db.engine import Database
from tests.makers.organisations import Organisation
from tests.makers.people import boss, sign_in, signed_in

ANY = {"If-Match": "*"}
PASSWORD = "seven green bicycles"


@pytest.fixture(name="na")
def _na(org: Organisation) -> dict[str, str]:
    """Somebody new, with an address that only this organisation knows."""
    return {"email": f"Li.Na-{org.slug}@Example.com", "name": "李娜", "password": PASSWORD}


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


async def test_a_user_is_added_signs_in_is_edited_archived_and_restored(
    org: Organisation, na, api: httpx.AsyncClient
):
    made = await org.admin.post("/v1/users", json=na | {"role_ids": [str(org.roles["sales"])]})
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["email"] == na["email"].lower()
    assert "password" not in made.text
    here = made.headers["location"]
    client, _ = await signed_in(api, org, na["email"], na["password"])
    assert (await client.get("/v1/contacts")).status_code == 200
    assert (await client.get(here)).json() == body

    edited = await org.admin.patch(
        here, json={"name": "Li Na", "language": "zh-CN"}, headers={"If-Match": '"1"'}
    )
    assert edited.json()["version"] == 2, edited.text
    assert (await org.admin.patch(here, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await org.admin.patch(here, json={"name": "x"})).status_code == 428

    gone = await org.admin.post(f"{here}/archive", headers=ANY)
    assert gone.json()["archived_at"], gone.text
    assert (await client.get("/v1/contacts")).status_code == 401
    assert (await sign_in(api, na["email"], na["password"])).json()["code"] == "credentials_wrong"
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).json()["archived_at"] is None
    assert (await client.get("/v1/contacts")).status_code == 401, "the old sign-in does not come back"
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [event["type"] for event in history] == [
        "user.restored",
        "user.archived",
        "user.edited",
        "user.signed_in",
        "user.added",
    ]
    found = await org.admin.post(
        "/v1/users/search", json={"where": {"field": "email", "op": "eq", "value": na["email"].lower()}}
    )
    assert len(found.json()["data"]) == 1, found.text


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"email": "nobody"}, "email_invalid"),
        ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        ({"role_ids": ["00000000-0000-7000-8000-000000000000"]}, "reference_unknown"),
        ({"team_id": "00000000-0000-7000-8000-000000000000"}, "reference_unknown"),
        ({"password": "short"}, "request_invalid"),
        ({"password_hash": "x"}, "request_invalid"),
    ],
)
async def test_what_a_user_cannot_be_is_named(org: Organisation, na, wrong, code: str):
    answer = await org.admin.post("/v1/users", json=na | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_address_is_taken_once_an_organisation(org: Organisation, na):
    assert (await org.admin.post("/v1/users", json=na)).status_code == 201
    assert (await org.admin.post("/v1/users", json=na)).json()["code"] == "email_taken"


async def test_who_is_not_active_is_out_at_once_and_for_good_until_they_sign_in_again(
    org: Organisation, na, api: httpx.AsyncClient
):
    here = (await org.admin.post("/v1/users", json=na)).headers["location"]
    client, token = await signed_in(api, org, na["email"], na["password"])
    assert (await client.get("/v1/auth/me")).status_code == 200
    await org.admin.patch(here, json={"active": False}, headers=ANY)
    assert (await client.get("/v1/auth/me")).status_code == 401
    await org.admin.patch(here, json={"active": True}, headers=ANY)
    assert (await client.get("/v1/auth/me")).status_code == 401
    assert (await api.post("/v1/auth/refresh", json={"refresh_token": token})).status_code == 401
    assert (await sign_in(api, na["email"], na["password"])).status_code == 200


async def test_a_password_set_by_an_administrator_ends_sign_ins_and_lifts_a_lock(
    org: Organisation, na, api: httpx.AsyncClient
):
    here = (await org.admin.post("/v1/users", json=na)).headers["location"]
    client, _ = await signed_in(api, org, na["email"], na["password"])
    for _ in range(5):
        await sign_in(api, na["email"], "wrong")
    assert (await sign_in(api, na["email"], na["password"])).status_code == 429
    new = {"password": "eight blue bicycles"}
    assert (await org.admin.post(f"{here}/set_password", json=new)).status_code == 428
    done = await org.admin.post(f"{here}/set_password", json=new, headers=ANY)
    assert done.json()["version"] == 2, done.text
    assert (await client.get("/v1/auth/me")).status_code == 401
    assert (await sign_in(api, na["email"], new["password"])).status_code == 200


async def test_the_last_administrator_stays(org: Organisation, api: httpx.AsyncClient):
    admins = [
        one
        for one in (await org.admin.get("/v1/users")).json()["data"]
        if str(org.roles["admin"]) in one["role_ids"]
    ]
    assert len(admins) == 2
    first, me = sorted(
        (f"/v1/users/{one['id']}" for one in admins), key=lambda a: a.endswith(admins[1]["id"])
    )
    mine = (await org.admin.get("/v1/auth/me")).json()["user_id"]
    other = first if not first.endswith(mine) else me
    own = f"/v1/users/{mine}"
    assert (await org.admin.patch(other, json={"active": False}, headers=ANY)).status_code == 200
    for refused in (
        org.admin.patch(own, json={"active": False}, headers=ANY),
        org.admin.patch(own, json={"role_ids": []}, headers=ANY),
        org.admin.post(f"{own}/archive", headers=ANY),
    ):
        answer = await refused
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    kept = await org.admin.patch(own, json={"name": "still here"}, headers=ANY)
    assert kept.status_code == 200


@pytest.mark.parametrize("many", [False, True], ids=["alone", "in a bulk"])
async def test_two_administrators_who_dismiss_each_other_at_once_do_not_both_succeed(
    org: Organisation, many: bool
):
    one, first = await org.user("one", "admin")
    two, second = await org.user("two", "admin")
    for user in (await org.admin.get("/v1/users")).json()["data"]:
        if user["id"] not in {str(one), str(two)}:
            answer = await first.patch(f"/v1/users/{user['id']}", json={"active": False}, headers=ANY)
            assert answer.status_code == 200, answer.text

    async def dismiss(client: httpx.AsyncClient, user: object) -> bool:
        if many:
            items = [{"id": str(user), "active": False}]
            answer = await client.post("/v1/users/bulk", json={"items": items})
            assert answer.status_code in {200, 401}, answer.text
            return answer.status_code == 200 and answer.json()["updated"] == 1
        answer = await client.post(f"/v1/users/{user}/archive", headers=ANY)
        assert answer.status_code in {200, 401, 409}, answer.text
        return answer.status_code == 200

    assert sorted(await asyncio.gather(dismiss(first, two), dismiss(second, one))) == [False, True]


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


async def test_another_tenant_finds_nobody(org: Organisation, na, other: Organisation, owner: Database):
    here = (await org.admin.post("/v1/users", json=na)).headers["location"]
    calls = [
        other.admin.get(here),
        other.admin.patch(here, json={"name": "x"}, headers=ANY),
        other.admin.post(f"{here}/archive", headers=ANY),
        other.admin.post(f"{here}/set_password", json={"password": "seven green bicycles"}, headers=ANY),
        other.admin.get(f"{here}/history"),
    ]
    for call in calls:
        answer = await call
        assert answer.status_code == 404, (answer.request, answer.text)
    taken = {"email": "x@example.com", "name": "x", "role_ids": [str(org.roles["admin"])]}
    assert (await other.admin.post("/v1/users", json=taken)).json()["code"] == "reference_unknown"


async def test_users_are_found_by_their_role(org: Organisation):
    seller, _ = await org.user("seller", "sales")
    role = str(org.roles["sales"])
    listed = (await org.admin.get("/v1/users", params={"role_id": role})).json()["data"]
    assert [one["id"] for one in listed] == [str(seller)]
    for op, value, count in (("has_any", [role], 1), ("has_none", [role], 2), ("is_empty", True, 0)):
        where = {"field": "role_ids", "op": op, "value": value}
        found = await org.admin.post("/v1/users/search", json={"where": where})
        assert len(found.json()["data"]) == count, found.text


async def upsert(client: httpx.AsyncClient, path: str, *items: dict) -> list[str]:
    """What came of each item: its outcome, or the code of what refused it."""
    answer = await client.post(f"/v1/{path}/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    return [
        item["problem"]["code"] if item["status"] == "failed" else item["status"]
        for item in answer.json()["items"]
    ]


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


async def test_no_bulk_leaves_an_organisation_without_an_administrator(org: Organisation):
    role = str(org.roles["admin"])
    me = {"id": (await org.admin.get("/v1/auth/me")).json()["user_id"]}
    other = {"email": boss(org)}
    told = await upsert(org.admin, "users", *(one | {"active": False} for one in (other, me)))
    assert told == ["updated", "last_admin"]
    for lowered in ({"active": False}, {"role_ids": []}):
        assert await upsert(org.admin, "users", me | lowered) == ["last_admin"]
    new = {"name": "new", "email": f"new-{org.slug}@example.com", "role_ids": [role]}
    assert await upsert(org.admin, "users", me | {"role_ids": []}, new) == ["updated", "created"]


async def test_who_is_not_active_after_a_bulk_is_signed_out_for_good(
    org: Organisation, na, api: httpx.AsyncClient
):
    assert (await org.admin.post("/v1/users", json=na)).status_code == 201
    client, _ = await signed_in(api, org, na["email"], na["password"])
    dismissed = {"email": na["email"], "active": False}
    assert await upsert(org.admin, "users", dismissed, dismissed | {"active": True}) == ["updated"] * 2
    assert (await client.get("/v1/auth/me")).status_code == 401
    assert (await sign_in(api, na["email"], na["password"])).status_code == 200


async def test_a_bulk_takes_no_passwords_and_keeps_addresses_in_one_form(org: Organisation, na):
    plain = {name: value for name, value in na.items() if name != "password"}
    told = await upsert(
        org.admin,
        "users",
        na,
        plain | {"email": "nobody"},
        plain | {"time_zone": "Mars/Olympus"},
        plain | {"email": na["email"].upper()},
        plain | {"language": "zh-CN"},
    )
    assert told == ["request_invalid", "email_invalid", "time_zone_unknown", "created", "updated"]


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
    reach = {"own": set(), "team": {mine, below}, "all": {mine, below, aside, top, None}}[sight]
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
        if team in reach:
            assert told == [201, *[200] * 9]
            assert (await lead.post(f"{here}/restore", headers=ANY)).status_code == 200
            continue
        assert told == [403] * 10, team
        many = [
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
