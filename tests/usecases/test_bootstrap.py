"""The first steps, on a database of their own."""

import asyncio
from dataclasses import replace

import pytest

from app.db import actors, users, write
from app.db.engine import Database
from app.db.roles import ROLES, built_in
from app.db.uow import UnitOfWork
from app.domain import roles
from app.domain.errors import Duplicate, InvalidInput, NotFound
from app.kit import clock, passwords, tokens
from app.kit.ids import new_id
from app.usecases.bootstrap import Bootstrap, add_organisation, bootstrap, create_key, renew_roles


async def test_of_many_starts_at_once_one_makes_the_organisation(empty: str):
    told = await asyncio.gather(*(bootstrap(empty) for _ in range(4)))
    assert sorted(one is None for one in told) == [False, True, True, True]
    owner = Database(empty, role=None, size=1)
    async with owner.connection() as connection:
        counts = [
            await connection.fetchval(f"select count(*) from {table}")  # noqa: S608 - the names beside
            for table in ("organisations", "users", "api_keys")
        ]
    await owner.close()
    assert counts == [1, 1, 1]
    assert await bootstrap(empty) is None


async def test_an_organisation_that_was_begun_is_finished(empty: str):
    owner = Database(empty, role=None, size=1)
    async with owner.connection() as connection:
        await connection.execute(
            "insert into organisations (id, slug, name, region, time_zone, currency, language, stamp, version,"
            " created_at, updated_at) values ($1, 'main', 'x', 'CN', 'UTC', 'CNY', 'zh-CN', 1, 1, $2, $2)",
            new_id(),
            clock.now(),
        )
        first = await bootstrap(empty)
        assert first
        assert first.slug == "main"
        assert await connection.fetchval("select array_agg(slug) from organisations") == ["main"]
        assert await connection.fetchval("select count(*) from roles") > 1
    await owner.close()


async def new(url: str, slug: str) -> Bootstrap:
    return await add_organisation(url, name=slug.title(), slug=slug, email=f"boss@{slug}.example")


async def new_key(url: str, organisation: str | None, *scopes: str) -> str:
    return await create_key(url, organisation=organisation, name="test", scopes=[*scopes], days=1)


async def owners(url: str, key: str) -> tuple[str, list[str]]:
    """Whose key it is, and what it opens."""
    owner = Database(url, role=None, size=1)
    async with owner.connection() as connection:
        row = await connection.fetchrow(
            "select o.slug, k.scopes from api_keys k join organisations o on o.id = k.org_id where key_hash = $1",
            tokens.digest(key),
        )
    await owner.close()
    return row["slug"], row["scopes"]


async def test_a_key_is_of_the_organisation_that_is_named_or_of_the_only_one(empty: str):
    with pytest.raises(NotFound):
        await new_key(empty, None)
    await new(empty, "one")
    assert await owners(empty, await new_key(empty, None)) == ("one", ["*"])
    await new(empty, "two")
    with pytest.raises(InvalidInput, match="one, two"):
        await new_key(empty, None)
    assert await owners(empty, await new_key(empty, "two", "tags:read")) == ("two", ["tags:read"])
    with pytest.raises(NotFound):
        await new_key(empty, "three")


async def test_a_key_opens_nothing_that_does_not_exist(empty: str):
    await new(empty, "one")
    with pytest.raises(InvalidInput, match="everything:read"):
        await new_key(empty, None, "everything:read")
    key = await new_key(empty, None, "tags:read", "contacts:read", "tags:read")
    assert await owners(empty, key) == ("one", ["contacts:read", "tags:read"])


async def test_an_organisation_is_added_once_and_its_administrator_gets_in(empty: str):
    assert await bootstrap(empty)
    made = await new(empty, "second")
    assert made.email == "boss@second.example"
    assert await owners(empty, made.key) == ("second", ["*"])
    with pytest.raises(Duplicate):
        await new(empty, "second")
    database = Database(empty, role="rapport_app", size=1)
    kept = await users.with_address(database, made.email, "second")
    assert [org_id for org_id, _ in kept] == [made.org_id]
    hashed = await users.password_hash_of(database, *kept[0])
    await database.close()
    assert await passwords.matches(hashed, made.password)


@pytest.mark.parametrize(
    ("field", "value"), [("slug", "Two Words"), ("slug", ""), ("email", "nobody"), ("name", " ")]
)
async def test_an_organisation_of_wrong_words_is_refused(empty: str, field: str, value: str):
    with pytest.raises(InvalidInput) as refused:
        await add_organisation(empty, **{"name": "x", "slug": "x", "email": "a@x.example", field: value})
    assert refused.value.facts["field"] == field


async def test_built_in_roles_get_what_a_release_opens_and_keep_what_was_changed(
    empty: str, monkeypatch: pytest.MonkeyPatch
):
    now = roles.BUILTIN["sales"]
    former = replace(
        now,
        scopes=tuple(scope for scope in now.scopes if not scope.startswith("deals:")),
        read={noun: groups for noun, groups in now.read.items() if noun != "deal"},
    )
    monkeypatch.setitem(roles.BUILTIN, "sales", former)
    made = await new(empty, "one")
    monkeypatch.undo()
    owner = Database(empty, role=None, size=1)
    mine = {"scopes": [*sorted({*former.scopes} - {"tags:read"}), "events:read"], "name": "销售"}
    database = Database(empty, role="rapport_app", size=1)
    uow = UnitOfWork(database, await actors.system(database, made.org_id), now=clock.now(), cause="01a2")
    async with uow:
        (row,) = [row for row, _ in await built_in(uow) if row["name"] == "sales"]
        await write.change(uow, ROLES, [(row, mine)], "role.edited")
        await uow.commit()
    assert await renew_roles(empty) == 1
    async with owner.connection() as connection:
        role = await connection.fetchrow("select * from roles where name = '销售'")
    assert {*role["scopes"]} == {*mine["scopes"], "deals:read", "deals:write"}
    assert {"stage", "amount"} <= {*role["read"]["deal"]}
    assert role["read"]["contact"] == row["read"]["contact"]
    assert await renew_roles(empty) == 0
    await database.close()
    await owner.close()
