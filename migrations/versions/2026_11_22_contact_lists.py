"""Contacts by any of their addresses and numbers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# As the owner, because @> is not leakproof and would not use its index under row-level security; it keeps to the
# caller's tenant. Whatever is known of how many there are, each name is looked up in the index.
_LISTED = """
create function rapport_listed(way text, names text[]) returns table (called text, id uuid)
language plpgsql stable security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if way = 'emails' then
    return query select n, t.id from unnest(names) n join contacts t on t.org_id = rapport_org()
      and jsonb_array_length(t.emails) > 1 and t.emails @> jsonb_build_array(jsonb_build_object('normalised', n));
  else
    return query select n, t.id from unnest(names) n join contacts t on t.org_id = rapport_org()
      and jsonb_array_length(t.phones) > 1 and t.phones @> jsonb_build_array(jsonb_build_object('e164', n));
  end if;
end $$
"""
_LISTS = ("emails", "phones")


def upgrade() -> None:
    """Make the indexes and the function that asks them."""
    op.execute("set local lock_timeout = '5s'")
    app_role = op.get_context().config.attributes["app_role"]
    for name in _LISTS:
        op.create_index(
            f"ix_contacts_{name}",
            "contacts",
            ["org_id", name],
            postgresql_using="gin",
            postgresql_ops={name: "jsonb_path_ops"},
            postgresql_with={"fastupdate": "off"},
            postgresql_where=sa.text(f"jsonb_array_length({name}) > 1"),
        )
    op.execute(_LISTED)
    op.execute("revoke execute on function rapport_listed from public")
    op.execute(f"grant execute on function rapport_listed to {app_role}")


def downgrade() -> None:
    """Take back the function and the indexes."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_listed")
    for name in _LISTS:
        op.drop_index(f"ix_contacts_{name}", "contacts")
