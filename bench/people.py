"""Contacts by the million, made by the database and by hand."""

import itertools
import random
import time
from typing import Any
from uuid import UUID

from app.db.contacts import _derive
from app.db.engine import Database
from app.domain.access import Actor, Grant
from app.kit import clock
from app.kit.ids import new_id

_ACTOR = Actor(UUID(int=0), UUID(int=0), "system", "bench", Grant(), 1)
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅诗雨欣怡子涵浩宇"
_LATIN = (
    "Michael",
    "Sarah",
    "Carlos",
    "Aiko",
    "Ivan",
    "Olga",
    "Peter",
    "Maria",
    "Johnson",
    "Rodriguez",
    "Tanaka",
    "Novak",
)
_counter = itertools.count(time.time_ns() // 1000)
_random = random.Random(7)

COLUMNS = [
    "org_id",
    "id",
    "version",
    "created_at",
    "updated_at",
    "name",
    "name_key",
    "emails",
    "email",
    "phones",
    "phone",
    "addresses",
    "stage",
    "tags",
    "consents",
    "consented",
    "custom",
    "terms",
    "job_title",
    "source",
]


_RAW = (
    "create temp table if not exists raw as select * from contacts limit 0;"
    "alter table raw alter terms type text[] using null; truncate raw"
)


def one() -> dict[str, Any]:
    """A contact as it is sent."""
    n = next(_counter)
    if n % 3:
        name = _random.choice(_FAMILY) + "".join(_random.choices(_GIVEN, k=_random.choice((1, 2, 2))))
    else:
        name = " ".join(_random.sample(_LATIN, 2))
    return {
        "name": name,
        "emails": [{"address": f"u{n}@mail{n % 50}.example", "label": "work"}],
        "phones": [{"number": f"138{n % 100_000_000:08}"}],
        "job_title": "经理",
        "source": "web",
        "stage": _random.choice(("lead", "prospect", "customer", "customer")),
        "tags": ["vip"] if n % 20 == 0 else [],
    }


def many(count: int) -> list[dict[str, Any]]:
    """Contacts for a bulk request, each with an external id."""
    return [one() | {"external_ids": {"bench": f"x{next(_counter)}"}} for _ in range(count)]


def row(org: UUID, sent: dict[str, Any]) -> tuple[Any, ...]:
    """A contact as it is stored, terms as a list of text."""
    now = clock.now()
    whole = {"addresses": [], "custom": {}, "given_name": None, "family_name": None, **sent}
    derived = _derive(whole, set(), _ACTOR)
    full = {
        **whole,
        **derived,
        "org_id": org,
        "id": new_id(),
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    return tuple(full[name] for name in COLUMNS)


async def fill(owner: Database, org: UUID, begin: int, end: int) -> None:
    """Bring the table to `end` rows by COPY, in steps."""
    async with owner.connection() as connection:
        await connection.execute(_RAW)
        for start in range(begin, end, 20_000):
            rows = [row(org, one()) for _ in range(min(20_000, end - start))]
            await connection.execute("truncate raw")
            await connection.copy_records_to_table("raw", records=rows, columns=COLUMNS)
            listed = ", ".join(COLUMNS)
            chosen = ", ".join("array_to_tsvector(terms)" if c == "terms" else c for c in COLUMNS)
            await connection.execute(f"insert into contacts ({listed}) select {chosen} from raw")
        await connection.execute("vacuum analyze contacts")


async def some_ids(owner: Database, org: UUID, count: int) -> list[UUID]:
    """Ids from all over the table."""
    async with owner.connection() as connection:
        rows = await connection.fetch(
            "select id from contacts tablesample bernoulli (1) where org_id = $1 limit $2", org, count
        )
    return [one["id"] for one in rows]


_prepared: list[tuple[Any, ...]] = []


async def copy_and_upsert(owner: Database, org: UUID, sent: list[dict[str, Any]], *, second: bool) -> float:
    """Rows a second of COPY into a temporary table and INSERT … ON CONFLICT of ready rows; the second time they exist."""
    if not second:
        _prepared[:] = [row(org, item) for item in sent]
    listed = ", ".join(COLUMNS)
    chosen = ", ".join("array_to_tsvector(terms)" if c == "terms" else c for c in COLUMNS)
    moved = ", ".join(f"{c} = excluded.{c}" for c in COLUMNS if c not in {"org_id", "id"})
    async with owner.connection() as connection:
        await connection.execute(_RAW)
        begun = time.perf_counter()
        async with connection.transaction():
            await connection.execute("truncate raw")
            await connection.copy_records_to_table("raw", records=_prepared, columns=COLUMNS)
            await connection.execute(
                f"insert into contacts ({listed}) select {chosen} from raw on conflict (org_id, id) do update set {moved}"
            )
        return len(sent) / (time.perf_counter() - begun)
