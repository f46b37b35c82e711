"""What is summed of a customer's orders is read from the index that finds them."""

from collections.abc import Sequence

from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KEYS = "(org_id, contact_id, placed_at desc, id desc)"
_CARRIED = "(status, currency, total, refunded, refunded_at, cancelled_at, archived_at)"


def _replace(definition: str) -> None:
    """Build the new one beside the old, so that orders are found by one of them all the time."""
    op.execute("set local lock_timeout = '5s'")
    op.execute(f"create index ix_orders_contact_new on orders {definition}")
    op.execute("drop index ix_orders_contact")
    op.execute("alter index ix_orders_contact_new rename to ix_orders_contact")


def upgrade() -> None:
    """Carry the sums' columns in the index."""
    _replace(f"{_KEYS} include {_CARRIED}")


def downgrade() -> None:
    """As it was before."""
    _replace(_KEYS)
