"""Runs over HTTP."""

from uuid import UUID

from fastapi import FastAPI

from app.db.runs import start as start_run
from app.domain.access import Scope
from app.domain.runs import RunStatus, asked_by
from app.jobs.base import JOBS
from app.kit.ids import new_id
from app.schemas.runs import RunOut
from tests.makers.organisations import Organisation
from tests.makers.work import until, work_off


async def queued(org: Organisation, kind: str = "tests.unheard_of") -> UUID:
    async with await org.work() as uow:
        run = await start_run(uow, kind, {"n": 1}, total=3)
        await uow.commit()
    return run


async def test_a_run_is_listed_and_read_with_its_progress_and_etag(org: Organisation, other: Organisation):
    run = await queued(org)
    page = (await org.admin.get("/v1/runs", params={"status": "queued", "kind": "tests.unheard_of"})).json()
    assert [row["id"] for row in page["data"]] == [str(run)]
    shown = RunOut.model_validate(page["data"][0])
    assert (shown.status, shown.total, shown.params, shown.done) == (RunStatus.QUEUED, 3, {"n": 1}, 0)
    assert not {"lease", "checkpoint"} & page["data"][0].keys()
    here = f"/v1/runs/{run}"
    read = await org.admin.get(here)
    known = {"If-None-Match": read.headers["etag"]}
    assert (await org.admin.get(here, headers=known)).status_code == 304
    await org.admin.post(f"{here}/cancel")
    moved = await org.admin.get(here, headers=known)
    assert (moved.status_code, moved.json()["status"]) == (200, "cancelled")
    assert (await org.admin.get("/v1/runs", params={"status": "queued"})).json()["data"] == []
    assert (await other.admin.get(here)).status_code == 404
    assert (await other.admin.post(f"{here}/retry")).status_code == 404
    assert (await other.admin.get("/v1/runs")).json()["data"] == []


async def test_runs_are_searched_counted_and_have_a_history(org: Organisation, other: Organisation):
    run, _ = await queued(org), await queued(org, "tests.another")
    await org.admin.post(f"/v1/runs/{run}/cancel")
    where = {"where": {"field": "kind", "op": "eq", "value": "tests.unheard_of"}}
    found = (await org.admin.post("/v1/runs/search", json=where)).json()["data"]
    assert [row["id"] for row in found] == [str(run)]
    assert (await org.admin.post("/v1/runs/count", json=where)).json() == {"count": 1}
    assert (await org.admin.post("/v1/runs/count", json={})).json() == {"count": 2}
    assert (await other.admin.post("/v1/runs/count", json={})).json() == {"count": 0}
    events = (await org.admin.get(f"/v1/runs/{run}/history")).json()["data"]
    assert [event["type"] for event in events] == ["run.cancelled", "run.queued"]
    assert (await other.admin.get(f"/v1/runs/{run}/history")).status_code == 404


async def test_progress_alone_moves_the_etag(service: FastAPI, org: Organisation):
    tag = (await org.admin.post("/v1/tags", json={"name": "a"})).headers["location"]
    asked = await org.admin.post(f"{tag}/rename", json={"name": "b"}, headers={"If-Match": "*"})
    await work_off(service)
    read = await org.admin.get(asked.headers["location"], headers={"If-None-Match": asked.headers["etag"]})
    assert (read.status_code, read.json()["status"]) == (200, "done")
    # Five nouns, two passes, each a batch that is taken and ended, and nothing of it in the log.
    assert read.json()["version"] > 20
    events = await org.admin.get("/v1/events", params={"noun": "run"})
    assert [event["type"] for event in events.json()["data"]] == ["run.done", "run.started", "run.queued"]


async def test_only_what_failed_or_was_cancelled_can_be_retried(org: Organisation):
    run = await queued(org)
    refused = await org.admin.post(f"/v1/runs/{run}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "status_not_allowed")
    await org.admin.post(f"/v1/runs/{run}/cancel")
    tried = await org.admin.post(f"/v1/runs/{run}/retry?dry_run=true")
    assert tried.json()["status"] == "queued"
    assert (await org.admin.get(f"/v1/runs/{run}")).json()["status"] == "cancelled"
    assert (await org.admin.post(f"/v1/runs/{run}/retry")).json()["status"] == "queued"


async def test_reading_and_steering_need_their_scopes(org: Organisation):
    run = await queued(org)
    _, seller = await org.user("seller", "sales")
    _, analyst = await org.user("analyst", "analyst")
    assert (await seller.get("/v1/runs")).status_code == 403
    assert (await analyst.get(f"/v1/runs/{run}")).status_code == 200
    assert (await analyst.post(f"/v1/runs/{run}/cancel")).status_code == 403
    contact = (await org.admin.post("/v1/contacts", json={"name": "x"})).json()["id"]
    assert (await seller.post(f"/v1/contacts/{contact}/erase")).status_code == 403


async def test_who_asked_for_a_run_steers_it_as_long_as_they_may_ask(org: Organisation):
    role = await org.role(
        "taggers", scopes=["tags:read", "tags:write"], read={"run": ["status"]}, write={"tag": ["name"]}
    )
    _, asker = await org.user("asker", "taggers")
    _, colleague = await org.user("colleague", "manager")
    tag = (await org.admin.post("/v1/tags", json={"name": "a"})).headers["location"]
    asked = await asker.post(f"{tag}/rename", json={"name": "b"}, headers={"If-Match": "*"})
    assert asked.status_code == 202, asked.text
    here = asked.headers["location"]
    others = f"/v1/runs/{await queued(org)}"
    nowhere = f"/v1/runs/{new_id()}"
    for verb in ("cancel", "retry"):
        for client, place in ((colleague, here), (asker, others), (asker, nowhere), (colleague, nowhere)):
            refused = await client.post(f"{place}/{verb}")
            assert (refused.status_code, refused.json()["scope"]) == (403, "runs:write"), place
        steered = await asker.post(f"{here}/{verb}")
        assert steered.status_code == 200, steered.text
        assert "status" not in steered.json(), "they may not read runs"
    assert (await org.admin.get(here)).json()["status"] == "queued"
    await org.admin.patch(f"/v1/roles/{role}", json={"scopes": ["tags:read"]}, headers={"If-Match": "*"})
    refused = await asker.post(f"{here}/cancel")
    assert (refused.status_code, refused.json()["scope"]) == (403, "tags:write")
    assert (await org.admin.post(f"{here}/cancel")).status_code == 200


def test_every_kind_of_work_has_the_scope_of_its_asking():
    assert {kind for kind in JOBS if asked_by(kind) is Scope.runs_write} == set()


async def test_a_committed_run_is_carried_at_once(service: FastAPI, org: Organisation):
    queue = service.state.queue
    await queue.flushall()
    tag = (await org.admin.post("/v1/tags", json={"name": "a"})).headers["location"]
    await org.admin.post(f"{tag}/rename?dry_run=true", json={"name": "b"}, headers={"If-Match": "*"})
    assert await queue.queued_jobs(queue_name="rapport:queue:default") == []
    await org.admin.post(f"{tag}/rename", json={"name": "b"}, headers={"If-Match": "*"})
    waiting = await queue.queued_jobs(queue_name="rapport:queue:default")
    assert [job.function for job in waiting] == ["sweep"]
    await work_off(service)


async def test_a_run_is_accepted_while_redis_is_away(service: FastAPI, org: Organisation, running):
    tag = (await org.admin.post("/v1/tags", json={"name": "a"})).headers["location"]
    running._the_redis.stop()
    try:
        asked = await org.admin.post(f"{tag}/rename", json={"name": "b"}, headers={"If-Match": "*"})
        assert asked.status_code == 202
        ready = await org.admin.get("/readyz")
        assert (ready.status_code, ready.json()["faults"]) == (503, ["Redis cannot be reached."])
    finally:
        running._the_redis.start()
    await work_off(service)
    assert (await org.admin.get(asked.headers["location"])).json()["status"] == "done"

    async def ready_again() -> bool:
        return (await org.admin.get("/readyz")).status_code == 200

    await until(ready_again)
