"""Readers of the log in the order of commits miss nothing and see nothing twice."""

import asyncio
import random
from typing import Any

from app.db.contacts import CONTACTS
from app.db.events import Position, read_after
from app.domain.errors import RuleBroken
from app.usecases import plain
from tests.makers.organisations import Organisation

WRITERS, EACH = 12, 8


async def _write(org: Organisation, number: int, made: set) -> None:
    chance = random.Random(number)
    for turn in range(EACH):
        name = f"w{number}t{turn}"
        try:
            async with await org.work() as uow:
                values = plain_contact(name)
                record = await plain.add(uow, CONTACTS, values, {"name"})
                await asyncio.sleep(
                    chance.choice((0, 0, 0.01, 0.15))
                )  # some stay open while others come and go
                if chance.random() < 0.2:
                    raise RuleBroken("no", "taken back")
                await uow.commit()
                made.add(record)
        except RuleBroken:
            continue


def plain_contact(name: str) -> dict:
    """A contact with nothing but a name."""
    empty = dict.fromkeys(column.name for column in CONTACTS.table.columns if column.nullable)
    lists: dict[str, Any] = {
        "emails": [],
        "phones": [],
        "addresses": [],
        "tags": [],
        "custom": {},
        "external_ids": {},
    }
    skipped = {"archived_at", "email", "phone"}
    return (
        {key: value for key, value in empty.items() if key not in skipped}
        | lists
        | {"name": name, "stage": "lead"}
    )


async def test_a_reader_sees_every_commit_once_while_writers_overlap(org: Organisation):
    made: set = set()
    writers = asyncio.gather(*(_write(org, number, made) for number in range(WRITERS)))
    position, seen, order = Position(), [], []
    while True:
        ended = writers.done()
        async with await org.work() as uow:
            rows, position = await read_after(uow, position, 7)
        seen += [row["noun_id"] for row in rows if row["type"] == "contact.added"]
        order += [(row["xid"], row["seq"]) for row in rows]
        if ended and not rows:
            break
        await asyncio.sleep(0.005)
    await writers
    assert len(seen) == len(set(seen))
    assert set(seen) == made
    assert order == sorted(order)


async def test_a_long_transaction_holds_the_reader_back(org: Organisation):
    async with await org.work() as uow:
        _, start = await read_after(uow, Position(), 1000)
    async with await org.work() as slow:
        await plain.add(slow, CONTACTS, plain_contact("slow"), {"name"})
        async with await org.work() as quick:
            await plain.add(quick, CONTACTS, plain_contact("quick"), {"name"})
            await quick.commit()
        async with await org.work() as uow:
            rows, _ = await read_after(uow, start, 1000)
            assert rows == [], "the quick one is committed, but the slow one could still come before it"
        await slow.commit()
    async with await org.work() as uow:
        rows, _ = await read_after(uow, start, 1000)
    assert [row["after"]["name"] for row in rows] == ["slow", "quick"]


async def test_the_ids_of_events_are_of_version_7(org: Organisation):
    async with await org.work() as uow:
        rows, _ = await read_after(uow, Position(), 1000)
    assert rows
    assert {row["id"].version for row in rows} == {7}
