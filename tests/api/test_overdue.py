"""Lists of overdue deals, beside the deals behind velocity's number of them."""

from datetime import timedelta

from app.domain.opening_hours import WEEKDAYS
from app.kit import clock
from tests.api.test_pipelines import made
from tests.api.test_velocity import LINE, a_world, behind
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem


async def test_a_list_shows_the_overdue_or_all_but_them(org: Organisation):
    await a_world(org, seed=3)
    late = await behind(org.admin, part="overdue")
    assert late

    async def shown(**more: str) -> list[str]:
        found, cursor = [], None
        while True:
            params = {"limit": "7", **more} | ({"cursor": cursor} if cursor else {})
            answer = await org.admin.get("/v1/deals", params=params)
            assert answer.status_code == 200, answer.text
            found += [one["id"] for one in answer.json()["data"]]
            if (cursor := answer.json()["next"]) is None:
                return sorted(found)

    every = await shown()
    assert await shown(overdue="true") == late
    assert await shown(overdue="false") == sorted({*every} - {*late})
    assert await shown(overdue="true", stage="fresh") == sorted(
        {*late} & {*await shown(stage="fresh", status="open")}
    )


async def test_days_are_those_of_the_calendar_and_only_open_deals_are_overdue(org: Organisation):
    body = {"name": "every day", "time_zone": "UTC", "week": {key: ["09:00-17:00"] for key in WEEKDAYS}}
    calendar = (await org.admin.post("/v1/calendars", json=body)).json()
    await made(org, **LINE)
    for days in (3, 5):
        at = (clock.now() - timedelta(days=days)).isoformat()
        steps = [{"stage": "fresh", "at": at}]
        item = {"name": str(days), "currency": "CNY", "amount": "1", "steps": steps}
        closed = item | {"steps": [*steps, {"stage": "lost", "at": at, "reason": "x"}]}
        answer = await org.admin.post("/v1/deals/bulk", json={"items": [item, closed]})
        assert answer.json()["created"] == 2, answer.text
    said = {"calendar_id": calendar["id"]}
    assert (await org.admin.patch("/v1/settings", json=said, headers=ANY)).status_code == 200
    answer = await org.admin.get("/v1/deals", params={"overdue": "true"})
    assert [(one["name"], one["status"]) for one in answer.json()["data"]] == [("5", "open")]


async def test_who_may_not_read_what_stages_expect_is_refused(org: Organisation):
    await made(org, **LINE)
    own = {"sight": {"deal": "all"}, "read": {"deal": ["*"], "pipeline": ["name"]}}
    await org.role("closed", scopes=["deals:read"], **own)
    await org.role("blind", scopes=["deals:read", "pipelines:read"], **own)
    for role, code in (("closed", "scope_missing"), ("blind", "field_hidden")):
        _, client = await org.user(role, role)
        answer = await client.get("/v1/deals", params={"overdue": "false"})
        assert (answer.status_code, problem(answer)["code"]) == (403, code)
