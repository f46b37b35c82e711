"""The walls in PostgreSQL itself: the app's role, set to one tenant, against every table that there is."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from app.db.engine import Connection, Database
from tests.leaks.world import World
from tests.makers.organisations import Organisation

_TABLES = """select c.relname as name, c.relispartition as part, c.relrowsecurity and c.relforcerowsecurity as walled,
  (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')"""
_FREE = {"alembic_version"}
_APP = "rapport_app"


@pytest.fixture
async def tables(owner: Database) -> list[Any]:
    """Every table, by its name, with whether it is a partition and whether it is walled."""
    async with owner.connection() as connection:
        return [row for row in await connection.fetch(_TABLES) if row["name"] not in _FREE]


@pytest.fixture
async def inside(database: Database) -> AsyncIterator[Connection]:
    """A connection as the app has it, in a transaction that is rolled back; no tenant is set."""
    async with database.connection() as connection:
        await connection.execute("begin; select set_config('rapport.org_id', '', true)")
        try:
            yield connection
        finally:
            await connection.execute("rollback")


async def _set(connection: Connection, org: Organisation) -> None:
    await connection.execute(f"select set_config('rapport.org_id', '{org.id}', true)")


async def _counted(connection: Connection, sql: str) -> int | None:
    """How many rows a statement gave or touched; None when PostgreSQL refused it."""
    await connection.execute("savepoint one")
    try:
        return len(await connection.fetch(sql))
    except asyncpg.PostgresError:
        await connection.execute("rollback to savepoint one")
        return None


def _key(table: Any) -> str:
    return "id" if table["name"] == "organisations" else "org_id"


async def test_every_table_is_walled_or_out_of_reach(tables: list[Any], inside: Connection):
    for table in tables:
        if table["part"] or _key(table) not in table["columns"]:
            for verb in ("select", "insert", "update", "delete", "truncate", "references", "trigger"):
                assert not await inside.fetchval("select has_table_privilege($1, $2)", table["name"], verb)
        else:
            assert table["walled"], table["name"]


async def test_the_role_of_the_app_is_below_the_walls(inside: Connection):
    row = await inside.fetchrow(
        "select rolname, rolsuper, rolbypassrls from pg_roles where rolname = current_user"
    )
    assert tuple(row) == (_APP, False, False)
    owned = await inside.fetch("select relname from pg_class where relowner = current_user::regrole")
    assert owned == []


async def test_without_a_tenant_there_are_no_rows(world: World, tables: list[Any], inside: Connection):
    assert world.records
    for table in tables:
        assert not await _counted(inside, f"select 1 from {table['name']}"), table["name"]  # noqa: S608 - from pg_class


async def test_another_tenant_reads_and_touches_nothing(
    world: World, outside: Organisation, owner: Database, tables: list[Any], inside: Connection
):
    await _set(inside, outside)
    filled = set()
    for table in [one for one in tables if _key(one) in one["columns"]]:
        name, theirs = table["name"], f"{_key(table)} = '{world.org.id}'"
        async with owner.connection() as connection:
            if await connection.fetchval(f"select exists (select from {name} where {theirs})"):  # noqa: S608
                filled.add(name)
        tried = {
            "read": f"select 1 from {name} where {theirs}",  # noqa: S608 - every name is from pg_class
            "counted": f"select 1 where (select count(*) from {name} where {theirs}) > 0",  # noqa: S608
            "changed": f"update {name} set {_key(table)} = {_key(table)} where {theirs} returning 1",  # noqa: S608
            "deleted": f"delete from {name} where {theirs} returning 1",  # noqa: S608
            "locked": f"select 1 from {name} where {theirs} for update",  # noqa: S608
        }
        for verb, sql in tried.items():
            assert not await _counted(inside, sql), f"{name} was {verb}"
    assert {
        "contacts",
        "events",
        "users",
        "order_lines",
        "external_ids",
        "api_keys",
        "organisations",
    } <= filled


async def test_another_tenant_plants_nothing(
    world: World, outside: Organisation, tables: list[Any], inside: Connection
):
    for table in tables:
        if table["part"] or _key(table) not in table["columns"]:
            continue
        name, key = table["name"], _key(table)
        rest = ", ".join(column for column in table["columns"] if column not in {key, "seq"})
        await _set(inside, outside)
        for verb, sql in {
            "moved": f"update {name} set {key} = '{world.org.id}' returning 1",  # noqa: S608 - names are from pg_class
            "copied": f"insert into {name} ({key}, {rest}) select '{world.org.id}', {rest} from {name}"  # noqa: S608
            " returning 1",
        }.items():
            rows = await _counted(inside, f"select 1 from {name}")  # noqa: S608
            assert not await _counted(inside, sql), f"{rows} rows of {name} were {verb}"


async def test_only_these_functions_look_over_the_walls(inside: Connection):
    found = await inside.fetch(
        "select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'public'::regnamespace"
        " and p.prosecdef and has_function_privilege(p.oid, 'execute') order by 1"
    )
    assert {row["name"] for row in found} == {
        "rapport_find(text,tsquery,text[],jsonb,uuid[])",
        "rapport_key(text)",
        "rapport_logins(text)",
        "rapport_nights(text,timestamp with time zone,interval)",
        "rapport_forget_scores(timestamp with time zone,integer)",
        "rapport_forget_chances(timestamp with time zone,integer)",
        "rapport_reminders(timestamp with time zone)",
        "rapport_called(text,text[])",
        "rapport_due(timestamp with time zone,integer)",
        "rapport_segments_due(timestamp with time zone,integer)",
        "rapport_attempt(text,timestamp with time zone,integer,interval,interval)",
        "rapport_attempt_good(text)",
        "rapport_forget_keys(timestamp with time zone,integer)",
        "rapport_forget_logins(timestamp with time zone,integer)",
        "rapport_forget_files(timestamp with time zone,integer)",
        "rapport_forget_rows(timestamp with time zone,integer)",
        "rapport_scrub(uuid[],text[],text[])",
        "rapport_partitions(text,date,date)",
        "rapport_spread(text,integer)",
        "rapport_analyse(text[])",
        "rapport_visit(text,timestamp with time zone,integer,interval)",
    }, "say in this test what a new function gives, and to whom"


async def test_a_search_stays_in_its_tenant(world: World, outside: Organisation, inside: Connection):
    word = (await world.org.admin.get(f"/v1/contacts/{world.of('contact')[0].id}")).json()["name"]
    asked = ("contacts", f"'n{word}'")
    find = "select rapport_find($1, $2::text::tsquery, null, null, null)"
    assert not await inside.fetchval(find, *asked)
    await _set(inside, outside)
    assert not await inside.fetchval(find, *asked)
    await _set(inside, world.org)
    assert len(await inside.fetchval(find, *asked)) == 1
    for place in ("users", "contacts; select 1", "CONTACTS"):
        await inside.execute("savepoint one")
        with pytest.raises(asyncpg.RaiseError, match="nothing is searched"):
            await inside.fetchval(find, place, *asked[1:])
        await inside.execute("rollback to savepoint one")


async def test_the_functions_for_strangers_give_ids_and_nothing_else(world: World, inside: Connection):
    shapes = {
        "rapport_key('x')": ["org_id", "id"],
        "rapport_logins('x')": ["org_id", "slug", "id"],
        "rapport_due(now(), 1)": ["org_id", "id", "kind", "due_at"],
        "rapport_segments_due(now(), 1)": ["org_id", "segment_id", "broken_off"],
        "rapport_attempt('x', now(), 1, '1s', '1s')": ["refused_until", "last_one"],
        "rapport_visit('x', now(), 1, '1s')": ["rapport_visit"],
    }
    for call, columns in shapes.items():
        statement = await inside.prepare(f"select * from {call}")  # noqa: S608 - those above
        assert [column.name for column in statement.get_attributes()] == columns
    assert await inside.fetch("select * from rapport_key('')") == []
    assert await inside.fetch("select * from rapport_key('%')") == []
    assert await inside.fetch("select * from rapport_logins('%')") == []
    rows = await inside.fetch("select * from rapport_logins($1)", f"{world.org.slug}@test.example")
    assert [(row["org_id"], row["slug"]) for row in rows] == [(world.org.id, world.org.slug)]


async def test_erasure_stays_in_its_tenant(world: World, outside: Organisation, inside: Connection):
    ids = [one.id for one in world.records.values()]
    assert await inside.fetchval("select rapport_scrub($1::uuid[], null)", ids) == 0
    await _set(inside, outside)
    assert await inside.fetchval("select rapport_scrub($1::uuid[], null)", ids) == 0
    await _set(inside, world.org)
    assert await inside.fetchval("select rapport_scrub($1::uuid[], null)", ids) >= len(ids)


async def test_only_months_of_the_big_tables_can_be_added(inside: Connection):
    with pytest.raises(asyncpg.RaiseError, match="not partitioned"):
        await inside.execute("select rapport_partitions('contacts', '2026-01-01', '2026-02-01')")
