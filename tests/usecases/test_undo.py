"""Undoing an import: worlds of files and hand edits, and what the house's rules keep from going back."""

import random
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.uow import UnitOfWork
from app.settings import Settings
from app.usecases import plain
from app.usecases.imports import undo
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, run_row, until, work_off

ANY = {"If-Match": "*"}
MOVED = frozenset({"version", "updated_at"})
Do = Callable[[UnitOfWork], Awaitable[None]]
SIZE = {"noun": "contact", "key": "size", "kind": "text", "label": "Size"}


async def begun(org: Organisation) -> str:
    """An import that has begun and at which no worker has been yet."""
    sent = await org.admin.post(
        "/v1/imports",
        params={"name": "one.csv", "target": "contact", "mode": "create"},
        content=b"name\nSomebody\n",
    )
    here = f"/v1/imports/{sent.json()['id']}"
    assert (await org.admin.post(f"{here}/start", headers=ANY)).status_code == 202
    return here


async def by_import(service: FastAPI, org: Organisation, do: Do) -> str:
    """An import that did this too; it also makes one contact."""
    here = await begun(org)
    async with await org.work() as uow:
        uow.cause = f"import:{here.rpartition('/')[2]}"
        await do(uow)
        await uow.commit()
    await work_off(service)
    return here


def edits(noun: Any, record: str, given: dict[str, Any]) -> Do:
    return lambda uow: plain.edit(uow, noun, UUID(record), given, version=None)


async def undone(service: FastAPI, client: AsyncClient, here: str) -> dict[str, int]:
    asked = await client.post(f"{here}/undo", headers=ANY)
    assert asked.status_code == 202, asked.text
    await work_off(service, seconds=60)
    run = (await client.get(asked.headers["location"])).json()
    assert run["status"] == "done", run
    account: dict[str, int] = run["result"]
    return account


async def kept(client: AsyncClient, here: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await client.get(f"{here}/undone", params={"outcome": "kept"})).json()[
        "data"
    ]
    return rows


async def made(org: Organisation, plural: str, **values: Any) -> str:
    answer = await org.admin.post(f"/v1/{plural}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def patched(org: Organisation, plural: str, record: str, **values: Any) -> None:
    answer = await org.admin.patch(f"/v1/{plural}/{record}", json=values, headers=ANY)
    assert answer.status_code == 200, answer.text


async def shown(org: Organisation, plural: str, record: str) -> dict[str, Any]:
    found = (await org.admin.get(f"/v1/{plural}/{record}")).json()
    return {name: value for name, value in found.items() if name not in MOVED}


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


LINE = {"description": "Lamp", "quantity": "2", "unit_price": "10"}


async def an_order(org: Organisation, number: str = "N-1") -> str:
    return await made(
        org, "orders", number=number, placed_at="2026-01-01T00:00:00Z", currency="GBP", lines=[LINE, LINE]
    )


async def test_an_order_is_as_before_to_the_ids_of_its_lines(service: FastAPI, org: Organisation):
    order = await an_order(org)
    before = await shown(org, "orders", order)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    assert (await shown(org, "orders", order))["total"] == "50.0000"
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 0}
    assert await shown(org, "orders", order) == before


def _lines() -> dict[str, Any]:
    line = {"product_id": None, "description": "Lamp", "quantity": Decimal(5), "unit_price": Decimal(10)}
    return {"lines": [line | {"discount": Decimal(0)}], "discount": Decimal(0)}


async def test_what_follows_is_computed_anew_where_hands_were_at_its_sources(
    service: FastAPI, org: Organisation
):
    order = await an_order(org)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    await patched(org, "orders", order, tax="3")
    assert (await undone(service, org.admin, here))["restored"] == 1
    found = await shown(org, "orders", order)
    assert (found["subtotal"], found["tax"], found["total"]) == ("40.0000", "3.0000", "43.0000")
    assert [line["quantity"] for line in found["lines"]] == ["2.0000", "2.0000"]


async def test_money_that_somebody_has_paid_does_not_go_back(service: FastAPI, org: Organisation):
    order = await an_order(org)
    here = await by_import(service, org, edits(ORDERS, order, _lines()))
    assert (await org.admin.post(f"/v1/orders/{order}/pay", json={}, headers=ANY)).status_code == 200
    before = await shown(org, "orders", order)
    assert (await undone(service, org.admin, here))["kept"] == 1
    assert await shown(org, "orders", order) == before
    (row,) = await kept(org.admin, here)
    assert (row["record_id"], row["code"]) == (order, "order_settled")
    assert "lines" in {one["field"] for one in row["conflicts"]}


async def test_a_status_that_the_import_moved_goes_back(service: FastAPI, org: Organisation):
    order = await an_order(org)
    before = await shown(org, "orders", order)
    here = await by_import(service, org, edits(ORDERS, order, {"paid_at": (await org.work()).now}))
    assert (await shown(org, "orders", order))["status"] == "paid"
    await undone(service, org.admin, here)
    assert await shown(org, "orders", order) == before


async def test_a_name_that_somebody_has_taken_since_is_not_taken_back(service: FastAPI, org: Organisation):
    lamp, desk = [await made(org, "products", sku=s, name=s, price="1", currency="GBP") for s in ("L", "D")]

    async def rename(uow: UnitOfWork) -> None:
        await edits(PRODUCTS, lamp, {"sku": "L2"})(uow)
        await edits(PRODUCTS, desk, {"sku": "D2"})(uow)

    here = await by_import(service, org, rename)
    await made(org, "products", sku="L", name="Another", price="1", currency="GBP")
    assert await undone(service, org.admin, here) == {"restored": 1, "archived": 1, "kept": 1}
    (row,) = await kept(org.admin, here)
    assert (row["record_id"], row["code"], row["conflicts"]) == (
        lamp, "sku_taken", [{"field": "sku", "base": "L", "theirs": "L2", "yours": "L2"}]
    )  # fmt: skip
    assert (await shown(org, "products", desk))["sku"] == "D"


async def test_names_that_were_handed_on_go_back_in_turn(service: FastAPI, org: Organisation):
    records = [await made(org, "products", sku=s, name=s, price="1", currency="GBP") for s in "abcdef"]

    async def hand_on(uow: UnitOfWork) -> None:
        for record, sku in zip(records, ("z", *"abcde"), strict=True):
            await edits(PRODUCTS, record, {"sku": sku})(uow)

    here = await by_import(service, org, hand_on)
    assert (await undone(service, org.admin, here))["restored"] == 6
    assert [(await shown(org, "products", record))["sku"] for record in records] == list("abcdef")


async def test_a_tree_that_would_become_a_circle_stays(service: FastAPI, org: Organisation):
    above, below = [await made(org, "companies", name=name) for name in ("Above", "Below")]
    await patched(org, "companies", below, parent_id=above)
    here = await by_import(service, org, edits(COMPANIES, below, {"parent_id": None}))
    await patched(org, "companies", above, parent_id=below)
    assert (await undone(service, org.admin, here))["kept"] == 1
    assert [row["code"] for row in await kept(org.admin, here)] == ["circle"]


async def test_what_whoever_asks_does_not_see_stays_and_is_not_told_of(service: FastAPI, org: Organisation):
    await org.role(
        "seller",
        scopes=[
            *("imports:read", "imports:write", "runs:read"),
            *("contacts:read", "contacts:write", "companies:read", "companies:write"),
        ],
        sight={"*": "own", "import": "all", "run": "all"}, read={"*": ["*"]}, write={"*": ["*"]},
    )  # fmt: skip
    _, seller = await org.user("seller", "seller")
    secret = await made(org, "contacts", name="Secret")
    firm = await made(org, "companies", name="Firm")

    async def both(uow: UnitOfWork) -> None:
        await edits(CONTACTS, secret, {"name": "Other"})(uow)
        await edits(COMPANIES, firm, {"name": "Other"})(uow)

    here = await by_import(service, org, both)
    assert await undone(service, seller, here) == {"restored": 0, "archived": 0, "kept": 3}
    assert (await shown(org, "contacts", secret))["name"] == "Other"
    told = await kept(seller, here)
    assert {row["code"] for row in told} == {"hidden"}
    assert not [row for row in told if row["record_id"] or row["conflicts"]]
    assert {row["code"] for row in await kept(org.admin, here)} == {"hidden"}


async def test_fields_that_a_reader_may_not_read_are_not_told_of(service: FastAPI, org: Organisation):
    await org.role(
        "reader", scopes=["imports:read", "contacts:read"], sight={"*": "all"}, read={"contact": ["tags"]},
    )  # fmt: skip
    _, reader = await org.user("reader", "reader")
    anna = await made(org, "contacts", name="Anna")
    here = await by_import(service, org, edits(CONTACTS, anna, {"name": "File", "tags": ["file"]}))
    await patched(org, "contacts", anna, name="Hand", tags=["hand"])
    await undone(service, org.admin, here)
    (row,) = await kept(org.admin, here)
    assert [one["field"] for one in row["conflicts"]] == ["name", "tags"]
    (row,) = await kept(reader, here)
    assert [one["field"] for one in row["conflicts"]] == ["tags"]


async def test_whoever_is_erased_stays_erased(service: FastAPI, org: Organisation):
    anna = await made(org, "contacts", name="Anna", external_ids={"crm": "1"})
    here = await by_import(service, org, edits(CONTACTS, anna, {"name": "File"}))
    assert (await org.admin.post(f"/v1/contacts/{anna}/erase", headers=ANY)).status_code == 202
    await work_off(service)
    before = await shown(org, "contacts", anna)
    await undone(service, org.admin, here)
    assert await shown(org, "contacts", anna) == before
    (row,) = await kept(org.admin, here)
    assert (row["code"], row["conflicts"]) == ("erased", [])


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
            await until(lambda least=least: so_far(least))
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
