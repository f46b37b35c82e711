"""A second tenant tries everything with the first one's ids, external ids, cursors and keys."""

import re

from app.kit.ids import new_id
from tests.leaks.calls import ROUTES, calls
from tests.leaks.targets import Targets
from tests.leaks.world import ANY, NOUNS, World
from tests.makers.organisations import Organisation

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED = ("{id}", "{external_id}")


def _targets(world: World, others: dict[str, list[str]]) -> Targets:
    some = {plural: world.of(noun)[:2] for noun, plural in NOUNS.items()}
    return Targets(world, some, some, others)


async def test_nothing_of_another_tenant_comes_out(
    world: World, outside: Organisation, others: dict[str, list[str]]
):
    theirs = {str(world.org.id), world.org.slug}
    for plural in (*NOUNS.values(), *others):
        for one in (await world.org.admin.get(f"/v1/{plural}", params={"limit": "200"})).json()["data"]:
            theirs |= set(_ID.findall(str(one)))
    for call in calls(_targets(world, others), ROUTES):
        answer = await call.send(outside.admin)
        text = f"{dict(answer.headers)} {answer.text}"
        leaked = world.canaries.found(text) - world.canaries.found(call.words)
        leaked |= {value for value in theirs if value in text and value not in call.words}
        assert not leaked, (call, answer.text)
        assert answer.status_code < 500 or not call.url.startswith("/v1/"), (call, answer.text)
        if any(part in call.template for part in _NAMED) and call.method != "PUT":
            assert answer.status_code in {404, 409, 422}, (call, answer.text)


async def test_another_tenants_record_and_none_sound_the_same(
    world: World, outside: Organisation, others: dict[str, list[str]]
):
    for call in calls(_targets(world, others), ROUTES):
        if "{id}" not in call.template:
            continue
        known = _ID.search(call.url)
        assert known
        nobody = str(new_id())
        first = await call.send(outside.admin)
        call.url = call.url.replace(known[0], nobody)
        second = await call.send(outside.admin)
        same = [answer.json() | {"request_id": ""} for answer in (first, second)]
        assert first.status_code == second.status_code
        assert str(same[0]).replace(known[0], "") == str(same[1]).replace(nobody, ""), call


async def test_another_tenants_references_are_unknown(
    world: World, outside: Organisation, others: dict[str, list[str]]
):
    ids = {noun: world.of(noun)[0].id for noun in NOUNS}
    user, team = str(world.people["boss"]), (await world.org.admin.get("/v1/teams")).json()["data"][0]["id"]
    order = {"number": "1", "currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"}
    line = {"quantity": "1", "unit_price": "1", "product_id": ids["product"]}
    interaction = {"kind": "call", "at": "2026-01-01T00:00:00Z"}
    role = outside.roles["sales"]
    assert (await outside.admin.post("/v1/pipelines", json={"template": "b2b"})).status_code == 201
    deal = {"name": "x", "currency": "CNY"}
    for url, body in (
        ("contacts", {"name": "x", "company_id": ids["company"]}),
        ("contacts", {"name": "x", "owner_id": user}),
        ("companies", {"name": "x", "parent_id": ids["company"]}),
        ("orders", {**order, "contact_id": ids["contact"]}),
        ("orders", {**order, "lines": [line]}),
        ("deals", {**deal, "contact_id": ids["contact"]}),
        ("deals", {**deal, "owner_id": user}),
        ("deals", {**deal, "lines": [line]}),
        ("deals", {**deal, "pipeline_id": others["pipelines"][0]}),
        ("interactions", {**interaction, "contact_id": ids["contact"]}),
        ("interactions", {**interaction, "product_id": ids["product"]}),
        ("users", {"name": "x", "email": "y@test.example", "role_ids": [str(role)], "team_id": team}),
        ("users", {"name": "x", "email": "y@test.example", "role_ids": [str(world.org.roles["admin"])]}),
        ("teams", {"name": "x", "parent_id": team}),
        ("api_keys", {"name": "x", "user_id": user}),
    ):
        answer = await outside.admin.post(f"/v1/{url}", json=body)
        assert answer.status_code in {404, 409, 422}, (url, body, answer.text)


async def test_cursors_etags_and_keys_of_another_tenant_are_worth_nothing(
    world: World, outside: Organisation
):
    page = (await world.org.admin.get("/v1/contacts", params={"limit": "1"})).json()
    mine = await outside.admin.get("/v1/contacts", params={"limit": "1", "cursor": page["next"]})
    assert mine.json()["data"] == []
    contact = world.of("contact")[0]
    tag = (await world.org.admin.get(f"/v1/contacts/{contact.id}")).headers["etag"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": "*"}):
        assert (await outside.admin.get(f"/v1/contacts/{contact.id}", headers=headers)).status_code == 404
    key = {"Idempotency-Key": "the same in both"}
    body = {"name": "two tenants, one key"}
    first = await world.org.admin.post("/v1/companies", json=body, headers=key)
    second = await outside.admin.post("/v1/companies", json=body, headers=key)
    assert first.json()["id"] != second.json()["id"]
    for org, answer in ((world.org, first), (outside, second)):
        await org.admin.post(f"/v1/companies/{answer.json()['id']}/archive", headers=ANY)


async def test_the_same_external_id_and_number_belong_to_each_tenant(world: World, outside: Organisation):
    contact, order = world.of("contact")[0], world.of("order")[0]
    made = await outside.admin.put(f"/v1/contacts/by/erp/{contact.external}", json={"name": "x"})
    assert made.status_code == 201, made.text
    assert made.json()["id"] != contact.id
    body = {"number": order.number, "currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"}
    assert (await outside.admin.post("/v1/orders", json=body)).status_code == 201
