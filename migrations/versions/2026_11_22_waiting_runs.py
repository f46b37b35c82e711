"""Runs tell since when somebody else has been in the way of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the column."""
    op.execute("set local lock_timeout = '5s'")
    op.add_column("runs", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take back the column."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_column("runs", "waiting_since")
