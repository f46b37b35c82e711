"""API keys: how systems call, each on behalf of a user and with at most that user's access."""

from collections.abc import Iterable, Set
from datetime import datetime
from uuid import UUID

from app.db import references, roles, teams, write
from app.db.actors import grant_of
from app.db.api_keys import API_KEYS
from app.db.constraints import unknown_reference
from app.db.engine import Row
from app.db.registry import OWNED
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import Grant, Scope, merge
from app.domain.errors import Forbidden, InvalidInput, RuleBroken
from app.domain.grants import key_scopes, known_scopes, must_cover, must_reach
from app.kit import tokens
from app.kit.ids import new_id
from app.usecases import plain
from app.usecases.plain import Values


async def _grant_of_user(uow: UnitOfWork, user: UUID) -> Grant:
    """What a user's roles open, once the actor may act for that user. Raises DomainError."""
    row = (await write.locked(uow, USERS, [user])).get(user)
    if row is None:
        raise unknown_reference("user_id", user)
    held = await roles.by_id(uow, row["role_ids"])
    grant = merge(grant_of(role) for role in held.values())
    if user != uow.actor.user_id:
        uow.actor.needs(Scope.users_write)
        must_cover(uow.actor, grant, "The key's user")
        mine = await teams.of_user(uow, uow.actor.user_id)
        must_reach(uow.actor, OWNED, mine, user=user, team=row["team_id"])
    return grant


def _must_have(uow: UnitOfWork, wanted: Iterable[str], user: Grant) -> None:
    scopes = key_scopes(frozenset(wanted), user)
    must_cover(uow.actor, Grant(scopes), "The key")


def _must_end(uow: UnitOfWork, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= uow.now:
        raise InvalidInput(
            "already_over", "expires_at lies in the past; to end a key, revoke it.", field="expires_at"
        )
    own = uow.actor.expires_at
    if own is not None and (expires_at is None or expires_at > own):
        raise Forbidden(
            "beyond_own", f"A key cannot make a key that outlives it; yours ends at {own:%Y-%m-%d %H:%M} UTC."
        )


async def add_api_key(uow: UnitOfWork, values: Values, given: Set[str]) -> tuple[UUID, str]:
    """A new key: its id, and the key itself, which is kept nowhere."""
    await uow.alone()
    user: UUID | None = values["user_id"] or uow.actor.user_id
    assert user is not None, "only the house itself is no user, and it makes its keys elsewhere"
    values = {**values, "user_id": user, "scopes": known_scopes(values["scopes"])}
    _must_have(uow, values["scopes"], await _grant_of_user(uow, user))
    _must_end(uow, values["expires_at"])
    key = tokens.new_key()
    made = {**values, "prefix": key[: tokens.SHOWN], "key_hash": tokens.digest(key)}
    row = {"id": new_id(), **plain.new_row(uow, API_KEYS, made, given)}
    rows = await references.resolve(uow, API_KEYS, [(row["id"], row)])
    await write.add(uow, API_KEYS, rows, "api_key.added")
    return row["id"], key


async def _changeable(
    uow: UnitOfWork, api_key: UUID, version: int | None, given: Values
) -> tuple[Row, Grant]:
    await uow.alone()
    row = await plain.get_locked(uow, API_KEYS, api_key, version, given)
    if row["revoked_at"] is not None:
        raise RuleBroken("revoked", f"This key was revoked on {row['revoked_at']:%Y-%m-%d}; make a new one.")
    return row, await _grant_of_user(uow, row["user_id"])


async def edit_api_key(uow: UnitOfWork, api_key: UUID, given: Values, *, version: int | None) -> None:
    """Give a key another name, other scopes or another end."""
    row, user = await _changeable(uow, api_key, version, given)
    if "scopes" in given:
        given = {**given, "scopes": known_scopes(given["scopes"])}
        _must_have(uow, given["scopes"], user)
    if "expires_at" in given and given["expires_at"] != row["expires_at"]:
        # Whoever lengthens a key's life hands out again what it opens.
        kept = Grant(user.scopes if "*" in row["scopes"] else frozenset(row["scopes"]) & user.scopes)
        must_cover(uow.actor, kept, "The key")
        _must_end(uow, given["expires_at"])
    await plain.edit_row(uow, API_KEYS, row, given)


async def revoke_api_key(uow: UnitOfWork, api_key: UUID, *, version: int | None) -> None:
    """End a key for good; it is refused from the next request on."""
    row, _ = await _changeable(uow, api_key, version, {})
    await write.change(uow, API_KEYS, [(row, {"revoked_at": uow.now})], "api_key.revoked")
