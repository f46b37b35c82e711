"""Roles over HTTP."""

import pytest

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
CALLS = {
    "name": "call centre",
    "scopes": ["contacts:read", "contacts:read"],
    "sight": {"contact": "all"},
    "read": {"contact": ["name", "phones"]},
    "write": {},
}


async def test_a_role_is_added_held_edited_and_put_away(org: Organisation):
    made = await org.admin.post("/v1/roles", json=CALLS)
    assert made.status_code == 201, made.text
    assert made.json()["scopes"] == ["contacts:read"]
    assert made.json()["builtin"] is False
    here = made.headers["location"]
    org.roles["calls"] = made.json()["id"]
    user, client = await org.user("caller", "calls")
    contact = (await org.admin.post("/v1/contacts", json={"name": "陈静", "job_title": "经理"})).json()
    shown = (await client.get(f"/v1/contacts/{contact['id']}")).json()
    assert shown["name"] == "陈静"
    assert "job_title" not in shown

    held = await org.admin.post(f"{here}/archive", headers=ANY)
    assert (held.status_code, held.json()["code"]) == (409, "role_held")
    stale = await org.admin.patch(here, json={"name": "x"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    await org.admin.patch(f"/v1/users/{user}", json={"role_ids": []}, headers=ANY)
    assert (await client.get(f"/v1/contacts/{contact['id']}")).status_code == 403
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code == 200
    refused = await org.admin.patch(f"/v1/users/{user}", json={"role_ids": [made.json()["id"]]}, headers=ANY)
    assert refused.json()["code"] == "reference_unknown"
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).status_code == 200


async def test_a_change_of_role_counts_from_the_next_request_on(org: Organisation):
    made = await org.admin.post("/v1/roles", json=CALLS)
    here = made.headers["location"]
    org.roles["calls"] = made.json()["id"]
    _, client = await org.user("caller", "calls")
    contact = (await org.admin.post("/v1/contacts", json={"name": "陈静", "job_title": "经理"})).json()
    at = f"/v1/contacts/{contact['id']}"
    assert "job_title" not in (await client.get(at)).json()
    await org.admin.patch(here, json={"read": {"contact": ["name", "job_title"]}}, headers=ANY)
    assert (await client.get(at)).json()["job_title"] == "经理"
    await org.admin.patch(here, json={"sight": {"contact": "own"}}, headers=ANY)
    assert (await client.get(at)).status_code == 404
    await org.admin.patch(here, json={"scopes": []}, headers=ANY)
    assert (await client.get(at)).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"scopes": ["contacts:fly"]}, "scope_unknown"),
        ({"sight": {"unicorn": "all"}}, "noun_unknown"),
        ({"sight": {"contact": "some"}}, "request_invalid"),
        ({"read": {"unicorn": ["name"]}}, "noun_unknown"),
        ({"read": {"contact": ["wings"]}}, "field_unknown"),
        ({"read": {"contact": ["custom.wings"]}}, "field_unknown"),
        ({"read": {"*": ["name"]}}, "field_unknown"),
        ({"read": {"user": ["password_hash"]}}, "field_unknown"),
        ({"write": {"contact": ["version"]}}, "field_unknown"),
        ({"write": {"contact": ["consented"]}}, "field_unknown"),
        ({"write": {"contact": ["custom"]}}, "field_unknown"),
        ({"builtin": True}, "request_invalid"),
    ],
)
async def test_a_word_that_means_nothing_is_named(org: Organisation, wrong, code: str):
    answer = await org.admin.post("/v1/roles", json=CALLS | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def test_the_administrators_role_stays_as_it_is(org: Organisation):
    here = f"/v1/roles/{org.roles['admin']}"
    for call in (
        org.admin.patch(here, json={"scopes": []}, headers=ANY),
        org.admin.post(f"{here}/archive", headers=ANY),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["code"]) == (409, "role_builtin")


async def test_another_tenant_finds_no_role(org: Organisation, other: Organisation):
    here = f"/v1/roles/{org.roles['sales']}"
    assert (await other.admin.get(here)).status_code == 404
    assert (await other.admin.patch(here, json={"name": "x"}, headers=ANY)).status_code == 404
    assert (await other.admin.post(f"{here}/archive", headers=ANY)).status_code == 404


async def test_a_bulk_widens_no_role_beyond_its_sender(org: Organisation):
    wide = {"scopes": ["roles:read", "roles:write"], "read": {"role": ["*"]}, "write": {"role": ["*"]}}
    await org.role("keeper", **wide)
    _, client = await org.user("keeper", "keeper")
    before = (await org.admin.get("/v1/roles")).json()
    items = [
        {"name": "new", "scopes": ["*"]},
        {"name": "new", "sight": {"contact": "all"}},
        {"name": "keeper", "scopes": ["roles:read", "roles:write", "users:write"]},
        {"id": str(org.roles["keeper"]), "read": {"*": ["*"]}},
        {"name": "sales", "scopes": []},
        {"id": str(org.roles["sales"]), "name": "mine"},
        {"name": "admin", "scopes": []},
        {"name": "new", "scopes": ["contacts:fly"]},
        {"name": "new", "read": {"unicorn": ["name"]}},
        {"name": "new", "builtin": True},
    ]
    answer = await client.post("/v1/roles/bulk", json={"items": items})
    assert [item.get("problem", {}).get("code") for item in answer.json()["items"]] == [
        *["beyond_own"] * 6,
        "role_builtin",
        "scope_unknown",
        "noun_unknown",
        "request_invalid",
    ]
    assert (await org.admin.get("/v1/roles")).json() == before
    within = {"name": "new", "scopes": ["roles:read", "roles:read"], "read": {"role": ["name"]}}
    made = await client.post("/v1/roles/bulk", json={"items": [within, within | {"scopes": []}]})
    assert (made.json()["created"], made.json()["updated"]) == (1, 1), made.text
    role = (await org.admin.get("/v1/roles", params={"name": "new"})).json()["data"][0]
    assert (role["builtin"], role["scopes"], role["version"]) == (False, [], 2)
