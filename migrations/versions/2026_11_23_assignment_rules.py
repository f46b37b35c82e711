"""Assignment rules, and until when people are away."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall, and the column."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.add_column("users", sa.Column("away_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "assignment_rules",
        sa.Column("name", text, nullable=False),
        sa.Column("noun", text, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("condition", postgresql.JSONB(), nullable=True),
        sa.Column("method", text, nullable=False),
        sa.Column("people", postgresql.JSONB(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("daily_quota", sa.Integer(), nullable=True),
        sa.Column("territory", text, nullable=True),
        sa.Column("in_hours", sa.Boolean(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=True),
        sa.Column("otherwise", text, nullable=False),
        sa.Column("fallback_id", sa.Uuid(), nullable=True),
        sa.Column("turns", postgresql.JSONB(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("noun in ('contact', 'company', 'deal')", name=op.f("ck_assignment_rules_noun")),
        sa.CheckConstraint(
            "method in ('round_robin', 'least_loaded', 'fixed')", name=op.f("ck_assignment_rules_method")
        ),
        sa.CheckConstraint(
            "otherwise in ('next', 'fallback', 'nobody')", name=op.f("ck_assignment_rules_otherwise")
        ),
        sa.CheckConstraint("daily_quota > 0", name=op.f("ck_assignment_rules_daily_quota")),
        sa.ForeignKeyConstraint(
            ["org_id", "team_id"], ["teams.org_id", "teams.id"], name=op.f("fk_assignment_rules_team_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "calendar_id"],
            ["calendars.org_id", "calendars.id"],
            name=op.f("fk_assignment_rules_calendar_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "fallback_id"],
            ["users.org_id", "users.id"],
            name=op.f("fk_assignment_rules_fallback_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_assignment_rules")),
    )
    op.create_index(
        "ix_assignment_rules_newest",
        "assignment_rules",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("assignment_rules", app_role):
        op.execute(statement)
    # Who acts knows of which nouns there are rules, so that where there are none nothing is asked.
    op.execute(
        "create trigger stamp after insert or update of noun, active, archived_at on assignment_rules"
        " for each statement execute function rapport_stamp()"
    )


def downgrade() -> None:
    """Take back the table with its data, and the column."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("assignment_rules")
    op.drop_column("users", "away_until")
