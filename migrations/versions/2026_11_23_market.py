"""Prices of competitors, and observations of the market."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import wall

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TEXT = sa.Text(collation="pg_c_utf8")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables with their walls, and let words be looked up in observations."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "competitor_prices",
        sa.Column("competitor_id", sa.Uuid(), nullable=False),
        sa.Column("their_product", _TEXT, nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("price", sa.Numeric(20, 4), nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("source", _TEXT, nullable=True),
        sa.Column("link", _TEXT, nullable=True),
        *_record("competitor_prices"),
        sa.UniqueConstraint(
            "org_id", "competitor_id", "their_product", "valid_from", name="uq_competitor_prices_day"
        ),
        sa.CheckConstraint("price >= 0", name=op.f("ck_competitor_prices_price")),
    )
    op.create_index("ix_competitor_prices_product", "competitor_prices", ["org_id", "product_id"])
    op.create_table(
        "observations",
        sa.Column("topic", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("region", _TEXT, nullable=True),
        sa.Column("figure", sa.Numeric(20, 4), nullable=True),
        sa.Column("unit", _TEXT, nullable=True),
        sa.Column("text", _TEXT, nullable=True),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("link", _TEXT, nullable=True),
        sa.Column("competitor_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(_TEXT), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        *_record("observations"),
        sa.CheckConstraint(
            "kind in ('demand', 'trend', 'policy', 'price', 'other')", name=op.f("ck_observations_kind")
        ),
    )
    op.create_index("ix_observations_observed_on", "observations", ["org_id", "observed_on"])
    op.create_index("ix_observations_competitor", "observations", ["org_id", "competitor_id"])
    op.create_index("ix_observations_product", "observations", ["org_id", "product_id"])
    op.create_index(
        "ix_observations_sought", "observations", ["org_id", "terms", "tags"], postgresql_using="gin"
    )
    for table in ("competitor_prices", "observations"):
        op.create_index(
            f"ix_{table}_newest",
            table,
            ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        )
        op.create_index(f"ix_{table}_changed", table, ["org_id", "updated_at", "id"])
        for statement in wall(table, app_role):
            op.execute(statement)
    _find("(", "('observations', ")


def downgrade() -> None:
    """Take back the tables with their data."""
    op.execute("set local lock_timeout = '5s'")
    _find("('observations', ", "(")
    op.drop_table("observations")
    op.drop_table("competitor_prices")


def _record(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("archived_at", _TIME, nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["org_id", f"{one}_id"], [f"{one}s.org_id", f"{one}s.id"], name=op.f(f"fk_{table}_{one}_id")
            )
            for one in ("competitor", "product")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f(f"pk_{table}")),
    ]


def _find(before: str, after: str) -> None:
    """The places of rapport_find as they are, whichever migrations have added to them, with one more or less."""
    known = "pg_get_functiondef('rapport_find'::regproc)"
    op.execute(
        f"do $do$ begin execute replace({known}, $a$place not in {before}$a$, $b$place not in {after}$b$); end $do$"
    )
