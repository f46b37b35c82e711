"""Before and after: a trial keeps nothing, failures come back as a file, and work goes on where it stopped."""

import csv
import io
import random
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db import imports
from app.db.imports import Verdict
from app.db.uow import UnitOfWork
from app.usecases.imports import apply, work
from tests.makers.files import ANY, account, begun, done, imported, rows, sent
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, run_row, until, work_off

MIXED = """name,email,birthday,company
Anna,anna@example.com,1990-05-17,Acme
Bob,bob@example.com,31/02/1990,Acme
Eve,eve@example.com
"=cmd|' /C calc'!A0",f@example.com,1/2/1999 00:00 nonsense,Acme
"""


async def _count(org: Organisation, plural: str) -> int:
    counted: int = (await org.admin.post(f"/v1/{plural}/count", json={})).json()["count"]
    return counted


async def test_a_trial_tells_everything_and_keeps_nothing(service: FastAPI, org: Organisation):
    one = await sent(org, MIXED)
    tried = await done(service, org, one, "try")
    assert (tried["stage"], tried["account"], tried["trial"]) == ("ready", None, account(created=1, failed=3))
    assert [await _count(org, plural) for plural in ("contacts", "companies")] == [0, 0]
    events = (await org.admin.get("/v1/events", params={"noun": "contact"})).json()["data"]
    assert events == []
    listed = await rows(org, one)
    assert [row["outcome"] for row in listed] == ["created", "failed", "failed", "failed"]
    assert [row["record_id"] for row in listed] == [None] * 4
    assert listed[0]["cells"] == ["Anna", "anna@example.com", "1990-05-17", "Acme"]
    real = await done(service, org, one)
    assert (real["stage"], real["account"], real["trial"]) == ("done", tried["trial"], tried["trial"])
    assert [await _count(org, plural) for plural in ("contacts", "companies")] == [1, 1]
    assert [row["outcome"] for row in await rows(org, one)] == [row["outcome"] for row in listed]


async def test_what_was_tried_counts_for_what_was_tried(service: FastAPI, org: Organisation):
    one = await sent(org, MIXED)
    await done(service, org, one, "try")
    edited = await org.admin.patch(
        f"/v1/imports/{one['id']}", json={"mapping": {"name": "name"}, "mode": "create"}, headers=ANY
    )
    assert (edited.json()["trial"], edited.json()["run_id"]) == (None, None)
    tried = await done(service, org, one, "try")
    assert tried["trial"] == account(created=3, failed=1)


def _again_and_again(chance: random.Random, known: str) -> str:
    """People who come back, near and far, as they were or changed, with faults in between."""
    lines = [f"{known},name,birthday"]
    for n in range(150):
        who = chance.randrange(40)
        name = "" if n % 13 == 5 else f"Person {who} {chance.choice(('here', 'here', 'there'))}"
        what = f"p{who}@example.com" if known == "email" else f"K-{who}"
        lines.append(f"{what if n % 17 else ''},{name},{'31/02/1990' if n % 11 == 3 else '1990-05-17'}")
    return "\n".join(lines)


@pytest.mark.parametrize("mode", ["create", "update", "upsert"])
@pytest.mark.parametrize("known", ["email", "customer id"])
async def test_a_trial_tells_what_will_become_of_rows_that_repeat_rows_of_other_batches(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, known: str, mode: str
):
    monkeypatch.setattr(work, "APPLIED", 20)
    monkeypatch.setattr(work, "FIRST", 10)
    chance = random.Random(f"{known} {mode}")
    await imported(service, org, _again_and_again(random.Random(1), known)[:600].rpartition("\n")[0])
    one = await sent(org, _again_and_again(chance, known), plan={"mode": mode})
    tried = await done(service, org, one, "try")
    outcomes = [(row["line"], row["outcome"], row["code"]) for row in await rows(org, one)]
    real = await done(service, org, one)
    assert [(row["line"], row["outcome"], row["code"]) for row in await rows(org, one)] == outcomes
    assert tried["trial"] == real["account"]
    assert len({outcome for _, outcome, _ in outcomes}) >= 3


@pytest.mark.parametrize("known", ["email", "customer id"])
async def test_what_has_no_turn_is_left_to_the_next_batch(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch, known: str
):
    monkeypatch.setattr(apply, "TURNS", 1)
    turns: list[int] = []
    settle = imports.settle

    async def counted(uow: UnitOfWork, one: UUID, verdicts: Sequence[Verdict], *, keep: bool = False) -> None:
        turns.append(len(verdicts))
        await settle(uow, one, verdicts, keep=keep)

    monkeypatch.setattr(imports, "settle", counted)
    text = f"name,{known}\n" + "".join(
        f"Person {n},{'none@example.com' if n % 2 else n}\n" for n in range(24)
    )
    one = await sent(org, text)
    tried = await done(service, org, one, "try")
    assert tried["trial"] == account(created=13, updated=11)
    assert (turns[1:], sum(turns)) == ([1] * (24 - turns[0]), 24)
    assert (await done(service, org, one))["account"] == tried["trial"]


async def test_nothing_else_is_done_while_it_is_tried(service: FastAPI, org: Organisation):
    one = await sent(org, MIXED)
    run = await begun(org, one, "try")
    for verb in ("start", "try"):
        refused = await org.admin.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
        assert (refused.status_code, refused.json()["code"]) == (409, "import_under_trial")
    refused = await org.admin.patch(f"/v1/imports/{one['id']}", json={"mode": "create"}, headers=ANY)
    assert refused.json()["code"] == "import_under_trial"
    assert (await org.admin.post(f"{run}/cancel")).status_code == 200
    assert (await done(service, org, one))["account"] == account(created=1, failed=3)
    assert (await org.admin.post(f"{run}/retry")).status_code == 200
    await work_off(service, seconds=5)
    assert "changed after" in (await org.admin.get(run)).json()["error"]
    await org.admin.post(f"{run}/cancel")


async def test_failures_come_back_as_a_file_that_can_be_mended_and_sent_again(
    service: FastAPI, org: Organisation
):
    one = await imported(service, org, MIXED)
    assert one["account"] == account(created=1, failed=3)
    answer = await org.admin.get(f"/v1/imports/{one['id']}/failures.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, *told = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert header == ["rapport_problem", "name", "email", "birthday", "company"]
    assert [row[1] for row in told] == ["Bob", "Eve", "'=cmd|' /C calc'!A0"]
    assert "31/02/1990" in told[0][0]
    assert "(row_ragged, line 4)" in told[1][0]
    told[0][3], told[2][3] = "28/02/1990", ""
    out = io.StringIO()
    csv.writer(out).writerows([header, *told])
    again = await sent(org, out.getvalue(), plan={"options": {"date_order": "dmy"}})
    assert again["mapping"] == one["mapping"]
    again = await done(service, org, again)
    assert again["account"] == account(created=2, failed=1)
    names = [
        (await org.admin.get(f"/v1/contacts/{row['record_id']}")).json()["name"]
        for row in await rows(org, again, outcome="created")
    ]
    assert names == ["Bob", "=cmd|' /C calc'!A0"]
    second = (await org.admin.get(f"/v1/imports/{again['id']}/failures.csv")).content.decode("utf-8-sig")
    assert second.splitlines()[0] == '"rapport_problem","name","email","birthday","company"'


async def test_a_file_without_failures_has_an_empty_list_of_them(service: FastAPI, org: Organisation):
    one = await imported(service, org, "name,email\nAnna,a@example.com\n")
    answer = await org.admin.get(f"/v1/imports/{one['id']}/failures.csv")
    assert answer.content.decode("utf-8-sig") == '"rapport_problem","name","email"\r\n'


def _people(count: int) -> str:
    lines = (f"P {n},p{n}@example.com,{'bad' if n % 10 == 3 else '1990-05-17'}" for n in range(count))
    return "\n".join(["name,email,birthday", *lines, "ragged"])


async def test_a_cancelled_import_goes_on_where_it_stood(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(work, "APPLIED", 20)
    monkeypatch.setattr(work, "FIRST", 20)
    one = await sent(org, _people(100))
    run = await begun(org, one)
    real = imports.settle
    batches = 0

    async def settle(*given, **named):
        nonlocal batches
        batches += 1
        await real(*given, **named)
        if batches == 3:
            # By another transaction while the batch is under way: the batch is not kept.
            assert (await org.admin.post(f"{run}/cancel")).status_code == 200

    monkeypatch.setattr(imports, "settle", settle)
    await work_off(service)
    assert (await org.admin.get(run)).json()["status"] == "cancelled"
    assert await _count(org, "contacts") == 36
    stands = (await org.admin.get(f"/v1/imports/{one['id']}")).json()
    assert (stands["stage"], stands["account"]) == ("started", None)
    assert (await org.admin.post(f"{run}/retry")).status_code == 200
    await work_off(service)
    assert (await org.admin.get(f"/v1/imports/{one['id']}")).json()["account"] == account(
        created=90, failed=11
    )
    assert await _count(org, "contacts") == 90


async def test_a_killed_worker_costs_no_row_and_doubles_none(service: FastAPI, org: Organisation):
    one = await sent(org, _people(30_000))
    run = await begun(org, one)
    id_ = run.rpartition("/")[2]
    own = service.state.settings

    async def further(than: int) -> bool:
        return (await run_row(org, id_))["done"] > than

    for stand in (-1, 0, 5_000):
        with Worker(own, lease=8) as worker:
            if stand >= 0:
                await until(partial(further, stand), 60)
            worker.kill()
    with Worker(own, lease=8):

        async def ended() -> bool:
            return (await run_row(org, id_))["status"] == "done"

        await until(ended, 90)
    found = (await org.admin.get(f"/v1/imports/{one['id']}")).json()
    assert found["account"] == account(created=27_000, failed=3_001)
    assert await _count(org, "contacts") == 27_000
