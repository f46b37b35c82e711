"""Competitors in play on deals, and the one that won a deal that is lost."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.walls import wall

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall, and add the column."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.create_table(
        "deal_competitors",
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("competitor_id", sa.Uuid(), nullable=False),
        sa.Column("note", text, nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deals.org_id", "deals.id"], name=op.f("fk_deal_competitors_deal_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "competitor_id"],
            ["competitors.org_id", "competitors.id"],
            name=op.f("fk_deal_competitors_competitor_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_deal_competitors")),
    )
    op.create_index("ix_deal_competitors_deal", "deal_competitors", ["org_id", "deal_id"])
    op.create_index("ix_deal_competitors_competitor", "deal_competitors", ["org_id", "competitor_id"])
    for statement in wall("deal_competitors", app_role):
        op.execute(statement)
    op.add_column("deals", sa.Column("lost_to_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_deals_lost_to_id"), "deals", "competitors", ["org_id", "lost_to_id"], ["org_id", "id"]
    )
    op.create_index(
        "ix_deals_lost_to",
        "deals",
        ["org_id", "lost_to_id"],
        postgresql_where=sa.text("lost_to_id is not null"),
    )


def downgrade() -> None:
    """Take both back with their data."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("deals", "lost_to_id")
    op.drop_table("deal_competitors")
