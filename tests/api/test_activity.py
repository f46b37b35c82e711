"""Activity by the API, beside the same counted by hand from what was done for each deal."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median_low
from typing import Any

import httpx
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.api.test_acquisition import day_of, deals_of, kept
from tests.api.test_funnel import BEGUN, YEAR, group_of, history
from tests.api.test_revenue import CHANNELS, when
from tests.api.test_velocity import stood
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem, run_here

Body = dict[str, Any]
ACTIVITY = "/v1/analytics/sales/activity"


async def sent(org: Organisation, plural: str, items: list[Body]) -> list[Body]:
    """Records as they are told, some of them put away."""
    answer = (await org.admin.post(f"/v1/{plural}/bulk", json={"items": items})).json()
    assert {one["status"] for one in answer["items"]} == {"created"}, answer
    ids = [one["id"] for one in answer["items"]]
    for id_ in ids[::9]:
        assert (await org.admin.post(f"/v1/{plural}/{id_}/archive", headers=ANY)).status_code == 200
    return [(await org.admin.get(f"/v1/{plural}/{id_}")).json() for id_ in ids]


async def done_for(
    org: Organisation, chance: random.Random, deals: list[Body]
) -> tuple[list[Body], list[Body]]:
    """Interactions with those whom the deals are with, of one kind or both, and tasks, of which some are done."""
    people = [deal["contact_id"] for deal in deals]
    firms = [deal["company_id"] for deal in deals]
    talks = [
        {"kind": "call", "at": (BEGUN + timedelta(hours=chance.randrange(24 * 120))).isoformat()}
        | {"contact_id": chance.choice(people), "company_id": chance.choice(firms)}
        for _ in range(90)
    ]
    tasks = await sent(
        org, "tasks", [{"title": "x", "deal_id": chance.choice(deals)["id"]} for _ in range(60)]
    )
    for task in tasks:
        if task["archived_at"] is None and chance.random() < 0.7:
            await org.admin.post(f"/v1/tasks/{task['id']}/complete", json={}, headers=ANY)
    # Whatever is done is done now: deals that are to have it are closed again.
    for deal in chance.sample([deal for deal in deals if deal["status"] != "open"], 8):
        if deal["archived_at"] is None:
            await org.admin.post(f"/v1/deals/{deal['id']}/reopen", json={}, headers=ANY)
            await org.admin.post(f"/v1/deals/{deal['id']}/lose", json={"reason": "x"}, headers=ANY)
    return await sent(org, "interactions", talks), [
        (await org.admin.get(f"/v1/tasks/{task['id']}")).json() for task in tasks
    ]


def counted(here: Body, talks: list[Body], tasks: list[Body], as_of: datetime) -> tuple[int, int]:
    """Interactions and tasks of one deal."""
    deal = here["deal"]
    own = [
        talk
        for talk in talks
        if kept(talk, as_of)
        and any(deal[name] and talk[name] == deal[name] for name in ("contact_id", "company_id"))
        and here["opened"] <= datetime.fromisoformat(talk["at"]) <= here["closed"]
    ]
    done = [
        task
        for task in tasks
        if kept(task, as_of)
        and task["deal_id"] == deal["id"]
        and task["status"] == "done"
        and datetime.fromisoformat(task["closed_at"]) <= here["closed"]
    ]
    return len(own), len(done)


def told(counts: list[tuple[int, int]]) -> Body:
    """An outcome as it is to be told."""
    found: Body = {"deals": len(counts)}
    for name, values in zip(
        ("interactions", "tasks"), zip(*counts, strict=True) if counts else ((), ()), strict=True
    ):
        mean = round(sum(values) / len(values), 2) if values else None
        found[name] = {"in_all": sum(values), "mean": mean, "median": median_low(values) if values else None}
    return found


async def asked(client: httpx.AsyncClient, **body: Any) -> Body:
    """An answer."""
    answer = await client.post(ACTIVITY, json=YEAR | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_activity_is_what_counting_for_every_deal_gives(org: Organisation):
    chance = random.Random(3)
    deals = await deals_of(org, chance)
    talks, tasks = await done_for(org, chance, deals)
    deals = await again(org, deals)
    dates = st.dates(BEGUN.date() - timedelta(days=5), BEGUN.date() + timedelta(days=330))
    steps = [step["at"] for deal in deals for step in deal["steps"]]
    gone = [when(one["archived_at"]) for one in (*deals, *talks, *tasks)]
    moments = st.sampled_from([*steps, *filter(None, gone)]) | st.none()

    @settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(
        st.lists(dates, min_size=2, max_size=2, unique=True).map(sorted),
        moments,
        st.sampled_from([None, "channel", "campaign", "month", "quarter", "product", "segment"]),
        st.sampled_from(CHANNELS),
    )
    async def any_window(window: Any, moment: datetime | None, by: str | None, channel: str | None) -> None:
        body: Body = {"since": str(window[0]), "before": str(window[1]), "group_by": by}
        body |= {"as_of": moment.isoformat()} if moment else {}
        body |= {"where": {"field": "channel", "op": "eq", "value": channel}} if channel else {}
        answer = await asked(org.admin, **body)
        as_of = datetime.fromisoformat(answer["as_of"])
        found: dict[str | None, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        for here in filter(None, (stood(deal, as_of) for deal in deals)):
            ended = here["state"] != "open" and window[0] <= day_of(here["closed"]) < window[1]
            if ended and channel in {None, here["deal"]["channel"]}:
                key = None if by in {None, "product", "segment"} else _group(here["deal"], by)
                found[key][here["state"]].append(counted(here, talks, tasks, as_of))
        if by is None:
            found[None]  # is told of even when it is empty
        groups = {one["key"]: one for one in answer["groups"]} if by else {None: answer["total"]}
        wanted = {
            key: {"key": key} | {status: told(mine[status]) for status in ("won", "lost")}
            for key, mine in found.items()
        }
        assert groups == wanted

    await run_here(any_window)


def _group(deal: Body, by: str | None) -> str | None:
    return deal["campaign"] if by == "campaign" else group_of(deal, str(by))


async def again(org: Organisation, deals: list[Body]) -> list[Body]:
    """Deals as they are by now."""
    return [await history(org, {"id": deal["id"]}) for deal in deals]


async def test_what_is_done_counts_as_far_as_it_is_seen(org: Organisation):
    chance = random.Random(5)
    deals = await deals_of(org, chance)
    await done_for(org, chance, deals)
    scopes = ["deals:read", "pipelines:read", "interactions:read", "tasks:read"]
    every = {noun: ["*"] for noun in ("deal", "pipeline", "interaction", "task")}
    await org.role("half", scopes=scopes, read=every, sight={"deal": "all"})
    await org.role("none", scopes=scopes[:3], read=every, sight={"deal": "all"})
    hidden = every | {"interaction": ["kind", "at"]}
    await org.role("blind", scopes=scopes, read=hidden, sight={"deal": "all", "interaction": "all"})
    half, none, blind = [(await org.user(name, name))[1] for name in ("half", "none", "blind")]
    seen, all_of_it = await asked(half), await asked(org.admin)
    assert (all_of_it["over"], seen["over"]) == ("all", "seen")
    assert seen["total"]["won"]["deals"] == all_of_it["total"]["won"]["deals"]
    assert all_of_it["total"]["won"]["interactions"]["in_all"] > 0
    assert seen["total"]["won"]["interactions"]["in_all"] == 0, "Nobody whom they see was talked with."
    assert seen["total"]["lost"]["tasks"]["in_all"] > 0
    assert seen["total"]["lost"]["tasks"] == all_of_it["total"]["lost"]["tasks"], "By way of their deals."
    for client, code in ((none, "scope_missing"), (blind, "field_hidden")):
        answer = await client.post(ACTIVITY, json=YEAR)
        assert (answer.status_code, problem(answer)["code"]) == (403, code)
    answer = await org.admin.post(ACTIVITY, json=YEAR | {"pipeline_id": deals[0]["id"]})
    assert (answer.status_code, problem(answer)["code"]) == (404, "pipeline_not_found")
