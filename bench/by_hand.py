"""The limit: the same answers by hand, asyncpg and orjson in FastAPI, with no identity, policy, access or event log."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response

from app.db.engine import driver_url
from bench.people import COLUMNS, row

ORG = UUID(os.environ["ORG"])
_SHOWN = (
    "id, version, created_at, updated_at, archived_at, name, given_name, family_name, emails, email, phones, phone,"
    " addresses, company_id, job_title, birth_date, gender, occupation, income_band, education, source, stage,"
    " language, owner_id, tags, consents, consented, custom, (select coalesce(jsonb_object_agg(x.system, x.external_id),"
    " '{}') from external_ids x where x.org_id = contacts.org_id and x.noun = 'contact' and x.noun_id = contacts.id)"
    " as external_ids"
)
_LIST = f"select {_SHOWN} from contacts where org_id = $1 and archived_at is null"


def _plain(value: Any) -> str:
    return str(value)


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
    )


@asynccontextmanager
async def _pool(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        driver_url(os.environ["DATABASE_URL"]), min_size=20, max_size=20, init=_speak_json
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_pool)


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value, default=_plain), media_type="application/json")


@app.get("/livez")
async def alive() -> dict[str, str]:
    """Up."""
    return {}


@app.get("/v1/contacts/{id}")
async def get_one(id: UUID, request: Request) -> Response:  # noqa: A002 - the name in the path
    """One row."""
    async with request.app.state.pool.acquire() as connection:
        found = await connection.fetchrow(
            f"select {_SHOWN} from contacts where org_id = $1 and id = $2", ORG, id
        )
    return _json(dict(found))


@app.get("/v1/contacts")
async def list_50(request: Request, at: datetime | None = None, id: UUID | None = None) -> Response:  # noqa: A002
    """Fifty rows, from the start or from the middle."""
    async with request.app.state.pool.acquire() as connection:
        if at is None:
            rows = await connection.fetch(f"{_LIST} order by created_at desc, id desc limit 51", ORG)
        else:
            rows = await connection.fetch(
                f"{_LIST} and (created_at, id) < ($2, $3) order by created_at desc, id desc limit 51",
                ORG,
                at,
                id,
            )
    return _json({"data": [dict(one) for one in rows[:50]], "next": str(rows[50]["id"])})


@app.post("/v1/contacts/search")
async def search(body: dict[str, Any], request: Request) -> Response:
    """Fifty customers with a tag."""
    stage, tag = (part["value"] for part in body["where"]["all"])
    async with request.app.state.pool.acquire() as connection:
        rows = await connection.fetch(
            f"{_LIST} and stage = $2 and tags @> array[$3::text] order by created_at desc, id desc limit 51",
            ORG,
            stage,
            tag,
        )
    return _json({"data": [dict(one) for one in rows[:50]], "next": str(rows[50]["id"])})


_INSERT = (
    f"insert into contacts ({', '.join(COLUMNS)}) values ("
    + ", ".join(f"array_to_tsvector(${i})" if c == "terms" else f"${i}" for i, c in enumerate(COLUMNS, 1))
    + ")"
)
_EVENT = (
    "insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, after)"
    " values ($1, $2, 'contact.added', 'contact', $3, 1, $4, 'user', $5)"
)


@app.post("/v1/contacts", status_code=201)
async def create(body: dict[str, Any], request: Request) -> Response:
    """Two plain inserts in a transaction."""
    values = row(ORG, body)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(_INSERT, *values)
        await connection.execute(_EVENT, ORG, values[3], values[1], uuid4(), body)
    return _json(dict(zip(COLUMNS, values, strict=True)))
