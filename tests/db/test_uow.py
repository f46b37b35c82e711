"""The unit of work on a pool of one: it never waits for a connection with one in hand, and says when to come back."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import httpx
import pytest

from app.db import actors, organisations
from app.db.engine import Connection, Database
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.errors import Busy
from app.kit import clock
from app.main import create_app
from app.settings import Settings
from tests.makers.organisations import Organisation
from tests.makers.people import boss, sign_in


@pytest.fixture
async def narrow(chosen: Settings) -> AsyncIterator[Database]:
    """A pool of one."""
    assert chosen.database_url
    made = Database(chosen.database_url, role=chosen.app_role, size=1, wait=0.5)
    yield made
    await made.close()


@pytest.fixture
async def narrow_api(chosen: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The service on a pool of one."""
    app = create_app(chosen.model_copy(update={"pool_size": 1, "pool_wait": 0.5}))
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def test_what_is_broken_off_aside_ends_at_once_and_as_cancelled(
    narrow: Database, org: Organisation
) -> None:
    """Even while PostgreSQL does not heed that the statement is broken off."""
    at_it = asyncio.Event()

    async def stubborn() -> None:
        async with narrow.aside(org.id) as connection:
            at_it.set()
            await connection.execute(
                "do $$ begin perform pg_sleep(9); exception when query_canceled then perform pg_sleep(3); end $$"
            )

    task = asyncio.create_task(stubborn())
    await at_it.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


def stale(actor: Actor) -> Actor:
    return dataclasses.replace(actor, stamp=actor.stamp - 1)


async def test_a_unit_whose_actor_is_out_of_date_gives_its_connection_back_before_it_asks_again(
    narrow: Database, org: Organisation
) -> None:
    fresh = await actors.system(narrow, org.id)

    async def reload() -> Actor:
        return await actors.system(narrow, org.id)

    async with UnitOfWork(narrow, stale(fresh), now=clock.now(), reload=reload) as uow:
        assert uow.actor == fresh
        assert await uow.fetchval("select 1") == 1


async def test_access_that_keeps_changing_is_busy_and_leaves_the_pool_whole(
    narrow: Database, org: Organisation
) -> None:
    old = stale(await actors.system(narrow, org.id))

    async def reload() -> Actor:
        return old

    for again in (reload, None):
        with pytest.raises(Busy) as refused:
            async with UnitOfWork(narrow, old, now=clock.now(), reload=again):
                pass
        assert refused.value.code == "try_again"
    with pytest.raises(Busy) as refused:
        await Reads(narrow, old, reload).row(organisations.settings)
    assert refused.value.code == "try_again"
    async with narrow.connection() as connection:
        assert not connection.is_in_transaction()


async def test_holding_access_still_loads_it_anew_on_the_connection_that_holds_it(
    narrow: Database, org: Organisation
) -> None:
    user, _ = await org.user("somebody", "admin")
    before = await actors.load(narrow, org.id, user, now=clock.now())

    async def reload_on(held: Connection) -> Actor:
        return await actors.load(narrow, org.id, user, now=clock.now(), held=held)

    async with UnitOfWork(narrow, before, now=clock.now(), reload_on=reload_on) as uow:
        await org.role("new", scopes=[])
        await uow.alone()
        assert uow.actor.stamp > before.stamp
        assert uow.actor.id == user


async def test_a_service_with_one_connection_sees_changed_access_and_changes_passwords(
    narrow_api: httpx.AsyncClient, org: Organisation
) -> None:
    answer = await sign_in(narrow_api, boss(org))
    narrow_api.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
    old, new = "correct horse battery", "seven green bicycles"
    assert (await narrow_api.post("/v1/tags", json={"name": "one"})).status_code == 201
    await org.role("changes access", scopes=[])
    assert (await narrow_api.post("/v1/tags", json={"name": "two"})).status_code == 201
    changes = (
        narrow_api.post("/v1/auth/password", json={"old_password": old, "new_password": new}),
        narrow_api.post("/v1/teams", json={"name": "north"}),
        narrow_api.post("/v1/teams", json={"name": "south"}),
    )
    assert [one.status_code for one in await asyncio.gather(*changes)] == [204, 201, 201]
    assert (await sign_in(narrow_api, boss(org), new)).status_code == 200


async def test_an_idempotency_key_is_kept_with_a_password_change(org: Organisation, api: httpx.AsyncClient):
    answer = await sign_in(api, boss(org))
    headers = {"authorization": f"Bearer {answer.json()['access_token']}", "idempotency-key": "once"}
    body = {"old_password": "correct horse battery", "new_password": "seven green bicycles"}
    for _ in range(2):
        assert (await api.post("/v1/auth/password", json=body, headers=headers)).status_code == 204
