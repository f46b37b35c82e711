"""Companies that became part of others, and merges of more than one noun."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_OF = {"contact": "contacts", "company": "companies"}


def upgrade() -> None:
    """Let companies point to where they went, and members of merges to records of either noun."""
    op.execute("set local lock_timeout = '5s'")
    op.add_column("companies", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_companies_merged_into_id"),
        "companies",
        "companies",
        ["org_id", "merged_into_id"],
        ["org_id", "id"],
    )
    op.create_index(
        "ix_companies_merged",
        "companies",
        ["org_id", "merged_into_id"],
        unique=False,
        postgresql_where=sa.text("merged_into_id is not null"),
    )
    op.drop_constraint("fk_merges_survivor_id", "merges")
    op.drop_constraint("fk_merge_moves_from_id", "merge_moves")
    op.drop_constraint("fk_merge_members_member_id", "merge_members")
    noun = sa.Column("noun", sa.Text(collation="pg_c_utf8"), nullable=False, server_default="contact")
    op.add_column("merge_members", noun)
    op.alter_column("merge_members", "noun", server_default=None)
    for one, table in _OF.items():
        computed = sa.Computed(f"case when noun = '{one}' then member_id end", persisted=True)
        op.add_column("merge_members", sa.Column(f"member_{one}_id", sa.Uuid(), computed, nullable=True))
        op.create_foreign_key(
            op.f(f"fk_merge_members_member_{one}_id"),
            "merge_members",
            table,
            ["org_id", f"member_{one}_id"],
            ["org_id", "id"],
        )


def downgrade() -> None:
    """Take back the columns, with the merges of companies."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("delete from merge_moves where id in (select id from merges where noun = 'company')")
    op.execute("delete from merge_members where noun = 'company'")
    op.execute("delete from merges where noun = 'company'")
    for one in _OF:
        op.drop_constraint(f"fk_merge_members_member_{one}_id", "merge_members")
        op.drop_column("merge_members", f"member_{one}_id")
    op.drop_column("merge_members", "noun")
    for table, column in (
        ("merge_members", "member_id"),
        ("merge_moves", "from_id"),
        ("merges", "survivor_id"),
    ):
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}"), table, "contacts", ["org_id", column], ["org_id", "id"]
        )
    op.drop_index("ix_companies_merged", "companies")
    op.drop_constraint("fk_companies_merged_into_id", "companies")
    op.drop_column("companies", "merged_into_id")
