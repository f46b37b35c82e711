"""Forecasts: what was asked and found, and the chances of the deals behind them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Across all tenants, so it runs as the owner of the tables.
_FORGET = """
create function rapport_forget_chances(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (delete from forecast_deals where ctid = any(array(
    select d.ctid from forecasts f join forecast_deals d on d.org_id = f.org_id and d.forecast_id = f.id
    where f.created_at < before limit most for update of d skip locked)) returning 1)
  select count(*) from gone
$$
"""


def upgrade() -> None:
    """Make the tables with their walls, and the function."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    time = sa.DateTime(timezone=True)
    op.create_table(
        "forecasts",
        sa.Column("kind", text, nullable=False),
        sa.Column("pipeline_id", sa.Uuid(), nullable=True),
        sa.Column("unit", text, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("as_of", time, nullable=False),
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency", text, nullable=False),
        sa.Column("method", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", time, nullable=False),
        sa.Column("finished_at", time, nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind in ('pipeline', 'revenue')", name=op.f("ck_forecasts_kind")),
        sa.ForeignKeyConstraint(["org_id", "id"], ["runs.org_id", "runs.id"], name=op.f("fk_forecasts_id")),
        sa.ForeignKeyConstraint(
            ["org_id", "pipeline_id"],
            ["pipelines.org_id", "pipelines.id"],
            name=op.f("fk_forecasts_pipeline_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_forecasts")),
    )
    op.create_index(
        "ix_forecasts_latest",
        "forecasts",
        ["org_id", sa.literal_column("as_of desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "forecast_deals",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("forecast_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("part", text, nullable=False),
        sa.Column("chance", sa.Numeric(7, 6), nullable=False),
        sa.Column("amount", sa.Numeric(24, 2), nullable=True),
        sa.CheckConstraint(
            "part in ('won', 'commit', 'best_case', 'pipeline')", name=op.f("ck_forecast_deals_part")
        ),
        sa.PrimaryKeyConstraint("org_id", "forecast_id", "deal_id", name=op.f("pk_forecast_deals")),
    )
    for table in ("forecasts", "forecast_deals"):
        for statement in wall(table, app_role):
            op.execute(statement)
    op.execute(_FORGET)
    op.execute("revoke execute on function rapport_forget_chances from public")
    op.execute(f"grant execute on function rapport_forget_chances to {app_role}")


def downgrade() -> None:
    """Take back the tables with their data, and the function."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_forget_chances")
    op.drop_table("forecast_deals")
    op.drop_table("forecasts")
