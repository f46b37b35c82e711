"""Access explained over HTTP: what is told is what happens."""

from typing import Any

import httpx

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def explain(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/v1/access/explain", params={k: str(v) for k, v in asked.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ruling(told: dict[str, Any], rule: str, subject: str | None = None) -> dict[str, Any]:
    return next(r for r in told["rules"] if r["rule"] == rule and subject in {None, r["subject"]})


async def test_each_rule_is_told_with_the_role_behind_it(org: Organisation):
    seller, client = await org.user("seller", "sales")
    told = await explain(client, noun="contact", field="birth_date")
    assert ruling(told, "scope", "contacts:read") == {
        "rule": "scope",
        "subject": "contacts:read",
        "allowed": True,
        "why": "The role sales grants the scope.",
        "roles": ["sales"],
    }
    assert ruling(told, "sight")["roles"] == ["sales"]
    assert not ruling(told, "read", "birth_date")["allowed"]
    assert told["user_id"] == str(seller)
    assert (told["may_read"], told["may_write"]) == (False, False)
    assert ruling(await explain(client, scope="users:write"), "scope")["allowed"] is False
    told = await explain(org.admin, noun="contact", field="consented", user_id=seller)
    assert ruling(told, "read")["allowed"]
    assert ruling(told, "write")["why"].startswith("Nobody writes it")


async def test_sight_is_told_as_it_is(org: Organisation):
    top = await org.team("top")
    below = await org.team("below", top)
    boss, manager = await org.user("boss", "manager", team=top)
    seller, client = await org.user("seller", "sales", team=below)
    stranger, outside = await org.user("stranger", "sales")
    contact = (await client.post("/v1/contacts", json={"name": "赵敏"})).json()["id"]
    loose = (await org.admin.post("/v1/contacts", json={"name": "nobody's"})).json()["id"]
    call = {"kind": "call", "at": "2026-03-02T10:30:00+08:00", "contact_id": contact, "subject": "x"}
    spoken = (await org.admin.post("/v1/interactions", json=call)).json()["id"]
    people = {boss: manager, seller: client, stranger: outside}
    expected = {
        ("contact", contact): {
            boss: "Its owner is in their team",
            seller: "They own",
            stranger: "Its owner is not",
        },
        ("contact", loose): dict.fromkeys(people, "Nobody owns it"),
        ("interaction", spoken): {
            boss: "They see the contact",
            seller: "They see the contact",
            stranger: "Nobody owns it",
        },
    }
    for (noun, record), whys in expected.items():
        for user, why in whys.items():
            told = await explain(org.admin, noun=noun, record_id=record, user_id=user)
            rule = ruling(told, "sight")
            assert rule["why"].startswith(why), rule
            real = (await people[user].get(f"/v1/{noun}s/{record}")).status_code
            assert told["may_read"] is rule["allowed"] is (real == 200)


async def test_nothing_is_told_of_what_the_asker_may_not_see(org: Organisation, other: Organisation):
    _, client = await org.user("seller", "sales")
    user, _ = await org.user("other", "sales")
    hidden = (await org.admin.post("/v1/contacts", json={"name": "hidden"})).json()["id"]
    for who, asked in (
        (client, {"noun": "contact", "record_id": hidden}),
        (client, {"noun": "contact", "record_id": hidden, "user_id": str(user)}),
        (other.admin, {"noun": "contact", "record_id": hidden}),
        (other.admin, {"noun": "contact", "user_id": str(user)}),
    ):
        assert (await who.get("/v1/access/explain", params=asked)).status_code == 404
    await org.role("blind", scopes=["contacts:read"], sight={"contact": "all"}, read={"contact": ["name"]})
    _, blind = await org.user("blind", "blind")
    answer = await blind.get("/v1/access/explain", params={"noun": "contact", "user_id": str(user)})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    peeks = {"scopes": ["contacts:read", "users:read"], "sight": {"contact": "all"}}
    await org.role("peek", **peeks, read={"contact": ["name"]})
    _, peek = await org.user("peek", "peek")
    answer = await peek.get("/v1/access/explain", params={"noun": "contact", "user_id": str(user)})
    assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden")
    assert "sales" not in answer.text
    await org.role("look", **peeks, read={"contact": ["name"], "user": ["active", "role_ids"]})
    _, look = await org.user("look", "look")
    told = await explain(look, noun="contact", record_id=hidden, field="name", user_id=user)
    assert ruling(told, "sight")["why"] == "Their sight does not reach it."
    assert ruling(told, "read")["why"] == "A role of this user opens it for reading."
    assert "sales" not in str(told["rules"])


async def test_a_scope_is_told_of_beside_those_of_the_noun_and_in_their_place_never(org: Organisation):
    told = await explain(org.admin, noun="contact", scope="contacts:read")
    assert (told["may_read"], told["may_write"]) == (True, True)
    await org.role("clerk", scopes=["orders:read"], sight={"*": "all"}, read={"*": ["*"]})
    _, clerk = await org.user("clerk", "clerk")
    told = await explain(clerk, noun="contact", scope="orders:read")
    assert (told["may_read"], told["may_write"]) == (False, False)
    rulings = {one["subject"]: one["allowed"] for one in told["rules"] if one["rule"] == "scope"}
    assert rulings == {"contacts:read": False, "contacts:write": False, "orders:read": True}


async def test_a_key_and_a_user_who_is_not_active_are_told_of(org: Organisation):
    made = await org.admin.post("/v1/api_keys", json={"name": "ERP", "scopes": ["orders:read"]})
    told = await explain(org.client(made.json()["key"]), noun="contact")
    assert told["kind"] == "api_key"
    assert "the API key does not have it" in ruling(told, "scope", "contacts:read")["why"]
    user, _ = await org.user("gone", "sales")
    await org.admin.patch(f"/v1/users/{user}", json={"active": False}, headers=ANY)
    told = await explain(org.admin, noun="contact", user_id=user)
    assert not ruling(told, "active")["allowed"]
    assert told["may_read"] is False


async def test_what_cannot_be_explained_is_named(org: Organisation):
    for asked, code in (
        ({}, "noun_missing"),
        ({"field": "name"}, "noun_missing"),
        ({"noun": "unicorn"}, "noun_unknown"),
        ({"noun": "contact", "field": "wings"}, "field_unknown"),
        ({"scope": "contacts:fly"}, "scope_unknown"),
    ):
        answer = await org.admin.get("/v1/access/explain", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
