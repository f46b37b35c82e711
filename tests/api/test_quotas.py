"""Quotas by the API: of whom, of what, and never two for the same days."""

import asyncio
from typing import Any

import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]
FIRST: Body = {
    "measure": "won_amount",
    "currency": "CNY",
    "begins_on": "2026-01-01",
    "ends_on": "2026-03-31",
    "amount": "300000",
}


async def set_(org: Organisation, **more: Any) -> Any:
    """The answer to a new quota."""
    return await org.admin.post("/v1/quotas", json=FIRST | more)


async def test_two_quotas_of_the_same_do_not_share_a_day(org: Organisation):
    user, _ = await org.user("seller", "sales")
    team = await org.team("North")
    for whose in ({}, {"user_id": str(user)}, {"team_id": str(team)}, {"currency": "USD"}):
        assert (await set_(org, **whose)).status_code == 201
    assert (await set_(org, measure="won_deals", currency=None)).status_code == 201
    for whose in ({}, {"user_id": str(user)}, {"team_id": str(team)}):
        answer = await set_(org, **whose, begins_on="2026-03-31", ends_on="2026-06-30")
        assert (answer.status_code, problem(answer)["code"]) == (409, "quota_overlaps"), answer.text
    second = await set_(org, begins_on="2026-04-01", ends_on="2026-06-30")
    assert second.status_code == 201
    here = f"/v1/quotas/{second.json()['id']}"
    earlier = await org.admin.patch(here, json={"begins_on": "2026-03-01"}, headers=ANY)
    assert problem(earlier)["code"] == "quota_overlaps"


async def test_a_quota_that_is_put_away_leaves_its_days_and_comes_back_to_free_ones_only(org: Organisation):
    first = (await set_(org)).json()["id"]
    here = f"/v1/quotas/{first}"
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).status_code == 200
    other = (await set_(org)).json()["id"]
    assert problem(await org.admin.post(f"{here}/restore", headers=ANY))["code"] == "quota_overlaps"
    assert (await org.admin.post(f"/v1/quotas/{other}/archive", headers=ANY)).status_code == 200
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).status_code == 200


async def test_of_many_that_overlap_in_one_request_the_first_stands(org: Organisation):
    items = [FIRST | {"external_ids": {"erp": str(n)}} for n in range(3)]
    items.append(FIRST | {"begins_on": "2027-01-01", "ends_on": "2027-12-31"})
    told = (await org.admin.post("/v1/quotas/bulk", json={"items": items})).json()["items"]
    assert [one["status"] for one in told] == ["created", "failed", "failed", "created"]
    assert {one["problem"]["code"] for one in told[1:3]} == {"quota_overlaps"}


async def test_of_many_that_are_set_at_once_one_stands(org: Organisation):
    answers = await asyncio.gather(*(set_(org, note=str(n)) for n in range(8)))
    assert min(answer.status_code for answer in answers) == 201
    assert {answer.status_code for answer in answers[1:]} <= {201, 409, 503}
    assert len((await org.admin.get("/v1/quotas")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ends_on": "2025-12-31"}, "quota_ends_early"),
        ({"currency": None}, "quota_currency"),
        ({"measure": "won_deals"}, "quota_currency"),
        ({"amount": "0"}, "value_out_of_range"),
    ],
)
async def test_a_quota_that_makes_no_sense_is_refused_by_name(org: Organisation, wrong: Body, code: str):
    answer = await set_(org, **wrong)
    assert (answer.status_code, problem(answer)["code"]) == (422, code), answer.text
    quota = (await set_(org)).json()["id"]
    answer = await org.admin.patch(f"/v1/quotas/{quota}", json=wrong, headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (422, code), answer.text


async def test_a_quota_is_of_a_user_or_of_a_team(org: Organisation):
    user, _ = await org.user("seller", "sales")
    answer = await set_(org, user_id=str(user), team_id=str(await org.team("North")))
    assert problem(answer)["code"] == "quota_of_two"
