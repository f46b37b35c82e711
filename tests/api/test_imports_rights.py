"""An import is carried out in the name of whoever sent it, and shows itself to nobody else's eyes."""

from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from tests.makers.files import ANY, account, begun, done, imported, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

PEOPLE = "name,email,job title\nAnna,anna@example.com,CEO\nBob,bob@example.com,CTO\n"
LINES = """number,at,sku,quantity,unit price,customer email
1001,2026-03-01,A1,1,2.55,anna@example.com
"""
_SHOWN = ["id", "version", "name", "emails", "email", "job_title", "owner_id"]


async def _sender(org: Organisation, **fields: object) -> AsyncClient:
    given = {
        "scopes": ["imports:read", "imports:write", "contacts:read", "contacts:write", "runs:read"],
        "sight": {"contact": "own", "import": "own"},
        "read": {
            "contact": _SHOWN,
            "import": ["name", "target", "mode", "mapping", "stage", "account", "layout", "match"],
        },
        "write": {"contact": ["name", "emails", "job_title"], "import": ["mapping", "mode", "match"]},
    }
    await org.role("sender", **(given | fields))
    _, client = await org.user("sender", "sender")
    return client


async def test_it_makes_what_its_sender_may_make(service: FastAPI, org: Organisation):
    client = await _sender(org)
    one = await done(service, org, await sent(client, PEOPLE), by=client)
    assert one["account"] == account(created=2)
    [anna, _] = await rows(org, one)
    found = (await client.get(f"/v1/contacts/{anna['record_id']}")).json()
    assert (found["name"], found["job_title"]) == ("Anna", "CEO")
    assert found["owner_id"] == one["owner_id"]  # or its sender would not see it
    told = (await org.admin.get(f"/v1/contacts/{anna['record_id']}/history")).json()["data"][0]
    assert told["cause"] == f"import:{one['id']}"


async def test_it_meets_only_what_its_sender_sees(service: FastAPI, org: Organisation):
    body = {"name": "Hidden", "emails": [{"address": "anna@example.com"}]}
    hidden = (await org.admin.post("/v1/contacts", json=body)).json()
    client = await _sender(org)
    one = await done(service, org, await sent(client, PEOPLE), by=client)
    assert one["account"] == account(created=2)
    found = (await org.admin.get(f"/v1/contacts/{hidden['id']}")).json()
    assert (found["name"], found["version"]) == ("Hidden", hidden["version"])


async def test_fields_that_its_sender_may_not_write_stay_as_they_are(service: FastAPI, org: Organisation):
    client = await _sender(org, write={"contact": ["name", "emails"], "import": []})
    one = await done(service, org, await sent(client, PEOPLE), by=client)
    assert one["account"] == account(failed=2)
    assert {row["code"] for row in await rows(org, one)} == {"field_read_only"}


async def test_without_the_scope_of_its_target_it_does_not_begin(org: Organisation):
    client = await _sender(org, scopes=["imports:read", "imports:write", "contacts:read"])
    one = await sent(client, PEOPLE)
    for verb in ("start", "try"):
        refused = await client.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_what_is_hidden_from_its_sender_matches_nothing(org: Organisation):
    client = await _sender(org, read={"contact": ["name"], "import": ["name"]})
    one = await sent(client, PEOPLE)
    for verb in ("start", "try"):
        refused = await client.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (403, "field_hidden")


async def test_companies_are_made_for_whoever_may_make_them(service: FastAPI, org: Organisation):
    write = {"contact": ["name", "emails", "company_id"], "company": ["name"], "import": []}
    client = await _sender(org, write=write)
    one = await done(
        service, org, await sent(client, "name,email,company\nAnna,a@example.com,New\n"), by=client
    )
    assert one["account"] == account(failed=1)
    assert (await org.admin.post("/v1/companies/count", json={})).json()["count"] == 0


async def test_a_dismissed_senders_import_stops(service: FastAPI, org: Organisation):
    client = await _sender(org)
    one = await sent(client, PEOPLE)
    run = await begun(client, one)
    owner = (await org.admin.get(f"/v1/imports/{one['id']}")).json()["owner_id"]
    dismissed = await org.admin.patch(f"/v1/users/{owner}", json={"active": False}, headers=ANY)
    assert dismissed.status_code == 200, dismissed.text
    await work_off(service)
    stands = (await org.admin.get(run)).json()
    assert "not active" in stands["error"]
    assert (await org.admin.post("/v1/contacts/count", json={})).json()["count"] == 0
    await org.admin.post(f"{run}/cancel")


async def test_a_role_that_was_taken_away_counts_for_what_is_still_to_do(service: FastAPI, org: Organisation):
    client = await _sender(org)
    run = await begun(client, await sent(client, PEOPLE))
    role = org.roles["sender"]
    scopes = ["imports:read", "imports:write", "contacts:read"]
    assert (
        await org.admin.patch(f"/v1/roles/{role}", json={"scopes": scopes}, headers=ANY)
    ).status_code == 200
    await work_off(service)
    stands = (await org.admin.get(run)).json()
    assert "contacts:write" in stands["error"]
    assert (await org.admin.post("/v1/contacts/count", json={})).json()["count"] == 0
    await org.admin.post(f"{run}/cancel")


async def test_cells_are_for_who_sent_them_or_may_read_all_that_they_can_hold(
    service: FastAPI, org: Organisation
):
    client = await _sender(org, sight={"contact": "all", "import": "all"})
    theirs = await imported(service, org, "name,email\nAnna,not one\n,b@example.com\n")
    own = await sent(client, PEOPLE)
    for rest in ("/preview", "/rows", "/failures.csv"):
        refused = await client.get(f"/v1/imports/{theirs['id']}{rest}")
        assert (refused.status_code, refused.json()["code"]) == (403, "field_hidden")
        assert (await client.get(f"/v1/imports/{own['id']}{rest}")).status_code == 200


LOOKED_AT = ("/preview", "/rows", "/failures.csv")


async def _refused(client: AsyncClient, one: dict[str, Any], code: str) -> None:
    for rest in LOOKED_AT:
        refused = await client.get(f"/v1/imports/{one['id']}{rest}")
        assert (refused.status_code, refused.json().get("code")) == (403, code), rest


async def test_cells_need_the_scopes_of_what_they_become_also_of_their_sender(
    service: FastAPI, org: Organisation
):
    client = await _sender(org, scopes=["imports:read", "imports:write", "orders:read", "products:read"])
    await _refused(client, await sent(client, PEOPLE), "scope_missing")
    lines = await sent(client, LINES, "lines.csv", target="line")
    assert "email" in lines["mapping"]["customer email"]
    await _refused(client, lines, "scope_missing")  # lines tell of contacts, too


async def test_cells_of_others_need_sight_of_all_that_they_can_tell_of(service: FastAPI, org: Organisation):
    whole = {"read": {"*": ["*"]}, "write": {"*": ["*"]}}
    people, lines = await sent(org, PEOPLE), await sent(org, LINES, "lines.csv", target="line")
    narrow = await _sender(org, scopes=["*"], sight={"contact": "own", "*": "own", "import": "all"}, **whole)
    await _refused(narrow, people, "sight_missing")
    await _refused(narrow, lines, "sight_missing")
    goods = await sent(org, "sku,name,price\nA-1,Lamp,12.50\n", "goods.csv", target="product")
    assert (await narrow.get(f"/v1/imports/{goods['id']}/rows")).status_code == 200
    edit = {"target": "product", "mapping": {"email": "name"}, "match": []}
    moved = await narrow.patch(f"/v1/imports/{people['id']}", json=edit, headers=ANY)
    assert (moved.status_code, moved.json()["code"]) == (403, "sight_missing")


async def test_customers_in_lines_need_every_field_of_contacts(service: FastAPI, org: Organisation):
    read = {"import": ["*"], "order": ["*"], "product": ["*"], "contact": ["name"]}
    client = await _sender(org, scopes=["*"], sight={"*": "all"}, read=read)
    await _refused(client, await sent(org, LINES, "lines.csv", target="line"), "field_hidden")


@pytest.mark.parametrize(
    ("noun", "name"),
    [(PRODUCTS, "sku"), (CONTACTS, "external_ids"), (CONTACTS, "email"), (CONTACTS, "phone")],
)
async def test_lines_name_nothing_by_what_is_hidden_from_their_sender(
    org: Organisation, noun: Noun, name: str
):
    read = {"import": ["*"], noun.name: [one for one in noun.fields if one != name]}
    read |= {other.name: ["*"] for other in (ORDERS, PRODUCTS, CONTACTS) if other is not noun}
    client = await _sender(org, scopes=["*"], sight={"*": "all"}, read=read, write={"*": ["*"]})
    text = (
        "number,at,sku,quantity,unit price,customer,customer email,customer phone\n"
        "1001,2026-03-01,A1,1,2.55,C7,anna@example.com,+8613800138000\n"
    )
    one = await sent(client, text, "lines.csv", target="line")
    for verb in ("start", "try"):
        refused = await client.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (403, "field_hidden"), refused.text
        assert refused.json()["field"] == name


async def test_a_key_that_may_import_no_more_imports_no_more(service: FastAPI, org: Organisation):
    client = await _sender(org)
    run = await begun(client, await sent(client, PEOPLE))
    scopes = ["imports:read", "contacts:read", "contacts:write"]
    role = org.roles["sender"]
    await org.admin.patch(f"/v1/roles/{role}", json={"scopes": scopes}, headers=ANY)
    await work_off(service)
    assert "imports:write" in (await org.admin.get(run)).json()["error"]
    await org.admin.post(f"{run}/cancel")


async def test_another_tenant_sees_nothing(service: FastAPI, org: Organisation, other: Organisation):
    one = await imported(service, org, PEOPLE + "ragged\n")
    assert (await other.admin.get("/v1/imports")).json()["data"] == []
    for rest in ("", "/preview", "/rows", "/failures.csv", "/history"):
        answer = await other.admin.get(f"/v1/imports/{one['id']}{rest}")
        assert answer.status_code == 404, answer.text
        assert "ragged" not in answer.text
    for verb in ("start", "try", "archive", "restore"):
        answer = await other.admin.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
        assert answer.status_code == 404, answer.text
    same = await imported(service, other, PEOPLE)
    assert same["account"] == account(created=2)


async def _kept(org: Organisation) -> str:
    async with org.database.connection(org.id) as connection:
        found = await connection.fetch("select cells, detail from import_rows where org_id = $1", org.id)
        parts = await connection.fetch("select bytes from file_parts where org_id = $1", org.id)
        events = await connection.fetch(
            "select after::text, before::text from events where org_id = $1", org.id
        )
        return f"{[*map(tuple, found)]} {[*map(tuple, parts)]} {[*map(tuple, events)]}"


async def test_rows_that_went_well_are_let_go_of(service: FastAPI, org: Organisation):
    one = await sent(org, PEOPLE)
    assert "anna@example.com" in await _kept(org)
    await done(service, org, one)
    async with org.database.connection(org.id) as connection:
        assert (
            await connection.fetchval("select count(cells) from import_rows where org_id = $1", org.id) == 0
        )
        assert await connection.fetchval("select count(*) from file_parts where org_id = $1", org.id) == 0
