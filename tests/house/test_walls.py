"""The tenants' walls, as the model draws them and as PostgreSQL has them."""

import importlib
import pkgutil
from typing import Any

import pytest
from sqlalchemy import Table, UniqueConstraint

import app.db
from app.db.base import Base
from app.db.engine import Database
from app.db.registry import NOUNS
from app.settings import Settings

OF_NO_TENANT = {
    "organisations": "it is the tenants, walled by its own id",
    "attempts": "an address may be nobody's; only three functions come near it",
}
DELETABLE = {
    *(
        "deal_competitors",
        "deal_lines",
        "deal_people",
        "duplicate_members",
        "external_ids",
        "file_parts",
        "import_rows",
        "import_undone",
        "memberships",
    ),
    *("merge_members", "order_lines", "rfm_scores"),
}
"""Parts of a record that are written anew with it, and numbers about people; everything else is archived, or forgotten by the owner's functions."""
APPEND_ONLY = {"deal_moves", "events"}
CLOSED = {
    (noun, "custom") for noun in ("contact", "company", "product", "order", "deal", "task", "interaction")
}
"""Fields in no group: whoever may see them was told so by name. Custom fields are opened one by one."""
OVER_THE_WALLS = {
    "rapport_analyse",
    "rapport_attempt",
    "rapport_attempt_good",
    "rapport_called",
    "rapport_due",
    "rapport_find",
    "rapport_forget_chances",
    "rapport_forget_keys",
    "rapport_forget_logins",
    "rapport_forget_files",
    "rapport_forget_rows",
    "rapport_forget_scores",
    "rapport_key",
    "rapport_logins",
    "rapport_nights",
    "rapport_partitions",
    "rapport_reminders",
    "rapport_scrub",
    "rapport_segments_due",
    "rapport_spread",
    "rapport_visit",
}
UNIQUE_EVERYWHERE = {"uq_api_keys_key_hash": "a key is looked for before its tenant is known"}
for _module in pkgutil.iter_modules(app.db.__path__):
    importlib.import_module(f"app.db.{_module.name}")
_TABLES = {table.name: table for table in Base.metadata.sorted_tables}
_WALLED = sorted(set(_TABLES) - OF_NO_TENANT.keys())


def test_every_table_belongs_to_a_tenant_or_says_why_not():
    assert {name for name, table in _TABLES.items() if "org_id" not in table.columns} == OF_NO_TENANT.keys()


@pytest.mark.parametrize("name", _WALLED)
def test_every_key_begins_with_the_tenant(name: str):
    table: Table = _TABLES[name]
    assert _first(table.primary_key) == "org_id"
    for key in table.foreign_key_constraints:
        first = key.elements[0]
        assert len(key.elements) > 1, f"{key.name} could point to another tenant"
        assert (first.parent.name, first.column.name) == ("org_id", "org_id")
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and constraint.name not in UNIQUE_EVERYWHERE:
            assert _first(constraint) == "org_id", f"{constraint.name} tells what other tenants have"
    for index in table.indexes:
        assert not index.unique or _first(index) == "org_id", f"{index.name} tells what other tenants have"


def _first(key: Any) -> str:
    return str(next(iter(key.columns)).name)


async def _rows(owner: Database, sql: str, *values: Any) -> list[Any]:
    async with owner.connection() as connection:
        return list(await connection.fetch(sql, *values))


async def test_the_database_has_the_tables_of_the_model_and_their_partitions(owner: Database):
    rows = await _rows(
        owner,
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
        " and not relispartition",
    )
    assert {row["relname"] for row in rows} == {*_TABLES, "alembic_version"}


@pytest.mark.parametrize("name", sorted(_TABLES))
async def test_every_table_is_walled(name: str, owner: Database, chosen: Settings):
    [table] = await _rows(
        owner, "select relrowsecurity, relforcerowsecurity from pg_class where oid = $1::text::regclass", name
    )
    assert tuple(table) == (True, True)
    policies = await _rows(
        owner,
        "select permissive, roles::text[] as roles, cmd, qual, with_check from pg_policies"
        " where tablename = $1 and ($2 = any(roles) or 'public' = any(roles))",
        name,
        chosen.app_role,
    )
    if name == "attempts":
        assert policies == []
        return
    key = "id" if name == "organisations" else "org_id"
    assert [tuple(policy) for policy in policies] == [
        ("PERMISSIVE", [chosen.app_role], "ALL", f"({key} = rapport_org())", f"({key} = rapport_org())")
    ]


@pytest.mark.parametrize("name", sorted(_TABLES))
async def test_the_app_may_do_to_a_table_what_it_must(name: str, owner: Database, chosen: Settings):
    verbs = ["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"]
    allowed = {"select", "insert"} if name in APPEND_ONLY else {"select", "insert", "update"}
    allowed |= {"delete"} if name in DELETABLE else set()
    [row] = await _rows(
        owner,
        "select array(select v from unnest($3::text[]) v where has_table_privilege($1::text, $2::text, v)) as may",
        chosen.app_role,
        name,
        verbs,
    )
    assert set(row["may"]) == (set() if name == "attempts" else allowed)


async def test_no_partition_can_be_reached_around_its_table(owner: Database, chosen: Settings):
    rows = await _rows(
        owner,
        "select c.relname, has_table_privilege($1::text, c.oid, 'select, insert, update, delete, truncate') as open"
        " from pg_class c where c.relispartition and c.relkind = 'r'",
        chosen.app_role,
    )
    assert len(rows) > 20
    assert [row["relname"] for row in rows if row["open"]] == []


async def test_the_role_of_the_app_is_nobody_special(owner: Database, chosen: Settings):
    [role] = await _rows(
        owner,
        "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " exists (select from pg_class where relowner = r.oid) as owns,"
        " exists (select from pg_proc where proowner = r.oid) as owns_functions,"
        " exists (select from pg_auth_members where member = r.oid) as belongs,"
        " has_schema_privilege(r.oid, 'public', 'create') as creates"
        " from pg_roles r where rolname = $1",
        chosen.app_role,
    )
    assert [name for name, value in role.items() if value] == []


async def test_the_service_runs_as_the_role_of_the_app(database: Database, chosen: Settings):
    async with database.connection() as connection:
        assert await connection.fetchval("select current_user") == chosen.app_role


async def test_the_functions_that_look_over_the_walls_are_these_and_find_their_own_tables(owner: Database):
    rows = await _rows(
        owner,
        "select proname, proconfig from pg_proc where prosecdef and pronamespace = 'public'::regnamespace",
    )
    assert {row["proname"] for row in rows} == OVER_THE_WALLS
    for row in rows:
        assert "search_path=public, pg_temp" in (row["proconfig"] or ()), row["proname"]


async def test_only_the_app_may_call_the_functions(owner: Database, chosen: Settings):
    rows = await _rows(
        owner,
        "select p.proname, array(select case a.grantee when 0 then 'public' else a.grantee::regrole::text end"
        " from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee <> p.proowner) as callers"
        " from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'rapport\\_%'",
    )
    assert {row["proname"] for row in rows} > OVER_THE_WALLS
    assert {row["proname"]: row["callers"] for row in rows if row["callers"] != [chosen.app_role]} == {}


def test_every_field_is_in_a_group_or_closed():
    without = {
        (noun.name, field) for noun in NOUNS.values() for field, group in noun.groups.items() if not group
    }
    assert without == CLOSED, (
        "a field without a group is closed to every role: say in CLOSED that it is meant so"
    )
