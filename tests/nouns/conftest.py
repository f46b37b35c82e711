"""Organisations by the hundred: founded without a password to hash and on connections that are open already."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from app.db import actors, write
from app.db.competitors import COMPETITORS
from app.db.engine import Database
from app.db.pipelines import PIPELINES
from app.db.roles import ROLES
from app.db.uow import UnitOfWork
from app.kit import clock
from app.kit.ids import new_id
from app.usecases.bootstrap import role_rows
from tests.makers.organisations import Organisation
from tests.nouns.nouns import RIVAL, a_pipeline


@pytest.fixture(scope="package")
async def founder(database_url: str) -> AsyncIterator[Database]:
    """The owner's connection, which alone may add organisations."""
    database = Database(database_url, role=None, size=1)
    yield database
    await database.close()


@pytest.fixture
async def org(service: FastAPI, founder: Database) -> AsyncIterator[Organisation]:
    """A fresh organisation with an administrator, a pipeline that deals can go through, and a competitor."""
    id_, now = new_id(), clock.now()
    async with founder.connection() as connection:
        await connection.execute(
            "insert into organisations (id, slug, name, region, time_zone, currency, language, stamp, version,"
            " created_at, updated_at) values ($1, $2, 'Test', 'CN', 'Asia/Shanghai', 'CNY', 'zh-CN', 1, 1, $3, $3)",
            id_,
            f"t{id_.hex}",
            now,
        )
    database = service.state.database
    roles = role_rows()
    async with UnitOfWork(database, await actors.system(database, id_), now=now, cause="test") as uow:
        await write.add(uow, ROLES, roles, "role.added")
        await write.add(uow, PIPELINES, [{"id": new_id(), **a_pipeline("first")}], "pipeline.added")
        await write.add(uow, COMPETITORS, [{"id": RIVAL, "name": "Rival"}], "competitor.added")
        await uow.commit()
    made = Organisation(service, id_, f"t{id_.hex}", {role["name"]: role["id"] for role in roles})
    _, made.admin = await made.user("admin", "admin")
    yield made
    await made.close()
