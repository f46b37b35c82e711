"""Deals among what rows of a file may be."""

from collections.abc import Sequence

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BEFORE = ("contact", "company", "product", "order", "interaction", "line")


def upgrade() -> None:
    """Let an import and a preset be of deals."""
    _allow((*_BEFORE, "deal"))


def downgrade() -> None:
    """Call what is of deals orders, which an earlier version knows, and allow no more of it."""
    op.execute("update imports set target = 'order' where target = 'deal'")
    op.execute("update presets set target = 'order' where target = 'deal'")
    _allow(_BEFORE)


def _allow(targets: Sequence[str]) -> None:
    op.execute("set local lock_timeout = '5s'")
    words = ", ".join(f"'{target}'" for target in targets)
    for table in ("imports", "presets"):
        op.drop_constraint(op.f(f"ck_{table}_target"), table)
        op.create_check_constraint(op.f(f"ck_{table}_target"), table, f"target in ({words})")
