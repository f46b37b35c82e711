"""Organisations with people in them, for tests."""

from asyncio import Future, ensure_future
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import UUID

import httpx
from fastapi import FastAPI

from app.db import actors, write
from app.db.api_keys import API_KEYS
from app.db.engine import Database
from app.db.roles import ROLES
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import EVERYTHING
from app.kit import clock, passwords
from app.kit.ids import new_id
from app.usecases.bootstrap import add_organisation, key_row


@dataclass
class Organisation:
    """A tenant and ways to call the service as its people."""

    service: FastAPI
    id: UUID
    slug: str
    roles: dict[str, UUID]
    admin: httpx.AsyncClient = field(init=False)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def database(self) -> Database:
        """The service's database."""
        database: Database = self.service.state.database
        return database

    async def work(self) -> UnitOfWork:
        """A unit of work of the house itself, not yet open."""
        return UnitOfWork(
            self.database, await actors.system(self.database, self.id), now=clock.now(), cause="test"
        )

    async def team(self, name: str, parent: UUID | None = None) -> UUID:
        """A team."""
        id_ = new_id()
        row = {"id": id_, "name": name, "parent_id": parent}
        async with await self.work() as uow:
            await write.add(uow, TEAMS, [row], "team.added")
            await uow.commit()
        return id_

    async def role(self, name: str, **fields: Any) -> UUID:
        """A custom role: scopes, sight, read, write."""
        id_ = new_id()
        row = {
            "id": id_,
            "name": name,
            "builtin": False,
            "scopes": [],
            "sight": {},
            "read": {},
            "write": {},
        }
        async with await self.work() as uow:
            await write.add(uow, ROLES, [row | fields], "role.added")
            await uow.commit()
        self.roles[name] = id_
        return id_

    async def user(self, name: str, *roles: str, team: UUID | None = None) -> tuple[UUID, httpx.AsyncClient]:
        """A user with roles, and a client that calls with their API key."""
        id_ = new_id()
        user = {
            "id": id_,
            "email": f"{name}-{new_id()}@test.example",
            "name": name,
            "active": True,
            "team_id": team,
            "role_ids": [self.roles[role] for role in roles],
            "language": None,
            "time_zone": None,
            "password_hash": None,
        }
        row, key = key_row(id_, name, [EVERYTHING], None)
        async with await self.work() as uow:
            await write.add(uow, USERS, [user], "user.added")
            await write.add(uow, API_KEYS, [row], "api_key.added")
            await uow.commit()
        return id_, self.client(key)

    def client(self, key: str) -> httpx.AsyncClient:
        """A client that calls with a key."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.service),
            base_url="http://test",
            headers={"Authorization": f"Bearer {key}"},
        )
        self.clients.append(client)
        return client

    async def close(self) -> None:
        """Close the clients."""
        for client in self.clients:
            await client.aclose()


PASSWORD = "correct horse battery"
"""Of every first administrator."""


@cache
def _hash() -> Future[str]:
    """The hash of it, made once: that takes long on purpose, and hundreds of organisations are founded."""
    return ensure_future(passwords.hashed(PASSWORD))


async def found(service: FastAPI, database_url: str) -> Organisation:
    """Found an organisation and give its administrator a client."""
    slug = f"t{new_id().hex}"
    await _hash()
    with patch.object(passwords, "hashed", lambda _: _hash()):
        made = await add_organisation(
            database_url, name="Test", slug=slug, email=f"{slug}@test.example", password=PASSWORD
        )
    org_id = made.org_id
    org = Organisation(service, org_id, slug, {})
    async with await org.work() as uow:
        org.roles = {
            r["name"]: r["id"]
            for r in await uow.fetch("select name, id from roles where org_id = $1", org_id)
        }
    _, org.admin = await org.user("admin", "admin")
    return org
