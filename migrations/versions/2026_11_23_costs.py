"""Costs of winning customers, which files may be of, too."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.walls import wall

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TEXT = sa.Text(collation="pg_c_utf8")
_TIME = sa.DateTime(timezone=True)
_BEFORE = ("contact", "company", "product", "order", "deal", "interaction", "line")


def upgrade() -> None:
    """Make the table with its wall, and let an import and a preset be of costs."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "costs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("amount", sa.Numeric(20, 4), nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("channel", _TEXT, nullable=True),
        sa.Column("campaign", _TEXT, nullable=True),
        sa.Column("source", _TEXT, nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("note", _TEXT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("archived_at", _TIME, nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_costs_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "team_id"], ["teams.org_id", "teams.id"], name=op.f("fk_costs_team_id")
        ),
        sa.CheckConstraint(
            "kind in ('advertising', 'campaign', 'sales', 'tools', 'other')", name=op.f("ck_costs_kind")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_costs_amount")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_costs")),
    )
    op.create_index(
        "ix_costs_newest",
        "costs",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
    )
    op.create_index("ix_costs_changed", "costs", ["org_id", "updated_at", "id"])
    for name, column in (("day", "day"), ("owner", "owner_id"), ("team", "team_id")):
        op.create_index(f"ix_costs_{name}", "costs", ["org_id", column])
    for statement in wall("costs", app_role):
        op.execute(statement)
    _allow((*_BEFORE, "cost"))


def downgrade() -> None:
    """Take back the table with its data; call what is of costs orders, which an earlier version knows."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("update imports set target = 'order' where target = 'cost'")
    op.execute("update presets set target = 'order' where target = 'cost'")
    _allow(_BEFORE)
    op.drop_table("costs")


def _allow(targets: Sequence[str]) -> None:
    words = ", ".join(f"'{target}'" for target in targets)
    for table in ("imports", "presets"):
        op.drop_constraint(op.f(f"ck_{table}_target"), table)
        op.create_check_constraint(op.f(f"ck_{table}_target"), table, f"target in ({words})")
