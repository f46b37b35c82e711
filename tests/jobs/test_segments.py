"""Whatever happens, and however the clock goes, a segment that follows is what building it anew would make of it."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.db import actors, following, related, segments
from app.db.contacts import CONTACTS
from app.domain import conditions
from app.domain.errors import Busy
from app.domain.moments import Now
from app.jobs.segments import PAUSE, follow_due
from app.kit import clock
from tests.makers.organisations import Organisation
from tests.makers.work import work_off
from tests.nouns.nouns import run_here

ANY = {"If-Match": "*"}
PEOPLE = 6
CONDITIONS: dict[str, Any] = {
    "customers": {"field": "stage", "op": "eq", "value": "customer"},
    "new": {"field": "created_at", "op": "gte", "value": {"days_ago": 30}},
    "grown up": {"field": "birth_date", "op": "lte", "value": {"days_ago": 30}},
    "gone quiet": {
        "all": [
            {"of": "orders", "measure": "count", "days": [60, 30], "op": "gte", "value": 1},
            {"of": "orders", "measure": "count", "days": [30, 0], "op": "eq", "value": 0},
        ]
    },
    "tea drinkers": {
        "of": "order_lines",
        "measure": "sum",
        "field": "amount",
        "where": {"field": "product.category", "op": "eq", "value": "tea"},
        "days": [30, None],
        "op": "gte",
        "value": "10",
    },
    "not called": {
        "not": {
            "of": "interactions",
            "measure": "latest",
            "field": "at",
            "op": "gt",
            "value": {"days_ago": 30},
        }
    },
    "in tea": {"company": {"field": "industry", "op": "eq", "value": "tea"}},
    "overdue": {
        "of": "orders",
        "measure": "count",
        "where": {"field": "due_on", "op": "lt", "value": {"days_ago": 0}},
        "op": "gt",
        "value": 0,
    },
    "of a firm": {
        "any": [
            {"field": "company_id", "op": "in", "value": ["FIRM"]},
            {
                "of": "orders",
                "measure": "count",
                "where": {"field": "company_id", "op": "eq", "value": "FIRM"},
            }
            | {"op": "gt", "value": 0},
        ]
    },
    "tagged": {"field": "tags", "op": "has", "value": "quiet"},
}
"""The tag is the one that "gone quiet" puts on, and FIRM stands for the first company."""


class House:
    """An organisation with a clock of its own, on which things happen."""

    def __init__(self, org: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
        self.org = org
        self.now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)
        self.contacts: list[str] = []
        self.orders: list[str] = []
        self.calls: list[str] = []
        self.companies: list[str] = []
        self.products: list[str] = []
        self.merged: set[str] = set()
        self.segments: dict[str, str] = {}

    async def send(self, method: str, url: str, body: Any = None) -> Any:
        answer = await self.org.admin.request(method, f"/v1/{url}", json=body, headers=ANY)
        refused = None if answer.status_code < 300 else answer.json()["code"]
        assert refused in {None, "archived", "already_archived", "not_archived", "merged"}, answer.text
        return answer.json()

    async def add(self, into: list[str], plural: str, body: Any) -> None:
        into.append((await self.send("POST", plural, body))["id"])

    async def furnish(self) -> None:
        for n in range(2):
            await self.add(self.companies, "companies", {"name": "x", "industry": ["tea", None][n]})
            price = {"sku": f"P-{n}", "name": "x", "price": "5", "currency": "CNY"}
            await self.add(self.products, "products", price | {"category": ["tea", "pots"][n]})
        for _ in range(PEOPLE):
            await self.add(self.contacts, "contacts", {"name": "x"})
        for name, condition in CONDITIONS.items():
            tag = {"tag": "quiet"} if name == "gone quiet" else {}
            named = json.loads(json.dumps(condition).replace("FIRM", self.companies[0]))
            body = {"name": name, "condition": named} | tag
            self.segments[name] = (await self.send("POST", "segments", body))["id"]
        both = [
            {"segment": self.segments[name], "op": op}
            for name, op in (("new", "in"), ("customers", "not_in"))
        ]
        made = await self.send("POST", "segments", {"name": "nested", "condition": {"all": both}})
        self.segments["nested"] = made["id"]

    def ago(self, days: int, seconds: int) -> datetime:
        return self.now - timedelta(days=days, seconds=seconds)

    def spread(self, n: int, m: int, seconds: int) -> tuple[str, int, str]:
        """A contact, and a moment around the boundaries."""
        days = (0, 29, 30, 31, 59, 60)[m % 6]
        return self.contacts[n % len(self.contacts)], days, self.ago(days, seconds).isoformat()

    async def contact(self, n: int, m: int, seconds: int) -> None:
        await self.add(self.contacts, "contacts", {"name": "x", "stage": ["lead", "customer"][m % 2]})

    async def edit(self, n: int, m: int, seconds: int) -> None:
        contact, days, _ = self.spread(n, m, seconds)
        born = None if m == 0 else str(self.ago(days, 0).date())
        more = {"stage": ["lead", "customer"][m % 2], "birth_date": born, "company_id": self.companies[m % 2]}
        await self.send("PATCH", f"contacts/{contact}", more)

    async def name(self, n: int, m: int, seconds: int) -> None:
        await self.send("PATCH", f"contacts/{self.contacts[n % len(self.contacts)]}", {"name": f"x{m}"})

    async def order(self, n: int, m: int, seconds: int) -> None:
        contact, days, at = self.spread(n, m, seconds)
        line = {"product_id": self.products[m % 2], "quantity": str(m), "unit_price": "5"}
        money = {"currency": ["CNY", "EUR"][n % 2]}
        body = {"number": f"{len(self.orders)}-{clock.monotonic()}", "placed_at": at} | money
        more: dict[str, Any] = {
            "due_on": str(self.ago(-days, 0).date()),
            "contact_id": contact,
            "lines": [line],
        }
        more["company_id"] = [None, *self.companies][n % 3]
        await self.add(self.orders, "orders", body | more)

    async def reorder(self, n: int, m: int, seconds: int) -> None:
        contact, _, at = self.spread(n, m, seconds)
        for order in self.orders[n : n + 1]:
            await self.send("PATCH", f"orders/{order}", {"contact_id": contact, "placed_at": at})

    async def forget(self, n: int, m: int, seconds: int) -> None:
        for order in self.orders[n : n + 1]:
            await self.send("POST", f"orders/{order}/{['archive', 'restore'][m % 2]}")

    async def call(self, n: int, m: int, seconds: int) -> None:
        contact, _, at = self.spread(n, m, seconds)
        await self.add(self.calls, "interactions", {"kind": "call", "at": at, "contact_id": contact})

    async def recall(self, n: int, m: int, seconds: int) -> None:
        contact, _, at = self.spread(n, m, seconds)
        for call in self.calls[n : n + 1]:
            await self.send("PATCH", f"interactions/{call}", {"contact_id": contact, "at": at})

    async def company(self, n: int, m: int, seconds: int) -> None:
        await self.send("PATCH", f"companies/{self.companies[n % 2]}", {"industry": [None, "tea"][m % 2]})

    async def merge(self, n: int, m: int, seconds: int) -> None:
        into, other = self.companies[m % 2], self.companies[(m + 1) % 2]
        merge = await self.send("POST", f"companies/{into}/merge", {"others": [other]})
        self.merged |= {merge["id"]} if "id" in merge else set()

    async def unmerge(self, n: int, m: int, seconds: int) -> None:
        if self.merged:
            await self.send("POST", f"merges/{self.merged.pop()}/undo")

    async def product(self, n: int, m: int, seconds: int) -> None:
        await self.send("PATCH", f"products/{self.products[n % 2]}", {"category": ["tea", None][m % 2]})

    async def archive(self, n: int, m: int, seconds: int) -> None:
        verb = ["archive", "restore"][m % 2]
        await self.send("POST", f"contacts/{self.contacts[n % len(self.contacts)]}/{verb}")

    async def zone(self, n: int, m: int, seconds: int) -> None:
        zone, currency = ["Asia/Shanghai", "America/Los_Angeles"][m % 2], ["CNY", "EUR"][seconds % 2]
        await self.send("PATCH", "settings", {"time_zone": zone, "currency": currency})

    async def rate(self, n: int, m: int, seconds: int) -> None:
        rate = {"currency": "EUR", "base": "CNY", "on_date": str(self.ago(30 * (n % 3), 0).date())}
        await self.send("POST", "exchange_rates/bulk", {"items": [rate | {"rate": str(m + 1)}]})

    async def wait(self, n: int, m: int, seconds: int) -> None:
        self.now += timedelta(days=(0, 1, 1, 2, 15, 30)[m % 6], seconds=seconds)

    async def settle(self, service: FastAPI) -> None:
        """Work and follow until nothing is due."""
        self.now += timedelta(seconds=31)
        for _ in range(40):
            await work_off(service)
            if not await follow_due(self.org.database, self.now):
                return
        raise AssertionError("it never comes to rest")

    async def check(self) -> None:
        """Every segment is what its condition says now."""
        actor = await actors.system(self.org.database, self.org.id)
        async with await self.org.work() as uow:
            ids = await following.next_contacts(uow, None, 10_000)
            for name, segment in self.segments.items():
                raw = await uow.fetchval(
                    "select condition from segments where org_id = $1 and id = $2", self.org.id, UUID(segment)
                )
                now = conditions.at(related.read(CONTACTS, actor, raw), Now(self.now, actor.time_zone))
                uses = await uow.fetchval("select uses from segments where id = $1", UUID(segment))
                question, binds = following.inside(actor, now, ids, uses)
                expected = {row["id"] for row in await uow.fetch(question.sql, *question.values(binds))}
                rows = await uow.fetch(
                    "select contact_id from memberships where org_id = $1 and segment_id = $2 and left_at is null",
                    self.org.id,
                    UUID(segment),
                )
                assert {row["contact_id"] for row in rows} == expected, name
            odd = await uow.fetchval(
                "select count(*) from memberships where org_id = $1 and left_at <= entered_at", self.org.id
            )
            assert odd == 0


EVERY_REASON = [
    *(("edit", 1, 1, 0), ("order", 0, 3, 0), ("settle", 0, 0, 0), ("wait", 0, 5, 0)),
    *(("settle", 0, 0, 0), ("archive", 0, 0, 0)),
    *(("edit", 2, 0, 0), ("settle", 0, 0, 0), ("merge", 0, 1, 0), ("settle", 0, 0, 0), ("unmerge", 0, 0, 0)),
]
"""Random deeds may leave one out."""
OFTEN = {"order": 3, "wait": 3, "edit": 2, "rate": 2, "company": 2, "merge": 2, "settle": 2} | dict.fromkeys(
    ("contact", "name", "reorder", "forget", "call", "recall", "unmerge", "product", "archive", "zone"), 1
)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from([deed for deed, times in OFTEN.items() for _ in range(times)]),
        st.integers(0, 20),
        st.integers(0, 5),
        st.sampled_from([0, 1, 3600, 43_200]),
    ),
    min_size=5,
    max_size=25,
)


async def test_steps_that_are_broken_off_or_made_by_many_at_once_count_once(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    house = House(org, monkeypatch)
    await house.furnish()
    await house.settle(service)
    kept, broken = segments.move, 0

    async def move(*args: Any, **more: Any) -> None:
        nonlocal broken
        broken += 1
        if broken % 3 == 1:
            raise Busy("try_again", "The worker died.")
        await kept(*args, **more)

    monkeypatch.setattr(segments, "move", move)
    for turn in range(6):
        for n in range(PEOPLE):
            await house.edit(n, turn + n, 0)
            await house.order(n, turn, 0)
        await asyncio.gather(*(follow_due(org.database, house.now) for _ in range(4)))
        house.now += PAUSE
    monkeypatch.setattr(segments, "move", kept)
    await house.settle(service)
    await house.check()
    assert broken > 20
    async with await org.work() as uow:
        for side in ("entered", "left"):
            told, stays = await _told(uow, org, side)
            assert told == stays


async def _told(uow: Any, org: Organisation, side: str) -> tuple[int, int]:
    """Events of entering or leaving, and stays that began or ended."""
    told = await uow.fetchval(
        "select count(*) from events where org_id = $1 and type = $2", org.id, f"contact.{side}_segment"
    )
    stays = await uow.fetchval(f"select count({side}_at) from memberships where org_id = $1", org.id)  # noqa: S608 - our own words
    return told, stays


async def test_in_a_restored_database_segments_are_built_anew(
    service: FastAPI, org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    house = House(org, monkeypatch)
    await house.furnish()
    await house.settle(service)
    async with await org.work() as uow:
        # As the settling of a restored log leaves it.
        await uow.execute("update segment_cursors set xid = 0 where org_id = $1", org.id)
        await uow.execute("delete from memberships where org_id = $1", org.id)
        await uow.commit()
    await house.settle(service)
    await house.check()
    async with await org.work() as uow:
        assert await uow.fetchval("select count(*) from memberships where org_id = $1", org.id) > 0


async def test_following_comes_to_what_building_anew_would(service: FastAPI, org: Organisation, monkeypatch):
    house = House(org, monkeypatch)
    await house.furnish()
    await house.settle(service)
    await house.check()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(deeds=DEEDS)
    @example(deeds=EVERY_REASON)
    async def alike(deeds: list[tuple[str, int, int, int]]) -> None:
        for what, *how in deeds:
            if what == "settle":
                await house.settle(service)
            else:
                await getattr(house, what)(*how)
        await house.settle(service)
        await house.check()

    await run_here(alike)
    async with await org.work() as uow:
        rows = await uow.fetch(
            "select distinct unnest(array[entered_why, left_why]) as why from memberships where org_id = $1",
            org.id,
        )
    assert {"rebuild", "contact", "order", "time", "archived"} <= {row["why"] for row in rows}
