"""Tags over HTTP, and their new names on every record."""

import asyncio
from typing import Any
from uuid import UUID

from app.db.contacts import CONTACTS
from app.db.uow import UnitOfWork
from app.usecases import plain
from tests.makers.organisations import Organisation
from tests.makers.work import until, work_off

ANY = {"If-Match": "*"}


async def tag(org: Organisation, name: str) -> str:
    made = await org.admin.post("/v1/tags", json={"name": name})
    assert made.status_code == 201, made.text
    return made.headers["location"]


async def carriers(org: Organisation, name: str) -> list[str]:
    """A record of every noun that carries tags, by its address."""
    dated = "2026-03-02T10:30:00+08:00"
    bodies: dict[str, dict[str, Any]] = {
        "contacts": {"name": "张伟"},
        "companies": {"name": "云杉"},
        "products": {"name": "茶", "sku": f"T-{name}", "price": "9", "currency": "CNY"},
        "orders": {
            "number": f"SO-{name}",
            "currency": "CNY",
            "placed_at": dated,
            "lines": [{"description": "茶", "quantity": "1", "unit_price": "9"}],
        },
        "interactions": {"kind": "call", "at": dated},
    }
    found = []
    for plural, body in bodies.items():
        made = await org.admin.post(f"/v1/{plural}", json=body | {"tags": ["first", name, "last"]})
        assert made.status_code == 201, made.text
        found.append(made.headers["location"])
    return found


async def test_a_tag_is_added_read_edited_archived_and_restored(org: Organisation):
    here = await tag(org, "vip")
    assert (await org.admin.post("/v1/tags", json={"name": "vip"})).json()["code"] == "name_taken"
    edited = await org.admin.patch(here, json={"colour": "#336699"}, headers={"If-Match": '"1"'})
    assert (edited.json()["colour"], edited.json()["version"]) == ("#336699", 2)
    named = await org.admin.patch(here, json={"name": "x"}, headers=ANY)
    assert named.status_code == 422
    assert (await org.admin.get("/v1/tags", params={"name": "vip"})).json()["data"] == [edited.json()]
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).json()["archived_at"]
    assert (await org.admin.get("/v1/tags")).json()["data"] == []
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).json()["archived_at"] is None
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [e["type"] for e in history] == ["tag.restored", "tag.archived", "tag.edited", "tag.added"]


async def test_a_new_name_reaches_every_record_once(service, org: Organisation, other: Organisation):
    here = await tag(org, "old")
    records = await carriers(org, "old")
    untouched = await carriers(org, "else")
    foreign = await carriers(other, "old")
    asked = await org.admin.post(f"{here}/rename", json={"name": "new"}, headers={"If-Match": '"1"'})
    assert asked.status_code == 202, asked.text
    run = asked.headers["location"]
    assert asked.json()["status"] == "queued"
    assert (await org.admin.get(here)).json()["name"] == "new"
    await work_off(service)
    done = (await org.admin.get(run)).json()
    assert (done["status"], done["result"], done["error"]) == ("done", {"renamed": 5}, None), done
    for record in records:
        found = (await org.admin.get(record)).json()
        assert found["tags"] == ["first", "new", "last"]
        assert found["version"] == 2
        history = (await org.admin.get(f"{record}/history")).json()["data"]
        assert history[0]["after"] == {"tags": ["first", "new", "last"]}
        assert history[0]["cause"] == f"run:{done['id']}"
        assert len(history) == 2
    for record in untouched:
        assert (await org.admin.get(record)).json()["version"] == 1
    for record in foreign:
        assert (await other.admin.get(record)).json()["tags"] == ["first", "old", "last"]


async def test_the_name_of_another_tag_joins_the_two(service, org: Organisation):
    here, there = await tag(org, "vip"), await tag(org, "last")
    records = await carriers(org, "vip")
    asked = await org.admin.post(f"{here}/rename", json={"name": "last"}, headers=ANY)
    assert asked.json()["params"]["tag_id"] in there
    await work_off(service)
    assert (await org.admin.get(here)).json()["archived_at"]
    for record in records:
        assert (await org.admin.get(record)).json()["tags"] == ["first", "last"]


async def test_while_records_change_their_name_neither_name_may_mean_something_else(
    service, org: Organisation
):
    here, apart = await tag(org, "a"), await tag(org, "c")
    first = await org.admin.post(f"{here}/rename", json={"name": "b"}, headers=ANY)
    assert first.status_code == 202
    for refused in (
        await org.admin.post(f"{here}/rename", json={"name": "d"}, headers=ANY),
        await org.admin.post(f"{apart}/rename", json={"name": "a"}, headers=ANY),
        await org.admin.post(f"{apart}/rename", json={"name": "b"}, headers=ANY),
        await org.admin.post("/v1/tags", json={"name": "a"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "rename_under_way"), refused.text
    items = [{"name": "a"}, {"name": "b", "colour": "red"}, {"name": "e"}, {"name": "c", "colour": "red"}]
    many = (await org.admin.post("/v1/tags/bulk", json={"items": items})).json()["items"]
    assert [item["status"] for item in many] == ["failed", "updated", "created", "updated"]
    assert many[0]["problem"]["code"] == "rename_under_way"
    await work_off(service)
    assert (await org.admin.post(f"{here}/rename", json={"name": "d"}, headers=ANY)).status_code == 202


async def cancelled_rename(org: Organisation, here: str, name: str) -> str:
    asked = await org.admin.post(f"{here}/rename", json={"name": name}, headers=ANY)
    assert asked.status_code == 202, asked.text
    run = asked.headers["location"]
    assert (await org.admin.post(f"{run}/cancel")).status_code == 200
    return run


async def test_a_rename_that_was_cancelled_leaves_records_alone_that_mean_something_else_by_its_old_name(
    service, org: Organisation
):
    run = await cancelled_rename(org, await tag(org, "a"), "b")
    await tag(org, "a")
    records = await carriers(org, "a")
    again = await org.admin.post(f"{run}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "rename_outdated"), again.text
    await work_off(service)
    for record in records:
        assert (await org.admin.get(record)).json()["tags"] == ["first", "a", "last"]


async def test_a_rename_that_was_cancelled_puts_no_name_on_records_that_the_tag_has_no_more(
    service, org: Organisation
):
    here = await tag(org, "a")
    records = await carriers(org, "a")
    run = await cancelled_rename(org, here, "b")
    onward = await org.admin.post(f"{here}/rename", json={"name": "c"}, headers=ANY)
    settling = await org.admin.post(f"{run}/retry")
    assert settling.json()["code"] == "rename_under_way", settling.text
    await work_off(service)
    assert (await org.admin.get(onward.headers["location"])).json()["status"] == "done"
    again = await org.admin.post(f"{run}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "rename_outdated"), again.text
    for record in records:
        assert (await org.admin.get(record)).json()["tags"] == ["first", "a", "last"]


async def test_a_rename_that_was_cancelled_goes_on_when_nothing_has_changed(service, org: Organisation):
    records = await carriers(org, "a")
    here, there = await tag(org, "a"), await tag(org, "b")
    run = await cancelled_rename(org, here, "b")
    assert (await org.admin.post(f"{run}/retry")).status_code == 200
    taken = await org.admin.post(f"{here}/restore", headers=ANY)
    assert taken.json()["code"] == "rename_under_way"
    await work_off(service)
    assert (await org.admin.get(run)).json()["result"] == {"renamed": 5}
    for record in records:
        assert (await org.admin.get(record)).json()["tags"] == ["first", "b", "last"]
    assert (await org.admin.get(there)).json()["archived_at"] is None


async def test_a_dry_run_of_a_rename_starts_nothing(org: Organisation):
    here = await tag(org, "a")
    tried = await org.admin.post(f"{here}/rename?dry_run=true", json={"name": "b"}, headers=ANY)
    assert tried.status_code == 202
    assert (await org.admin.get("/v1/runs")).json()["data"] == []
    assert (await org.admin.get(here)).json()["name"] == "a"


async def test_what_somebody_changes_meanwhile_is_not_lost(service, org: Organisation):
    here = await tag(org, "old")
    contact = (await carriers(org, "old"))[0]
    await org.admin.post(f"{here}/rename", json={"name": "new"}, headers=ANY)
    edit = {"job_title": "采购", "tags": ["old", "mine"]}
    assert (await org.admin.patch(contact, json=edit, headers={"If-Match": '"1"'})).status_code == 200
    await work_off(service)
    found = (await org.admin.get(contact)).json()
    assert (found["job_title"], found["tags"], found["version"]) == ("采购", ["new", "mine"], 3)


async def test_a_record_that_lost_the_name_while_the_batch_waited_for_it_is_left_alone(
    service, org: Organisation
):
    here = await tag(org, "old")
    contact = (await carriers(org, "old"))[0]
    await org.admin.post(f"{here}/rename", json={"name": "new"}, headers=ANY)
    async with await org.work() as uow:
        await plain.edit(uow, CONTACTS, UUID(contact.rsplit("/", 1)[1]), {"tags": ["mine"]}, version=None)
        working = asyncio.create_task(work_off(service))
        await until(lambda: _somebody_waits(uow))
        await uow.commit()
    await working
    found = (await org.admin.get(contact)).json()
    assert (found["tags"], found["version"]) == (["mine"], 2)


async def _somebody_waits(uow: UnitOfWork) -> bool:
    return bool(await uow.fetchval("select exists (select from pg_locks where not granted)"))
