"""Deals by the API: the moves that their pipeline allows, and what is written of each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]


async def pipeline(org: Organisation, template: str = "retail_project", **more: Any) -> Body:
    """A pipeline made from a template."""
    answer = await org.admin.post("/v1/pipelines", json={"template": template} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def opened(org: Organisation, **values: Any) -> Body:
    """A new deal."""
    answer = await org.admin.post("/v1/deals", json={"name": "茶礼", "currency": "CNY"} | values)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def done(org: Organisation, deal: Body, verb: str, **body: Any) -> Body:
    """What a verb made of a deal."""
    answer = await org.admin.post(f"/v1/deals/{deal['id']}/{verb}", json=body, headers=ANY)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(org: Organisation, deal: Body, verb: str, **body: Any) -> tuple[int, str]:
    """How a verb was refused."""
    answer = await org.admin.post(f"/v1/deals/{deal['id']}/{verb}", json=body, headers=ANY)
    return answer.status_code, problem(answer)["code"]


async def test_a_deal_goes_through_its_stages_and_its_history_tells_when_who_and_how_long(org: Organisation):
    line = await pipeline(org)
    monday = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
    deal = await opened(org, at=monday.isoformat())
    assert (deal["pipeline_id"], deal["stage"], deal["status"]) == (line["id"], "enquiry", "open")
    deal = await done(
        org, deal, "move", to="visit", at=(monday + timedelta(days=1)).isoformat(), why="约好了"
    )
    assert await refused(org, deal, "move", to="deposit") == (409, "stage_not_allowed")
    deal = await done(org, deal, "lose", reason="价格")
    assert (deal["status"], deal["lost_reason"], deal["closed_from"]) == ("lost", "价格", "visit")
    assert await refused(org, deal, "move", to="design") == (409, "deal_closed")
    deal = await done(org, deal, "reopen", to="design")
    assert (deal["status"], deal["lost_reason"], deal["closed_at"]) == ("open", None, None)
    deal = await done(org, deal, "move", to="enquiry")
    assert await refused(org, deal, "move", to="quote") == (409, "fields_missing")
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"amount": "8000"}, headers=ANY)
    assert answer.status_code == 200, answer.text
    await done(org, deal, "move", to="quote")
    deal = await done(org, deal, "win")
    assert (deal["status"], deal["stage"]) == ("won", "ordered")
    steps = (await org.admin.get(f"/v1/deals/{deal['id']}/stages?limit=200")).json()["data"]
    assert [(step["verb"], step["from_stage"], step["to_stage"]) for step in steps] == [
        ("open", None, "enquiry"),
        ("move", "enquiry", "visit"),
        ("lose", "visit", "lost"),
        ("reopen", "lost", "design"),
        ("move", "design", "enquiry"),
        ("move", "enquiry", "quote"),
        ("win", "quote", "ordered"),
    ]
    assert (steps[1]["seconds"], steps[1]["business_seconds"], steps[1]["why"]) == (
        86_400,
        9 * 3600,
        "约好了",
    )
    events = (await org.admin.get(f"/v1/deals/{deal['id']}/history")).json()["data"]
    assert [event["type"] for event in reversed(events)] == [
        "deal.opened",
        "deal.moved",
        "deal.lost",
        "deal.reopened",
        "deal.moved",
        "deal.edited",
        "deal.moved",
        "deal.won",
    ]


async def test_targets_tell_what_is_allowed_and_why_the_rest_is_not(org: Organisation):
    await pipeline(org)
    deal = await opened(org)
    found = (await org.admin.get(f"/v1/deals/{deal['id']}/targets")).json()["data"]
    told = {one["stage"]: (one["verb"], one["allowed"], one["code"]) for one in found}
    assert told["visit"] == ("move", True, None)
    assert told["quote"] == ("move", False, "fields_missing")
    assert told["deposit"] == ("move", False, "stage_not_allowed")
    assert told["lost"] == ("lose", True, None)
    assert told["ordered"][:2] == ("win", False)


async def test_a_deal_is_worth_what_its_lines_come_to(org: Organisation):
    await pipeline(org)
    lines = [
        {"quantity": "2", "unit_price": "168.00", "discount": "6"},
        {"quantity": "1", "unit_price": "0.5"},
    ]
    deal = await opened(org, lines=lines)
    assert deal["amount"] == "330.5000"
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"amount": "9"}, headers=ANY)
    assert problem(answer)["code"] == "amount_differs"
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"lines": lines[:1]}, headers=ANY)
    assert answer.json()["amount"] == "330.0000"


async def test_a_won_deal_keeps_an_amount_and_its_credit(org: Organisation):
    await pipeline(org, "subscription")
    me = (await org.admin.get("/v1/users")).json()["data"][0]["id"]
    deal = await opened(org, owner_id=me)
    assert await refused(org, deal, "win") == (409, "amount_missing")
    await org.admin.patch(f"/v1/deals/{deal['id']}", json={"amount": "8000"}, headers=ANY)
    deal = await done(org, deal, "win")
    assert deal["credit"] == [{"user_id": me, "share": "100.0000"}]
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"amount": None}, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (409, "won_without_amount")
    other = (await org.admin.post("/v1/users", json={"name": "王", "email": "w@test.example"})).json()["id"]
    shares = [{"user_id": me, "share": "60"}, {"user_id": other, "share": "40"}]
    deal = await done(org, deal, "split", credit=shares)
    assert [(one["user_id"], one["share"]) for one in deal["credit"]] == [(me, "60.0000"), (other, "40.0000")]
    assert (await refused(org, deal, "split", credit=shares[:1]))[1] == "credit_not_whole"
    shares[0]["user_id"] = deal["id"]
    assert (await refused(org, deal, "split", credit=shares))[1] == "reference_unknown"


async def test_a_stage_with_approvers_asks_for_one_of_them(org: Organisation):
    deal = await approvable(org)
    _, seller = await org.user("seller", "sales", "service")
    url = f"/v1/deals/{deal['id']}"
    assert (
        problem(await seller.post(f"{url}/move", json={"to": "agreement"}, headers=ANY))["code"]
        == "approval_needed"
    )
    assert (
        problem(await seller.post(f"{url}/approve", json={"to": "agreement"}, headers=ANY))["code"]
        == "approval_role_missing"
    )
    await done(org, deal, "approve", to="agreement")
    answer = await seller.post(f"{url}/move", json={"to": "agreement"}, headers=ANY)
    assert answer.json()["stage"] == "agreement", answer.text


async def company(org: Organisation) -> str:
    """A company."""
    return (await org.admin.post("/v1/companies", json={"name": "海蓝"})).json()["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"stage": "ordered"}, "stage_not_allowed"),
        ({"stage": "nowhere"}, "stage_not_in_pipeline"),
        ({"at": "2199-01-01T00:00:00Z"}, "at_in_future"),
        ({"pipeline_id": "01a20000-0000-7000-8000-000000000001"}, "reference_unknown"),
        ({"owner_id": "01a20000-0000-7000-8000-000000000001"}, "reference_unknown"),
    ],
)
async def test_a_deal_that_cannot_be_opened_is_a_named_problem(org: Organisation, body: Body, code: str):
    await pipeline(org)
    answer = await org.admin.post("/v1/deals", json={"name": "x", "currency": "CNY"} | body)
    assert problem(answer)["code"] == code


async def test_without_a_pipeline_no_deal_is_opened(org: Organisation):
    answer = await org.admin.post("/v1/deals", json={"name": "x", "currency": "CNY"})
    assert problem(answer)["code"] == "pipeline_missing"


async def test_a_deal_of_nobody_is_won_as_nobodys_success_and_can_be_shared_out_later(org: Organisation):
    await pipeline(org, "subscription")
    deal = await done(org, await opened(org, amount="10"), "win")
    assert (deal["owner_id"], deal["credit"]) == (None, None)
    me = (await org.admin.get("/v1/auth/me")).json()["user_id"]
    deal = await done(org, deal, "split", credit=[{"user_id": me, "share": "100"}])
    assert deal["credit"] == [{"user_id": me, "share": "100.0000"}]
    assert (await done(org, deal, "reopen"))["stage"] == "trial"


async def test_deals_stand_in_their_contacts_timeline_where_they_are_now_and_at_a_glance(org: Organisation):
    line = await pipeline(org)
    contact = (await org.admin.post("/v1/contacts", json={"name": "张伟"})).json()["id"]
    here = f"/v1/contacts/{contact}"
    begun = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    first = await opened(
        org,
        contact_id=contact,
        amount="8000",
        at=begun.isoformat(),
        next_step="报价",
        next_step_on="2026-04-01",
    )
    then = begun + timedelta(days=3)
    await opened(org, contact_id=contact, currency="USD", at=then.isoformat(), next_step_on="2026-03-20")
    await done(org, first, "move", to="quote")
    won = await done(org, first, "win")
    other = await opened(org, contact_id=contact, amount="50", currency="USD")
    await done(org, other, "lose", reason="价格")
    told = (await org.admin.get(f"{here}/timeline")).json()["data"]
    deals = [(one["title"], one["at"], one["detail"]["stage"]) for one in told if one["kind"] == "deal"]
    assert [stage for _, _, stage in deals] == ["lost", "ordered", "enquiry"]
    assert datetime.fromisoformat(deals[1][1]) == datetime.fromisoformat(won["entered_at"])
    (detail,) = [one["detail"] for one in told if one["id"] == first["id"]]
    assert detail | {"opened_at": None} == {
        "pipeline_id": line["id"],
        "stage": "ordered",
        "status": "won",
        "currency": "CNY",
        "amount": "8000.0000",
        "opened_at": None,
        "next_step": "报价",
        "next_step_on": "2026-04-01",
    }
    assert (await org.admin.get(f"{here}/summary")).json()["deals"] == {
        "open": 1,
        "won": 1,
        "lost": 1,
        "next_step_on": "2026-03-20",
        "worth": [{"currency": "CNY", "open": "0", "won": "8000.0000"}],
    }


async def approvable(org: Organisation) -> Body:
    """A deal whose next stage asks for approval."""
    await pipeline(org, "partner")
    deal = await opened(org, amount="10", expected_close="2199-01-01", company_id=await company(org))
    for stage in ("introduction", "evaluation", "terms"):
        await done(org, deal, "move", to=stage)
    return deal


async def test_an_approval_is_of_an_amount_in_its_currency(org: Organisation):
    deal = await approvable(org)
    _, seller = await org.user("seller", "sales", "service")
    url = f"/v1/deals/{deal['id']}"
    deal = await done(org, deal, "approve", to="agreement")
    assert [(one["amount"], one["currency"]) for one in deal["approvals"]] == [("10.0000", "CNY")]
    await org.admin.patch(url, json={"currency": "USD"}, headers=ANY)
    answer = await seller.post(f"{url}/move", json={"to": "agreement"}, headers=ANY)
    assert problem(answer)["code"] == "approval_needed"


async def test_a_pipeline_that_is_put_away_gets_no_open_deal_back(org: Organisation):
    line = await pipeline(org)
    lost = await done(org, await opened(org), "lose", reason="价格")
    deal = await done(org, await opened(org), "archive")
    assert (await org.admin.post(f"/v1/pipelines/{line['id']}/archive", headers=ANY)).status_code == 200
    assert await refused(org, deal, "restore") == (409, "pipeline_archived")
    assert await refused(org, lost, "reopen") == (409, "pipeline_archived")
    found = (await org.admin.get(f"/v1/deals/{lost['id']}/targets")).json()["data"]
    told = {one["code"] for one in found if one["verb"] == "reopen"}
    assert (told, [one for one in found if one["allowed"]]) == ({"pipeline_archived"}, [])
    await done(org, await done(org, lost, "archive"), "restore")
    assert (await org.admin.post(f"/v1/pipelines/{line['id']}/restore", headers=ANY)).status_code == 200
    assert (await done(org, deal, "restore"))["archived_at"] is None


async def test_what_hidden_lines_come_to_is_not_told(org: Organisation):
    await pipeline(org)
    deal = await opened(org, lines=[{"quantity": "1", "unit_price": "7351"}])
    scopes = ["deals:read", "deals:write"]
    read, write = {"deal": ["id", "version", "name"]}, {"deal": ["amount"]}
    await org.role("blind", scopes=scopes, sight={"*": "all"}, read=read, write=write)
    _, blind = await org.user("blind", "blind")
    answer = await blind.patch(f"/v1/deals/{deal['id']}", json={"amount": "1"}, headers=ANY)
    assert problem(answer)["code"] == "amount_differs"
    assert "7351" not in answer.text


async def test_a_reopened_deal_is_as_likely_as_its_stage(org: Organisation):
    await pipeline(org)
    deal = await done(org, await opened(org, probability="0.9"), "lose", reason="价格")
    assert (await done(org, deal, "reopen", to="design"))["probability"] is None


async def test_who_approves_twice_has_approved_what_they_saw_last(org: Organisation):
    deal = await approvable(org)
    await done(org, deal, "approve", to="agreement")
    await org.admin.patch(f"/v1/deals/{deal['id']}", json={"amount": "12"}, headers=ANY)
    deal = await done(org, deal, "approve", to="agreement")
    assert [one["amount"] for one in deal["approvals"]] == ["12.0000"]


async def test_no_deal_goes_to_somebody_who_is_put_away(org: Organisation):
    await pipeline(org)
    deal = await opened(org)
    gone = (await org.admin.post("/v1/users", json={"name": "王", "email": "w@test.example"})).json()["id"]
    assert (await org.admin.post(f"/v1/users/{gone}/archive", headers=ANY)).status_code == 200
    assert await refused(org, deal, "reassign", owner_id=gone) == (422, "reference_unknown")
    answer = await org.admin.post("/v1/deals", json={"name": "茶礼", "currency": "CNY", "owner_id": gone})
    assert problem(answer)["code"] == "reference_unknown"


async def test_splitting_as_it_is_split_already_is_no_change(org: Organisation):
    await pipeline(org, "subscription")
    me = (await org.admin.get("/v1/users")).json()["data"][0]["id"]
    deal = await done(org, await opened(org, owner_id=me, amount="8000"), "win")
    assert deal == await done(org, deal, "split", credit=[{"user_id": me, "share": "100"}])


async def test_who_may_not_read_the_status_is_not_told_that_a_deal_is_won(org: Organisation):
    await pipeline(org, "subscription")
    deal = await done(org, await opened(org, amount="8000"), "win")
    read = {"deal": ["name", "currency", "amount"]}
    await org.role("blind", scopes=["*"], sight={"*": "all"}, read=read, write={"*": ["*"]})
    _, seller = await org.user("seller", "blind")
    answer = await seller.patch(f"/v1/deals/{deal['id']}", json={"amount": None}, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden"), answer.text
