"""The first steps: an organisation with its roles, an administrator and a key to begin with."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.db import actors, organisations, users, write
from app.db.api_keys import API_KEYS
from app.db.engine import Connection, Database, Row
from app.db.registry import NOUNS
from app.db.roles import RELEASE, ROLES, built_in
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import EVERYTHING
from app.domain.errors import Duplicate, InvalidInput, NotFound
from app.domain.grants import known_scopes
from app.domain.roles import BUILTIN, opened, renewed
from app.kit import clock, emails, passwords, tokens
from app.kit.ids import new_id
from app.settings import settings

ADMIN_EMAIL = "admin@rapport.example"
FIRST_KEY_FOR = timedelta(days=365)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """An organisation and its administrator's access, which is shown once."""

    org_id: UUID
    slug: str
    email: str
    password: str
    key: str


def role_rows() -> list[dict[str, Any]]:
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


async def _people(url: str, org_id: UUID, *, email: str, password: str) -> str:
    """The built-in roles, an administrator and their key, which is returned: all of it or nothing."""
    now = clock.now()
    password_hash = await passwords.hashed(password)
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
                "password_hash": password_hash,
            }
            await write.add(uow, USERS, [admin], "user.added")
            row, key = key_row(user_id, "first key", [EVERYTHING], now + FIRST_KEY_FOR)
            await write.add(uow, API_KEYS, [row], "api_key.added")
            await uow.commit()
    finally:
        await database.close()
    return key


def _new_password() -> str:
    return tokens.new_secret()[:20]


@contextlib.asynccontextmanager
async def _founding(url: str) -> AsyncIterator[Connection]:
    """The owner's connection, while nobody else founds an organisation."""
    owner = Database(url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            await organisations.take_turns(connection)
            yield connection
    finally:
        await owner.close()


async def _found(
    url: str, connection: Connection, begun: Row | None, *, name: str, slug: str, email: str, password: str
) -> Bootstrap:
    org_id: UUID = begun["id"] if begun else new_id()
    if begun is None:
        await organisations.add(connection, org_id, name=name, slug=slug, at=clock.now())
    key = await _people(url, org_id, email=email, password=password)
    return Bootstrap(org_id, begun["slug"] if begun else slug, email, password, key)


async def bootstrap(url: str) -> Bootstrap | None:
    """The first organisation, its administrator and a key; None when somebody is there already.

    One of several that start together does it while the others wait. An organisation in which nobody is, because the
    first steps were cut short, is finished.
    """
    async with _founding(url) as connection:
        known = await organisations.founded(connection)
        if any(one["peopled"] for one in known):
            return None
        begun = known[0] if known else None
        first = {"name": "Rapport", "slug": "main", "email": ADMIN_EMAIL, "password": _new_password()}
        return await _found(url, connection, begun, **first)


async def add_organisation(
    url: str, *, name: str, slug: str, email: str, password: str | None = None
) -> Bootstrap:
    """Another organisation, its administrator and a key; without a password one is made.

    One of this slug in which nobody is, because its first steps were cut short, is finished. Raises InvalidInput and
    Duplicate.
    """
    address = emails.normalised(email)
    if address is None:
        raise InvalidInput("email_invalid", f"{email!r} is not an e-mail address.", field="email")
    if not name.strip():
        raise InvalidInput("name_empty", "The organisation needs a name.", field="name")
    if not _SLUG.fullmatch(slug):
        raise InvalidInput(
            "slug_invalid",
            f"{slug!r} is no short name: small letters, digits and hyphens, 63 at most, a letter or digit first.",
            field="slug",
        )
    async with _founding(url) as connection:
        begun = next((one for one in await organisations.founded(connection) if one["slug"] == slug), None)
        if begun and begun["peopled"]:
            raise Duplicate("slug_taken", "Another organisation already has this short name.")
        password = password or _new_password()
        return await _found(
            url, connection, begun, name=name.strip(), slug=slug, email=address, password=password
        )


async def renew_roles(url: str) -> int:
    """Give every organisation's built-in roles what this release opens and none before did; how many roles changed."""
    wanted = {role["name"]: role for role in role_rows()}
    owner, database = Database(url, role=None, size=1), Database(url, role=settings().app_role, size=1)
    changed = 0
    try:
        async with owner.connection() as connection:
            known = await organisations.founded(connection)
        for org_id in (one["id"] for one in known if one["peopled"]):
            uow = UnitOfWork(database, await actors.system(database, org_id), now=clock.now(), cause=RELEASE)
            async with uow:
                await uow.alone()
                # By the name that the role began with: it may have got another one.
                plans = [
                    (row, renewed(row, given, wanted[given[0]["name"]]))
                    for row, given in await built_in(uow)
                    if given and given[0]["name"] in wanted
                ]
                changing = [(row, after) for row, after in plans if after]
                await write.change(uow, ROLES, changing, "role.edited")
                await uow.commit()
            changed += len(changing)
    finally:
        await database.close()
        await owner.close()
    return changed


async def create_key(
    url: str, *, organisation: str | None, name: str, scopes: list[str] | None, days: int | None
) -> str:
    """A key of the organisation's first administrator, for whoever holds the database; shown once.

    Raises InvalidInput for an unknown scope, or when there are several organisations and none is named; NotFound.
    """
    known = known_scopes(scopes or [EVERYTHING])
    org_id, admin = await _administrator(url, organisation)
    now = clock.now()
    row, key = key_row(admin, name, known, now + timedelta(days=days) if days else None)
    database = Database(url, role=settings().app_role, size=1)
    try:
        uow = UnitOfWork(database, await actors.system(database, org_id), now=now, cause="command line")
        async with uow:
            await write.add(uow, API_KEYS, [row], "api_key.added")
            await uow.commit()
    finally:
        await database.close()
    return key


async def _administrator(url: str, organisation: str | None) -> tuple[UUID, UUID]:
    """The organisation of this slug, or the only one, and its first active administrator."""
    owner = Database(url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            known = await organisations.founded(connection)
            if organisation is None and len(known) > 1:
                raise InvalidInput(
                    "organisation_unnamed",
                    f"There are {len(known)} organisations, so name one of"
                    f" {', '.join(one['slug'] for one in known[:_MOST_NAMED])}.",
                    field="organisation",
                )
            for one in known:
                if organisation in {None, one["slug"]} and (
                    admin := await users.first_admin(connection, one["id"])
                ):
                    return one["id"], admin
    finally:
        await owner.close()
    raise NotFound(
        "organisation_not_found", "There is no organisation of this name with an active administrator."
    )


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
