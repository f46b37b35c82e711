"""Tasks, and the reminders that are due."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TEXT = sa.Text(collation="pg_c_utf8")
_TIME = sa.DateTime(timezone=True)
_REFERENCES = {"contact_id": "contacts", "company_id": "companies", "deal_id": "deals", "owner_id": "users"}
# Across all tenants, so it runs as the owner of the tables.
_REMINDERS = """
create function rapport_reminders(at timestamptz) returns table (org_id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select distinct t.org_id from tasks t
  where t.status = 'open' and t.archived_at is null and t.reminded_at is null and t.remind_at <= at
$$
"""


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _index(name: str, *columns: str) -> None:
    listed: list[Any] = [sa.literal_column(one) if one.endswith(" desc") else one for one in columns]
    op.create_index(f"ix_tasks_{name}", "tasks", ["org_id", *listed], unique=False)


def upgrade() -> None:
    """Make the table with its wall, and the function."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "tasks",
        _column("kind", _TEXT),
        _column("title", _TEXT),
        _column("notes", _TEXT, nullable=True),
        _column("priority", _TEXT),
        _column("due_at", _TIME, nullable=True),
        _column("remind_at", _TIME, nullable=True),
        _column("reminded_at", _TIME, nullable=True),
        _column("status", _TEXT),
        _column("closed_at", _TIME, nullable=True),
        _column("closed_by_id", sa.Uuid(), nullable=True),
        *(_column(name, sa.Uuid(), nullable=True) for name in _REFERENCES),
        _column("tags", postgresql.ARRAY(_TEXT)),
        _column("custom", postgresql.JSONB(astext_type=sa.Text())),
        _column("version", sa.Integer()),
        _column("created_at", _TIME),
        _column("updated_at", _TIME),
        _column("archived_at", _TIME, nullable=True),
        _column("org_id", sa.Uuid()),
        _column("id", sa.Uuid()),
        sa.CheckConstraint("kind in ('todo', 'call', 'meeting')", name=op.f("ck_tasks_kind")),
        sa.CheckConstraint("priority in ('low', 'normal', 'high')", name=op.f("ck_tasks_priority")),
        sa.CheckConstraint("status in ('open', 'done', 'cancelled')", name=op.f("ck_tasks_status")),
        *(
            sa.ForeignKeyConstraint(
                ["org_id", name], [f"{other}.org_id", f"{other}.id"], name=op.f(f"fk_tasks_{name}")
            )
            for name, other in _REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_tasks")),
    )
    _index("newest", "created_at desc", "id desc")
    _index("changed", "updated_at", "id")
    _index("contact", "contact_id")
    _index("company", "company_id")
    _index("deal", "deal_id")
    _index("owner", "owner_id", "status", "due_at")
    op.create_index(
        "ix_tasks_remind",
        "tasks",
        ["remind_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open' and archived_at is null and reminded_at is null"),
    )
    for statement in wall("tasks", app_role):
        op.execute(statement)
    op.execute(_REMINDERS)
    op.execute("revoke execute on function rapport_reminders from public")
    op.execute(f"grant execute on function rapport_reminders to {app_role}")


def downgrade() -> None:
    """Take back the table with its data, and the function."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_reminders")
    op.drop_table("tasks")
