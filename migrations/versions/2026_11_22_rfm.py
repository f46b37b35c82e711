"""RFM: runs with what was found, scores of contacts, and what is begun once a night."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Across all tenants, so they run as the owner of the tables.
_FUNCTIONS = {
    "rapport_nights": """
create function rapport_nights(what text, at timestamptz, begins interval)
returns table (org_id uuid, day date, midnight timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select o.id, d.day, d.day::timestamp at time zone o.time_zone
  from organisations o, lateral (select ((at at time zone o.time_zone) - begins)::date as day) d
  where not exists (select from nights n where n.org_id = o.id and n.kind = what and n.day >= d.day)
$$
""",
    "rapport_forget_scores": """
create function rapport_forget_scores(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (delete from rfm_scores where ctid = any(array(
    select s.ctid from rfm_runs r join rfm_scores s on s.org_id = r.org_id and s.run_id = r.id
    where r.created_at < before limit most for update of s skip locked)) returning 1)
  select count(*) from gone
$$
""",
}


def upgrade() -> None:
    """Make the tables with their walls, and the functions."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    time = sa.DateTime(timezone=True)
    op.create_table(
        "rfm_runs",
        sa.Column("as_of", time, nullable=False),
        sa.Column("returns", text, nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=True),
        sa.Column("bins", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("currency", text, nullable=False),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("clusters", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", time, nullable=False),
        sa.Column("finished_at", time, nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("returns in ('net', 'ignore')", name=op.f("ck_rfm_runs_returns")),
        sa.ForeignKeyConstraint(["org_id", "id"], ["runs.org_id", "runs.id"], name=op.f("fk_rfm_runs_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_rfm_runs")),
    )
    op.create_index(
        "ix_rfm_runs_latest",
        "rfm_runs",
        ["org_id", sa.literal_column("as_of desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "rfm_scores",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("recency_days", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("monetary", sa.Numeric(24, 2), nullable=False),
        sa.Column("tenure_days", sa.Integer(), nullable=False),
        sa.Column("r", sa.SmallInteger(), nullable=False),
        sa.Column("f", sa.SmallInteger(), nullable=False),
        sa.Column("m", sa.SmallInteger(), nullable=False),
        sa.Column("segment", text, nullable=False),
        sa.Column("tier", text, nullable=False),
        sa.Column("cluster", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "run_id", "contact_id", name=op.f("pk_rfm_scores")),
    )
    op.create_index("ix_rfm_scores_contact", "rfm_scores", ["org_id", "contact_id", "run_id"], unique=False)
    op.create_table(
        "nights",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("begun_at", time, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "kind", "day", name=op.f("pk_nights")),
    )
    op.create_index(
        "ix_contacts_archived",
        "contacts",
        ["org_id", "id"],
        unique=False,
        postgresql_where=sa.text("archived_at is not null"),
    )
    for table in ("rfm_runs", "rfm_scores", "nights"):
        for statement in wall(table, app_role):
            op.execute(statement)
    for name, function in _FUNCTIONS.items():
        op.execute(function)
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"grant execute on function {name} to {app_role}")


def downgrade() -> None:
    """Take back the tables with their data, and the functions."""
    op.execute("set local lock_timeout = '5s'")
    for name in _FUNCTIONS:
        op.execute(f"drop function {name}")
    op.drop_index("ix_contacts_archived", "contacts")
    for table in ("nights", "rfm_scores", "rfm_runs"):
        op.execute(f"drop table {table}")
