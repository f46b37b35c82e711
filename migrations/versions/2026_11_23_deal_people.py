"""People on deals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.walls import wall

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Make the table with its wall."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "deal_people",
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "deal_id"], ["deals.org_id", "deals.id"], name=op.f("fk_deal_people_deal_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"],
            ["contacts.org_id", "contacts.id"],
            name=op.f("fk_deal_people_contact_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_deal_people")),
    )
    op.create_index("ix_deal_people_deal", "deal_people", ["org_id", "deal_id"], unique=False)
    op.create_index("ix_deal_people_contact", "deal_people", ["org_id", "contact_id"], unique=False)
    for statement in wall("deal_people", app_role):
        op.execute(statement)


def downgrade() -> None:
    """Take back the table with its data."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("deal_people")
