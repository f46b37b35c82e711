"""A batch has the outcome of its items one after the other, wherever it is cut."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from app.domain.runs import first
from app.usecases import bulk, tags
from tests.makers.organisations import Organisation

ITEMS, RECORDS = 60, 12


def _batch(dice: random.Random) -> tuple[list[dict[str, Any]], list[str], dict[str, tuple[int, str]]]:
    """Items; what each is to come to; and, by a name of each record, its version and job title at the end."""
    items, outcomes = [], []
    records: dict[str, list[Any]] = {}
    for place in range(ITEMS):
        number = str(dice.randrange(RECORDS))
        names = {"erp": number}
        if dice.random() < 0.3 and f"shop {number}" in records:
            names = {"shop": number}
        elif dice.random() < 0.3:
            names |= {"shop": number}
        item = {"name": "n", "external_ids": names, "job_title": str(place)}
        fault = dice.choice(["", "", "", "", "stage", "company_id"])
        if fault:
            items.append(item | {fault: "king" if fault == "stage" else str(uuid4())})
            outcomes.append("failed")
            continue
        items.append(item)
        known = next(filter(None, (records.get(f"{kind} {n}") for kind, n in names.items())), None)
        outcomes.append("updated" if known else "created")
        record = known or [0, ""]
        record[:] = [record[0] + 1, str(place)]
        records |= {f"{kind} {n}": record for kind, n in names.items()}
    return items, outcomes, {name: (version, title) for name, (version, title) in records.items()}


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 25, 59])
async def test_a_batch_does_the_same_however_it_is_cut(
    org: Organisation, chunk: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk, "_CHUNK", chunk)
    monkeypatch.setattr(bulk, "_MANY", 0)
    items, outcomes, records = _batch(random.Random(chunk))
    assert {"failed", "updated", "created"} == set(outcomes)
    done = (await org.admin.post("/v1/contacts/bulk", json={"items": items})).json()
    assert [one["status"] for one in done["items"]] == outcomes
    assert [one["index"] for one in done["items"]] == list(range(ITEMS))
    for name, expected in records.items():
        system, _, number = name.partition(" ")
        found = (await org.admin.get(f"/v1/contacts/by/{system}/{number}")).json()
        assert (found["version"], found["job_title"]) == expected, name
    listed = (await org.admin.get("/v1/contacts", params={"limit": 100})).json()["data"]
    assert len(listed) == outcomes.count("created")


async def test_a_tree_may_be_built_over_many_chunks(org: Organisation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk, "_CHUNK", 2)
    items = [{"name": f"n{n}", "external_ids": {"erp": str(n)}} for n in range(7)]
    made = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
    ids = [one["id"] for one in made["items"]]
    below = [{"id": own, "parent_id": above} for own, above in zip(ids[1:], ids, strict=False)]
    circle = {"id": ids[0], "parent_id": ids[-1]}
    done = (await org.admin.post("/v1/companies/bulk", json={"items": [*below, circle]})).json()
    assert (done["updated"], done["failed"]) == (6, 1), done
    assert done["items"][-1]["problem"]["code"] == "circle"


def _before_the_second_look(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Awaitable[Any]]) -> None:
    """Chunks of one and of two, and something happens before the records of the second one are looked for."""
    monkeypatch.setattr(bulk, "_CHUNK", 2)
    real, looks = bulk._Bulk._find, []

    async def find(self: Any, named: Any) -> Any:
        looks.append(named)
        if len(looks) == 2:
            await do()
        return await real(self, named)

    monkeypatch.setattr(bulk._Bulk, "_find", find)


async def test_what_was_planned_before_somebody_else_added_the_record_is_planned_anew(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    async def add() -> None:
        theirs = {"name": "r", "external_ids": {"erp": "1", "shop": "1"}}
        assert (await org.admin.post("/v1/contacts", json=theirs)).status_code == 201

    _before_the_second_look(monkeypatch, add)
    items = [
        {"name": "r", "external_ids": {"erp": "1", "web": "7"}},
        {"name": "other", "external_ids": {"erp": "2"}},
        {"name": "r", "external_ids": {"shop": "1", "app": "8"}},
    ]
    done = (await org.admin.post("/v1/contacts/bulk", json={"items": items})).json()
    assert [one["status"] for one in done["items"]] == ["updated", "created", "updated"]
    now = (await org.admin.get("/v1/contacts/by/erp/1")).json()
    assert now["external_ids"] == {"erp": "1", "shop": "1", "web": "7", "app": "8"}
    events = (await org.admin.get(f"/v1/contacts/{now['id']}/history")).json()["data"]
    assert [event["version"] for event in events] == [3, 2, 1]


async def test_a_name_that_one_item_frees_may_be_taken_by_a_later_one(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk, "_CHUNK", 2)
    base = {"name": "n", "price": "1", "currency": "CNY"}
    made = [
        (await org.admin.post("/v1/products", json=base | {"sku": sku, "external_ids": {"shop": sku}})).json()
        for sku in ("S1", "S3")
    ]
    items = [
        {"sku": "S3", "name": "m"},
        {"id": made[1]["id"], "external_ids": {"shop": "5"}},
        {"id": made[0]["id"], "external_ids": {"shop": "S3"}},
    ]
    done = (await org.admin.post("/v1/products/bulk", json={"items": items})).json()
    assert done["updated"] == 3, done
    assert (await org.admin.get("/v1/products/by/shop/S3")).json()["sku"] == "S1"


async def test_a_batch_that_moves_nothing_keeps_nobody_from_moving(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    a, b = [(await org.admin.post("/v1/companies", json={"name": name})).json()["id"] for name in "ab"]

    async def move() -> None:
        moved = await org.admin.patch(f"/v1/companies/{a}", json={"parent_id": b}, headers={"If-Match": "*"})
        assert moved.status_code == 200, moved.text

    _before_the_second_look(monkeypatch, move)
    items = [{"name": f"n{n}", "external_ids": {"erp": str(n)}} for n in range(5)]
    done = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()
    assert done["created"] == 5


async def test_a_batch_and_a_rename_of_the_same_records_wait_for_each_other_in_turn(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    items = [{"name": f"n{n}", "external_ids": {"erp": str(n)}, "tags": ["old"]} for n in range(6)]
    made = (await org.admin.post("/v1/contacts/bulk", json={"items": items})).json()["items"]
    run: Any = {"params": {"old": "old", "new": "new"}, "checkpoint": first(["contact"]), "done": 0}
    waiting: list[asyncio.Task[None]] = []

    async def rename() -> None:
        async with await org.work() as uow:
            await tags.rename_batch(uow, run)
            await uow.commit()

    async def begin() -> None:
        waiting.append(asyncio.create_task(rename()))
        await asyncio.sleep(0.3)  # long enough for it to lock what it can

    _before_the_second_look(monkeypatch, begin)
    body = [{"id": one["id"], "job_title": "x"} for one in reversed(made)]
    done = await org.admin.post("/v1/contacts/bulk", json={"items": body})
    assert done.json()["updated"] == 6, done.text
    await waiting[0]
    listed = (await org.admin.get("/v1/contacts", params={"tag": "new"})).json()["data"]
    assert {one["job_title"] for one in listed} == {"x"}
    assert len(listed) == 6
