"""Less to do for PostgreSQL in an import."""

from collections.abc import Sequence

from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# The owner's right. Plans are made anew when a table was counted, whichever columns are: those that records are found
# by, which their indexes name, a fraction of the work of all. What PostgreSQL counts by itself later, it then still counts whole.
_ANALYSE = """
create or replace function rapport_analyse(names text[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text;
  keys text;
begin
  foreach name in array names loop
    select string_agg(quote_ident(attname), ', ') into strict keys from pg_attribute
      where attrelid = name::regclass and exists (select from pg_index i
        where indrelid = attrelid and (attnum = any(indkey) or exists (select from pg_depend
          where classid = 'pg_class'::regclass and objid = indexrelid
            and refobjid = attrelid and refobjsubid = attnum)));
    execute format('analyze (skip_locked) %I (%s)', name, keys);
  end loop;
end $$
"""
_ANALYSE_ALL = """
create or replace function rapport_analyse(names text[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text;
begin
  foreach name in array names loop
    execute format('analyze (skip_locked) %I', name);
  end loop;
end $$
"""


def upgrade() -> None:
    """Store files as they are, for they are gone soon and mostly packed; count what records are found by."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table file_parts alter column bytes set storage external")
    op.execute(_ANALYSE)


def downgrade() -> None:
    """As it was before."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(_ANALYSE_ALL)
    op.execute("alter table file_parts alter column bytes set storage extended")
