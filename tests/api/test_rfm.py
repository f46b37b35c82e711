"""RFM over HTTP: runs, what they found, the contacts behind a number, and a contact's history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from tests.makers.buyers import buyers
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def days(n: float) -> datetime:
    """So many days before the moment that is scored as of."""
    return AS_OF - timedelta(days=n)


async def run(service: FastAPI, org: Organisation, **asked: Any) -> str:
    """A run that is done; its id."""
    body = {"as_of": AS_OF.isoformat()} | asked
    answer = await org.admin.post("/v1/rfm/runs", json=body)
    assert answer.status_code == 202, answer.text
    await work_off(service)
    done = (await org.admin.get(answer.headers["location"])).json()
    assert done["status"] == "done", done
    return str(answer.json()["id"])


async def found(client: httpx.AsyncClient, **query: str) -> Any:
    """What a run found."""
    answer = await client.get("/v1/analytics/rfm", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(client: httpx.AsyncClient, **query: Any) -> list[Any]:
    """Every contact of a run that fits, page by page."""
    items: list[Any] = []
    cursor = None
    while True:
        asked = {**query, "limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = await client.get("/v1/analytics/rfm/contacts", params=asked)
        assert answer.status_code == 200, answer.text
        items += answer.json()["data"]
        if (cursor := answer.json()["next"]) is None:
            return items


async def test_customers_are_scored_and_found_again_behind_every_number(service: FastAPI, org: Organisation):
    ids = await buyers(
        org,
        {
            "best": [(days(1), "500"), (days(40), "500.005"), (days(80), "1000")],
            "new": [(days(2.5), "20")],
            "lost": [(days(400), "30"), (days(500), "-10")],
            "never": [],
            "returned": [(days(10), "-5")],
        },
    )
    one = await run(service, org)
    told = await found(org.admin)
    assert (told["run"]["id"], told["over"], told["contacts"]) == (one, "all", 3)
    assert told["revenue"] == "2040.01"
    scored = {item["name"]: item for item in await listed(org.admin)}
    assert scored.keys() == {"best", "new", "lost"}
    assert scored["best"] == {
        "contact_id": ids["best"], "name": "best", "recency_days": 1, "frequency": 3, "monetary": "2000.01",
        "tenure_days": 80, "r": 4, "f": 4, "m": 4, "segment": "loyal", "tier": "regular",
        "cluster": scored["best"]["cluster"],
    }  # fmt: skip
    assert [scored[name][measure] for name in ("new", "lost") for measure in ("recency_days", "monetary")] == [
        2, "20.00", 400, "20.00",
    ]  # fmt: skip
    for group in told["segments"]:
        behind = await listed(org.admin, segment=group["segment"])
        assert len(behind) == group["contacts"]
    for measure, letter in (("recency", "r"), ("frequency", "f"), ("monetary", "m")):
        for one_score in told["distribution"][measure]:
            assert len(await listed(org.admin, **{letter: one_score["score"]})) == one_score["contacts"]
    history = (await org.admin.get(f"/v1/contacts/{ids['best']}/rfm")).json()["data"]
    assert [(item["run_id"], item["monetary"]) for item in history] == [(one, "2000.01")]
