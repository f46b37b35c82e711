"""Competitors in play on deals, and the one that won a deal that is lost."""

from typing import Any

from tests.api.test_deals import done, opened, pipeline
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]


async def competitor(org: Organisation, name: str) -> str:
    """A new competitor's id."""
    answer = await org.admin.post("/v1/competitors", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_competitors_stand_on_a_deal_with_what_is_said_of_them(org: Organisation):
    await pipeline(org)
    near, far = [await competitor(org, name) for name in ("近山", "远山")]
    deal = await opened(org, competitors=[{"competitor_id": near, "note": "报价低 5%"}])
    assert [(one["competitor_id"], one["note"]) for one in deal["competitors"]] == [(near, "报价低 5%")]
    here = f"/v1/deals/{deal['id']}"
    both = [{"competitor_id": far}, {"competitor_id": near}]
    answer = await org.admin.patch(here, json={"competitors": both}, headers=ANY)
    assert [one["competitor_id"] for one in answer.json()["competitors"]] == [far, near]
    again = await org.admin.patch(here, json={"competitors": both}, headers=ANY)
    assert again.json()["version"] == answer.json()["version"]
    [told, _] = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [one["competitor_id"] for one in told["after"]["competitors"]] == [far, near]
    assert [one["note"] for one in told["before"]["competitors"]] == ["报价低 5%"]


async def test_a_competitor_stands_once_on_a_deal_and_must_be_there(org: Organisation):
    await pipeline(org)
    near = await competitor(org, "近山")
    deal = await opened(org)
    here = f"/v1/deals/{deal['id']}"
    twice = {"competitors": [{"competitor_id": near}, {"competitor_id": near, "note": "x"}]}
    answer = await org.admin.patch(here, json=twice, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (422, "competitor_twice")
    answer = await org.admin.post("/v1/deals", json={"name": "x", "currency": "CNY"} | twice)
    assert problem(answer)["code"] == "competitor_twice"
    items = [{"name": "x", "currency": "CNY"} | twice, {"name": "y", "currency": "CNY"}]
    told = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()["items"]
    assert [one["status"] for one in told] == ["failed", "created"]
    nobody = {"competitors": [{"competitor_id": deal["id"]}]}
    answer = await org.admin.patch(here, json=nobody, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (422, "reference_unknown")


async def test_who_won_a_deal_is_kept_until_it_is_reopened(org: Organisation):
    await pipeline(org)
    near, far = [await competitor(org, name) for name in ("近山", "远山")]
    deal = await opened(org, competitors=[{"competitor_id": far}])
    lost = await done(org, deal, "lose", reason="价格", lost_to_id=near)
    assert lost["lost_to_id"] == near
    assert [one["competitor_id"] for one in lost["competitors"]] == [far], "who won need not stand there"
    listed = (await org.admin.get("/v1/deals", params={"lost_to_id": near})).json()["data"]
    assert [one["id"] for one in listed] == [deal["id"]]
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json={"lost_to_id": far}, headers=ANY)
    assert answer.status_code == 422, "it belongs to the verb"
    back = await done(org, deal, "reopen")
    assert back["lost_to_id"] is None
    assert (await done(org, deal, "lose", reason="x"))["lost_to_id"] is None


async def test_who_won_must_be_there(org: Organisation):
    await pipeline(org)
    deal = await opened(org)
    answer = await org.admin.post(
        f"/v1/deals/{deal['id']}/lose", json={"reason": "x", "lost_to_id": deal["id"]}, headers=ANY
    )
    assert (answer.status_code, problem(answer)["code"]) == (422, "reference_unknown")


async def test_steps_tell_who_won_and_only_where_a_deal_is_lost(org: Organisation):
    await pipeline(org)
    near = await competitor(org, "近山")
    steps = [
        {"stage": "enquiry", "at": "2026-03-01T10:00:00Z"},
        {"stage": "lost", "at": "2026-03-02T10:00:00Z", "reason": "x", "lost_to_id": near},
    ]
    wrong = [steps[0] | {"lost_to_id": near}]
    late = [steps[0], {"stage": "visit", "at": "2026-03-02T10:00:00Z", "lost_to_id": near}]
    items = [{"name": "x", "currency": "CNY", "steps": one} for one in (steps, wrong, late)]
    told = (await org.admin.post("/v1/deals/bulk", json={"items": items})).json()["items"]
    assert [one["status"] for one in told] == ["created", "failed", "failed"]
    assert {one["problem"]["code"] for one in told[1:]} == {"lost_to_not_lost"}
    deal = (await org.admin.get(f"/v1/deals/{told[0]['id']}")).json()
    assert (deal["status"], deal["lost_to_id"]) == ("lost", near)


async def test_a_stage_can_ask_who_won(org: Organisation):
    kinds = {"open": "0.2", "won": "1", "lost": "0"}
    stages = [
        {"key": kind, "name": kind, "kind": kind, "probability": odds, "on_entry": on_entry}
        for (kind, odds), on_entry in zip(kinds.items(), ([], [], ["lost_to_id"]), strict=True)
    ]
    assert (await org.admin.post("/v1/pipelines", json={"name": "x", "stages": stages})).status_code == 201
    deal = await opened(org)
    found = (await org.admin.get(f"/v1/deals/{deal['id']}/targets")).json()["data"]
    assert {one["stage"]: one["allowed"] for one in found}["lost"] is True
    here = f"/v1/deals/{deal['id']}/lose"
    answer = await org.admin.post(here, json={"reason": "x"}, headers=ANY)
    assert problem(answer)["code"] == "fields_missing"
    near = await competitor(org, "近山")
    assert (await done(org, deal, "lose", reason="x", lost_to_id=near))["status"] == "lost"
