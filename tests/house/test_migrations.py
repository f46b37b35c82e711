"""The migrations make what the model says, and can be taken back."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from alembic import command
from sqlalchemy import make_url

from app.db.engine import driver_url
from app.db.migrate import config, head, migrate

_THINGS = """
select array_agg(thing order by thing) from (
  select 'table ' || c.relname || ' ' || c.relkind::text as thing from pg_class c
    where c.relnamespace = 'public'::regnamespace
  union all select 'column ' || a.attrelid::regclass || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || case when a.attnotnull then ' not null' else '' end
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
  union all select 'function ' || p.oid::regprocedure || ' ' || md5(p.prosrc) from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname like 'rapport%'
  union all select 'policy ' || tablename || ' ' || policyname || ' ' || coalesce(qual, '') from pg_policies
  union all select 'trigger ' || tgrelid::regclass || ' ' || tgname from pg_trigger where not tgisinternal
  union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace
) all_things where thing !~ '_p\\d{6}'
"""


def _ask(url: str, sql: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(driver_url(url))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def scratch(database_url: str) -> Iterator[str]:
    """An empty database beside the other one."""
    url = make_url(database_url).set(database="house_scratch")
    _ask(database_url, "create database house_scratch")
    yield url.render_as_string(hide_password=False)
    _ask(database_url, "drop database house_scratch with (force)")


def test_the_model_is_what_the_migrations_make(scratch: str):
    migrate(scratch)
    command.check(config(scratch))


def test_the_migrations_can_be_taken_back_and_made_again(scratch: str):
    migrate(scratch)
    before = _ask(scratch, _THINGS)
    assert isinstance(before, list)
    assert len(before) > 100
    _ask(scratch, "create table somebody_elses (id int)")
    command.downgrade(config(scratch), "base")
    left = _ask(scratch, _THINGS)
    assert isinstance(left, list)
    strange = [thing for thing in left if "alembic_version" not in thing]
    assert strange == ["column somebody_elses id integer", "table somebody_elses r"]
    _ask(scratch, "drop table somebody_elses")
    migrate(scratch)
    assert _ask(scratch, "select version_num from alembic_version") == head()
    assert _ask(scratch, _THINGS) == before


def test_what_imports_kept_row_by_row_is_read_on_as_it_stands(scratch: str):
    migrate(scratch)
    command.downgrade(config(scratch), "0010")
    _ask(
        scratch,
        """with one as (select uuidv7() as org_id, uuidv7() as id), off as (
            select set_config('session_replication_role', 'replica', true) from one)
          insert into import_rows (org_id, id, line, cells) select org_id, id, 2, '["a", null, 3.5]' from one, off""",
    )
    migrate(scratch)
    assert _ask(scratch, "select cells from import_rows") == '[["a", null, 3.5]]'
    command.downgrade(config(scratch), "0010")
    assert _ask(scratch, "select cells from import_rows") == '["a", null, 3.5]'
    _ask(scratch, "truncate import_rows")
    migrate(scratch)
