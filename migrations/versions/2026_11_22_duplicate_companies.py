"""Duplicates of companies, and rules for each noun."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF = {"contact": "contacts", "company": "companies"}
_NOUN = sa.Text(collation="pg_c_utf8")


def upgrade() -> None:
    """Let members of duplicates be records of either noun, and rules be kept of each."""
    op.execute("set local lock_timeout = '5s'")
    op.drop_constraint("fk_duplicate_members_member_id", "duplicate_members")
    for table in ("duplicate_members", "duplicate_rules"):
        op.add_column(table, sa.Column("noun", _NOUN, nullable=False, server_default="contact"))
        op.alter_column(table, "noun", server_default=None)
    for one, table in _OF.items():
        computed = sa.Computed(f"case when noun = '{one}' then member_id end", persisted=True)
        op.add_column("duplicate_members", sa.Column(f"member_{one}_id", sa.Uuid(), computed, nullable=True))
        op.create_foreign_key(
            op.f(f"fk_duplicate_members_member_{one}_id"),
            "duplicate_members",
            table,
            ["org_id", f"member_{one}_id"],
            ["org_id", "id"],
        )
    _key("org_id", "noun")


def downgrade() -> None:
    """Take it back, with the duplicates of companies and the rules for them."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from duplicate_rules where noun <> 'contact'")
    op.execute("delete from duplicate_members where noun <> 'contact'")
    op.execute("delete from duplicates where noun <> 'contact'")
    _key("org_id")
    for one in _OF:
        op.drop_constraint(f"fk_duplicate_members_member_{one}_id", "duplicate_members")
        op.drop_column("duplicate_members", f"member_{one}_id")
    for table in ("duplicate_members", "duplicate_rules"):
        op.drop_column(table, "noun")
    op.create_foreign_key(
        op.f("fk_duplicate_members_member_id"),
        "duplicate_members",
        "contacts",
        ["org_id", "member_id"],
        ["org_id", "id"],
    )


def _key(*columns: str) -> None:
    op.drop_constraint("pk_duplicate_rules", "duplicate_rules")
    op.create_primary_key("pk_duplicate_rules", "duplicate_rules", list(columns))
