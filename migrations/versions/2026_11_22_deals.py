"""Pipelines, deals with their lines, and the history of their stages."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import FUNCTIONS, wall

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = ("pipelines", "deals", "deal_lines", "deal_moves")
_FIND = next(text for text in FUNCTIONS if "function rapport_find(" in text)
_SEARCHED = "('contacts', 'companies', 'products', 'orders')"
_TEXT = sa.Text(collation="pg_c_utf8")
_JSON = postgresql.JSONB(astext_type=sa.Text())
_AMOUNT = sa.Numeric(20, 4)
_TIME = sa.DateTime(timezone=True)


def _column(name: str, kind: Any, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable)


def _missing(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [_column(name, kind, nullable=True) for name in names]


def _keyed(table: str) -> list[Any]:
    return [
        _column("org_id", sa.Uuid()),
        _column("id", sa.Uuid()),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f(f"pk_{table}")),
    ]


def _record(table: str) -> list[Any]:
    return [
        _column("version", sa.Integer()),
        _column("created_at", _TIME),
        _column("updated_at", _TIME),
        _column("archived_at", _TIME, nullable=True),
        *_keyed(table),
    ]


def _points_to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["org_id", column], [f"{other}.org_id", f"{other}.id"], name=op.f(f"fk_{table}_{column}")
    )


def _index(table: str, name: str, *columns: str, **options: Any) -> None:
    listed: list[Any] = [
        sa.literal_column(column) if column.endswith(" desc") else column for column in columns
    ]
    op.create_index(f"ix_{table}_{name}", table, ["org_id", *listed], unique=False, **options)


def upgrade() -> None:
    """Make the tables with their walls."""
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "pipelines",
        _column("name", _TEXT),
        _column("stages", _JSON),
        _column("moves", _JSON),
        *_record("pipelines"),
        sa.UniqueConstraint("org_id", "name", name="uq_pipelines_name"),
    )
    _index("pipelines", "newest", "created_at desc", "id desc")
    _make_deals()
    op.create_table(
        "deal_lines",
        _column("deal_id", sa.Uuid()),
        _column("position", sa.Integer()),
        *_missing(sa.Uuid(), "product_id"),
        *_missing(_TEXT, "description"),
        *(_column(name, _AMOUNT) for name in ("quantity", "unit_price", "discount", "amount")),
        *_keyed("deal_lines"),
        _points_to("deal_lines", "deal_id", "deals"),
        _points_to("deal_lines", "product_id", "products"),
    )
    _index("deal_lines", "deal", "deal_id")
    _index("deal_lines", "product", "product_id")
    op.create_table(
        "deal_moves",
        _column("deal_id", sa.Uuid()),
        _column("pipeline_id", sa.Uuid()),
        _column("verb", _TEXT),
        *_missing(_TEXT, "from_stage"),
        _column("to_stage", _TEXT),
        _column("at", _TIME),
        *_missing(sa.Uuid(), "by_id"),
        *_missing(_TEXT, "why"),
        *_missing(sa.BigInteger(), "seconds", "business_seconds"),
        *_keyed("deal_moves"),
        _points_to("deal_moves", "deal_id", "deals"),
        _points_to("deal_moves", "pipeline_id", "pipelines"),
        sa.CheckConstraint(
            "verb in ('open', 'move', 'win', 'lose', 'reopen', 'relocate')", name=op.f("ck_deal_moves_verb")
        ),
    )
    _index("deal_moves", "deal", "deal_id", "at", "id")
    _index("deal_moves", "pipeline", "pipeline_id", "at")
    app_role = op.get_context().config.attributes["app_role"]
    for table in _TABLES:
        for statement in wall(table, app_role):
            op.execute(statement)
    _find_in(_SEARCHED.replace(")", ", 'deals')"))
    # The history is only added to; what somebody wrote beside an entry is taken away when a person is erased.
    op.execute(f"grant update (why) on deal_moves to {app_role}")


def _find_in(places: str) -> None:
    op.execute(_FIND.replace("create function", "create or replace function").replace(_SEARCHED, places))


def _make_deals() -> None:
    references = {
        "contact_id": "contacts",
        "company_id": "companies",
        "pipeline_id": "pipelines",
        "owner_id": "users",
    }
    op.create_table(
        "deals",
        _column("name", _TEXT),
        _column("name_key", _TEXT),
        *_missing(sa.Uuid(), "contact_id", "company_id"),
        _column("pipeline_id", sa.Uuid()),
        _column("stage", _TEXT),
        _column("status", _TEXT),
        *_missing(_AMOUNT, "amount"),
        _column("currency", _TEXT),
        *_missing(_AMOUNT, "probability"),
        *_missing(sa.Date(), "expected_close"),
        *_missing(sa.Uuid(), "owner_id"),
        *_missing(_TEXT, "channel", "campaign", "next_step"),
        *_missing(sa.Date(), "next_step_on"),
        *_missing(_TEXT, "lost_reason"),
        _column("opened_at", _TIME),
        _column("entered_at", _TIME),
        *_missing(_TIME, "closed_at"),
        *_missing(_TEXT, "closed_from"),
        *_missing(_JSON, "credit", "approvals"),
        _column("tags", postgresql.ARRAY(_TEXT)),
        _column("custom", _JSON),
        _column("terms", postgresql.TSVECTOR()),
        *_record("deals"),
        *(_points_to("deals", column, other) for column, other in references.items()),
        sa.CheckConstraint("status <> 'won' or amount is not null", name=op.f("ck_deals_won")),
        sa.CheckConstraint("status in ('open', 'won', 'lost')", name=op.f("ck_deals_status")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_deals_amount")),
        sa.CheckConstraint("probability between 0 and 1", name=op.f("ck_deals_probability")),
    )
    _index("deals", "changed", "updated_at", "id")
    _index("deals", "newest", "created_at desc", "id desc")
    _index("deals", "contact", "contact_id", "entered_at desc", "id desc")
    _index("deals", "company", "company_id", "entered_at desc", "id desc")
    _index("deals", "owner", "owner_id")
    _index("deals", "stage", "pipeline_id", "stage", "entered_at desc", "id desc")
    _index(
        "deals",
        "sought",
        "terms",
        "tags",
        "custom",
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
    )


def downgrade() -> None:
    """Take back the tables with their data."""
    op.execute("set local lock_timeout = '5s'")
    _find_in(_SEARCHED)
    for table in reversed(_TABLES):
        op.execute(f"drop table {table}")
