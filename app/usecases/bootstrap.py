"""The first steps: an organisation with its roles, an administrator and a key to begin with."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.db import actors, write
from app.db.api_keys import API_KEYS
from app.db.engine import Database
from app.db.registry import NOUNS
from app.db.roles import ROLES
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import EVERYTHING
from app.domain.errors import NotFound
from app.domain.roles import BUILTIN, opened
from app.kit import clock, passwords, tokens
from app.kit.ids import new_id
from app.settings import settings

ADMIN_EMAIL = "admin@rapport.example"
FIRST_KEY_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What is shown once."""

    organisation: str
    email: str
    password: str
    key: str


def role_rows() -> list[dict[str, object]]:
    """The built-in roles as rows, with the fields that their groups open today."""
    rows = []
    for name, role in BUILTIN.items():
        read = {noun: _names(noun, groups) for noun, groups in role.read.items()}
        written = {noun: _writable(noun, _names(noun, groups)) for noun, groups in role.write.items()}
        sight = dict.fromkeys((EVERYTHING,) if name == "admin" else _owned(), role.sight.value)
        rows.append(
            {
                "id": new_id(),
                "name": name,
                "builtin": True,
                "scopes": sorted(role.scopes),
                "sight": sight,
                "read": read,
                "write": written,
            }
        )
    return rows


def _owned() -> list[str]:
    return [name for name, noun in NOUNS.items() if noun.owned]


def _names(noun: str, groups: tuple[str, ...]) -> list[str]:
    if noun == EVERYTHING:
        return list(groups)
    return opened(NOUNS[noun].groups, groups)


def _writable(noun: str, names: list[str]) -> list[str]:
    return names if noun == EVERYTHING else [name for name in names if NOUNS[noun].fields[name].writable]


async def new_organisation(url: str, *, name: str, slug: str, email: str, password: str) -> UUID:
    """A tenant with its built-in roles, and one administrator who has a key; its id."""
    org_id = await _tenant(url, name=name, slug=slug)
    await _people(url, org_id, email=email, password=password)
    return org_id


async def _tenant(url: str, *, name: str, slug: str) -> UUID:
    org_id = new_id()
    owner = Database(url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            await connection.execute(
                "insert into organisations (id, slug, name, region, time_zone, currency, language, stamp, version,"
                " created_at, updated_at) values ($1, $2, $3, 'CN', 'Asia/Shanghai', 'CNY', 'zh-CN', 1, 1, $4, $4)",
                org_id,
                slug,
                name,
                clock.now(),
            )
    finally:
        await owner.close()
    return org_id


async def _people(url: str, org_id: UUID, *, email: str, password: str) -> str:
    """The built-in roles, an administrator and their key, which is returned: all of it or nothing."""
    now = clock.now()
    database = Database(url, role=settings().app_role, size=1)
    try:
        uow = UnitOfWork(database, await actors.system(database, org_id), now=now, cause="bootstrap")
        async with uow:
            roles = role_rows()
            await write.add(uow, ROLES, roles, "role.added")
            user_id = new_id()
            admin = {
                "id": user_id,
                "email": email,
                "name": "Administrator",
                "active": True,
                "team_id": None,
                "role_ids": [role["id"] for role in roles if role["name"] == "admin"],
                "language": None,
                "time_zone": None,
                "password_hash": await passwords.hashed(password),
            }
            await write.add(uow, USERS, [admin], "user.added")
            row, key = key_row(user_id, "first key", [EVERYTHING], now + FIRST_KEY_FOR)
            await write.add(uow, API_KEYS, [row], "api_key.added")
            await uow.commit()
    finally:
        await database.close()
    return key


async def bootstrap(database_url: str) -> Bootstrap | None:
    """The first organisation, its administrator and a key; None when somebody is there already.

    One of several that start together does it while the others wait. An organisation in which nobody is, because the
    first steps were cut short, is finished.
    """
    owner = Database(database_url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            await connection.execute("set lock_timeout = '60s'")
            # Held until the connection is closed below.
            await connection.execute("select pg_advisory_lock(hashtextextended('rapport bootstrap', 0))")
            if await connection.fetchval("select exists (select from users)"):
                return None
            begun = await connection.fetchrow("select id, slug from organisations order by id limit 1")
            org_id, slug = begun or (await _tenant(database_url, name="Rapport", slug="main"), "main")
            password = tokens.new_secret()[:20]
            key = await _people(database_url, org_id, email=ADMIN_EMAIL, password=password)
            return Bootstrap(slug, ADMIN_EMAIL, password, key)
    finally:
        await owner.close()


async def create_key(
    database_url: str, *, organisation: str | None, name: str, scopes: list[str] | None, days: int | None
) -> str:
    """A key of the organisation's first administrator, for whoever holds the database; shown once."""
    owner = Database(database_url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            found = await connection.fetchrow(
                "select u.org_id, u.id from users u join organisations o on o.id = u.org_id"
                " where ($1::text is null or o.slug = $1) and u.active and u.archived_at is null"
                " and exists (select from roles r where r.org_id = u.org_id and r.id = any(u.role_ids)"
                "   and r.name = 'admin' and r.builtin) order by u.created_at limit 1",
                organisation,
            )
    finally:
        await owner.close()
    if found is None:
        raise NotFound(
            "organisation_not_found", "There is no organisation of this name with an active administrator."
        )
    database = Database(database_url, role=settings().app_role, size=1)
    try:
        now = clock.now()
        uow = UnitOfWork(
            database, await actors.system(database, found["org_id"]), now=now, cause="command line"
        )
        async with uow:
            expires = now + timedelta(days=days) if days else None
            row, key = key_row(found["id"], name, scopes or [EVERYTHING], expires)
            await write.add(uow, API_KEYS, [row], "api_key.added")
            await uow.commit()
    finally:
        await database.close()
    return key


def key_row(user_id: UUID, name: str, scopes: list[str], expires_at: object) -> tuple[dict[str, object], str]:
    """A new API key's row, and the key itself, which is kept nowhere."""
    key = tokens.new_key()
    row = {
        "id": new_id(),
        "name": name,
        "user_id": user_id,
        "prefix": key[: tokens.SHOWN],
        "scopes": sorted(scopes),
        "expires_at": expires_at,
        "key_hash": tokens.digest(key),
    }
    return row, key
