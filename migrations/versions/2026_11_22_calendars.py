"""Calendars, and the one by which an organisation counts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall, and let organisations choose from it."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "calendars",
        sa.Column("name", text, nullable=False),
        sa.Column("time_zone", text, nullable=False),
        sa.Column("week", jsonb, nullable=False),
        sa.Column("special_days", jsonb, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("org_id", "name", name="uq_calendars_name"),
    )
    op.create_index(
        "ix_calendars_newest",
        "calendars",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("calendars", app_role):
        op.execute(statement)
    op.add_column("organisations", sa.Column("calendar_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_organisations_calendar_id"),
        "organisations",
        "calendars",
        ["id", "calendar_id"],
        ["org_id", "id"],
    )


def downgrade() -> None:
    """Take back the choice, and the table with its data."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_constraint(op.f("fk_organisations_calendar_id"), "organisations", type_="foreignkey")
    op.drop_column("organisations", "calendar_id")
    op.drop_table("calendars")
