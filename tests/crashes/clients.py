"""Clients that write without a pause, try again as the documentation says, and keep a journal."""

import asyncio
import json
import random
from typing import Any

import httpx

from app.kit import clock
from tests.crashes.house import House
from tests.crashes.journal import SYSTEM, Journal, Known, Write

GRACE = 2.0
"""Seconds after PostgreSQL is back in which a lost connection may still be found."""
_TIMEOUT = 20.0
_REFUSED = frozenset({409, 412})


class Client:
    """One client; the records that it makes are written by nobody else."""

    def __init__(self, house: House, key: str, name: str, journal: Journal, chance: random.Random) -> None:
        self.house, self.name, self.journal, self.chance = house, name, journal, chance
        self.stopping = asyncio.Event()
        self._count = 0
        self._mine: list[Known] = []
        self._http = httpx.AsyncClient(
            base_url=house.base, headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    def next(self) -> str:
        """A name that was never used."""
        self._count += 1
        return f"{self.name}-{self._count}"

    async def send(self, write: Write) -> bool:
        """Send it until it is answered, always with the same key; whether it was acknowledged."""
        self.journal.writes.append(write)
        while True:
            await self._attempt(write)
            if write.status is not None or write.gives_up or write.key is None:
                return write.acknowledged
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))

    async def _attempt(self, write: Write) -> None:
        name = f"{self.name}.{len(self.journal.writes)}.{len(write.attempts)}.{self.chance.getrandbits(32):x}"
        write.attempts.append(name)
        headers = {"X-Request-Id": name, "Content-Type": "application/json"}
        if write.key is not None:
            headers["Idempotency-Key"] = write.key
        if write.if_match is not None:
            headers["If-Match"] = f'"{write.if_match}"'
        begun = clock.monotonic()
        what = f"{write.method} {write.path}"
        try:
            answer = await self._http.request(
                write.method, write.path, content=json.dumps(write.body), headers=headers
            )
        except httpx.TransportError as lost:
            self.journal.count("no answer")
            if isinstance(lost, httpx.TimeoutException):
                self.journal.fault(f"{what} was not answered within {_TIMEOUT:.0f} s")
            elif not self.house.was_away("api", begun, clock.monotonic()):
                self.journal.fault(f"{what}: {lost!r} while the API was there")
            return
        self.journal.count(str(answer.status_code))
        if answer.status_code == 503:
            self._judge_busy(what, answer, begun)
        elif answer.is_success or answer.status_code in write.may_refuse:
            write.status, write.answer = answer.status_code, answer.content
        else:
            write.status, write.answer = answer.status_code, answer.content
            self.journal.fault(f"{what} ({name}): {answer.status_code} {answer.text[:300]}")

    def _judge_busy(self, what: str, answer: httpx.Response, begun: float) -> None:
        if not answer.headers.get("retry-after", "").isdigit():
            self.journal.fault(f"{what}: 503 without Retry-After")
        if answer.headers.get("content-type") != "application/problem+json":
            self.journal.fault(f"{what}: 503 that is no problem: {answer.text[:200]}")
            return
        away = self.house.was_away("postgres", begun, clock.monotonic(), grace=GRACE)
        if not away and answer.json()["code"] == "database_unreachable":
            self.journal.fault(f"{what}: {answer.json()['code']} while PostgreSQL was there")

    async def get(self, path: str) -> Any:
        """A record, or None when there is no answer just now."""
        try:
            answer = await self._http.get(path)
        except httpx.TransportError:
            return None
        if answer.status_code in {200, 503}:
            return answer.json() if answer.status_code == 200 else None
        self.journal.fault(f"GET {path}: {answer.status_code} {answer.text[:300]}")
        return None

    async def live(self, shared: list[str]) -> None:
        """Write until told to stop; shared are contacts that everybody edits."""
        ways = [self._add, self._order, self._bulk, self._bulk_orders, lambda: self._edit_shared(shared)]
        ways += [self._edit] * 4 + [self._verb] * 4
        while not self.stopping.is_set():
            await self.chance.choice(ways)()

    def _give_up(self) -> bool:
        return self.chance.random() < 0.3

    async def _make(self, noun: str, path: str, body: Any, name: str, steps: list[str]) -> None:
        keyed = self.chance.random() < 0.8
        write = Write(
            "POST", path, body, 1, f"add {name}" if keyed else None, names=(name,), gives_up=self._give_up()
        )
        if await self.send(write):
            made = json.loads(write.answer)
            self._keep(Known(noun, made["id"], name, made["version"], None, steps))

    def _keep(self, record: Known) -> None:
        self._mine.append(record)
        self.journal.records.append(record)

    async def _add(self) -> None:
        name = self.next()
        await self._make("contact", "/v1/contacts", contact(name), name, [])

    async def _order(self) -> None:
        name = self.next()
        steps = self.chance.choice([["pay", "ship", "refund"], ["ship", "pay"], ["cancel"]])
        await self._make("order", "/v1/orders", order(name), name, list(steps))

    def _pick(self, noun: str) -> Known | None:
        fitting = [it for it in self._mine[-60:] if it.noun == noun and it.sure]
        return self.chance.choice(fitting) if fitting else None

    async def _edit(self) -> None:
        if record := self._pick("contact"):
            mark = self.next()
            write = Write(
                "PATCH",
                f"/v1/contacts/{record.id}",
                {"job_title": mark},
                1,
                f"edit {mark}",
                if_match=record.version,
                gives_up=self._give_up(),
            )
            record.sure = await self.send(write)
            if record.sure:
                record.version, record.mark = json.loads(write.answer)["version"], mark

    async def _verb(self) -> None:
        record = self._pick("order")
        if record and record.steps:
            verb = record.steps.pop(0)
            write = Write(
                "POST",
                f"/v1/orders/{record.id}/{verb}",
                {},
                1,
                f"{verb} {record.name}",
                if_match=record.version,
                gives_up=self._give_up(),
            )
            record.sure = await self.send(write)
            if record.sure:
                record.version = json.loads(write.answer)["version"]

    async def _bulk(self) -> None:
        mark = self.next()
        old = [it for it in self._mine[-200:] if it.noun == "contact" and it.sure]
        edited = self.chance.sample(old, min(len(old), 40))
        names = tuple(self.next() for _ in range(self.chance.randint(1, 40)))
        items = [{"external_ids": {SYSTEM: it.name}, "job_title": mark} for it in edited]
        items += [contact(name) | {"job_title": mark} for name in names]
        write = Write(
            "POST",
            "/v1/contacts/bulk",
            {"items": items},
            len(items),
            f"bulk {mark}",
            names=names,
            gives_up=self._give_up(),
        )
        kept = await self.send(write)
        for record in edited:
            record.sure = kept
        if kept:
            outcomes = json.loads(write.answer)["items"]
            for record in edited:
                record.version, record.mark = record.version + 1, mark
            for name, outcome in zip(names, outcomes[len(edited) :], strict=True):
                self._keep(Known("contact", outcome["id"], name, 1, mark))

    async def _bulk_orders(self) -> None:
        names = tuple(self.next() for _ in range(self.chance.randint(1, 15)))
        items = [order(name) for name in names]
        write = Write(
            "POST",
            "/v1/orders/bulk",
            {"items": items},
            len(items),
            f"bulk {names[0]}",
            names=names,
            gives_up=self._give_up(),
        )
        if await self.send(write):
            for name, outcome in zip(names, json.loads(write.answer)["items"], strict=True):
                self._keep(Known("order", outcome["id"], name, 1, None, ["pay", "ship"]))

    async def _edit_shared(self, shared: list[str]) -> None:
        path = f"/v1/contacts/{self.chance.choice(shared)}"
        seen = await self.get(path)
        if seen is not None:
            mark = self.next()
            await self.send(
                Write(
                    "PATCH",
                    path,
                    {"occupation": mark},
                    1,
                    f"shared {mark}",
                    if_match=seen["version"],
                    may_refuse=_REFUSED,
                )
            )


def contact(name: str) -> dict[str, Any]:
    """A contact that another system calls so."""
    return {
        "name": f"联系人 {name}",
        "emails": [{"address": f"{name}@x.example"}],
        "external_ids": {SYSTEM: name},
    }


def order(name: str) -> dict[str, Any]:
    """An order with two lines."""
    lines = [{"description": f"{name} {n}", "quantity": "2", "unit_price": f"{n}.50"} for n in range(1, 3)]
    return {
        "number": name,
        "currency": "CNY",
        "placed_at": "2026-03-01T10:30:00+08:00",
        "lines": lines,
        "external_ids": {SYSTEM: name},
    }
