"""Segments are followed by workers, one apart from the other: what holds up or breaks one does so to no other."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from app.db import references, segments
from app.db.contacts import CONTACTS
from app.jobs.segments import PAUSE, follow_due
from app.kit import clock
from app.settings import Settings
from tests.makers.organisations import Organisation
from tests.makers.work import Worker, until, work_off

CUSTOMERS = {"field": "stage", "op": "eq", "value": "customer"}


async def test_a_worker_follows_within_seconds(chosen: Settings, org: Organisation):
    body = {"name": "customers", "condition": CUSTOMERS}
    made = (await org.admin.post("/v1/segments", json=body)).json()["id"]

    async def inside() -> set[str]:
        answer = await org.admin.get(f"/v1/segments/{made}/members")
        return {one["id"] for one in answer.json()["data"]}

    with Worker(chosen):
        for _ in range(2):
            await asyncio.sleep(0.5)  # whether it is still being built, or follows already
            contact = await org.admin.post("/v1/contacts", json={"name": "x", "stage": "customer"})
            await until(partial(_is_in, contact.json()["id"], inside))


async def _tagged(service: FastAPI, *orgs: Organisation) -> list[tuple[str, str]]:
    """Of each tenant a segment with a tag, and a contact that is about to enter it."""
    body = {"name": "customers", "condition": CUSTOMERS, "tag": "bought"}
    made = [(await org.admin.post("/v1/segments", json=body)).json()["id"] for org in orgs]
    await work_off(service)
    while await follow_due(orgs[0].database, clock.now()):
        pass
    person = {"name": "x", "stage": "customer"}
    contacts = [(await org.admin.post("/v1/contacts", json=person)).json()["id"] for org in orgs]
    return list(zip(made, contacts, strict=True))


async def _members(org: Organisation, segment: str) -> list[str]:
    answer = await org.admin.get(f"/v1/segments/{segment}/members")
    return [one["id"] for one in answer.json()["data"]]


async def _due(org: Organisation, at: datetime) -> set[str]:
    return {str(one["segment_id"]) for one in await segments.due(org.database, at, 1_000)}


async def test_a_tenant_whose_contacts_are_held_does_not_hold_up_the_others(
    service: FastAPI, org: Organisation, other: Organisation
):
    (held, _), (free, contact) = await _tagged(service, org, other)
    async with await org.work() as uow:
        await references.claim(uow, CONTACTS, [("id", "x")])
        began = clock.monotonic()
        await follow_due(org.database, clock.now())
        assert clock.monotonic() - began < 3
        assert await _members(other, free) == [contact]
        assert held not in await _due(org, clock.now())
    later = clock.now() + PAUSE
    assert held in await _due(org, later)
    await follow_due(org.database, later)
    assert len(await _members(org, held)) == 1


async def test_those_with_tags_hold_up_no_other_and_take_turns(service: FastAPI, org: Organisation):
    bodies = [{"name": name, "condition": CUSTOMERS} for name in "abcd"]
    bodies[0]["tag"], bodies[1]["tag"] = "first", "second"
    *tagged, one, other = [(await org.admin.post("/v1/segments", json=body)).json()["id"] for body in bodies]
    await work_off(service)
    while await follow_due(org.database, clock.now()):
        pass
    contact = (await org.admin.post("/v1/contacts", json={"name": "x", "stage": "customer"})).json()["id"]
    async with await org.work() as uow:
        await references.claim(uow, CONTACTS, [("id", "x")])
        at = clock.now()
        turns = []
        for _ in range(4):
            due = [str(each["segment_id"]) for each in await segments.due(org.database, at, 1_000)]
            turns.append([each for each in due if each in tagged])
            await follow_due(org.database, at)
            assert [await _members(org, each) for each in (one, other)] == [[contact]] * 2
            at = clock.now() + PAUSE
    assert turns == [tagged, tagged[::-1]] * 2 or turns == [tagged[::-1], tagged] * 2
    await follow_due(org.database, at)
    assert [await _members(org, each) for each in tagged] == [[contact]] * 2


async def test_a_segment_that_fails_stops_no_other(
    service: FastAPI, org: Organisation, other: Organisation, monkeypatch: pytest.MonkeyPatch
):
    (broken, _), (fine, contact) = await _tagged(service, org, other)
    kept = segments.of_cursor

    async def of_cursor(uow: Any, segment: UUID) -> Any:
        if str(segment) == broken:
            raise ValueError("nobody has thought of this")
        return await kept(uow, segment)

    monkeypatch.setattr(segments, "of_cursor", of_cursor)
    await follow_due(org.database, clock.now())
    assert await _members(other, fine) == [contact]
    assert broken not in await _due(org, clock.now())
    assert broken in await _due(org, clock.now() + PAUSE)


async def _is_in(one: str, inside: Callable[[], Awaitable[set[str]]]) -> bool:
    return one in await inside()
