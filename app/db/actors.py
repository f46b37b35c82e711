"""Who is calling: one question loads a user with roles, team, custom fields and settings, under one access stamp."""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db.engine import Connection, Database
from app.db.teams import BELOW
from app.domain.access import Actor, Grant, Sight, merge, whole
from app.domain.errors import Unauthenticated
from app.domain.fields import Field, Kind
from app.domain.grants import narrowed

_ASSIGNS = """(select coalesce(array_agg(distinct a.noun), '{}') from assignment_rules a
    where a.org_id = $1 and a.active and a.archived_at is null) as assigns"""
_LOAD = f"""
with recursive me as (
  select u.* from users u where u.org_id = $1 and u.id = $2
), {BELOW}
select o.stamp, o.region, o.time_zone, me.id, me.name, me.active and me.archived_at is null as active,
  (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from roles r
    where r.org_id = $1 and r.id = any(me.role_ids) and r.archived_at is null) as roles,
  (select coalesce(array_agg(u.id), '{{}}') from users u
    where u.org_id = $1 and u.team_id in (select id from below)) as team,
  (select coalesce(jsonb_agg(to_jsonb(c)), '[]') from custom_fields c
    where c.org_id = $1 and c.archived_at is null) as custom,
  {_ASSIGNS},
  (select to_jsonb(k) - 'key_hash' from api_keys k where k.org_id = $1 and k.id = $3) as key,
  (select l.revoked_at is null and l.expires_at > $5 from logins l where l.org_id = $1 and l.id = $4) as signed_in
from organisations o left join me on true where o.id = $1
"""
_HOLDER = "select user_id from api_keys where org_id = $1 and id = $2"


def grant_of(role: Mapping[str, Any]) -> Grant:
    """A role row as what it opens."""
    return Grant(
        scopes=frozenset(role["scopes"]),
        sight={noun: Sight(sight) for noun, sight in role["sight"].items()},
        read={noun: frozenset(names) for noun, names in role["read"].items()},
        write={noun: frozenset(names) for noun, names in role["write"].items()},
    )


def _custom(rows: list[dict[str, Any]]) -> dict[str, dict[str, Field]]:
    found: dict[str, dict[str, Field]] = {}
    for row in rows:
        found.setdefault(row["noun"], {})[row["key"]] = Field(
            name=f"custom.{row['key']}",
            kind=Kind(row["kind"]),
            choices=frozenset(row["choices"]),
            nullable=not row["required"],
            summary=row["label"],
        )
    return found


def _refuse(detail: str) -> Unauthenticated:
    return Unauthenticated("unauthenticated", detail)


def _by_key(grant: Grant, key: Mapping[str, Any] | None, now: datetime) -> tuple[Grant, datetime | None]:
    """What an API key leaves of its holder's grant, and until when. Raises Unauthenticated."""
    until = datetime.fromisoformat(key["expires_at"]) if key and key["expires_at"] else None
    if key is None or key["revoked_at"] or key["archived_at"] or (until and until <= now):
        raise _refuse("This API key was revoked or has expired.")
    return narrowed(grant, frozenset(key["scopes"])), until


def _connected(
    database: Database, org_id: UUID, held: Connection | None
) -> contextlib.AbstractAsyncContextManager[Connection]:
    return database.connection(org_id) if held is None else contextlib.nullcontext(held)


async def load(
    database: Database,
    org_id: UUID,
    user_id: UUID | None,
    *,
    now: datetime,
    key_id: UUID | None = None,
    login_id: UUID | None = None,
    even_inactive: bool = False,
    held: Connection | None = None,
) -> Actor:
    """The user, calling by an API key or signed in by a login. Raises Unauthenticated.

    Asked on a connection that is held and set to the organisation already, if there is one.
    """
    async with _connected(database, org_id, held) as connection:
        holder = user_id if key_id is None else await connection.fetchval(_HOLDER, org_id, key_id)
        row = await connection.fetchrow(_LOAD, org_id, holder, key_id, login_id, now)
    if row is None or not (row["active"] or even_inactive):
        raise _refuse("This user is not active any more.")
    grant, expires_at = merge(grant_of(role) for role in row["roles"]), None
    if key_id is not None:
        grant, expires_at = _by_key(grant, row["key"], now)
    elif login_id is not None and not row["signed_in"]:
        raise _refuse("This sign-in has ended; sign in again.")
    return Actor(
        org_id=org_id,
        id=key_id or row["id"],
        kind="api_key" if key_id else "user",
        name=row["name"],
        grant=grant,
        stamp=row["stamp"],
        user_id=row["id"],
        roles=frozenset(role["name"] for role in row["roles"]),
        login_id=login_id,
        team=frozenset({*row["team"], row["id"]}),
        custom=_custom(row["custom"]),
        assigns=frozenset(row["assigns"]),
        region=row["region"],
        time_zone=row["time_zone"],
        expires_at=expires_at,
    )


async def note_use(database: Database, org_id: UUID, key_id: UUID, *, now: datetime, since: datetime) -> None:
    """Remember that a key was used, unless that is remembered since a time, or the key is just being changed."""
    async with database.connection(org_id) as connection:
        await connection.execute(
            "update api_keys k set last_used_at = $3 from (select org_id, id from api_keys"
            "   where org_id = $1 and id = $2 and (last_used_at is null or last_used_at < $4) for update skip locked) due"
            " where (k.org_id, k.id) = (due.org_id, due.id)",
            org_id,
            key_id,
            now,
            since,
        )


async def system(database: Database, org_id: UUID, *, held: Connection | None = None) -> Actor:
    """The house itself, in one organisation: jobs, sign-in and the first steps act as it. Asked as load asks."""
    async with _connected(database, org_id, held) as connection:
        row = await connection.fetchrow(
            "select o.stamp, o.region, o.time_zone, (select coalesce(jsonb_agg(to_jsonb(c)), '[]')"
            f" from custom_fields c where c.org_id = $1 and c.archived_at is null) as custom, {_ASSIGNS}"
            " from organisations o where o.id = $1",
            org_id,
        )
    if row is None:
        raise _refuse("There is no such organisation.")
    return Actor(
        org_id=org_id,
        id=org_id,
        kind="system",
        name="Rapport",
        grant=whole(),
        stamp=row["stamp"],
        custom=_custom(row["custom"]),
        assigns=frozenset(row["assigns"]),
        region=row["region"],
        time_zone=row["time_zone"],
    )
