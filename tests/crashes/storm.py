"""Rounds of accidents while clients write: strike, look, mend, look again; at the end everything is counted."""

import asyncio
import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from app.db.migrate import migrate
from app.kit import clock
from app.usecases.bootstrap import bootstrap
from tests.crashes.clients import Client, contact
from tests.crashes.examine import examine, tagged
from tests.crashes.house import House
from tests.crashes.journal import Journal, Write

RECOVERY = 2.0
"""Seconds after a server is back within which the whole pool must serve again."""
_AT_ONCE = 10
_TAGGED = 300
_RUN_SECONDS = 60.0
_ENDED = {"done", "failed", "cancelled"}
_NOTICED = 0.7
"""Seconds that the processes of a killed server may take to end."""


@dataclass
class Storm:
    """One house under accidents; everything in it follows from the seed, but for the clock."""

    house: House
    seed: int
    clients: int = 8
    say: Callable[[str], None] = lambda _: None
    journal: Journal = field(default_factory=Journal)
    recoveries: list[float] = field(default_factory=list)
    """Seconds after each accident to PostgreSQL until ten writes at once were served."""
    accidents: dict[str, int] = field(default_factory=dict)
    renames: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._names = itertools.count()

    async def run(self, accidents: Sequence[str], *, until: float | None = None) -> list[str]:
        """Let the accidents happen, over again until a time when one is given; what was found wrong."""
        url = self.house.running.database_url
        await asyncio.to_thread(migrate, url)
        first = await bootstrap(url)
        assert first
        self._key = first.key
        await asyncio.to_thread(self.house.start_api)
        await asyncio.to_thread(self.house.start_worker)
        everybody = [self._client() for _ in range(self.clients)]
        shared = [await self._shared(everybody[0]) for _ in range(3)]
        self._prober = self._client()
        renamer = self._client()
        await self._tag(renamer)
        living = [asyncio.create_task(client.live(shared)) for client in everybody]
        renaming = asyncio.create_task(self._rename(renamer))
        try:
            await self._happen(accidents, until)
            await asyncio.sleep(0.5)
            for client in (*everybody, renamer):
                client.stopping.set()
            async with asyncio.timeout(90):
                await asyncio.gather(*living)
                tag = await renaming
        finally:
            for task in (*living, renaming):
                task.cancel()
            await asyncio.gather(*living, renaming, return_exceptions=True)
            for client in (*everybody, renamer, self._prober):
                await client.close()
        await self._quiet(url)
        found = await examine(url, self.journal)
        found += [f"tag {tag} is missing: {one}" for one in (await tagged(url, tag, self._tagged))[:5]]
        return found

    def _client(self) -> Client:
        name = f"c{next(self._names)}"
        return Client(self.house, self._key, name, self.journal, random.Random(self.chance.random()))

    async def _shared(self, client: Client) -> str:
        name = client.next()
        write = Write("POST", "/v1/contacts", contact(name), 1, f"shared {name}", names=(name,))
        assert await client.send(write), write
        made: str = json.loads(write.answer)["id"]
        return made

    async def _happen(self, accidents: Sequence[str], until: float | None) -> None:
        while True:
            for accident in accidents if until is None else self._shuffled(accidents):
                await asyncio.sleep(self.chance.uniform(0.3, 1.5))
                self.say(f"{accident} …")
                begun = clock.monotonic()
                await getattr(self, f"_{accident}")()
                self.accidents[accident] = self.accidents.get(accident, 0) + 1
                writes, faults = len(self.journal.writes), len(self.journal.faults)
                self.say(f"{accident}: {clock.monotonic() - begun:.1f} s, {writes} writes, {faults} faults")
                if until is not None and clock.monotonic() > until:
                    return
            if until is None:
                return

    def _shuffled(self, accidents: Sequence[str]) -> list[str]:
        return self.chance.sample(list(accidents), len(accidents))

    async def _pause(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))

    async def _postgres(self) -> None:
        await asyncio.to_thread(self.house.kill_postgres)
        await self._unready("PostgreSQL")
        await self._pause()
        await asyncio.to_thread(self.house.start_postgres)
        await self._recovered()

    async def _backend(self) -> None:
        if await asyncio.to_thread(self.house.kill_backend, self.chance):
            await self._database_answers()
            self.house.backend_replaced()
            await self._recovered()

    async def _redis(self) -> None:
        await asyncio.to_thread(self.house.kill_redis)
        await self._unready("Redis")
        await self._pause()
        await asyncio.to_thread(self.house.start_redis)
        await self._ready()

    async def _kill_api(self) -> None:
        if left := await asyncio.to_thread(self.house.kill_api):
            self.journal.fault(f"API processes outlive their killed supervisor and hold its port: {left}")

    async def _api(self, workers: int = 1) -> None:
        await self._kill_api()
        await self._pause()
        await asyncio.to_thread(self.house.start_api, workers)
        await self._ready()

    async def _api_child(self) -> None:
        if not self.house.api_children():
            await self._api(workers=2)
            await asyncio.sleep(self.chance.uniform(0.3, 1.0))
        await asyncio.to_thread(self.house.kill_api_child, self.chance)
        await self._ready()

    async def _worker(self) -> None:
        await asyncio.to_thread(self.house.kill_worker)
        await self._pause()
        await asyncio.to_thread(self.house.start_worker)

    async def _api_without_postgres(self) -> None:
        """The API and the worker start while PostgreSQL is away, and live to see it come."""
        await asyncio.to_thread(self.house.kill_postgres)
        await asyncio.to_thread(self.house.kill_worker)
        await self._kill_api()
        await asyncio.to_thread(self.house.start_worker)
        await asyncio.to_thread(self.house.start_api)
        await self._unready("PostgreSQL")
        await self._pause()
        await asyncio.to_thread(self.house.start_postgres)
        await self._recovered()

    async def _everything(self) -> None:
        for kill in (self.house.kill_postgres, self.house.kill_redis, self.house.kill_worker):
            await asyncio.to_thread(kill)
        await self._kill_api()
        await asyncio.to_thread(self.house.start_postgres)
        await asyncio.to_thread(self.house.start_redis)
        await asyncio.to_thread(self.house.start_api)
        await asyncio.to_thread(self.house.start_worker)
        await self._recovered()

    async def _readyz(self) -> tuple[int, str]:
        status, body = await asyncio.to_thread(self.house.ask, "/readyz", 5)
        return status, " ".join(body["faults"]) if body else ""

    async def _unready(self, named: str) -> None:
        """/readyz says who is away, and says it soon."""
        await asyncio.sleep(_NOTICED)
        for _ in range(3):
            begun = clock.monotonic()
            status, said = await self._readyz()
            spent = clock.monotonic() - begun
            if status != 503 or named not in said:
                self.journal.fault(f"/readyz says {status} {said!r} while {named} is away")
            if spent > 2:
                self.journal.fault(f"/readyz took {spent:.1f} s to say that {named} is away")

    async def _ready(self) -> None:
        begun = clock.monotonic()
        status, said = await self._readyz()
        while status != 200 and clock.monotonic() - begun < RECOVERY:
            await asyncio.sleep(0.05)
            status, said = await self._readyz()
        if status != 200:
            self.journal.fault(f"/readyz says {status} {said!r} after everything is back")
        if not self.house.worker_lives():
            self.journal.fault("the worker has ended by itself")

    async def _recovered(self) -> None:
        """Ten writes at once are answered normally, soon after PostgreSQL is back."""
        begun = clock.monotonic()
        answered = False
        while not answered and clock.monotonic() - begun < 30:
            answered = all(await asyncio.gather(*(self._probe() for _ in range(_AT_ONCE))))
        spent = clock.monotonic() - begun
        self.recoveries.append(spent)
        if not answered or spent > RECOVERY:
            self.journal.fault(f"the service answered normally only {spent:.1f} s after PostgreSQL was back")
        await self._ready()

    async def _probe(self) -> bool:
        name = self._prober.next()
        write = Write("POST", "/v1/contacts", contact(name), 1, f"probe {name}", names=(name,), gives_up=True)
        return await self._prober.send(write)

    async def _database_answers(self) -> None:
        """PostgreSQL throws everybody out and recovers; until then it refuses."""
        await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(self.house.running.database_url, timeout=5)
                    await connection.fetchval("select 1")
                    await connection.close()
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(0.02)
                else:
                    return

    async def _tag(self, client: Client) -> None:
        self._tagged = [client.next() for _ in range(_TAGGED)]
        items = [contact(name) | {"tags": ["tag 0"]} for name in self._tagged]
        write = Write(
            "POST", "/v1/contacts/bulk", {"items": items}, _TAGGED, "tagged", names=tuple(self._tagged)
        )
        assert await client.send(write), write
        write = Write("POST", "/v1/tags", {"name": "tag 0"}, 1, "tag 0")
        assert await client.send(write), write
        self._tag_id = json.loads(write.answer)["id"]

    async def _rename(self, client: Client) -> str:
        """Rename a tag over and over, each time when the run before has ended; the last name."""
        version, name = 1, "tag 0"
        while not client.stopping.is_set():
            wanted = f"tag {version}"
            path = f"/v1/tags/{self._tag_id}/rename"
            write = Write("POST", path, {"name": wanted}, 2, wanted + " renamed", if_match=version)
            if not await client.send(write):
                return name
            version, name = version + 1, wanted
            run = json.loads(write.answer)["id"]
            deadline = None  # accidents may hold a run up; once they are over, it must end
            while (seen := await client.get(f"/v1/runs/{run}")) is None or seen["status"] not in _ENDED:
                await asyncio.sleep(0.1)
                if client.stopping.is_set():
                    deadline = deadline or clock.monotonic() + _RUN_SECONDS
                    if clock.monotonic() > deadline:
                        self.journal.fault(f"the run {run} is stuck: {seen}")
                        return name
            self.renames += 1
        return name

    async def _quiet(self, url: str) -> None:
        """Until what the killed processes had begun has ended in PostgreSQL too."""
        connection: Any = await asyncpg.connect(url)
        try:
            async with asyncio.timeout(30):
                while await connection.fetchval(  # noqa: ASYNC110 - what is waited for happens in another process
                    "select exists (select from pg_stat_activity where application_name = 'rapport'"
                    " and state <> 'idle')"
                ):
                    await asyncio.sleep(0.1)
        finally:
            await connection.close()

    def told(self) -> str:
        """What happened, in figures."""
        writes = self.journal.writes
        kept = [write for write in writes if write.acknowledged]
        again = sum(len(write.attempts) > 1 for write in kept)
        events = sum(write.events for write in kept)
        lost = sum(write.status is None for write in writes)
        waits = ", ".join(f"{one:.2f}" for one in self.recoveries)
        lines = [
            f"seed {self.seed}; accidents: {self.accidents}; tag renames done: {self.renames}",
            f"writes {len(writes)}, acknowledged {len(kept)} worth {events} events, {again} of them at a later attempt",
            f"never answered {lost}; answers: {dict(sorted(self.journal.statuses.items()))}",
            f"seconds until ten writes at once were served after PostgreSQL was back: {waits}",
        ]
        return "\n".join(lines)
