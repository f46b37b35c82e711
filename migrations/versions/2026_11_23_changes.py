"""Deals that are open, or were closed since a moment, are found by an index: those closed before it cost nothing."""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add the index."""
    op.execute("set local lock_timeout = '5s'")
    op.create_index("ix_deals_closed", "deals", ["org_id", "pipeline_id", "closed_at"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_deals_closed", "deals")
