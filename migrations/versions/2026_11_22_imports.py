"""Imports: the files, their parts and their rows."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# The owner's right; what many rows were just written to is counted anew before the next many are.
_ANALYSE = """
create function rapport_analyse(names text[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  name text;
begin
  foreach name in array names loop
    execute format('analyze (skip_locked) %I', name);
  end loop;
end $$
"""

_TABLES = ("presets", "import_undone", "import_rows", "imports", "file_parts", "files")

# Across all tenants, so it runs as the owner of the tables. What has become a record, or was refused, stays accounted
# for; what the file said goes, and rows that never had their turn go whole.
_FORGET = """
create function rapport_forget_rows(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with expired as (select org_id, id, stage from imports where expires_at < before),
  waiting as (delete from import_rows where
    ctid = any(array(select r.ctid from expired i join import_rows r on r.org_id = i.org_id and r.id = i.id
      where i.stage = 'ready' limit most for update of r skip locked))
    or ctid = any(array(select r.ctid from expired i join import_rows r on r.org_id = i.org_id and r.id = i.id
      where i.stage <> 'ready' and r.outcome is null limit most for update of r skip locked)) returning 1),
  told as (update import_rows set cells = null, detail = null where
    ctid = any(array(select r.ctid from expired i join import_rows r on r.org_id = i.org_id and r.id = i.id
      where i.stage <> 'ready' and r.outcome in ('skipped', 'failed') and r.cells is not null limit most
      for update of r skip locked)) returning 1)
  select (select count(*) from waiting) + (select count(*) from told)
$$
"""


def upgrade() -> None:
    """Make the tables, each with its wall."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "files",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("media_type", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_files")),
    )
    op.create_index("ix_files_expires", "files", ["expires_at"], unique=False)
    op.create_table(
        "file_parts",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "id"], ["files.org_id", "files.id"], name=op.f("fk_file_parts_id"), ondelete="cascade"
        ),
        sa.PrimaryKeyConstraint("org_id", "id", "n", name=op.f("pk_file_parts")),
    )
    op.create_table(
        "imports",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("target", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("mode", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("match", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("layout", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stage", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("account", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("undone", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trial", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("mode in ('create', 'update', 'upsert')", name=op.f("ck_imports_mode")),
        sa.CheckConstraint(
            "stage in ('ready', 'started', 'done', 'undoing', 'undone')", name=op.f("ck_imports_stage")
        ),
        sa.CheckConstraint(
            "target in ('contact', 'company', 'product', 'order', 'interaction', 'line')",
            name=op.f("ck_imports_target"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "file_id"], ["files.org_id", "files.id"], name=op.f("fk_imports_file_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_imports_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_changed", "imports", ["org_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_imports_newest",
        "imports",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_imports_owner", "imports", ["org_id", "owner_id", "created_at", "id"], unique=False)
    op.create_table(
        "import_rows",
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("cells", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("key", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("outcome", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("detail", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "id"], ["imports.org_id", "imports.id"], name=op.f("fk_import_rows_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", "line", name=op.f("pk_import_rows")),
    )
    op.create_index(
        "ix_import_rows_ahead",
        "import_rows",
        ["org_id", "id", "line"],
        unique=False,
        postgresql_where=sa.text("outcome is null"),
    )
    op.create_index(
        "ix_import_rows_key",
        "import_rows",
        ["org_id", "id", "key"],
        unique=False,
        postgresql_where=sa.text("key is not null"),
    )
    op.create_index(
        "ix_import_rows_told",
        "import_rows",
        ["org_id", "id", "line"],
        unique=False,
        postgresql_where=sa.text("outcome in ('skipped', 'failed') and cells is not null"),
    )
    op.create_table(
        "import_undone",
        sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("noun_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("code", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("fields", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "outcome in ('restored', 'archived', 'kept')", name=op.f("ck_import_undone_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "id"], ["imports.org_id", "imports.id"], name=op.f("fk_import_undone_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", "noun_id", name=op.f("pk_import_undone")),
    )
    op.create_index(
        "ix_import_undone_outcome", "import_undone", ["org_id", "id", "outcome", "noun_id"], unique=False
    )
    op.create_table(
        "presets",
        sa.Column("key", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("note", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("target", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("mode", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("match", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("mode in ('create', 'update', 'upsert')", name=op.f("ck_presets_mode")),
        sa.CheckConstraint(
            "target in ('contact', 'company', 'product', 'order', 'interaction', 'line')",
            name=op.f("ck_presets_target"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_presets")),
        sa.UniqueConstraint("org_id", "key", name="uq_presets_key"),
    )
    op.create_index(
        "ix_presets_newest",
        "presets",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for table in _TABLES:
        for statement in wall(table, app_role):
            op.execute(statement)
    for name, made in (("rapport_analyse", _ANALYSE), ("rapport_forget_rows", _FORGET)):
        op.execute(made)
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"grant execute on function {name} to {app_role}")
    op.add_column("orders", sa.Column("country", sa.Text(collation="pg_c_utf8"), nullable=True))
    op.execute("alter table orders drop constraint ck_orders_total, drop constraint ck_orders_refunded")
    op.execute(
        "alter table orders add constraint ck_orders_refunded check (refunded >= 0 and refunded <= greatest(total, 0))"
    )


def downgrade() -> None:
    """Take back the tables with their data."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_analyse, rapport_forget_rows")
    op.execute(f"drop table {', '.join(_TABLES)}")
    op.drop_column("orders", "country")
    op.execute("alter table orders drop constraint ck_orders_refunded")
    op.execute(
        "alter table orders add constraint ck_orders_refunded check (refunded >= 0 and refunded <= total),"
        " add constraint ck_orders_total check (total >= 0)"
    )
