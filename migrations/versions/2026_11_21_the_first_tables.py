"""The first tables, the tenants' walls around them, and the few functions that look over those walls."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.db.events import XID8
from app.kit import clock
from migrations.walls import FUNCTIONS, TRIGGERS, doors, first_partitions, role, walls

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = (
    "api_keys",
    "attempts",
    "companies",
    "contacts",
    "custom_fields",
    "events",
    "exchange_rates",
    "external_ids",
    "idempotency_keys",
    "interactions",
    "logins",
    "order_lines",
    "orders",
    "organisations",
    "products",
    "roles",
    "runs",
    "tags",
    "teams",
    "users",
)


def upgrade() -> None:  # noqa: PLR0915 - one statement a table and index, as Alembic writes them
    """Apply."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("create extension if not exists btree_gin")
    app_role = op.get_context().config.attributes["app_role"]
    op.create_table(
        "attempts",
        sa.Column("address_hash", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_failed_at", "attempts", ["failed_at"], unique=False)
    op.create_table(
        "custom_fields",
        sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("key", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("kind", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("label", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("label_zh", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("choices", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_custom_fields")),
        sa.UniqueConstraint("org_id", "noun", "key", name="uq_custom_fields_key"),
    )
    op.create_index(
        "ix_custom_fields_newest",
        "custom_fields",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "events",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", XID8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("noun_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_kind", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "seq", "at", name=op.f("pk_events")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_events_commit", "events", ["org_id", "xid", "seq"], unique=False)
    op.create_index(
        "ix_events_record", "events", ["org_id", "noun_id", sa.literal_column("seq desc")], unique=False
    )
    op.create_index(
        "ix_events_type",
        "events",
        ["org_id", "type", "actor_id", sa.literal_column("seq desc")],
        unique=False,
    )
    op.create_table(
        "exchange_rates",
        sa.Column("currency", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("base", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=20, scale=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("rate > 0", name=op.f("ck_exchange_rates_rate")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_exchange_rates")),
        sa.UniqueConstraint("org_id", "currency", "base", "on_date", name="uq_exchange_rates_day"),
    )
    op.create_index(
        "ix_exchange_rates_newest",
        "exchange_rates",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "external_ids",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("system", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("external_id", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("noun_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "noun", "system", "external_id", name=op.f("pk_external_ids")),
    )
    op.create_index("ix_external_ids_record", "external_ids", ["org_id", "noun_id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("request_hash", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("body", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("access", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("noun_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "actor_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_index(
        "ix_idempotency_keys_record",
        "idempotency_keys",
        ["org_id", "noun_id"],
        unique=False,
        postgresql_where=sa.text("noun_id is not null"),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("region", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("time_zone", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("currency", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("language", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organisations_slug")),
    )
    op.create_table(
        "products",
        sa.Column("sku", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("category", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("price", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("cost", sa.Numeric(precision=20, scale=4), nullable=True),
        sa.Column("currency", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_products_cost")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_products_price")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_products")),
        sa.UniqueConstraint("org_id", "sku", name="uq_products_sku"),
    )
    op.create_index("ix_products_category", "products", ["org_id", "category"], unique=False)
    op.create_index("ix_products_changed", "products", ["org_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_products_newest",
        "products",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "ix_products_sought",
        "products",
        ["org_id", "terms", "tags", "custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
    )
    op.create_table(
        "roles",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("builtin", sa.Boolean(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("sight", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("read", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("write", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_roles")),
        sa.UniqueConstraint("org_id", "name", name="uq_roles_name"),
    )
    op.create_index(
        "ix_roles_newest",
        "roles",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "runs",
        sa.Column("kind", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("status", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("checkpoint", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status in ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_runs_status")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_runs")),
    )
    op.create_index(
        "ix_runs_due",
        "runs",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("status in ('queued', 'running')"),
    )
    op.create_index(
        "ix_runs_newest",
        "runs",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "tags",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("colour", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("description", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_tags")),
        sa.UniqueConstraint("org_id", "name", name="uq_tags_name"),
    )
    op.create_index(
        "ix_tags_newest",
        "tags",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "teams",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "parent_id"], ["teams.org_id", "teams.id"], name=op.f("fk_teams_parent_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_teams")),
        sa.UniqueConstraint("org_id", "name", name="uq_teams_name"),
    )
    op.create_index(
        "ix_teams_newest",
        "teams",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "users",
        sa.Column("email", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("role_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("language", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("time_zone", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("password_hash", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "team_id"], ["teams.org_id", "teams.id"], name=op.f("fk_users_team_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_users")),
        sa.UniqueConstraint("org_id", "email", name="uq_users_email"),
    )
    op.create_index("ix_users_email", "users", ["email"], unique=False)
    op.create_index(
        "ix_users_newest",
        "users",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "api_keys",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key_hash", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"], ["users.org_id", "users.id"], name=op.f("fk_api_keys_user_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_index(
        "ix_api_keys_newest",
        "api_keys",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "companies",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("name_key", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("domain", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("industry", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("employees", sa.Integer(), nullable=True),
        sa.Column("region", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("country", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_companies_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "parent_id"], ["companies.org_id", "companies.id"], name=op.f("fk_companies_parent_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_companies")),
    )
    op.create_index("ix_companies_domain", "companies", ["org_id", "domain"], unique=False)
    op.create_index("ix_companies_changed", "companies", ["org_id", "updated_at", "id"], unique=False)
    op.create_index("ix_companies_name", "companies", ["org_id", "name_key", "id"], unique=False)
    op.create_index(
        "ix_companies_newest",
        "companies",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_companies_owner", "companies", ["org_id", "owner_id"], unique=False)
    op.create_index("ix_companies_parent", "companies", ["org_id", "parent_id"], unique=False)
    op.create_index(
        "ix_companies_sought",
        "companies",
        ["org_id", "terms", "tags", "custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
    )
    op.create_table(
        "logins",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("previous_hash", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_why", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "user_id"], ["users.org_id", "users.id"], name=op.f("fk_logins_user_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_logins")),
    )
    op.create_index("ix_logins_user", "logins", ["org_id", "user_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("name", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("name_key", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("given_name", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("family_name", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("emails", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("email", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("phones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("phone", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("addresses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("company_id", sa.Uuid(), nullable=True),
        sa.Column("job_title", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("gender", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("occupation", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("income_band", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("education", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("source", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("stage", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("language", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("consents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("consented", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "gender in ('female', 'male', 'other', 'undisclosed')", name=op.f("ck_contacts_gender")
        ),
        sa.CheckConstraint(
            "stage in ('lead', 'prospect', 'customer', 'lapsed')", name=op.f("ck_contacts_stage")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"],
            ["companies.org_id", "companies.id"],
            name=op.f("fk_contacts_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_contacts_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_company", "contacts", ["org_id", "company_id"], unique=False)
    op.create_index("ix_contacts_email", "contacts", ["org_id", "email"], unique=False)
    op.create_index("ix_contacts_changed", "contacts", ["org_id", "updated_at", "id"], unique=False)
    op.create_index("ix_contacts_name", "contacts", ["org_id", "name_key", "id"], unique=False)
    op.create_index(
        "ix_contacts_newest",
        "contacts",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_contacts_owner", "contacts", ["org_id", "owner_id", "created_at", "id"], unique=False)
    op.create_index("ix_contacts_phone", "contacts", ["org_id", "phone"], unique=False)
    op.create_index(
        "ix_contacts_sought",
        "contacts",
        ["org_id", "terms", "tags", "custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
    )
    op.create_table(
        "interactions",
        sa.Column("kind", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("channel", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("direction", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("subject", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("body", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("page", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("campaign", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("session", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("company_id", sa.Uuid(), nullable=True),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "direction in ('inbound', 'outbound', 'internal')", name=op.f("ck_interactions_direction")
        ),
        sa.CheckConstraint(
            "kind in ('call', 'email', 'meeting', 'visit', 'page_view', 'app', 'chat', 'social', 'complaint', 'note', 'custom')",
            name=op.f("ck_interactions_kind"),
        ),
        sa.CheckConstraint("duration_seconds >= 0", name=op.f("ck_interactions_duration_seconds")),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"],
            ["companies.org_id", "companies.id"],
            name=op.f("fk_interactions_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"],
            ["contacts.org_id", "contacts.id"],
            name=op.f("fk_interactions_contact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_interactions_owner_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "product_id"],
            ["products.org_id", "products.id"],
            name=op.f("fk_interactions_product_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", "at", name=op.f("pk_interactions")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        "ix_interactions_at",
        "interactions",
        ["org_id", sa.literal_column("at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "ix_interactions_company",
        "interactions",
        ["org_id", "company_id", sa.literal_column("at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "ix_interactions_contact",
        "interactions",
        ["org_id", "contact_id", sa.literal_column("at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_interactions_changed", "interactions", ["org_id", "updated_at", "id"], unique=False)
    op.create_index("ix_interactions_owner", "interactions", ["org_id", "owner_id"], unique=False)
    op.create_index(
        "ix_interactions_newest",
        "interactions",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("company_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("status", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("currency", sa.Text(collation="pg_c_utf8"), nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("discount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("tax", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("total", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("refunded", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text(collation="pg_c_utf8")), nullable=False),
        sa.Column("custom", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("terms", postgresql.TSVECTOR(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status in ('placed', 'paid', 'shipped', 'refunded_in_part', 'refunded', 'cancelled')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint("refunded >= 0 and refunded <= total", name=op.f("ck_orders_refunded")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_total")),
        sa.ForeignKeyConstraint(
            ["org_id", "company_id"], ["companies.org_id", "companies.id"], name=op.f("fk_orders_company_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "contact_id"], ["contacts.org_id", "contacts.id"], name=op.f("fk_orders_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "owner_id"], ["users.org_id", "users.id"], name=op.f("fk_orders_owner_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint("org_id", "number", name="uq_orders_number"),
    )
    op.create_index(
        "ix_orders_company",
        "orders",
        ["org_id", "company_id", sa.literal_column("placed_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "ix_orders_contact",
        "orders",
        ["org_id", "contact_id", sa.literal_column("placed_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_orders_changed", "orders", ["org_id", "updated_at", "id"], unique=False)
    op.create_index(
        "ix_orders_newest",
        "orders",
        ["org_id", sa.literal_column("created_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("ix_orders_owner", "orders", ["org_id", "owner_id"], unique=False)
    op.create_index(
        "ix_orders_placed",
        "orders",
        ["org_id", sa.literal_column("placed_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index(
        "ix_orders_sought",
        "orders",
        ["org_id", "terms", "tags", "custom"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"custom": "jsonb_path_ops"},
    )
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("description", sa.Text(collation="pg_c_utf8"), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("discount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "order_id"], ["orders.org_id", "orders.id"], name=op.f("fk_order_lines_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "product_id"],
            ["products.org_id", "products.id"],
            name=op.f("fk_order_lines_product_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_order_lines")),
    )
    op.create_index("ix_order_lines_order", "order_lines", ["org_id", "order_id"], unique=False)
    op.create_index("ix_order_lines_product", "order_lines", ["org_id", "product_id"], unique=False)
    for statement in (
        *role(app_role),
        *FUNCTIONS,
        *doors(app_role),
        *walls(app_role),
        *TRIGGERS,
        *first_partitions(clock.now().date()),
    ):
        op.execute(statement)


def downgrade() -> None:
    """Take back the tables with their data, and the functions.

    The role stays, since other databases of the server may know it, and btree_gin, which may have been there before.
    """
    op.execute("set local lock_timeout = '5s'")
    op.execute(f"drop table {', '.join(_TABLES)}")
    op.execute("""do $$ declare function regprocedure; begin
  for function in select oid from pg_proc where pronamespace = 'public'::regnamespace and proname like 'rapport\\_%' loop
    execute format('drop function %s', function);
  end loop;
end $$""")
