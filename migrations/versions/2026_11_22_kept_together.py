"""Lines of an order that are kept together, segments that wait, and functions of the owner that look closer."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_RENAMED = {
    "imports.import_workbook": "imports.import",
    "imports.try_workbook": "imports.try",
    "exports.export_whole": "exports.export",
}
"""Work that was of another kind only because it was given longer."""
# Across all tenants: a time zone that this server does not know costs its own organisation the night, and nobody else;
# a segment whose building was broken off without a word is due. Within the caller's: what certain causes have written.
_FUNCTIONS = {
    "rapport_nights": """
create function rapport_nights(what text, at timestamptz, begins interval)
returns table (org_id uuid, day date, midnight timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select o.id, d.day, d.day::timestamp at time zone z.name
  from organisations o,
    lateral (select case when pg_input_is_valid('2000-01-01 00:00 ' || o.time_zone, 'timestamptz')
      then o.time_zone end as name) z,
    lateral (select ((at at time zone z.name) - begins)::date as day) d
  where d.day is not null and not exists (select from nights n where n.org_id = o.id and n.kind = what and n.day >= d.day)
$$
""",
    "rapport_segments_due": """
create function rapport_segments_due(at timestamptz, most int)
returns table (org_id uuid, segment_id uuid, broken_off boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select d.org_id, d.segment_id, d.broken_off from (
    select c.org_id, c.segment_id, false as broken_off, c.waits_until, c.moved_at from segment_cursors c
    where c.live and (c.xid = 0 or c.clock_at <= at or exists (
      select from events e where e.org_id = c.org_id and (e.xid, e.seq) > (c.xid::text::xid8, c.seq)
        and e.xid < pg_snapshot_xmin(pg_current_snapshot())))
    union all
    select c.org_id, c.segment_id, true, c.waits_until, c.moved_at from segments s
    join runs r on r.org_id = s.org_id and r.id = s.run_id
    join segment_cursors c on c.org_id = s.org_id and c.segment_id = s.id
    where s.stage = 'building' and s.problem is null and s.archived_at is null and r.status in ('failed', 'cancelled')) d
  where d.waits_until is null or d.waits_until <= at
  order by coalesce(d.waits_until, d.moved_at) limit most
$$
""",
    "rapport_scrub": """
create function rapport_scrub(ids uuid[], names text[], causes text[] default null) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with scrubbed as (
    update events set
      before = case when before is not null then case when names is null then '{}' else before - names end end,
      after = case when names is null then '{}' else after - names end
    where org_id = rapport_org() and noun_id = any(ids) and (causes is null or cause = any(causes))
      and case when names is null then after <> '{}' or before <> '{}' else after ?| names or before ?| names end
    returning 1
  ) select count(*) from scrubbed
$$
""",
}
_BEFORE = {
    "rapport_nights": """
create function rapport_nights(what text, at timestamptz, begins interval)
returns table (org_id uuid, day date, midnight timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select o.id, d.day, d.day::timestamp at time zone o.time_zone
  from organisations o, lateral (select ((at at time zone o.time_zone) - begins)::date as day) d
  where not exists (select from nights n where n.org_id = o.id and n.kind = what and n.day >= d.day)
$$
""",
    "rapport_segments_due": """
create function rapport_segments_due(at timestamptz, most int) returns table (org_id uuid, segment_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.org_id, c.segment_id from segment_cursors c
  where c.live and (c.xid = 0 or c.clock_at <= at or exists (
    select from events e where e.org_id = c.org_id and (e.xid, e.seq) > (c.xid::text::xid8, c.seq)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())))
  order by c.moved_at limit most
$$
""",
    "rapport_scrub": """
create function rapport_scrub(ids uuid[], names text[]) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with scrubbed as (
    update events set
      before = case when before is not null then case when names is null then '{}' else before - names end end,
      after = case when names is null then '{}' else after - names end
    where org_id = rapport_org() and noun_id = any(ids) and case when names is null then after <> '{}' or before <> '{}'
      else after ?| names or before ?| names end returning 1
  ) select count(*) from scrubbed
$$
""",
}


def upgrade() -> None:
    """Let rows of an order stand as one, and segments wait; make the functions anew."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.add_column("import_rows", sa.Column("further", postgresql.ARRAY(sa.Integer()), nullable=True))
    op.execute("update import_rows set cells = '[' || cells || ']' where cells is not null")
    _key_index("line")
    op.execute(f"grant delete on import_rows to {app_role}")
    for before, kind in _RENAMED.items():
        op.execute(
            sa.text("update runs set kind = :kind where kind = :before").bindparams(kind=kind, before=before)
        )
    op.add_column("segment_cursors", sa.Column("waits_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_segments_building",
        "segments",
        ["org_id", "run_id"],
        unique=False,
        postgresql_where=sa.text("stage = 'building' and problem is null"),
    )
    op.drop_column("merges", "moved")
    _make(_FUNCTIONS, app_role)


def downgrade() -> None:
    """Take it back; of rows that stand as one, only the first has its cells again."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    _make(_BEFORE, app_role)
    moved = sa.Column("moved", postgresql.JSONB(), nullable=False, server_default="[]")
    op.add_column("merges", moved)
    op.alter_column("merges", "moved", server_default=None)
    op.drop_index("ix_segments_building", "segments")
    op.drop_column("segment_cursors", "waits_until")
    op.execute(f"revoke delete on import_rows from {app_role}")
    _key_index()
    op.execute("update import_rows set cells = cells::json ->> 0 where cells is not null")
    op.drop_column("import_rows", "further")


def _key_index(*more: str) -> None:
    op.drop_index("ix_import_rows_key", "import_rows")
    op.create_index(
        "ix_import_rows_key",
        "import_rows",
        ["org_id", "id", "key", *more],
        unique=False,
        postgresql_where=sa.text("key is not null"),
    )


def _make(functions: Mapping[str, str], app_role: str) -> None:
    for name, made in functions.items():
        op.execute(f"drop function {name}")
        op.execute(made)
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"grant execute on function {name} to {app_role}")
