"""Segments, who is in them since when, and how far each has followed the log."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Across all tenants, so it runs as the owner of the tables: the segments for which the log or the clock has something.
_DUE = """
create function rapport_segments_due(at timestamptz, most int) returns table (org_id uuid, segment_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.org_id, c.segment_id from segment_cursors c
  where c.live and (c.xid = 0 or c.clock_at <= at or exists (
    select from events e where e.org_id = c.org_id and (e.xid, e.seq) > (c.xid::text::xid8, c.seq)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())))
  order by c.moved_at limit most
$$
"""
_WHY = "'rebuild', 'contact', 'order', 'interaction', 'product', 'company', 'segment', 'time', 'by_hand', 'archived'"


def upgrade() -> None:
    """Make the tables with their walls, and the function."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.create_table(
        "segments",
        sa.Column("name", text, nullable=False),
        sa.Column("description", text, nullable=True),
        sa.Column("kind", text, nullable=False),
        sa.Column("condition", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tag", text, nullable=True),
        sa.Column("uses", postgresql.ARRAY(text), nullable=False),
        sa.Column("stage", text, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("problem", text, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind in ('static', 'dynamic')", name=op.f("ck_segments_kind")),
        sa.CheckConstraint("stage in ('building', 'live')", name=op.f("ck_segments_stage")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_segments")),
        sa.UniqueConstraint("org_id", "name", name="uq_segments_name"),
    )
    op.create_index(
        "ix_segments_newest",
        "segments",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "segment_cursors",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("xid", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("clock_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "segment_id"],
            ["segments.org_id", "segments.id"],
            name=op.f("fk_segment_cursors_segment_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "segment_id", name=op.f("pk_segment_cursors")),
    )
    op.create_table(
        "memberships",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("segment_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_why", text, nullable=False),
        sa.Column("left_why", text, nullable=True),
        sa.CheckConstraint(f"entered_why in ({_WHY})", name=op.f("ck_memberships_entered_why")),
        sa.CheckConstraint(f"left_why in ({_WHY})", name=op.f("ck_memberships_left_why")),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"],
            ["contacts.org_id", "contacts.id"],
            name=op.f("fk_memberships_contact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "segment_id"],
            ["segments.org_id", "segments.id"],
            name=op.f("fk_memberships_segment_id"),
        ),
        sa.PrimaryKeyConstraint(
            "org_id", "segment_id", "contact_id", "entered_at", name=op.f("pk_memberships")
        ),
    )
    op.create_index(
        "uq_memberships_open",
        "memberships",
        ["org_id", "segment_id", "contact_id"],
        unique=True,
        postgresql_where=sa.text("left_at is null"),
    )
    op.create_index(
        "ix_memberships_contact",
        "memberships",
        ["org_id", "contact_id", sa.literal_column("entered_at desc")],
        unique=False,
    )
    op.create_index(
        "ix_memberships_entered",
        "memberships",
        [
            "org_id",
            "segment_id",
            sa.literal_column("entered_at desc"),
            sa.literal_column("contact_id desc"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_memberships_left",
        "memberships",
        ["org_id", "segment_id", sa.literal_column("left_at desc"), sa.literal_column("contact_id desc")],
        unique=False,
        postgresql_where=sa.text("left_at is not null"),
    )
    for table in ("segments", "segment_cursors", "memberships"):
        for statement in wall(table, app_role):
            op.execute(statement)
    op.execute(_DUE)
    op.execute("revoke execute on function rapport_segments_due from public")
    op.execute(f"grant execute on function rapport_segments_due to {app_role}")


def downgrade() -> None:
    """Take back the tables with their data, and the function."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_segments_due")
    for table in ("memberships", "segment_cursors", "segments"):
        op.execute(f"drop table {table}")
