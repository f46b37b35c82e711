"""The roles that every organisation begins with, over HTTP."""

import pytest

from app.domain.roles import BUILTIN
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
ORDER = {
    "number": "SO-1",
    "currency": "CNY",
    "placed_at": "2026-03-01T10:30:00+08:00",
    "lines": [{"description": "茶", "quantity": "2", "unit_price": "168.00"}],
}


@pytest.mark.parametrize("name", sorted(BUILTIN.keys() - {"admin"}))
async def test_what_a_built_in_role_says_can_be_sent_back(org: Organisation, name: str):
    here = f"/v1/roles/{org.roles[name]}"
    role = (await org.admin.get(here)).json()
    sent = {part: role[part] for part in ("scopes", "sight", "read", "write")}
    answer = await org.admin.patch(here, json=sent, headers=ANY)
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == role["version"]
    copy = await org.admin.post("/v1/roles", json=sent | {"name": "copy"})
    assert copy.status_code == 201, copy.text


async def test_sellers_move_orders_and_record_consents(org: Organisation):
    _, seller = await org.user("seller", "sales")
    here = (await seller.post("/v1/orders", json=ORDER)).headers["location"]
    for verb, body in (("pay", {}), ("ship", {}), ("refund", {"amount": "36"})):
        moved = await seller.post(f"{here}/{verb}", json=body, headers=ANY)
        assert moved.status_code == 200, moved.text
    other = await seller.post("/v1/orders", json=ORDER | {"number": "SO-2"})
    gone = await seller.post(f"{other.headers['location']}/cancel", json={}, headers=ANY)
    assert gone.json()["status"] == "cancelled", gone.text
    person = (await seller.post("/v1/contacts", json={"name": "n"})).headers["location"]
    said = {"purpose": "marketing", "channel": "email", "state": "granted", "source": "form"}
    assert (await seller.post(f"{person}/consents", json=said, headers=ANY)).status_code == 200


async def test_a_role_opens_single_moves_of_an_order(org: Organisation):
    fields = {"scopes": ["orders:read", "orders:write"], "sight": {"*": "all"}, "read": {"order": ["*"]}}
    write = {"order": ["shipped_at"]}
    made = await org.admin.post("/v1/roles", json=fields | {"name": "stores", "write": write})
    assert made.status_code == 201, made.text
    org.roles["stores"] = made.json()["id"]
    _, storeman = await org.user("storeman", "stores")
    here = (await org.admin.post("/v1/orders", json=ORDER)).headers["location"]
    refused = await storeman.post(f"{here}/pay", json={}, headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (403, "field_read_only")
    assert (await storeman.post(f"{here}/ship", json={}, headers=ANY)).json()["status"] == "shipped"


async def test_verbs_alone_change_what_is_theirs(org: Organisation):
    order = (await org.admin.post("/v1/orders", json=ORDER)).headers["location"]
    person = (await org.admin.post("/v1/contacts", json={"name": "n"})).headers["location"]
    for here, name, value in (
        (order, "paid_at", "2026-03-02T10:30:00Z"),
        (order, "refunded", "1"),
        (person, "consents", []),
    ):
        assert (await org.admin.patch(here, json={name: value}, headers=ANY)).status_code == 422


async def test_no_role_opens_what_nobody_writes(org: Organisation):
    for write in ({"run": ["status"]}, {"order": ["status"]}, {"contact": ["email"]}):
        refused = await org.admin.post("/v1/roles", json={"name": "x", "write": write})
        assert (refused.status_code, refused.json()["code"]) == (422, "field_unknown"), refused.text


FILES = {
    "manager": (201, 202, 202), "marketing": (201, 202, 202), "analyst": (403, None, 202),
    "sales": (403, None, 403), "service": (403, None, 403), "read_only": (403, None, 403),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILES))
async def test_files_go_through_those_who_answer_for_more_than_their_own(org: Organisation, name: str):
    _, client = await org.user(name, name)
    sent, started, exported = FILES[name]
    answer = await client.post(
        "/v1/imports", params={"name": "p.csv"}, content=b"name,email\nA,a@example.com\n"
    )
    assert answer.status_code == sent, answer.text
    if started:
        here = f"/v1/imports/{answer.json()['id']}"
        edited = await client.patch(here, json={"mapping": {"name": "name"}, "mode": "create"}, headers=ANY)
        assert edited.status_code == 200, edited.text
        run = await client.post(f"{here}/start", headers=ANY)
        assert run.status_code == started, run.text
        assert (await client.get(run.headers["location"])).status_code == 200
        await org.admin.post(f"{run.headers['location']}/cancel")
    asked = await client.post("/v1/exports", json={"noun": "contact", "format": "csv", "fields": ["name"]})
    assert asked.status_code == exported, asked.text
    if exported == 202:
        await org.admin.post(f"/v1/runs/{asked.json()['id']}/cancel")


async def test_marketing_imports_what_it_may_write(org: Organisation):
    _, client = await org.user("marketing", "marketing")
    answer = await client.post(
        "/v1/imports", params={"name": "p.csv", "target": "product"}, content=b"sku,name,price\nA,Lamp,1\n"
    )
    refused = await client.post(f"/v1/imports/{answer.json()['id']}/start", headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
