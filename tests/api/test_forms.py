"""Forms as their owners keep them: what may be asked, by whom, on which sites and for how long."""

from uuid import UUID

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.makers.forms import ASKS, SHOP, WEI, address, body, contacts, made, ticket
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def test_what_somebody_sends_is_seen_by_whoever_sees_their_contact(
    org: Organisation, stranger: httpx.AsyncClient
):
    (theirs, colleague), (mine, maker) = [await org.user(name, "sales") for name in ("a", "b")]
    known = {"name": "张伟", "emails": [{"address": "wei.zhang@example.com"}], "owner_id": str(theirs)}
    await org.admin.post("/v1/contacts", json=known)
    here = await address(org, await made(org, owner_id=str(mine)))
    await stranger.post(here, json=await body(org, here))
    await stranger.post(here, json=await body(org, here, {"name": "b", "email": "b@example.com"}))
    for client, seen in ((colleague, "张伟"), (maker, "b")):
        listed = [
            (await client.get(f"/v1/{plural}")).json()["data"] for plural in ("contacts", "interactions")
        ]
        assert [one["name"] for one in listed[0]] == [seen]
        assert [one["contact_id"] for one in listed[1]] == [listed[0][0]["id"]]


async def test_a_changed_form_is_read_again_before_it_is_taken(
    org: Organisation, stranger: httpx.AsyncClient
):
    form = await made(org)
    here = await address(org, form)
    sent = await body(org, here, consent=True)
    consent = ASKS["consent"] | {"text": {"zh": "把我的资料交给任何人。"}}
    edited = await org.admin.patch(f"/v1/forms/{form['id']}", json={"consent": consent}, headers=ANY)
    assert edited.status_code == 200, edited.text
    answer = await stranger.post(here, json=sent)
    assert (answer.status_code, answer.json()["code"]) == (409, "form_changed")
    assert await contacts(org) == []


async def test_a_form_that_is_closed_is_nowhere(
    org: Organisation, other: Organisation, stranger: httpx.AsyncClient
):
    form = await made(org)
    here = await address(org, form)
    at = f"/v1/forms/{form['id']}"

    async def open_() -> set[int]:
        sent = {"ticket": "x", "answers": WEI}
        shown = [
            await stranger.get(here),
            await stranger.get(f"{here}/page"),
            await stranger.post(here, json=sent),
        ]
        if shown[0].status_code != 200:
            assert {shown[0].json()["code"], shown[2].json()["code"]} == {"form_closed"}
        return {one.status_code for one in shown}

    assert await open_() == {200, 422}
    await org.admin.patch(at, json={"active": False}, headers=ANY)
    assert await open_() == {404}
    await org.admin.patch(at, json={"active": True}, headers=ANY)
    await org.admin.post(f"{at}/archive", headers=ANY)
    assert await open_() == {404}
    await org.admin.post(f"{at}/restore", headers=ANY)
    assert await open_() == {200, 422}
    rotated = await org.admin.post(f"{at}/rotate", headers=ANY)
    assert (rotated.status_code, rotated.json()["key_version"]) == (200, 2)
    assert await open_() == {404}
    fresh = await address(org, form)
    assert fresh != here
    assert (await stranger.get(fresh)).status_code == 200
    token = fresh.rpartition("/")[2]
    last = "A" if token[-1] != "A" else "B"
    for wrong in (token[:-1], token[:-1] + last, "x", form["id"], f"{token}=", token + "A" * 200, "é" * 201):
        here = f"/v1/public/forms/{wrong}"
        assert await open_() == {404}, wrong
    assert (await other.admin.get(f"{at}/address")).status_code == 404


async def test_custom_fields_are_asked_for_and_those_that_are_not_are_not_required(
    org: Organisation, stranger: httpx.AsyncClient
):
    for key, kind, more in (
        ("size", "integer", {}),
        ("teas", "labels", {"choices": ["green", "black"]}),
        ("vip", "boolean", {}),
        ("budget", "number", {}),
        ("code", "text", {"required": True}),
    ):
        one = {"noun": "contact", "key": key, "kind": kind, "label": key} | more
        assert (await org.admin.post("/v1/custom_fields", json=one)).status_code == 201
    asks = [{"path": f"custom.{key}", "label": {"en": key}} for key in ("size", "teas", "vip", "budget")]
    form = await made(org, questions=[*ASKS["questions"][:2], *asks], consent=None)
    here = await address(org, form)
    shown = (await stranger.get(here)).json()
    assert {one["path"]: one["way"] for one in shown["questions"]} == {
        "name": "line",
        "email": "email",
        "custom.size": "integer",
        "custom.teas": "some",
        "custom.vip": "yes_no",
        "custom.budget": "number",
    }
    two = {"name": "a", "email": "a@example.com"}
    typed = two | {
        "custom.size": "42",
        "custom.teas": ["green", "black"],
        "custom.vip": "true",
        "custom.budget": "1.5",
    }
    page = {f"{name}": value for name, value in typed.items()} | {
        "ticket": await ticket(org, here),
        "language": "en",
    }
    assert (await stranger.post(here, data=page)).status_code == 200
    [contact] = await contacts(org)
    assert contact["custom"] == {"size": 42, "teas": ["green", "black"], "vip": True, "budget": "1.5"}
    bad = two | {"custom.size": "many", "custom.teas": ["blue"]}
    refused = await stranger.post(here, json=await body(org, here, bad))
    assert [fault["at"] for fault in refused.json()["errors"]] == [
        "/answers/custom.size",
        "/answers/custom.teas",
    ]


async def test_only_pages_of_named_sites_and_our_own_may_send(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for origin, status in (
        (SHOP, 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[x", 403),
        ("http://test", 200),
    ):
        shown = await stranger.get(here, headers={"Origin": origin})
        before = await stranger.options(here, headers={"Origin": origin, **asked})
        sent = await stranger.post(here, json=await body(org, here), headers={"Origin": origin})
        assert (shown.status_code, before.status_code, sent.status_code) == (200, 204, status), sent.text
        allowed = {one.headers.get("access-control-allow-origin") for one in (shown, before, sent)}
        assert allowed == ({SHOP} if origin == SHOP else {None})
        assert before.headers.get("access-control-allow-methods") == ("GET, POST" if origin == SHOP else None)
        assert "access-control-allow-credentials" not in before.headers
    assert (await stranger.options("/v1/public/forms/x", headers={"Origin": SHOP})).status_code == 204


async def test_sites_that_may_call_the_api_may_not_send_a_form_that_does_not_name_them(
    org: Organisation, chosen: Settings
):
    crm = "https://crm.example"
    here = await address(org, await made(org))
    app = create_app(chosen.model_copy(update={"cors_origins": crm}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for origin, named in ((crm, False), (SHOP, True)):
                headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
                asked = await client.options(here, headers=headers)
                sent = await client.post(here, json=await body(org, here), headers={"Origin": origin})
                assert sent.status_code == (200 if named else 403)
                for answer in (asked, sent):
                    allowed = answer.headers.get("access-control-allow-origin")
                    assert allowed == (SHOP if named else None)


async def test_whoever_makes_a_form_must_be_able_to_write_what_it_writes(org: Organisation):
    _, marketing = await org.user("m", "marketing")
    refused = await marketing.post("/v1/forms", json=ASKS)
    assert (refused.status_code, refused.json()["field"]) == (403, "consents")
    plain = await marketing.post("/v1/forms", json=ASKS | {"consent": None})
    assert plain.status_code == 201, plain.text
    form = await made(org, active=False)
    here = f"/v1/forms/{form['id']}"
    assert (await marketing.patch(here, json={"title": {"en": "x"}}, headers=ANY)).status_code == 200
    assert (await marketing.patch(here, json={"active": True}, headers=ANY)).status_code == 403
    _, sales = await org.user("s", "sales")
    assert (await sales.get("/v1/forms")).status_code == 403
    assert (await org.admin.patch(here, json={"active": True}, headers=ANY)).status_code == 200
    await org.admin.post(f"{here}/archive", headers=ANY)
    assert (await marketing.post(f"{here}/restore", headers=ANY)).status_code == 403


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        (["name"], "form_unreachable"),
        (["email", "email"], "question_twice"),
        (["email", "stage"], "question_unknown"),
        (["email", "custom.nothing"], "question_unknown"),
        (["email", "owner_id"], "question_unknown"),
    ],
)
async def test_what_is_no_form_is_refused(paths: list[str], code: str, org: Organisation):
    questions = [{"path": path, "label": {"en": path}} for path in paths]
    answer = await org.admin.post("/v1/forms", json=ASKS | {"questions": questions})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_form_knows_only_what_it_asks(org: Organisation, stranger: httpx.AsyncClient):
    form = await made(org)
    shown = (await stranger.get(await address(org, form))).json()
    assert shown.keys() == {
        "title", "intro", "questions", "consent", "thanks", "redirect_url", "ticket", "good_until"
    }  # fmt: skip
    text = str(shown)
    for hidden in (form["id"], str(org.id), "tea fair", SHOP, "vip"):
        assert hidden not in text
    assert UUID(form["id"]).hex not in text
