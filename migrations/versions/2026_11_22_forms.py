"""Forms, interactions that came by one, and the counting of who sends them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_KINDS = (
    "call",
    "email",
    "meeting",
    "visit",
    "page_view",
    "app",
    "chat",
    "social",
    "complaint",
    "note",
    "custom",
)

# A window begins with the first and is over for all at once. What is older than a day concerns nobody any more, also
# where it is a wrong password.
_VISIT = """
create function rapport_visit(hash text, at timestamptz, most int, span interval) returns timestamptz
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  known attempts;
begin
  delete from attempts a where a.address_hash in (
    select o.address_hash from attempts o where o.failed_at < at - interval '1 day' limit 10 for update skip locked);
  insert into attempts as a values (hash, 1, at) on conflict (address_hash) do update set
    failed = case when a.failed_at <= at - span then 1 else a.failed + 1 end,
    failed_at = case when a.failed_at <= at - span then at else a.failed_at end
  returning * into strict known;
  return case when known.failed > most then known.failed_at + span end;
end $$
"""


def _kinds(kinds: Sequence[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_interactions_kind"), "interactions", type_="check")
    op.create_check_constraint(op.f("ck_interactions_kind"), "interactions", f"kind in ({listed})")


def upgrade() -> None:
    """Make the table with its wall, the kind and the function."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    text = sa.Text(collation="pg_c_utf8")
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    op.create_table(
        "forms",
        sa.Column("name", text, nullable=False),
        sa.Column("title", jsonb, nullable=False),
        sa.Column("intro", jsonb, nullable=True),
        sa.Column("questions", jsonb, nullable=False),
        sa.Column("consent", jsonb, nullable=True),
        sa.Column("thanks", jsonb, nullable=True),
        sa.Column("redirect_url", text, nullable=True),
        sa.Column("source", text, nullable=True),
        sa.Column("contact_tags", postgresql.ARRAY(text), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("origins", postgresql.ARRAY(text), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_forms_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_forms")),
    )
    op.create_index("ix_forms_changed", "forms", ["org_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_forms_newest",
        "forms",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    for statement in wall("forms", app_role):
        op.execute(statement)
    _kinds((*_KINDS[:-2], "form", *_KINDS[-2:]))
    op.execute(_VISIT)
    op.execute("revoke execute on function rapport_visit from public")
    op.execute(f"grant execute on function rapport_visit to {app_role}")


def downgrade() -> None:
    """Take back the table with its data, the kind and the function."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_visit")
    op.execute("update interactions set kind = 'custom' where kind = 'form'")
    _kinds(_KINDS)
    op.execute("drop table forms")
