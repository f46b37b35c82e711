"""What files say of consents: kept with the file as evidence, never against somebody's no, and taken back with the rest."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.kit import clock
from tests.makers.files import account, done, imported, rows, sent
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def _contacts(org: Organisation) -> dict[str, dict[str, Any]]:
    listed = (await org.admin.get("/v1/contacts", params={"limit": "200"})).json()["data"]
    return {one["email"].partition("@")[0]: one for one in listed}


async def _said(org: Organisation) -> dict[str, dict[str, str]]:
    return {
        name: {f"{one['purpose']}:{one['channel']}": one["state"] for one in contact["consents"]}
        for name, contact in (await _contacts(org)).items()
    }


async def _known(org: Organisation, name: str, *states: str) -> str:
    body = {"name": name, "emails": [{"address": f"{name}@example.com"}]}
    contact: str = (await org.admin.post("/v1/contacts", json=body)).json()["id"]
    for state in states:
        said = {"purpose": "marketing", "channel": "email", "state": state, "source": "phone"}
        kept = await org.admin.post(f"/v1/contacts/{contact}/consents", json=said, headers=ANY)
        assert kept.status_code == 200, kept.text
    return contact


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("Email opt-in", "yes", {"marketing:email": "granted"}),
        ("Email opt-in", "no", {"marketing:email": "withdrawn"}),
        ("Email opt-in", "", {}),
        ("Email Marketing Consent", "NEVER_SUBSCRIBED", {}),
        ("Email Marketing Consent", "UNSUBSCRIBED", {"marketing:email": "withdrawn"}),
        ("Accepts SMS Marketing", "true", {"marketing:sms": "granted"}),
        ("Email Opt Out", "1", {"marketing:email": "withdrawn"}),
        ("Email Opt Out", "0", {}),
        ("Do Not Call", "TRUE", {"marketing:phone": "withdrawn"}),
        ("Unsubscribed from all email", "true", {"marketing:email": "withdrawn"}),
        ("是否同意接收邮件", "是", {"marketing:email": "granted"}),
        ("是否同意接收邮件", "不同意", {"marketing:email": "withdrawn"}),
        ("短信退订", "已退订", {"marketing:sms": "withdrawn"}),
        ("consent:research.wecom", "subscribed", {"research:wecom": "granted"}),
    ],
)
async def test_a_column_says_what_somebody_allows_or_forbids(
    service: FastAPI, org: Organisation, column: str, cell: str, expected: dict[str, str]
):
    one = await imported(service, org, f"name,email,{column}\nAnna,anna@example.com,{cell}\n")
    assert one["account"] == account(created=1), await rows(org, one)
    assert await _said(org) == {"anna": expected}
    contact = (await _contacts(org))["anna"]
    assert contact["consented"] == [about for about, state in expected.items() if state == "granted"]


async def test_a_consent_has_the_file_as_its_evidence_and_an_event_of_its_own(
    service: FastAPI, org: Organisation
):
    before = clock.now()
    one = await imported(service, org, "name,email,consent.email\nA,a@example.com,yes\n", "fair.csv")
    contact = (await _contacts(org))["a"]
    [kept] = contact["consents"]
    assert (kept["source"], kept["evidence"]) == ("import", "fair.csv, line 2")
    assert before - timedelta(seconds=5) < datetime.fromisoformat(kept["at"]) < clock.now()
    events = (await org.admin.get(f"/v1/contacts/{contact['id']}/history")).json()["data"]
    assert [event["type"] for event in events] == ["contact.consent_recorded", "contact.added"]
    assert {event["cause"] for event in events} == {f"import:{one['id']}"}


async def test_a_file_that_was_sent_by_a_clock_that_is_ahead_tells_of_consents_as_of_now(
    service: FastAPI, org: Organisation
):
    one = await sent(org, "name,email,consent.email\nA,a@example.com,yes\n")
    async with org.database.connection(org.id) as connection:
        await connection.execute("update imports set created_at = created_at + interval '1 hour'")
    one = await done(service, org, one)
    assert one["account"] == account(created=1), await rows(org, one)
    [kept] = (await _contacts(org))["a"]["consents"]
    assert datetime.fromisoformat(kept["at"]) < clock.now()


async def test_a_preview_shows_what_a_row_says_of_consents(org: Organisation):
    one = await sent(org, "name,email,Email opt-in\nA,a@example.com,yes\nB,b@example.com,perhaps\n")
    shown = (await org.admin.get(f"/v1/imports/{one['id']}/preview")).json()["rows"]
    assert shown[0]["values"]["consents"] == [
        {"purpose": "marketing", "channel": "email", "state": "granted"}
    ]
    assert shown[1]["problems"] == ["Email opt-in: 'perhaps' is neither yes nor no."]


async def test_a_no_counts_and_a_yes_where_nothing_was_said(service: FastAPI, org: Organisation):
    for name, *said_before in (
        ("silent",),
        ("yes", "granted"),
        ("no", "granted", "withdrawn"),
        ("left", "granted"),
    ):
        await _known(org, name, *said_before)
    text = "name,email,Email opt-in,Email Opt Out\n" + "".join(
        f"{name},{name}@example.com,{said},{out}\n"
        for name, said, out in (
            ("silent", "yes", "no"),
            ("yes", "yes", ""),
            ("no", "yes", "no"),
            ("left", "yes", "yes"),
        )
    )
    one = await imported(service, org, text)
    assert one["account"] == account(updated=2, unchanged=2), await rows(org, one)
    states = {name: said["marketing:email"] for name, said in (await _said(org)).items()}
    assert states == {"silent": "granted", "yes": "granted", "no": "withdrawn", "left": "withdrawn"}
    again = await imported(service, org, text)
    assert again["account"] == account(unchanged=4)
    assert (await _contacts(org))["yes"]["consents"][0]["source"] == "phone"


async def test_what_somebody_said_after_the_file_was_sent_stands(service: FastAPI, org: Organisation):
    one = await sent(org, "name,email,Email Opt Out\na,a@example.com,yes\n")
    await _known(org, "a", "granted")
    one = await done(service, org, one)
    assert one["account"] == account(unchanged=1)
    assert await _said(org) == {"a": {"marketing:email": "granted"}}


async def test_a_trial_tells_and_keeps_nothing_and_undoing_takes_it_back(service: FastAPI, org: Organisation):
    for name in ("old", "later"):
        await _known(org, name, "granted")
    text = "name,email,Email Opt Out\n" + "".join(
        f"{n},{n}@example.com,yes\n" for n in ("new", "old", "later")
    )
    before = await _said(org)
    one = await done(service, org, await sent(org, text), "try")
    assert one["trial"] == account(created=1, updated=2)
    assert await _said(org) == before
    one = await done(service, org, one)
    assert one["account"] == account(created=1, updated=2)
    assert set(map(str, (await _said(org)).values())) == {"{'marketing:email': 'withdrawn'}"}
    later = (await _contacts(org))["later"]["id"]
    said = {"purpose": "service", "channel": "post", "state": "granted", "source": "phone"}
    await org.admin.post(f"/v1/contacts/{later}/consents", json=said, headers=ANY)
    one = await done(service, org, one, "undo")
    found = await _contacts(org)
    assert found.keys() == {"old", "later"}
    assert found["old"]["consented"] == ["marketing:email"]
    assert found["old"]["consents"][0]["source"] == "phone"
    assert {c["channel"]: c["state"] for c in found["later"]["consents"]} == {
        "email": "withdrawn",
        "post": "granted",
    }, "somebody has touched it since, so it stays and is told"
    assert one["undone"]["kept"] == 1


async def test_who_may_not_record_consents_imports_none(service: FastAPI, org: Organisation):
    _, marketing = await org.user("m", "marketing")
    one = await sent(marketing, "name,email,Email Opt Out\nA,a@example.com,yes\n")
    assert one["mapping"] == {"name": "name", "email": "email"}
    mapping = {"mapping": one["mapping"] | {"Email Opt Out": "opt_out.email"}}
    edited = await marketing.patch(f"/v1/imports/{one['id']}", json=mapping, headers=ANY)
    assert edited.status_code == 200, edited.text
    refused = await marketing.post(f"/v1/imports/{one['id']}/start", headers=ANY)
    assert (refused.status_code, refused.json()["field"]) == (403, "consents")


async def test_consents_of_contacts_that_go_to_others_are_kept(service: FastAPI, org: Organisation):
    role = {
        "scopes": [
            "imports:read",
            "imports:write",
            "contacts:read",
            "contacts:write",
            "runs:read",
            "users:read",
        ],
        "read": {"contact": ["*"], "import": ["*"], "run": ["*"], "user": ["*"]},
        "write": {"contact": ["*"], "import": ["*"]},
    }
    await org.role("narrow", **role)
    await org.user("boss", "sales")
    _, narrow = await org.user("narrow", "narrow")
    boss = next(u for u in (await org.admin.get("/v1/users")).json()["data"] if u["name"] == "boss")
    text = f"name,email,owner,Email Opt Out\nA,a@example.com,{boss['email']},yes\n"
    await done(service, org, await sent(narrow, text), by=narrow)
    assert await _said(org) == {"a": {"marketing:email": "withdrawn"}}
