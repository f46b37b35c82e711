"""Users over HTTP."""

import asyncio

import httpx
import pytest

from app.db.engine import Database
from tests.makers.organisations import Organisation
from tests.makers.people import boss, sign_in, signed_in, upsert

ANY = {"If-Match": "*"}


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


async def test_no_bulk_leaves_an_organisation_without_an_administrator(org: Organisation):
    role = str(org.roles["admin"])
    me = {"id": (await org.admin.get("/v1/auth/me")).json()["user_id"]}
    other = {"email": boss(org)}
    told = await upsert(org.admin, "users", *(one | {"active": False} for one in (other, me)))
    assert told == ["updated", "last_admin"]
    for name, value in (("active", False), ("role_ids", [])):
        assert await upsert(org.admin, "users", me | {name: value}) == ["last_admin"]
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
