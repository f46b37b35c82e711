"""RFM over HTTP: runs, what they found, the contacts behind a number, and a contact's history."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.db import rfm
from app.db.engine import Database
from app.db.uow import UnitOfWork
from app.domain.rfm import KEPT_FOR
from app.jobs.base import do_batch
from app.jobs.housekeeping import forget
from app.kit import clock
from app.usecases.rfm.opening import MOST_WAITING
from tests.makers.buyers import buyers, order, ordered
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


async def test_movement_is_counted_from_the_run_before_by_the_same_rules(service: FastAPI, org: Organisation):
    ids = await buyers(org, {f"c{n}": [(days(100 - n), str(10 + n))] for n in range(5)})
    before = await run(service, org, as_of=days(30).isoformat())
    await run(service, org, as_of=days(20).isoformat(), returns="ignore")
    await ordered(
        org,
        [
            *(order(f"again {n}", ids["c0"], days(2), "500") for n in range(3)),
            order("first", (await buyers(org, {"new": []}))["new"], days(1), "1"),
        ],
    )
    await org.admin.post(f"/v1/contacts/{ids['c4']}/archive", headers={"If-Match": "*"})
    after = await run(service, org)
    told = await found(org.admin)
    assert told["run"]["previous"] == {"id": before, "as_of": days(30).isoformat().replace("+00:00", "Z")}
    was = {item["contact_id"]: item["segment"] for item in await listed(org.admin, run=before)}
    now = {item["contact_id"]: item["segment"] for item in await listed(org.admin, run=after)}
    assert was.keys() - now.keys() == {ids["c4"]}
    moves = Counter((was.get(one), now.get(one)) for one in was.keys() | now.keys())
    assert {(move["before"], move["after"]): move["contacts"] for move in told["movement"]} == moves
    assert (await found(org.admin, run=before))["movement"] is None
    assert (await found(org.admin, as_of=days(10).isoformat()))["run"]["id"] == before
    history = (await org.admin.get(f"/v1/contacts/{ids['c0']}/rfm", params={"limit": "2"})).json()
    assert [item["returns"] for item in history["data"]] == ["net", "ignore"]
    rest = await org.admin.get(f"/v1/contacts/{ids['c0']}/rfm", params={"cursor": history["next"]})
    assert [item["run_id"] for item in rest.json()["data"]] == [before]


async def test_runs_by_other_rules_are_not_compared(service: FastAPI, org: Organisation):
    await buyers(org, {"a": [(days(40), "5")]})
    before = await run(service, org, as_of=days(30).isoformat())
    async with await org.work() as uow:
        await uow.execute(
            "update rfm_runs set rules = rules - 1 where org_id = $1 and id = $2", org.id, UUID(before)
        )
        await uow.commit()
    await run(service, org)
    assert (await found(org.admin))["run"]["previous"] is None


async def test_scores_by_given_edges_and_a_window(service: FastAPI, org: Organisation):
    await buyers(
        org,
        {"a": [(days(5), "100"), (days(50), "100")], "b": [(days(20.5), "99.99")], "c": [(days(60), "1")]},
    )
    edges: dict[str, list[Any]] = {
        "recency": [10, 20, 30, 40],
        "frequency": [1, 2, 3, 4],
        "monetary": ["50", "100", "150", "200"],
    }
    one = await run(service, org, window_days=55, bins=edges)
    scored = {item["name"]: [item[x] for x in "rfm"] for item in await listed(org.admin, run=one)}
    assert scored == {"a": [5, 3, 5], "b": [4, 2, 2]}
    assert (await org.admin.get("/v1/analytics/rfm")).status_code == 404, "it was not by the usual rules"
    told = (await found(org.admin, run=one))["run"]
    assert told["bins"] == edges | {"monetary": [f"{edge}.0000" for edge in edges["monetary"]]}
    assert told["window_days"] == 55


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"as_of": "2199-01-01T00:00:00Z"}, "as_of_in_future"),
        ({"bins": {"recency": [1, 2, 2, 3]}}, "bins_invalid"),
        ({"bins": {"recency": [1, 2, 3]}}, "request_invalid"),
        ({"bins": {"money": [1, 2, 3, 4]}}, "request_invalid"),
        ({"returns": "gross"}, "request_invalid"),
        ({"window_days": 0}, "request_invalid"),
    ],
)
async def test_what_cannot_be_scored_is_refused(org: Organisation, asked: dict[str, Any], code: str):
    answer = await org.admin.post("/v1/rfm/runs", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_few_runs_at_once(org: Organisation):
    for _ in range(MOST_WAITING):
        assert (await org.admin.post("/v1/rfm/runs", json={})).status_code == 202
    refused = await org.admin.post("/v1/rfm/runs", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "runs_under_way")


async def test_an_organisation_without_sales_has_findings_all_the_same(service: FastAPI, org: Organisation):
    await run(service, org)
    told = await found(org.admin)
    assert (told["contacts"], told["revenue"], told["clusters"], told["movement"]) == (0, "0.00", None, None)
    assert {group["revenue_share"] for group in told["segments"]} == {None}
    assert await listed(org.admin) == []


async def test_who_was_erased_has_no_scores_and_gets_none(service: FastAPI, org: Organisation):
    ids = await buyers(org, {"gone": [(days(1), "5")], "stays": [(days(2), "6")]})
    one = await run(service, org)
    assert (await org.admin.post(f"/v1/contacts/{ids['gone']}/erase")).status_code == 202
    await work_off(service)
    assert [item["contact_id"] for item in await listed(org.admin, run=one)] == [ids["stays"]]
    assert (await org.admin.get(f"/v1/contacts/{ids['gone']}/rfm")).json()["data"] == []
    assert (await found(org.admin, run=one))["contacts"] == 2, "what was found then stays"
    await run(service, org)
    assert (await found(org.admin))["contacts"] == 1


async def test_whoever_is_archived_while_a_run_goes_on_is_not_among_its_scores(org: Organisation):
    ids = await buyers(org, {"gone": [(days(1), "5")], "stays": [(days(2), "6")]})
    one = UUID((await org.admin.post("/v1/rfm/runs", json={"as_of": AS_OF.isoformat()})).json()["id"])
    await do_batch(org.database, org.id, one)
    await org.admin.post(f"/v1/contacts/{ids['gone']}/archive", headers={"If-Match": "*"})
    while await do_batch(org.database, org.id, one):
        pass
    assert [item["contact_id"] for item in await listed(org.admin)] == [ids["stays"]]
    assert (await found(org.admin))["contacts"] == 1


async def test_nothing_is_written_before_what_takes_long(org: Organisation, monkeypatch: pytest.MonkeyPatch):
    """Those who follow the log wait for whoever has written something, in every organisation."""
    await buyers(org, {f"c{n}": [(days(n + 1), "5")] for n in range(3)})
    written: dict[str, Any] = {}
    for name in ("left_out", "sample"):
        monkeypatch.setattr(rfm, name, partial(_noting, written, name, getattr(rfm, name)))
    one = UUID((await org.admin.post("/v1/rfm/runs", json={"as_of": AS_OF.isoformat()})).json()["id"])
    while await do_batch(org.database, org.id, one):
        pass
    assert written == {"left_out": None, "sample": None}


async def _noting(written: dict[str, Any], name: str, ask: Any, uow: UnitOfWork, *more: Any) -> Any:
    found = await ask(uow, *more)
    written[name] = await uow.fetchval("select pg_current_xact_id_if_assigned()::text")
    return found


async def test_a_run_that_ends_between_two_pages_leaves_the_list_as_it_was(
    service: FastAPI, org: Organisation
):
    ids = await buyers(org, {f"c{n}": [(days(40 + n), "5")] for n in range(4)})
    await run(service, org, as_of=days(9).isoformat())
    url = "/v1/analytics/rfm/contacts"
    first = (await org.admin.get(url, params={"limit": 3})).json()
    await run(service, org)
    rest = await org.admin.get(url, params={"limit": 3, "cursor": first["next"]})
    assert rest.status_code == 200, rest.text
    both = first["data"] + rest.json()["data"]
    assert {one["contact_id"] for one in both} == set(ids.values())
    assert sorted(one["recency_days"] for one in both) == [31, 32, 33, 34]
    other = await org.admin.get(url, params={"limit": 3, "cursor": first["next"], "r": 5})
    assert other.status_code == 422


async def test_scores_are_let_go_in_time_and_findings_stay(
    service: FastAPI, org: Organisation, owner: Database
):
    await buyers(org, {"a": [(days(1), "5")]})
    one = await run(service, org)
    _, seller = await org.user("seller", "manager")
    async with owner.connection() as connection:
        await connection.execute(
            "update rfm_runs set created_at = created_at - $2::interval where org_id = $1", org.id, KEPT_FOR
        )
    assert (await forget(org.database, clock.now()))["scores"] == 1
    assert (await found(org.admin))["contacts"] == 1
    for client, url in ((org.admin, "/v1/analytics/rfm/contacts"), (seller, "/v1/analytics/rfm")):
        refused = await client.get(url, params={"run": one})
        assert (refused.status_code, refused.json()["code"]) == (409, "scores_let_go")


async def test_clusters_tell_how_they_were_chosen_and_who_is_in_them(service: FastAPI, org: Organisation):
    kinds = {
        "often": [(days(n), "900") for n in range(1, 20)],
        "once": [(days(300), "3")],
        "lately": [(days(2), "40"), (days(9), "50")],
    }
    people = {f"{kind} {n}": sales for kind, sales in kinds.items() for n in range(12)}
    await buyers(org, people)
    await run(service, org)
    told = (await found(org.admin))["clusters"]
    assert told["k"] == 3
    assert "3" in told["why"]["en"]
    assert "3" in told["why"]["zh"]
    assert [(one["contacts"], one["monetary"], one["frequency"]) for one in told["profiles"]] == [
        (12, "17100.00", 19), (12, "90.00", 2), (12, "3.00", 1)
    ]  # fmt: skip
    for number, kind in enumerate(("often", "lately", "once"), start=1):
        inside = [item["name"].split()[0] for item in await listed(org.admin, cluster=number)]
        assert inside == [kind] * 12
