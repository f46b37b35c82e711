"""Assignment by the API: what comes in and is nobody's goes to whom the rules say, and they tell why."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_imports_undo import imported, undone
from tests.makers.forms import address, body
from tests.makers.forms import made as made_form
from tests.makers.organisations import Organisation
from tests.makers.sold import LINE
from tests.nouns.nouns import ANY, a_pipeline, problem

Body = dict[str, Any]
LONG = "2199-01-01T00:00:00Z"


async def people(org: Organisation, n: int, team: UUID | None = None) -> list[str]:
    """So many sellers."""
    return [str((await org.user(f"seller {i}", "sales", team=team))[0]) for i in range(n)]


async def ruled(org: Organisation, users: list[str] | None = None, **more: Any) -> Body:
    """A new rule of these people, or of those given."""
    body = {"name": "rule", "noun": "contact", "people": [{"user_id": user} for user in users or ()]}
    answer = await org.admin.post("/v1/assignment_rules", json=body | more)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def come_in(org: Organisation, plural: str = "contacts", **more: Any) -> Body:
    """A new record without an owner."""
    body = {"name": "x"} | ({"currency": "CNY"} if plural == "deals" else {}) | more
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def explained(org: Organisation, client: httpx.AsyncClient | None = None, **asked: Any) -> Body:
    """What the rules say of a record."""
    answer = await (client or org.admin).post(
        "/v1/assignment_rules/explain", json={"noun": "contact"} | asked
    )
    assert answer.status_code == 200, answer.text
    told: Body = answer.json()
    return told


async def switch(org: Organisation, user: str, **more: Any) -> None:
    """Change a user."""
    answer = await org.admin.patch(f"/v1/users/{user}", json=more, headers=ANY)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("plural", ["contacts", "companies", "deals"])
async def test_records_that_are_nobodys_go_round_and_their_event_names_the_rule(
    org: Organisation, plural: str
):
    noun = {"contacts": "contact", "companies": "company", "deals": "deal"}[plural]
    await org.admin.post("/v1/pipelines", json=a_pipeline("Line"))
    assert (await come_in(org, plural))["owner_id"] is None
    users = await people(org, 3)
    rule = await ruled(org, users, noun=noun)
    made = [await come_in(org, plural) for _ in range(6)]
    assert [one["owner_id"] for one in made] == users * 2
    mine = await come_in(org, plural, owner_id=users[2])
    assert mine["owner_id"] == users[2]
    assert (await come_in(org, plural))["owner_id"] == users[0], "a record with an owner takes nobody's turn"
    [event] = (await org.admin.get(f"/v1/{plural}/{made[0]['id']}/history")).json()["data"]
    assert (event["after"]["owner_id"], event["after"]["assignment_rule_id"]) == (users[0], rule["id"])


@pytest.mark.parametrize("plural", ["contacts", "deals"])
async def test_a_bulk_goes_round_too_and_what_fails_takes_no_turn(org: Organisation, plural: str):
    await org.admin.post("/v1/pipelines", json=a_pipeline("Line"))
    users = await people(org, 3)
    await ruled(org, users, noun=plural[:-1])
    more = {"currency": "CNY"} if plural == "deals" else {}
    items: list[Body] = [{"name": str(n)} | more for n in range(700)]
    items[5] |= {"external_ids": {"erp": "1"}}
    items[600] |= {"company_id": users[0]}
    answer = await org.admin.post(f"/v1/{plural}/bulk", json={"items": items})
    told = answer.json()["items"]
    assert [one["index"] for one in told if one["status"] != "created"] == [600]
    again = await org.admin.post(f"/v1/{plural}/bulk", json={"items": [items[5]]})
    assert again.json()["unchanged"] == 1
    made = (await org.admin.get(f"/v1/{plural}", params={"limit": "200"})).json()["data"]
    assert None not in {one["owner_id"] for one in made}
    counts = [
        (await org.admin.post(f"/v1/{plural}/count", json={"where": owned_by(user)})).json()["count"]
        for user in users
    ]
    assert sorted(counts) == [233, 233, 233]


def owned_by(user: str) -> Body:
    """A condition."""
    return {"field": "owner_id", "op": "eq", "value": user}


async def test_many_at_once_are_shared_to_within_one_and_no_quota_is_exceeded(org: Organisation):
    users = await people(org, 4)
    await ruled(
        org, position=1, people=[{"user_id": users[0], "daily_quota": 7}], daily_quota=40, name="first"
    )
    await ruled(org, users[1:], position=2)

    async def one() -> str:
        while True:
            answer = await org.admin.post("/v1/contacts", json={"name": "x"})
            if answer.status_code != 503:
                owner: str = answer.json()["owner_id"]
                return owner
            await asyncio.sleep(int(answer.headers["retry-after"]))

    async def many() -> list[str]:
        items = [{"name": str(n)} for n in range(30)]
        answer = await org.admin.post("/v1/contacts/bulk", json={"items": items})
        assert answer.json()["created"] == 30, answer.text
        return []

    async with asyncio.timeout(120):
        await asyncio.gather(*(one() for _ in range(200)), many(), many())
    found: Counter[str] = Counter()
    for user in users:
        count = await org.admin.post("/v1/contacts/count", json={"where": owned_by(user)})
        found[user] = count.json()["count"]
    assert found[users[0]] == 7
    rest = [found[user] for user in users[1:]]
    assert sum(rest) == 253
    assert max(rest) - min(rest) <= 1


async def test_a_rule_with_a_condition_passes_over_what_it_is_not_about(org: Organisation):
    web, other = await people(org, 2)
    condition = {"field": "source", "op": "eq", "value": "website"}
    await ruled(org, [web], condition=condition, position=1)
    last = await ruled(org, [other], position=2)
    assert (await come_in(org, source="website"))["owner_id"] == web
    found = await come_in(org, source="fair")
    assert found["owner_id"] == other
    told = await explained(org, record={"name": "x", "source": "fair"})
    assert (told["rule_id"], told["owner_id"]) == (last["id"], other)
    assert [(one["matched"], one["failed"]) for one in told["looks"]] == [(False, [condition]), (True, [])]
    assert (await explained(org, id=found["id"]))["owner_id"] == other


async def test_who_is_away_inactive_archived_or_out_of_the_team_is_nobodys_next(org: Organisation):
    team = await org.team("Inside")
    below = await org.team("Below", team)
    users = [*await people(org, 3, team), *await people(org, 1, below)]
    await ruled(org, team_id=str(team))
    await switch(org, users[0], away_until=LONG)
    await switch(org, users[1], active=False)
    assert {(await come_in(org))["owner_id"] for _ in range(4)} == {users[2], users[3]}
    assert (await org.admin.post(f"/v1/users/{users[2]}/archive", headers=ANY)).status_code == 200
    assert {(await come_in(org))["owner_id"] for _ in range(3)} == {users[3]}
    await switch(org, users[0], away_until=None)
    assert (await come_in(org))["owner_id"] == users[0]
    told = await explained(org, record={"name": "x"})
    assert {one["user_id"] for one in told["looks"][0]["candidates"]} == {users[0], users[3]}


async def test_a_closed_calendar_leaves_a_record_to_the_fallback_and_says_when_it_opens(org: Organisation):
    user, last = await people(org, 2)
    never = await org.admin.post("/v1/calendars", json={"name": "x", "time_zone": "UTC", "week": {}})
    always = {day: ["00:00-24:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
    always |= {"saturday": ["00:00-24:00"], "sunday": ["00:00-24:00"]}
    open_ = await org.admin.post("/v1/calendars", json={"name": "y", "time_zone": "UTC", "week": always})
    rule = await ruled(
        org, [user], in_hours=True, calendar_id=never.json()["id"], otherwise="fallback", fallback_id=last
    )
    assert (await come_in(org))["owner_id"] == last
    told = await explained(org, record={"name": "x"})
    assert (told["owner_id"], told["fallback"]) == (last, True)
    assert told["looks"][0]["candidates"][0]["why"] == "closed"
    here = f"/v1/assignment_rules/{rule['id']}"
    await org.admin.patch(here, json={"calendar_id": open_.json()["id"]}, headers=ANY)
    assert (await come_in(org))["owner_id"] == user


async def test_the_least_loaded_gets_the_next_deal_that_is_open(org: Organisation):
    await org.admin.post("/v1/pipelines", json=a_pipeline("Line"))
    first, second = await people(org, 2)
    for _ in range(3):
        await come_in(org, "deals", owner_id=first)
    await ruled(org, [first, second], noun="deal", method="least_loaded")
    assert [(await come_in(org, "deals"))["owner_id"] for _ in range(4)] == [second, second, second, first]
    told = await explained(org, noun="deal", record={"name": "x", "currency": "CNY"})
    assert [one["load"] for one in told["looks"][0]["candidates"]] == [4, 3]


@pytest.mark.parametrize("plural", ["contacts", "companies", "deals"])
async def test_the_rules_can_be_asked_again_and_nobody_found_is_told(org: Organisation, plural: str):
    noun = {"contacts": "contact", "companies": "company", "deals": "deal"}[plural]
    await org.admin.post("/v1/pipelines", json=a_pipeline("Line"))
    here = f"/v1/{plural}/{(await come_in(org, plural))['id']}/assign"
    answer = await org.admin.post(here, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (409, "nobody_to_assign")
    users = await people(org, 2)
    rule = await ruled(org, users, noun=noun)
    owners = [(await org.admin.post(here, headers=ANY)).json()["owner_id"] for _ in range(2)]
    assert owners == users
    newest, *_ = (await org.admin.get(here.replace("/assign", "/history"))).json()["data"]
    assert newest["type"] == ("deal.reassigned" if noun == "deal" else f"{noun}.assigned")
    assert (newest["before"]["owner_id"], newest["after"]["assignment_rule_id"]) == (users[0], rule["id"])


async def test_what_comes_by_an_import_goes_round_and_is_undone_as_ever(service: FastAPI, org: Organisation):
    users = await people(org, 3)
    rule = await ruled(org, users)
    people_file = "name\n" + "".join(f"Person {n}\n" for n in range(9))
    here = await imported(service, org, people_file, mode="create", target="contact")
    found = (await org.admin.get("/v1/contacts")).json()["data"]
    assert Counter(one["owner_id"] for one in found) == dict.fromkeys(users, 3)
    [event] = (await org.admin.get(f"/v1/contacts/{found[0]['id']}/history")).json()["data"]
    assert event["after"]["assignment_rule_id"] == rule["id"]
    await undone(service, org.admin, here)
    assert (await org.admin.get("/v1/contacts")).json()["data"] == []


async def test_who_fills_in_a_form_that_nobody_has_gets_an_owner_who_sees_what_was_sent(org: Organisation):
    user, client = await org.user("seller", "sales")
    unasked = {"noun": "contact", "key": "tier", "kind": "text", "label": "Tier"}
    assert (await org.admin.post("/v1/custom_fields", json=unasked)).status_code == 201
    gold = {"field": "custom.tier", "op": "eq", "value": "gold"}
    condition = {"any": [{"field": "source", "op": "eq", "value": "tea fair"}, gold]}
    await ruled(org, [str(user)], condition=condition)
    here = await address(org, await made_form(org))
    answer = await org.client("").post(here, json=await body(org, here))
    assert answer.status_code == 200, answer.text
    [contact] = (await client.get("/v1/contacts")).json()["data"]
    assert contact["owner_id"] == str(user)
    [told] = (await client.get("/v1/interactions")).json()["data"]
    assert told["owner_id"] == str(user)


async def test_what_a_seller_adds_stays_theirs_and_a_dry_run_takes_no_turn(org: Organisation):
    users = await people(org, 2)
    await ruled(org, users)
    seller, client = await org.user("maker", "sales")
    assert (await client.post("/v1/contacts", json={"name": "x"})).json()["owner_id"] == str(seller)
    for _ in range(3):
        dry = await org.admin.post("/v1/contacts", params={"dry_run": "true"}, json={"name": "x"})
        assert dry.json()["owner_id"] == users[0]
    assert (await come_in(org))["owner_id"] == users[0]


async def test_an_explanation_shows_nothing_that_is_hidden_and_changes_nothing(org: Organisation):
    users = await people(org, 2)
    banded = {"field": "income_band", "op": "eq", "value": "high"}
    rule = await ruled(org, users)
    before = [(await explained(org, record={"name": "x"}))["owner_id"] for _ in range(3)]
    assert before == [users[0]] * 3
    fields = {"contact": ["*"], "assignment_rule": ["*"]}
    await org.role(
        "half",
        scopes=["assignment_rules:read", "contacts:read", "users:read"],
        sight={"contact": "own"},
        read=fields | {"contact": ["name", "owner_id"], "user": ["active", "team_id", "away_until"]},
        write={"contact": ["name"]},
    )
    _, half = await org.user("half", "half")
    told = await explained(org, half, record={"name": "x"})
    assert {one["load"] for one in told["looks"][0]["candidates"]} == {None}
    theirs = await come_in(org)
    hidden = await half.post("/v1/assignment_rules/explain", json={"noun": "contact", "id": theirs["id"]})
    assert hidden.status_code == 404
    here = f"/v1/assignment_rules/{rule['id']}"
    assert (await org.admin.patch(here, json={"condition": banded}, headers=ANY)).status_code == 200
    refused = await half.post(
        "/v1/assignment_rules/explain", json={"noun": "contact", "record": {"name": "x"}}
    )
    assert (refused.status_code, problem(refused)["code"]) == (403, "field_hidden")


async def test_a_deal_is_explained_as_it_would_be_opened(org: Organisation):
    line = (await org.admin.post("/v1/pipelines", json=a_pipeline("Line"))).json()
    opens = {"status": "open", "pipeline_id": line["id"], "stage": line["stages"][0]["key"]}
    parts = [{"field": name, "op": "eq", "value": value} for name, value in opens.items()]
    [user] = await people(org, 1)
    await ruled(org, [user], noun="deal", condition={"all": parts})
    told = await explained(org, noun="deal", record={"name": "x", "currency": "CNY"})
    assert told["owner_id"] == (await come_in(org, "deals"))["owner_id"] == user


async def test_a_deal_that_was_closed_and_is_open_again_is_assigned(org: Organisation):
    await org.admin.post("/v1/pipelines", json=LINE)
    [user] = await people(org, 1)
    await ruled(org, [user], noun="deal")
    steps: list[Body] = [{"stage": "a", "at": f"2024-01-0{day}T09:00:00Z"} for day in (5, 6, 7)]
    steps[1] |= {"stage": "lost", "reason": "x"}
    items = [{"name": str(n), "currency": "CNY", "steps": steps[:n]} for n in (2, 3)]
    done = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()
    ids = [one["id"] for one in done["items"]]
    owners = [(await org.admin.get(f"/v1/deals/{one}")).json()["owner_id"] for one in ids]
    assert owners == [None, user]


async def test_who_may_not_know_of_people_or_rules_is_told_no_reason_of_theirs(org: Organisation):
    await ruled(org, await people(org, 1))
    whole: Body = {
        "contact": ["name", "owner_id"],
        "assignment_rule": ["*"],
        "user": ["active", "team_id", "away_until"],
    }
    scopes = ["assignment_rules:read", "contacts:read"]
    without: list[tuple[Body, list[str]]] = [
        ({}, []),
        ({"user": ["active", "team_id"]}, ["users:read"]),
        ({"assignment_rule": ["name"]}, ["users:read"]),
        ({"contact": ["name"]}, ["users:read"]),
    ]
    for number, (less, more) in enumerate(without):
        await org.role(f"role {number}", scopes=scopes + more, sight={}, read=whole | less, write={})
        _, client = await org.user(f"reader {number}", f"role {number}")
        asked = {"noun": "contact", "record": {"name": "x"}}
        answer = await client.post("/v1/assignment_rules/explain", json=asked)
        assert answer.status_code == 403, less


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"otherwise": "fallback"}, "fallback_mismatch"),
        ({"condition": {"field": "shoe", "op": "eq", "value": "x"}}, "condition_invalid"),
        ({"territory": "shoe"}, "field_unknown"),
        ({"people": [{"user_id": "me"}] * 2}, "person_twice"),
        ({"people": [{"user_id": "me", "values": ["x"]}]}, "territory_missing"),
        ({"people": [{"user_id": "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"}]}, "reference_unknown"),
    ],
)
async def test_a_rule_whose_parts_do_not_go_together_is_refused(org: Organisation, wrong: Body, code: str):
    [user] = await people(org, 1)
    listed = [one | {"user_id": one["user_id"].replace("me", user)} for one in wrong.get("people", [])]
    body = {"name": "x", "noun": "contact"} | wrong | {"people": listed}
    answer = await org.admin.post("/v1/assignment_rules", json=body)
    assert (answer.status_code, problem(answer)["code"]) == (422, code), answer.text
