"""Duplicates, what became of them, and where merged contacts went."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = ("duplicates", "duplicate_members", "duplicate_rules", "merges", "merge_members", "merge_moves")
_JSON = postgresql.JSONB(astext_type=sa.Text())


def _record() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def _newest(table: str) -> None:
    op.create_index(f"ix_{table}_changed", table, ["org_id", "updated_at", "id"], unique=False)
    newest = ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")]
    op.create_index(f"ix_{table}_newest", table, newest, unique=False)


def _members(table: str, parent: str) -> None:
    op.create_table(
        table,
        sa.Column(f"{parent}_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", f"{parent}_id"],
            [f"{parent}s.org_id", f"{parent}s.id"],
            name=op.f(f"fk_{table}_{parent}_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "member_id"], ["contacts.org_id", "contacts.id"], name=op.f(f"fk_{table}_member_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_{parent}", table, ["org_id", f"{parent}_id", "position"], unique=False)
    op.create_index(f"ix_{table}_member", table, ["org_id", "member_id"], unique=False)


def upgrade() -> None:
    """Make the tables with their walls, and let contacts point to where they went."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.add_column("contacts", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_contacts_merged_into_id"),
        "contacts",
        "contacts",
        ["org_id", "merged_into_id"],
        ["org_id", "id"],
    )
    op.create_index(
        "ix_contacts_merged",
        "contacts",
        ["org_id", "merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.create_table(
        "duplicates",
        sa.Column("noun", text, nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("score", sa.Numeric(5, 4), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("merge_id", sa.Uuid(), nullable=True),
        sa.Column("pairs", _JSON, nullable=False),
        sa.Column("digests", _JSON, nullable=False),
        *_record(),
        sa.CheckConstraint("status in ('open', 'merged', 'dismissed')", name=op.f("ck_duplicates_status")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_duplicates")),
    )
    _newest("duplicates")
    op.create_index("ix_duplicates_score", "duplicates", ["org_id", "score", "id"], unique=False)
    _members("duplicate_members", "duplicate")
    op.create_table(
        "duplicate_rules",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("rules", _JSON, nullable=False),
        sa.Column("sources", postgresql.ARRAY(text), nullable=False),
        sa.Column("identifying", postgresql.ARRAY(text), nullable=False),
        sa.Column("auto_merge_at", sa.Numeric(5, 4), nullable=True),
        sa.Column("nightly", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", _JSON, nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_duplicate_rules")),
    )
    op.create_table(
        "merges",
        sa.Column("noun", text, nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("moved", _JSON, nullable=False),
        sa.Column("undone", _JSON, nullable=False),
        *_record(),
        sa.CheckConstraint("status in ('done', 'undone')", name=op.f("ck_merges_status")),
        sa.ForeignKeyConstraint(
            ["org_id", "survivor_id"], ["contacts.org_id", "contacts.id"], name=op.f("fk_merges_survivor_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_merges")),
    )
    _newest("merges")
    _members("merge_members", "merge")
    op.create_table(
        "merge_moves",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("place", text, nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "id"], ["merges.org_id", "merges.id"], name=op.f("fk_merge_moves_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "from_id"], ["contacts.org_id", "contacts.id"], name=op.f("fk_merge_moves_from_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", "place", "row_id", name=op.f("pk_merge_moves")),
    )
    for table in _TABLES:
        for statement in wall(table, app_role):
            op.execute(statement)


def downgrade() -> None:
    """Take back the tables with their data, and the column."""
    op.execute("set local lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.execute(f"drop table {table}")
    op.drop_index("ix_contacts_merged", "contacts")
    op.drop_constraint("fk_contacts_merged_into_id", "contacts")
    op.drop_column("contacts", "merged_into_id")
