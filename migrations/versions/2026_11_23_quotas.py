"""Quotas, of which no two of the same kind share a day."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.walls import wall

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall; btree_gist lets one constraint look at equal values and at overlapping days."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("create extension if not exists btree_gist")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    op.create_table(
        "quotas",
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("measure", text, nullable=False),
        sa.Column("currency", text, nullable=True),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("note", text, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "measure in ('won_amount', 'won_deals', 'opened_deals')", name=op.f("ck_quotas_measure")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_quotas_amount")),
        sa.CheckConstraint("ends_on >= begins_on", name=op.f("ck_quotas_ends_on")),
        sa.CheckConstraint("user_id is null or team_id is null", name=op.f("ck_quotas_team_id")),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"], ["users.org_id", "users.id"], name=op.f("fk_quotas_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "team_id"], ["teams.org_id", "teams.id"], name=op.f("fk_quotas_team_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_quotas")),
    )
    op.execute(
        "alter table quotas add constraint ex_quotas_days exclude using gist (org_id with =,"
        " (coalesce(user_id, team_id, org_id)) with =, measure with =, (coalesce(currency, '')) with =,"
        " daterange(begins_on, ends_on, '[]') with &&) where (archived_at is null)"
    )
    op.create_index(
        "ix_quotas_newest",
        "quotas",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("quotas", app_role):
        op.execute(statement)


def downgrade() -> None:
    """Take back the table with its data."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("quotas")
