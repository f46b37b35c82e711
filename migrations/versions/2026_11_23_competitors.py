"""Competitors."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.walls import wall

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.create_table(
        "competitors",
        sa.Column("name", text, nullable=False),
        sa.Column("domain", text, nullable=True),
        sa.Column("country", text, nullable=True),
        sa.Column("region", text, nullable=True),
        sa.Column("strengths", text, nullable=True),
        sa.Column("weaknesses", text, nullable=True),
        sa.Column("note", text, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_competitors")),
    )
    op.create_index("ix_competitors_domain", "competitors", ["org_id", "domain"], unique=False)
    op.create_index(
        "ix_competitors_newest",
        "competitors",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("competitors", app_role):
        op.execute(statement)


def downgrade() -> None:
    """Take back the table with its data."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("competitors")
