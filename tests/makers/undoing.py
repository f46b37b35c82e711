"""Imports that also did something else, undone, and what is left of them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from httpx import AsyncClient

from app.db.uow import UnitOfWork
from app.usecases import plain
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
MOVED = frozenset({"version", "updated_at"})
Do = Callable[[UnitOfWork], Awaitable[None]]


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
    """An edit of one record."""
    return lambda uow: plain.edit(uow, noun, UUID(record), given, version=None)


async def undone(service: FastAPI, client: AsyncClient, here: str) -> dict[str, int]:
    """What came of undoing the import at an address."""
    asked = await client.post(f"{here}/undo", headers=ANY)
    assert asked.status_code == 202, asked.text
    await work_off(service, seconds=60)
    run = (await client.get(asked.headers["location"])).json()
    assert run["status"] == "done", run
    account: dict[str, int] = run["result"]
    return account


async def kept(client: AsyncClient, here: str) -> list[dict[str, Any]]:
    """What was kept when it was undone."""
    rows: list[dict[str, Any]] = (await client.get(f"{here}/undone", params={"outcome": "kept"})).json()[
        "data"
    ]
    return rows


async def made(org: Organisation, plural: str, **values: Any) -> str:
    """The id of a new record."""
    answer = await org.admin.post(f"/v1/{plural}", json=values)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def patched(org: Organisation, plural: str, record: str, **values: Any) -> None:
    """Edit a record by hand."""
    answer = await org.admin.patch(f"/v1/{plural}/{record}", json=values, headers=ANY)
    assert answer.status_code == 200, answer.text


async def shown(org: Organisation, plural: str, record: str) -> dict[str, Any]:
    """A record, without what every change moves."""
    found = (await org.admin.get(f"/v1/{plural}/{record}")).json()
    return {name: value for name, value in found.items() if name not in MOVED}
