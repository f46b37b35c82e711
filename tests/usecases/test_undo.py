"""Undoing an import: worlds of files and hand edits, several imports, and workers that are killed at it."""

import random
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db.contacts import CONTACTS
from app.db.uow import UnitOfWork
from app.settings import Settings
from app.usecases.imports import undo
from tests.makers.organisations import Organisation
from tests.makers.undoing import ANY, MOVED, begun, by_import, edits, kept, made, patched, shown, undone
from tests.makers.work import Worker, run_row, until, work_off

SIZE = {"noun": "contact", "key": "size", "kind": "text", "label": "Size"}


NAMES = ("Anna", "Boris", "Clara", "王芳", "李雷")
WORDS = ("red", "green", "blue")


def _person(dice: random.Random, n: int) -> dict[str, Any]:
    return {
        "name": f"{dice.choice(NAMES)} {n}",
        "emails": [{"address": f"p{n}-{dice.choice(WORDS)}@example.com"}],
        "phones": [{"number": f"1380013{dice.randrange(1000, 9999)}"}],
        "job_title": dice.choice((None, *WORDS)),
        "tags": sorted(dice.sample(WORDS, dice.randrange(3))),
        "stage": dice.choice(("lead", "customer")),
        "birth_date": dice.choice((None, "1990-02-28")),
        "custom": {"size": dice.choice(WORDS), "hat": dice.choice(WORDS)},
        "external_ids": {"crm": f"P{n}"} | ({"erp": f"E{n}"} if dice.random() < 0.5 else {}),
    }


def _some(dice: random.Random, n: int) -> dict[str, Any]:
    whole = _person(dice, n)
    return {name: whole[name] for name in dice.sample(sorted(whole), dice.randrange(1, 4))}


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    keyed = {
        f"{head}.{key}": value for head in ("custom", "external_ids") for key, value in record[head].items()
    }
    return {name: value for name, value in record.items() if name not in {"custom", "external_ids"}} | keyed


NEW = range(30, 40)
MAPPING = {
    "客户编号": "external:crm", "name": "name", "email": "email", "job_title": "job_title", "tags": "tags",
    "size": "custom.size", "erp": "external:erp",
}  # fmt: skip


async def _sent(service: FastAPI, org: Organisation, dice: random.Random, updated: list[int]) -> str:
    """A file that changes some people and makes others."""
    lines = [
        f"P{n},{dice.choice(NAMES)} file,f{n}@file.example,{dice.choice(WORDS)},{dice.choice(WORDS)},file,F{n}"
        for n in (*updated, *NEW)
    ]
    sent = await org.admin.post(
        "/v1/imports",
        params={"name": "people.csv", "target": "contact"},
        content="\n".join([",".join(MAPPING), *lines]).encode(),
    )
    here = f"/v1/imports/{sent.json()['id']}"
    mapped = await org.admin.patch(here, json={"mapping": MAPPING, "match": ["external:crm"]}, headers=ANY)
    assert mapped.status_code == 200, mapped.text
    assert (await org.admin.post(f"{here}/start", headers=ANY)).status_code == 202
    await work_off(service)
    return here


async def _all(org: Organisation, records: list[str]) -> dict[str, dict[str, Any]]:
    return {record: _flat(await shown(org, "contacts", record)) for record in records}


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize("seed", range(4))
async def test_a_world_of_files_and_hands_is_undone_record_by_record(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, seed: int
):
    """Each field of each record is compared with what it was before the file, and with what hands have made of it."""
    monkeypatch.setattr(undo, "BATCH", 7)
    dice = random.Random(seed)
    for key in ("size", "hat"):
        await made(org, "custom_fields", **SIZE | {"key": key, "label": key})
    ids = [await made(org, "contacts", **_person(dice, n)) for n in range(30)]
    updated = dice.sample(range(30), 15)
    before = await _all(org, ids)
    here = await _sent(service, org, dice, updated)
    new = [(await org.admin.get(f"/v1/contacts/by/crm/P{n}")).json()["id"] for n in NEW]
    loaded = await _all(org, ids + new)
    touched = dice.sample(ids + new, 20)
    for n in dice.choices(range(20), k=30):
        await patched(org, "contacts", touched[n], **_some(dice, 100 + n))
    hands = await _all(org, ids + new)
    moved = {
        record: {name for name in old.keys() | now.keys() if old.get(name) != now.get(name)}
        for record, (old, now) in ((record, (loaded[record], hands[record])) for record in ids + new)
    }
    account = await undone(service, org.admin, here)
    after = await _all(org, ids + new)
    rows = await kept(org.admin, here)

    for record in ids:
        back = {name: hands[record].get(name) for name in moved[record] | MOVED}
        for column, source in (("email", "emails"), ("phone", "phones")):
            back[column] = (hands if source in moved[record] else before)[record][column]
        assert _without_none(after[record]) == _without_none(before[record] | back)
    for record in new:
        if moved[record]:
            assert after[record] == hands[record]
        else:
            assert after[record]["archived_at"]
            assert not [name for name in after[record] if name.startswith("external_ids.")]

    told = {row["record_id"]: row["conflicts"] for row in rows}
    for record in (ids[n] for n in updated):
        old, theirs, yours = (_without_none(world[record]) for world in (before, hands, loaded))
        assert told.pop(record, []) == [
            {"field": name, "base": old.get(name), "theirs": theirs.get(name), "yours": yours.get(name)}
            for name in sorted(moved[record] - {"email", "phone"})
            if old.get(name) != yours.get(name) and theirs.get(name) != old.get(name)
        ]
    assert told.keys() == {record for record in new if moved[record]}
    archived = sum(not moved[record] for record in new)
    assert account == {"restored": 25 - archived - len(rows), "archived": archived, "kept": len(rows)}


async def test_a_run_that_was_cancelled_does_not_go_on_with_an_undone_import(
    service: FastAPI, org: Organisation
):
    here = await begun(org)
    run = (await org.admin.get(here)).json()["run_id"]
    assert (await org.admin.post(f"/v1/runs/{run}/cancel", headers=ANY)).status_code == 200
    assert await undone(service, org.admin, here) == {"restored": 0, "archived": 0, "kept": 0}
    assert (await org.admin.post(f"/v1/runs/{run}/retry", headers=ANY)).status_code == 200
    await work_off(service)
    found = (await org.admin.get(f"/v1/runs/{run}")).json()
    assert found["status"] != "done"
    assert (await org.admin.get("/v1/contacts")).json()["data"] == []


async def test_a_worker_killed_again_and_again_undoes_every_record_once(
    service: FastAPI, chosen: Settings, org: Organisation
):
    text = "name,customer id\n" + "".join(f"Person {n},K-{n}\n" for n in range(1_000))
    sent = await org.admin.post("/v1/imports", params={"name": "many.csv"}, content=text.encode())
    here = f"/v1/imports/{sent.json()['id']}"
    await org.admin.post(f"{here}/start", headers=ANY)
    await work_off(service)
    asked = await org.admin.post(f"{here}/undo", headers=ANY)
    run = asked.json()["id"]

    async def so_far(least: int) -> bool:
        return bool((await run_row(org, run))["done"] >= least)

    for least in (50, 400):
        with Worker(chosen, batch=25) as worker:
            await until(partial(so_far, least))
            worker.kill()
    assert (await run_row(org, run))["status"] == "running"
    async with org.database.connection(org.id) as connection:
        await connection.execute("update runs set due_at = now() where id = $1", UUID(run))
    await work_off(service, seconds=60)
    assert (await org.admin.get(here)).json()["undone"] == {"restored": 0, "archived": 1_000, "kept": 0}
    async with org.database.connection(org.id) as connection:
        events = await connection.fetchrow(
            "select count(*) as n, count(distinct noun_id) as records from events where cause = $1 and noun = 'contact'",
            f"undo:{sent.json()['id']}",
        )
    assert (events["n"], events["records"]) == (1_000, 1_000)


async def test_imports_undone_the_last_one_first_leave_nothing(service: FastAPI, org: Organisation):
    anna = await made(org, "contacts", name="Anna", tags=["a"])
    before = await shown(org, "contacts", anna)
    first = await by_import(service, org, edits(CONTACTS, anna, {"name": "First", "tags": ["b"]}))
    second = await by_import(service, org, edits(CONTACTS, anna, {"name": "Second", "job_title": "C"}))
    for here in (second, first):
        assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 0}
    assert await shown(org, "contacts", anna) == before


async def test_imports_undone_the_first_one_first_leave_what_the_last_one_did(
    service: FastAPI, org: Organisation
):
    anna = await made(org, "contacts", name="Anna", tags=["a"])
    first = await by_import(service, org, edits(CONTACTS, anna, {"name": "First", "tags": ["b"]}))
    second = await by_import(service, org, edits(CONTACTS, anna, {"name": "Second"}))
    assert await undone(service, org.admin, first) == {"restored": 0, "archived": 1, "kept": 1}
    found = await shown(org, "contacts", anna)
    assert (found["name"], found["tags"]) == ("Second", ["a"])
    assert await undone(service, org.admin, second) == {"restored": 1, "archived": 1, "kept": 0}
    assert (await shown(org, "contacts", anna))["name"] == "First"


async def test_a_record_with_changes_far_apart_in_the_log_is_settled_once(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(undo, "BATCH", 2)
    people = [await made(org, "contacts", name=f"Person {n}") for n in range(4)]

    async def in_turns(uow: UnitOfWork) -> None:
        for turn in range(3):
            for record in people:
                await edits(CONTACTS, record, {"name": f"Turn {turn}"})(uow)

    here = await by_import(service, org, in_turns)
    assert await undone(service, org.admin, here) == {"restored": 4, "archived": 1, "kept": 0}
    assert [(await shown(org, "contacts", one))["name"] for one in people] == [
        f"Person {n}" for n in range(4)
    ]
