"""Exports, and the letting go of files that nobody can open any more."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Across all tenants, so it runs as the owner of the tables; the file's name and hash stay.
_FORGET = """
create function rapport_forget_files(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (delete from file_parts where ctid = any(array(
    select p.ctid from files f join file_parts p on p.org_id = f.org_id and p.id = f.id
    where f.expires_at < before limit least(most, 500) for update of p skip locked)) returning 1)
  select count(*) from gone
$$
"""


def upgrade() -> None:
    """Make the table with its wall, and the function."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.create_table(
        "exports",
        sa.Column("noun", text, nullable=False),
        sa.Column("format", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sight", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("fields", postgresql.ARRAY(text), nullable=False),
        sa.Column("stage", text, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listed", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("sha256", text, nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("format in ('csv', 'xlsx', 'ndjson', 'parquet')", name=op.f("ck_exports_format")),
        sa.CheckConstraint("stage in ('started', 'done')", name=op.f("ck_exports_stage")),
        sa.ForeignKeyConstraint(
            ["org_id", "file_id"], ["files.org_id", "files.id"], name=op.f("fk_exports_file_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_exports_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_exports")),
    )
    op.create_index("ix_exports_changed", "exports", ["org_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_exports_newest",
        "exports",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("exports", app_role):
        op.execute(statement)
    op.execute(_FORGET)
    op.execute("revoke execute on function rapport_forget_files from public")
    op.execute(f"grant execute on function rapport_forget_files to {app_role}")


def downgrade() -> None:
    """Take back the table with its data, and the function."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_forget_files")
    op.execute("drop table exports")
