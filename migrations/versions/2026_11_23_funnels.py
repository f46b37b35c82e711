"""Deals of a pipeline are found by when they were opened."""

from collections.abc import Sequence

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the index."""
    op.execute("set local lock_timeout = '5s'")
    op.create_index("ix_deals_opened", "deals", ["org_id", "pipeline_id", "opened_at"], unique=False)


def downgrade() -> None:
    """Take back the index."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_deals_opened", "deals")
