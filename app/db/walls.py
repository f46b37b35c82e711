"""Whether the walls between tenants stand for the role that asks; migrations/walls.py builds them."""

from app.db.engine import Connection, Database
from app.settings import Unwalled

_SAID = {
    "rolsuper": "superuser",
    "rolbypassrls": "exempt from row security",
    "owns": "owner of the tables",
}
# Whoever has the privileges of a table's owner is let through by the owner's policies, too.
_ROLE = """
select rolsuper, rolbypassrls,
       not rolsuper and exists (
         select from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
           and pg_has_role(r.oid, relowner, 'usage')) as owns
from pg_roles r where rolname = coalesce($1, current_user)
"""


async def role_faults(connection: Connection, role: str | None = None) -> list[str] | None:
    """By what a role, the present one if none is named, could look past row-level security; None for no such role."""
    found = await connection.fetchrow(_ROLE, role)
    return None if found is None else [said for name, said in _SAID.items() if found[name]]


def mend(role: str) -> str:
    """What to do about a role with faults."""
    return (
        f"organisations are not kept apart: ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS and let another role own the"
        " tables, or name another one in RAPPORT_APP_ROLE."
    )


async def must_stand(database: Database, role: str) -> None:
    """Raise Unwalled when the role that this database is asked as looks past the walls, Busy when it cannot be asked."""
    async with database.connection() as connection:
        faults = await role_faults(connection)
    if faults:
        raise Unwalled(f"The database role {role} is {' and '.join(faults)}, so {mend(role)}")
