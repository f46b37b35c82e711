"""API keys over HTTP."""

from datetime import timedelta

import httpx

from app.db.engine import Database
from app.kit import clock
from tests.makers.organisations import Organisation
from tests.makers.people import boss, signed_in

ANY = {"If-Match": "*"}


async def clerk(org: Organisation) -> tuple[str, httpx.AsyncClient]:
    """Somebody who may make keys and read contacts."""
    await org.role(
        "clerk",
        scopes=["api_keys:read", "api_keys:write", "contacts:read"],
        read={"api_key": ["*"], "contact": ["name"]},
        write={"api_key": ["*"]},
    )
    user, client = await org.user("clerk", "clerk")
    return str(user), client


async def test_a_key_is_shown_once_works_and_ends_at_once(org: Organisation, owner: Database):
    made = await org.admin.post("/v1/api_keys", json={"name": "ERP", "scopes": ["contacts:read"]})
    assert made.status_code == 201, made.text
    key, here = made.json()["key"], made.headers["location"]
    client = org.client(key)
    assert (await client.get("/v1/contacts")).status_code == 200
    assert (await client.post("/v1/contacts", json={"name": "x"})).json()["code"] == "scope_missing"
    shown = await org.admin.get(here)
    assert key not in shown.text
    assert "key" not in shown.json()
    assert key.startswith(shown.json()["prefix"])
    assert key not in (await org.admin.get("/v1/api_keys")).text
    assert key not in (await org.admin.get(f"{here}/history")).text

    edited = await org.admin.patch(here, json={"scopes": ["contacts:write"]}, headers=ANY)
    assert edited.status_code == 200, edited.text
    assert (await client.get("/v1/contacts")).status_code == 403
    ended = await org.admin.post(f"{here}/revoke", headers=ANY)
    assert ended.json()["revoked_at"]
    assert (await client.post("/v1/contacts", json={"name": "x"})).status_code == 401
    assert (await org.admin.post(f"{here}/revoke", headers=ANY)).json()["code"] == "revoked"
    async with owner.connection() as connection:
        told = await connection.fetchval(
            "select string_agg(e::text, ' ') from events e where org_id = $1", org.id
        )
    assert key not in told
    assert "key_hash" not in told


async def test_the_same_request_again_does_not_show_the_key_again(org: Organisation, owner: Database):
    once = {"Idempotency-Key": "make a key"}
    first = await org.admin.post("/v1/api_keys", json={"name": "ERP"}, headers=once)
    again = await org.admin.post("/v1/api_keys", json={"name": "ERP"}, headers=once)
    key = first.json()["key"]
    assert key.startswith("rpt_")
    assert again.status_code == 201
    assert again.json() == first.json() | {"key": None}
    assert again.headers["etag"] == first.headers["etag"]
    async with owner.connection() as connection:
        kept = await connection.fetchval(
            "select string_agg(k::text, ' ') from idempotency_keys k where org_id = $1", org.id
        )
    assert key not in kept
    dry = await org.admin.post("/v1/api_keys?dry_run=true", json={"name": "ERP"})
    assert (dry.status_code, dry.json()["key"]) == (201, None)


async def test_a_key_ends_when_its_time_comes(org: Organisation, owner: Database):
    soon = (clock.now() + timedelta(hours=1)).isoformat()
    made = await org.admin.post("/v1/api_keys", json={"name": "ERP", "expires_at": soon})
    client = org.client(made.json()["key"])
    assert (await client.get("/v1/contacts")).status_code == 200
    async with owner.connection() as connection:
        await connection.execute(
            "update api_keys set expires_at = now() - interval '1 s' where org_id = $1 and id = $2",
            org.id,
            made.json()["id"],
        )
        await connection.execute("update organisations set stamp = stamp + 1 where id = $1", org.id)
    assert (await client.get("/v1/contacts")).status_code == 401
    past = (clock.now() - timedelta(hours=1)).isoformat()
    assert (await org.admin.post("/v1/api_keys", json={"name": "x", "expires_at": past})).json()[
        "code"
    ] == "already_over"


async def test_a_key_has_no_more_than_its_user_and_makes_none_that_has_more_than_itself(org: Organisation):
    user, client = await clerk(org)
    beyond = await client.post("/v1/api_keys", json={"name": "x", "scopes": ["orders:read"]})
    assert (beyond.status_code, beyond.json()["code"]) == (403, "beyond_user")
    narrow = await client.post("/v1/api_keys", json={"name": "x", "scopes": ["api_keys:write"]})
    assert narrow.status_code == 201, narrow.text
    keyed = org.client(narrow.json()["key"])
    for scopes in (["contacts:read"], ["*"]):
        answer = await keyed.post("/v1/api_keys", json={"name": "y", "scopes": scopes})
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_own"), answer.text
    wider = await keyed.patch(narrow.headers["location"], json={"scopes": ["*"]}, headers=ANY)
    assert (wider.status_code, wider.json()["code"]) == (403, "beyond_own")

    org.roles["none"] = await org.role("none")
    await org.admin.patch(f"/v1/users/{user}", json={"role_ids": [str(org.roles["none"])]}, headers=ANY)
    assert (await keyed.post("/v1/api_keys", json={"name": "z"})).status_code == 403


async def test_a_key_makes_none_that_outlives_it(org: Organisation):
    soon = clock.now() + timedelta(hours=1)
    made = await org.admin.post("/v1/api_keys", json={"name": "short", "expires_at": soon.isoformat()})
    client = org.client(made.json()["key"])
    for later in ({}, {"expires_at": (soon + timedelta(hours=1)).isoformat()}):
        answer = await client.post("/v1/api_keys", json={"name": "long"} | later)
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond_own")
    longer = await client.patch(made.headers["location"], json={"expires_at": None}, headers=ANY)
    assert longer.json()["code"] == "beyond_own"
    assert (
        await client.post("/v1/api_keys", json={"name": "as long", "expires_at": soon.isoformat()})
    ).status_code == 201


async def test_a_key_for_somebody_else_needs_the_right_to_manage_users_and_all_that_they_have(
    org: Organisation,
):
    _, client = await clerk(org)
    me = (await org.admin.get("/v1/auth/me")).json()["user_id"]
    for_admin = await client.post(
        "/v1/api_keys", json={"name": "x", "user_id": me, "scopes": ["contacts:read"]}
    )
    assert (for_admin.status_code, for_admin.json()["code"]) == (403, "scope_missing")
    await org.role(
        "chief",
        scopes=["api_keys:read", "api_keys:write", "users:read", "users:write", "contacts:read"],
        read={"api_key": ["*"]},
        write={"api_key": ["*"]},
    )
    _, chief = await org.user("chief", "chief")
    still = await chief.post("/v1/api_keys", json={"name": "x", "user_id": me, "scopes": ["contacts:read"]})
    assert (still.status_code, still.json()["code"]) == (403, "beyond_own")
    keys = (await org.admin.get("/v1/api_keys", params={"user_id": me})).json()["data"]
    taken = await chief.post(f"/v1/api_keys/{keys[0]['id']}/revoke", headers=ANY)
    assert (taken.status_code, taken.json()["code"]) == (403, "beyond_own")
    plain, _ = await org.user("plain")
    fine = await org.admin.post("/v1/api_keys", json={"name": "x", "user_id": str(plain)})
    assert fine.json()["user_id"] == str(plain), fine.text


async def test_use_is_noted_without_a_new_version_or_a_change_of_access(org: Organisation, owner: Database):
    made = await org.admin.post("/v1/api_keys", json={"name": "ERP"})
    here = made.headers["location"]
    async with owner.connection() as connection:
        before = await connection.fetchval("select stamp from organisations where id = $1", org.id)
    assert made.json()["last_used_at"] is None
    client = org.client(made.json()["key"])
    await client.get("/v1/contacts")
    used = (await org.admin.get(here)).json()
    assert used["last_used_at"]
    assert used["version"] == 1
    await client.get("/v1/contacts")
    assert (await org.admin.get(here)).json()["last_used_at"] == used["last_used_at"]
    async with owner.connection() as connection:
        assert await connection.fetchval("select stamp from organisations where id = $1", org.id) == before


async def test_another_tenant_finds_no_key(org: Organisation, other: Organisation, api: httpx.AsyncClient):
    here = (await org.admin.post("/v1/api_keys", json={"name": "ERP"})).headers["location"]
    client, _ = await signed_in(api, other, boss(other))
    assert (await client.get(here)).status_code == 404
    assert (await client.patch(here, json={"name": "x"}, headers=ANY)).status_code == 404
    assert (await client.post(f"{here}/revoke", headers=ANY)).status_code == 404
    me = (await org.admin.get("/v1/auth/me")).json()["user_id"]
    theirs = await client.post("/v1/api_keys", json={"name": "x", "user_id": me})
    assert theirs.json()["code"] == "reference_unknown"
