"""Tasks by the API: what becomes of them, which are late, and that each reminder comes once."""

import asyncio
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from app.db.engine import Database
from app.domain.tasks import TaskStatus
from app.jobs.tasks import remind_due
from app.kit import clock
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

Body = dict[str, Any]
VERBS = {"complete": TaskStatus.DONE, "cancel": TaskStatus.CANCELLED, "reopen": TaskStatus.OPEN}
ALLOWED = {("open", "complete"), ("open", "cancel"), ("done", "reopen"), ("cancelled", "reopen")}


async def added(org: Organisation, **more: Any) -> Body:
    """A new task."""
    answer = await org.admin.post("/v1/tasks", json={"title": "回访"} | more)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def events(org: Organisation, task: Body) -> list[str]:
    """What the log tells of a task, oldest first."""
    found = (await org.admin.get(f"/v1/tasks/{task['id']}/history")).json()["data"]
    return [one["type"] for one in reversed(found)]


@pytest.mark.parametrize(("begins", "verb"), list(product(TaskStatus, VERBS)))
async def test_every_status_and_verb(org: Organisation, begins: TaskStatus, verb: str):
    task = await added(org)
    path = {TaskStatus.OPEN: None, TaskStatus.DONE: "complete", TaskStatus.CANCELLED: "cancel"}[begins]
    if path:
        await org.admin.post(f"/v1/tasks/{task['id']}/{path}", headers=ANY)
    answer = await org.admin.post(f"/v1/tasks/{task['id']}/{verb}", headers=ANY)
    if (begins.value, verb) not in ALLOWED:
        assert (answer.status_code, problem(answer)["code"]) == (409, "status_not_allowed")
        return
    told = answer.json()
    assert told["status"] == VERBS[verb]
    assert (told["closed_at"] is None) is (told["closed_by_id"] is None) is (verb == "reopen")
    named = {"complete": "completed", "cancel": "cancelled", "reopen": "reopened"}[verb]
    assert (await events(org, task))[-1] == f"task.{named}"


async def test_an_archived_task_stays_as_it_is(org: Organisation):
    task = await added(org)
    await org.admin.post(f"/v1/tasks/{task['id']}/archive", headers=ANY)
    answer = await org.admin.post(f"/v1/tasks/{task['id']}/complete", headers=ANY)
    assert (answer.status_code, problem(answer)["code"]) == (409, "archived")


async def test_overdue_tasks_are_open_and_were_due_before_now(org: Organisation):
    now = clock.now()
    late = await added(org, due_at=(now - timedelta(hours=1)).isoformat())
    await added(org, due_at=(now + timedelta(hours=1)).isoformat())
    await added(org)
    done = await added(org, due_at=(now - timedelta(hours=1)).isoformat())
    await org.admin.post(f"/v1/tasks/{done['id']}/complete", headers=ANY)
    found = (await org.admin.get("/v1/tasks", params={"overdue": "true"})).json()["data"]
    assert [one["id"] for one in found] == [late["id"]]
    today = {"due_since": (now - timedelta(hours=2)).isoformat(), "due_before": now.isoformat()}
    found = (await org.admin.get("/v1/tasks", params=today)).json()["data"]
    assert {one["id"] for one in found} == {late["id"], done["id"]}


async def test_a_reminder_comes_once_however_many_look_for_it(org: Organisation, database: Database):
    now = clock.now()
    due = [await added(org, remind_at=(now - timedelta(minutes=n)).isoformat()) for n in range(1, 4)]
    later = await added(org, remind_at=(now + timedelta(hours=1)).isoformat())
    closed = await added(org, remind_at=(now - timedelta(minutes=1)).isoformat())
    await org.admin.post(f"/v1/tasks/{closed['id']}/cancel", headers=ANY)
    await asyncio.gather(*(remind_due(database, clock.now()) for _ in range(3)))
    await remind_due(database, clock.now())
    for task in due:
        assert await events(org, task) == ["task.added", "task.reminded"]
    assert await events(org, later) == ["task.added"]
    assert await events(org, closed) == ["task.added", "task.cancelled"]
    await remind_due(database, now + timedelta(hours=2))
    assert await events(org, later) == ["task.added"], "the clock of the unit of work says when it is due"


async def test_another_moment_is_another_reminder_and_the_same_one_is_not(
    org: Organisation, database: Database
):
    moment = (clock.now() - timedelta(minutes=5)).isoformat()
    task = await added(org, remind_at=moment)
    await remind_due(database, clock.now())
    for again in (moment, (clock.now() - timedelta(minutes=1)).isoformat()):
        edited = await org.admin.patch(f"/v1/tasks/{task['id']}", json={"remind_at": again}, headers=ANY)
        assert edited.status_code == 200, edited.text
        await remind_due(database, clock.now())
    assert await events(org, task) == ["task.added", "task.reminded", "task.edited", "task.reminded"]


async def test_what_was_done_stands_in_the_timeline_and_what_is_to_come_does_not(org: Organisation):
    person = (await org.admin.post("/v1/contacts", json={"name": "李娜"})).json()
    task = await added(org, contact_id=person["id"], kind="call")
    address = f"/v1/contacts/{person['id']}/timeline"
    assert "task" not in {one["kind"] for one in (await org.admin.get(address)).json()["data"]}
    done = (await org.admin.post(f"/v1/tasks/{task['id']}/complete", headers=ANY)).json()
    (told,) = [one for one in (await org.admin.get(address)).json()["data"] if one["kind"] == "task"]
    assert (told["id"], told["title"], told["at"]) == (task["id"], "回访", done["closed_at"])
    assert told["detail"]["status"] == "done"
