"""What it costs a segment to follow a thousand changed contacts, and a clock step, at one size and at ten times that.

    python -m bench.segments_live [--rows 100000]

The condition looks at the contact and twice at its orders ("bought twice in the 90 days before the last 90, and not
since"). Prints how fast the segment is built over all contacts, against one statement by hand that only counts them;
then the time of a step that follows 1,000 edited contacts, against one statement by hand that asks the condition of
these 1,000; of a step that follows 1,000 new orders; of a clock step of a minute, and of one that 1,000 orders cross.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.db import actors, write
from app.db.contacts import CONTACTS
from app.db.engine import Database
from app.db.migrate import migrate
from app.db.orders import ORDERS
from app.db.uow import UnitOfWork
from app.embedded.servers import servers
from app.jobs.base import do_batch
from app.jobs.segments import follow_due
from app.kit import clock
from app.kit.ids import new_id
from app.settings import settings
from app.usecases.bootstrap import bootstrap
from app.usecases.segments import saving

CHANGED = 1_000
CONDITION = {
    "all": [
        {"field": "stage", "op": "eq", "value": "customer"},
        {"of": "orders", "measure": "count", "days": [180, 90], "op": "gte", "value": 2},
        {"of": "orders", "measure": "count", "days": [90, 0], "op": "eq", "value": 0},
    ]
}
PEOPLE = """insert into contacts (org_id, id, name, name_key, emails, phones, addresses, stage, tags, consents, consented,
    custom, terms, version, created_at, updated_at)
  select $1, uuidv7(), 'n' || n, 'n' || n, '[]', '[]', '[]', case when n % 2 = 0 then 'customer' else 'lead' end, '{}', '[]',
    '{}', '{}', '', 1, $2, $2 from generate_series($3::int, $4::int) n"""
BOUGHT = """insert into orders (org_id, id, number, contact_id, status, currency, subtotal, discount, tax, total, refunded,
    placed_at, tags, custom, terms, version, created_at, updated_at)
  select $1, g.id, g.id::text, c.id, 'paid', 'CNY', 9, 0, 0, 9, 0, $2::timestamptz - random() * interval '360 days', '{}', '{}',
    '', 1, $2, $2 from contacts c, lateral (select uuidv7() as id from generate_series(1, 3) n where c.id is not null) g
  where c.org_id = $1 and not exists (select from orders o where o.org_id = $1 and o.contact_id = c.id)"""
BY_HAND = """select {what} from contacts c where c.org_id = $1 {these} and c.archived_at is null and c.stage = 'customer'
  and (select count(*) from orders o where o.org_id = c.org_id and o.contact_id = c.id and o.archived_at is null
    and o.placed_at > $2::timestamptz - interval '180 days' and o.placed_at <= $2::timestamptz - interval '90 days') >= 2
  and (select count(*) from orders o where o.org_id = c.org_id and o.contact_id = c.id and o.archived_at is null
    and o.placed_at > $2::timestamptz - interval '90 days' and o.placed_at <= $2::timestamptz) = 0"""


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Milliseconds, and what came of it."""
    begun = time.perf_counter()
    made = await work()
    return (time.perf_counter() - begun) * 1000, made


class Bench:
    """One organisation with one segment."""

    def __init__(self, database: Database, owner: Database, org: UUID) -> None:
        self.database, self.owner, self.org = database, owner, org

    async def unit(self) -> UnitOfWork:
        """A unit of work of the house itself."""
        return UnitOfWork(self.database, await actors.system(self.database, self.org), now=clock.now())

    async def fill(self, begin: int, end: int) -> None:
        """Bring the tables to so many contacts, each with three orders of the last year."""
        async with self.owner.connection() as connection:
            await connection.execute("set statement_timeout = 0")
            await connection.execute(PEOPLE, self.org, clock.now(), begin + 1, end)
            await connection.execute(BOUGHT, self.org, clock.now())
            await connection.execute("vacuum analyze contacts")
            await connection.execute("vacuum analyze orders")

    async def build(self, name: str) -> UUID:
        """Add the segment and go over all contacts."""
        values = {"name": name, "description": None, "kind": "dynamic", "condition": CONDITION, "tag": None}
        async with await self.unit() as uow:
            made = await saving.add_segment(uow, values, values.keys())
            run = await uow.fetchval("select run_id from segments where id = $1", made)
            await uow.commit()
        while await do_batch(self.database, self.org, run) is not None:
            pass
        return made

    async def edit(self) -> list[UUID]:
        """Turn the stage of some contacts."""
        async with await self.unit() as uow:
            rows = await uow.fetch(
                "select id from contacts where org_id = $1 order by random() limit $2", self.org, CHANGED
            )
            locked = (await write.locked(uow, CONTACTS, [row["id"] for row in rows])).values()
            turned = [
                (row, {"stage": "lead" if row["stage"] == "customer" else "customer"}) for row in locked
            ]
            await write.change(uow, CONTACTS, turned, "contact.edited")
            await uow.commit()
        return [row["id"] for row in rows]

    async def buy(self, at: datetime) -> None:
        """New orders of some contacts."""
        async with await self.unit() as uow:
            rows = await uow.fetch(
                "select id from contacts where org_id = $1 order by random() limit $2", self.org, CHANGED
            )
            order = {
                "status": "paid",
                "currency": "CNY",
                "tags": [],
                "custom": {},
                "terms": [],
                "placed_at": at,
            }
            order |= dict.fromkeys(("subtotal", "total"), "9") | dict.fromkeys(
                ("discount", "tax", "refunded"), "0"
            )
            made = [
                order | {"id": (id_ := new_id()), "number": str(id_), "contact_id": row["id"]} for row in rows
            ]
            await write.add(uow, ORDERS, made, "order.added")
            await uow.commit()

    async def step(self) -> float:
        """Milliseconds to follow until nothing is due."""

        async def follow() -> None:
            while await follow_due(self.database, clock.now()):
                pass

        return (await timed(follow))[0]

    async def by_hand(self, ids: list[UUID] | None) -> float:
        """Milliseconds of the plain statement."""
        these = "" if ids is None else "and c.id = any($3)"
        sql = BY_HAND.format(what="count(*)" if ids is None else "c.id", these=these)
        async with self.owner.connection() as connection:
            given = [] if ids is None else [ids]
            return (await timed(lambda: connection.fetch(sql, self.org, clock.now(), *given)))[0]


async def measure(bench: Bench, rows: int) -> dict[str, float]:
    """The median of five of everything, in milliseconds."""
    built, _ = await timed(lambda: bench.build(f"of {rows}"))
    whole = await bench.by_hand(None)
    print(
        f"{rows:,} contacts: built in {built:,.0f} ms, by hand counted in {whole:,.0f} ms, ratio {built / whole:.1f}"
    )
    await bench.step()
    found: dict[str, list[float]] = {}
    for _ in range(5):
        ids = await bench.edit()
        found.setdefault("1,000 edited contacts", []).append(await bench.step())
        found.setdefault("  the condition of these by hand", []).append(await bench.by_hand(ids))
        await bench.buy(clock.now() - timedelta(days=1))
        found.setdefault("1,000 new orders", []).append(await bench.step())
        async with bench.owner.connection() as connection:
            await connection.execute(
                "update segment_cursors set clock_at = $1, clock_from = $2",
                clock.now(),
                clock.now() - timedelta(minutes=1),
            )
        found.setdefault("a minute of the clock", []).append(await bench.step())
    medians = {what: statistics.median(times) for what, times in found.items()}
    for what, median in medians.items():
        print(f"  {what:36} {median:8.1f} ms")
    async with bench.owner.connection() as connection:
        await connection.execute("update segment_cursors set live = false")
    return medians


async def main() -> None:
    """Fill, build, follow, print; then the same at ten times the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="rapport-bench-") as place:
        Path(place).chmod(0o711)
        with servers(Path(place), durable=False, redis=False) as running:
            await asyncio.to_thread(migrate, running.database_url)
            await bootstrap(running.database_url)
            owner = Database(running.database_url, role=None, size=1)
            database = Database(running.database_url, role=settings().app_role, size=4)
            async with owner.connection() as connection:
                org = await connection.fetchval("select id from organisations limit 1")
            bench = Bench(database, owner, org)
            await bench.fill(0, rows // 10)
            small = await measure(bench, rows // 10)
            await bench.fill(rows // 10, rows)
            large = await measure(bench, rows)
            for what, median in large.items():
                print(f"{what:38} cost at ten times the rows {median / small[what]:6.2f}")
            await database.close()
            await owner.close()


if __name__ == "__main__":
    asyncio.run(main())
