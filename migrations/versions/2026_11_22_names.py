"""Contacts by any of their addresses and numbers, companies by their names in any case."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# As the owner, because @> and lower are not leakproof and would not use their indexes under row-level security; it
# keeps to the caller's tenant. Name by name ("offset 0"), and through this index alone ("is not distinct from"): before
# anything was counted, the planner would read all contacts of a tenant for each name.
_LISTED = """
create function rapport_called(way text, names text[]) returns table (called text, id uuid)
language plpgsql stable security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  if way = 'emails' then
    return query select n, t.id from unnest(names) n, lateral (select c.id from contacts c
      where c.org_id is not distinct from rapport_org() and jsonb_array_length(c.emails) > 1
        and c.emails @> jsonb_build_array(jsonb_build_object('normalised', n)) offset 0) t;
  elsif way = 'phones' then
    return query select n, t.id from unnest(names) n, lateral (select c.id from contacts c
      where c.org_id is not distinct from rapport_org() and jsonb_array_length(c.phones) > 1
        and c.phones @> jsonb_build_array(jsonb_build_object('e164', n)) offset 0) t;
  else
    return query select n, t.id from unnest(names) n join companies t on t.org_id = rapport_org() and lower(t.name) = n;
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
    op.create_index("ix_companies_called", "companies", ["org_id", sa.literal_column("lower(name)")])
    op.execute(_LISTED)
    op.execute("revoke execute on function rapport_called from public")
    op.execute(f"grant execute on function rapport_called to {app_role}")


def downgrade() -> None:
    """Take back the function and the indexes."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function rapport_called")
    op.drop_index("ix_companies_called", "companies")
    for name in _LISTS:
        op.drop_index(f"ix_contacts_{name}", "contacts")
