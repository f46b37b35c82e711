"""Connections under bad treatment: cut off, cancelled, killed, waited for; none is lost and nothing is half done."""

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db import actors, write
from app.db.engine import Database
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain.errors import Busy, InvalidInput
from app.embedded.servers import Servers
from app.kit import clock
from app.kit.ids import new_id
from app.settings import Settings
from tests.crashes.clients import contact
from tests.crashes.house import House
from tests.makers.organisations import Organisation

POOL, WAIT = 10, 1.0
_NO_LINGER = struct.pack("ii", 1, 0)


@pytest.fixture(scope="module")
async def house(
    running: Servers, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """The API in a process of its own, over real sockets, on the servers of the whole run."""
    place = tmp_path_factory.mktemp("house")
    (place / "log").mkdir()
    made = House(place, running, RAPPORT_POOL_SIZE=str(POOL), RAPPORT_POOL_WAIT=str(WAIT))
    await asyncio.to_thread(made.start_api)
    yield made
    await asyncio.to_thread(made.close)


@pytest.fixture
async def client(house: House, org: Organisation) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": org.admin.headers["authorization"]}
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=house.base, headers=headers, timeout=20, limits=limits) as made:
        yield made


@pytest.fixture
async def plain(database_url: str) -> AsyncIterator[Any]:
    """A connection of the owner's, beside every pool."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def add(client: httpx.AsyncClient) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post("/v1/contacts", json=contact(str(new_id()))))


async def until_waiting(plain: Any, count: int) -> None:
    """Until so many connections wait for the table."""
    sql = "select count(*) from pg_locks where relation = 'contacts'::regclass and not granted"
    async with asyncio.timeout(4):
        while await plain.fetchval(sql) < count:  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.02)


async def until_quiet(plain: Any) -> None:
    """Until, for half a second on end, none of the service's connections does anything or has a transaction open."""
    sql = "select count(*) from pg_stat_activity where application_name = 'rapport' and state <> 'idle'"
    quiet = 0
    async with asyncio.timeout(15):
        while quiet < 10:
            quiet = 0 if await plain.fetchval(sql) else quiet + 1
            await asyncio.sleep(0.05)


async def all_at_once(client: httpx.AsyncClient, plain: Any) -> None:
    """Every connection of the pool does its work at the same time; one more is told to come back."""
    transaction = plain.transaction()
    await transaction.start()
    await plain.execute("lock table contacts in share mode")
    writing = [add(client) for _ in range(POOL)]
    try:
        await until_waiting(plain, POOL)
        begun = clock.monotonic()
        refused = await add(client)
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] == "try_again"
        assert refused.headers["retry-after"].isdigit()
        assert WAIT * 0.9 <= clock.monotonic() - begun < WAIT + 2
    finally:
        await transaction.rollback()
        answers = await asyncio.gather(*writing)
    assert [answer.status_code for answer in answers] == [201] * POOL


async def test_a_full_pool_is_told_after_the_wait_and_is_whole_afterwards(
    client: httpx.AsyncClient, plain: Any
) -> None:
    await all_at_once(client, plain)
    await all_at_once(client, plain)


async def test_a_lock_that_is_never_given_is_a_503(client: httpx.AsyncClient, plain: Any) -> None:
    async with plain.transaction():
        await plain.execute("lock table contacts in share mode")
        refused = await add(client)
    assert (refused.status_code, refused.json()["code"]) == (503, "try_again")
    assert (await add(client)).status_code == 201


async def cut_off(house: House, client: httpx.AsyncClient, name: str, chance: random.Random) -> None:
    """Send a write, or a part of it, and go away without a word or with a slammed door."""
    items = [contact(f"{name}-{n}") for n in range(chance.choice([1, 30]))]
    path, body = chance.choice(
        [("/v1/contacts/bulk", {"items": items}), ("/v1/contacts", contact(f"{name}-0"))]
    )
    raw = json.dumps(body).encode()
    key = f"Idempotency-Key: {name}\r\n" if chance.random() < 0.5 else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n{key}"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    ).encode()
    whole = head + raw
    part = chance.choice([len(whole), len(whole), chance.randrange(len(whole))])
    _, writer = await asyncio.open_connection("127.0.0.1", house.port)
    writer.write(whole[:part])
    await writer.drain()
    await asyncio.sleep(chance.choice([0, chance.uniform(0, 0.03)]))
    if chance.random() < 0.5:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_two_hundred_cut_off_requests_leave_nothing_half_done_and_no_connection_behind(
    house: House, client: httpx.AsyncClient, plain: Any, org: Organisation
) -> None:
    chance = random.Random(8)
    for start in range(0, 200, 20):
        await asyncio.gather(*(cut_off(house, client, f"cut-{start + n}", chance) for n in range(20)))
    await until_quiet(plain)
    kept = await plain.fetch(
        "select split_part(x.external_id, '-', 2) as request, count(*) as n, count(e.noun_id) as events"
        " from external_ids x join contacts c on (c.org_id, c.id) = (x.org_id, x.noun_id)"
        " left join events e on (e.org_id, e.noun, e.noun_id) = (c.org_id, 'contact', c.id)"
        " where x.org_id = $1 group by 1",
        org.id,
    )
    assert kept, "every request was cut off before it did anything, so nothing was put to the test"
    assert len(kept) < 200, "no request was cut off in time, so nothing was put to the test"
    assert {(row["n"], row["events"]) for row in kept} <= {(1, 1), (30, 30)}
    assert not await plain.fetchval(
        "select count(*) from idempotency_keys where org_id = $1 and status is null", org.id
    )
    await all_at_once(client, plain)
    assert "request.failed" not in (house.log / "api.log").read_text(), (
        "a client that left is no fault of ours"
    )


async def test_connections_that_an_operator_ends_cost_a_503_at_most(
    client: httpx.AsyncClient, plain: Any
) -> None:
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rapport'"
    for _ in range(5):
        busy = [add(client) for _ in range(20)]
        await asyncio.sleep(0.02)
        await plain.execute(ended)
        statuses = {answer.status_code for answer in await asyncio.gather(*busy)}
        assert statuses <= {201, 503}
    await all_at_once(client, plain)


@pytest.fixture
async def narrow(chosen: Settings) -> AsyncIterator[Database]:
    """A pool of two."""
    assert chosen.database_url
    made = Database(chosen.database_url, role=chosen.app_role, size=2, wait=1)
    yield made
    await made.close()


async def unit(database: Database, org_id: UUID) -> UnitOfWork:
    return UnitOfWork(database, await actors.system(database, org_id), now=clock.now(), cause="test")


async def add_tag(uow: UnitOfWork, name: str) -> None:
    row = {"id": new_id(), "name": name, "colour": None, "description": None}
    await write.add(uow, TAGS, [row], "tag.added")


async def kept_tags(plain: Any, org_id: UUID) -> list[str]:
    rows = await plain.fetch(
        "select t.name from tags t join events e on (e.org_id, e.noun, e.noun_id) = (t.org_id, 'tag', t.id)"
        " where t.org_id = $1 order by 1",
        org_id,
    )
    return [row["name"] for row in rows]


async def test_a_cancelled_unit_keeps_nothing_and_its_place_in_the_pool_is_free(
    narrow: Database, org: Organisation, plain: Any
) -> None:
    chance = random.Random(3)
    told: list[str] = []

    async def work(n: int) -> None:
        async with await unit(narrow, org.id) as uow:
            await add_tag(uow, f"tag {n}")
            await uow.fetchval("select pg_sleep(0.005)")
            await uow.commit()
            told.append(f"tag {n}")

    for n in range(60):
        task = asyncio.create_task(work(n))
        await asyncio.sleep(chance.uniform(0, 0.03))
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert 0 < len(told) < 60, "all or none were cancelled in time, so nothing was put to the test"
    both = [await unit(narrow, org.id) for _ in range(2)]
    async with asyncio.timeout(2), both[0] as one, both[1] as two:
        assert [await uow.fetchval("select 1") for uow in (one, two)] == [1, 1]
    await until_quiet(plain)
    assert set(told) <= set(
        await kept_tags(plain, org.id)
    )  # cancelled while the commit was answered: kept, untold


async def test_a_statement_that_takes_too_long_is_busy_and_the_connection_goes_on(
    narrow: Database, org: Organisation
) -> None:
    processes = []

    async def sleep() -> None:
        async with await unit(narrow, org.id) as uow:
            processes.append(uow.connection.get_server_pid())
            await uow.execute("set local statement_timeout = '30ms'")
            await uow.execute("select pg_sleep(5)")

    with pytest.raises(Busy) as refused:
        await sleep()
    assert refused.value.code == "took_too_long"
    async with await unit(narrow, org.id) as after:
        assert [after.connection.get_server_pid()] == processes
        assert await after.fetchval("show statement_timeout") == "1min"


async def test_a_refusal_is_told_even_when_the_connection_is_lost_meanwhile(
    narrow: Database, org: Organisation, plain: Any
) -> None:
    async def refused() -> None:
        async with await unit(narrow, org.id) as uow:
            await plain.execute("select pg_terminate_backend($1)", uow.connection.get_server_pid())
            raise InvalidInput("wrong", "This is wrong.")

    for _ in range(3):
        with pytest.raises(InvalidInput):
            await refused()


async def test_a_commit_that_the_server_never_hears_is_busy_and_keeps_nothing(
    narrow: Database, org: Organisation, plain: Any
) -> None:
    async def lost(seconds: float) -> None:
        async with await unit(narrow, org.id) as uow:
            await add_tag(uow, "lost")
            await plain.execute("select pg_terminate_backend($1)", uow.connection.get_server_pid())
            await asyncio.sleep(seconds)
            await uow.commit()

    for seconds in (0, 0.05):
        with pytest.raises(Busy):
            await lost(seconds)
    assert await kept_tags(plain, org.id) == []


async def test_a_server_that_refuses_connections_is_busy(chosen: Settings) -> None:
    assert chosen.database_url
    for url, role in (
        (chosen.database_url, "nobody_of_this_name"),
        (chosen.database_url.replace("/rapport?", "/no_such_database?"), chosen.app_role),
        ("postgresql://rapport@127.0.0.1:1/rapport", chosen.app_role),
    ):
        database = Database(url, role=role, size=1)
        for _ in range(2):
            with pytest.raises(Busy):
                async with database.connection():
                    pass
        await database.close()


async def test_clients_that_send_their_bodies_slowly_hold_no_connection(
    house: House, client: httpx.AsyncClient
) -> None:
    writers = []
    for path, key in [
        ("/v1/contacts/bulk", ""),
        ("/v1/contacts", ""),
        ("/v1/contacts/bulk", "Idempotency-Key: k{n}\r\n"),
    ]:
        for n in range(POOL):
            head = (
                f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
                f"{key.format(n=n)}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
            )
            _, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(head.encode())
            writers.append(writer)
    await asyncio.sleep(0.3)
    assert (await add(client)).status_code == 201
    for writer in writers:
        writer.close()
        await writer.wait_closed()


async def test_a_connection_is_kept_for_longer_than_clients_keep_theirs(house: House):
    address = httpx.URL(house.base)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for pause in (0, 7):
        await asyncio.sleep(pause)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 5)
        assert answer.startswith(b"HTTP/1.1 200"), answer
    writer.close()
    await writer.wait_closed()
