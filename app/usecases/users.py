"""The people of an organisation, and what they may."""

from collections.abc import Iterable, Set
from typing import Any
from uuid import UUID

from app.db import attempts, logins, roles, teams, users, write
from app.db.actors import grant_of
from app.db.constraints import unknown_reference
from app.db.engine import Row
from app.db.registry import OWNED
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import merge
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.grants import must_cover, must_place
from app.domain.time_zones import must_be_known
from app.kit import emails, passwords, tokens
from app.usecases import plain
from app.usecases.plain import Values

_ACCESS = frozenset({"email", "active", "role_ids", "team_id"})


async def _check(uow: UnitOfWork, given: Values, row: Row | None) -> Values:
    """The values, in the forms that are kept, once nothing in them goes beyond the actor. Raises DomainError."""
    given = dict(given)
    if "email" in given:
        given["email"] = _address(given["email"])
    if given.get("time_zone"):
        must_be_known(given["time_zone"])
    if "role_ids" in given:
        given["role_ids"] = sorted(set(given["role_ids"]))
        await _cover(uow, given["role_ids"], must_be=True)
    if "team_id" in given:
        await _place(uow, row, given["team_id"])
    return given


def _address(typed: Any) -> str:
    found = emails.normalised(typed) if isinstance(typed, str) else None
    if found is None:
        raise InvalidInput("email_invalid", f"{typed!r} is not an e-mail address.", field="email")
    return found


async def _cover(uow: UnitOfWork, role_ids: Iterable[UUID], *, must_be: bool = False) -> None:
    wanted = list(role_ids)
    found = await roles.by_id(uow, wanted)
    if must_be and (missing := [role for role in wanted if role not in found]):
        raise unknown_reference("role_ids", missing[0])
    must_cover(uow.actor, merge(grant_of(role) for role in found.values()), "This user")


async def _place(uow: UnitOfWork, row: Row | None, team: UUID | None) -> None:
    if team is not None and await teams.is_archived(uow, team):
        raise RuleBroken("team_archived", "This team is archived; restore it or choose another one.")
    mine = await teams.of_user(uow, uow.actor.user_id)
    before = None if row is None else row["team_id"]
    must_place(uow.actor, OWNED, mine, before=before, after=team, new=row is None)


async def _not_the_last(uow: UnitOfWork, row: Row) -> None:
    """Raise RuleBroken when nobody would be left to administer the organisation."""
    held = await roles.by_id(uow, row["role_ids"])
    is_one = row["active"] and any(role["builtin"] and role["name"] == "admin" for role in held.values())
    if is_one and not await users.admins_besides(uow, row["id"]):
        raise RuleBroken(
            "last_admin", "This is the last active administrator; make somebody else one before you do this."
        )


def _keeps_admin(row: Row, given: Values) -> bool:
    if given.get("active", row["active"]) is not True:
        return False
    return set(row["role_ids"]) <= set(given.get("role_ids", row["role_ids"]))


async def add_user(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new user; their id."""
    password = values["password"]
    hashed = await passwords.hashed(password.get_secret_value()) if password else None
    await uow.alone()
    row = await _check(uow, {name: value for name, value in values.items() if name != "password"}, None)
    row["password_hash"] = hashed
    return await plain.add(uow, USERS, row, given - {"password"})


async def edit_user(uow: UnitOfWork, user: UUID, given: Values, *, version: int | None) -> None:
    """Give a user new values; one who is active no more is signed out everywhere."""
    await uow.alone()
    row = await plain.get_locked(uow, USERS, user, version, given)
    if _ACCESS & given.keys():
        await _cover(uow, row["role_ids"])
    given = await _check(uow, given, row)
    if not _keeps_admin(row, given):
        await _not_the_last(uow, row)
    await plain.edit_row(uow, USERS, row, given)
    if given.get("active") is False:
        await logins.revoke(uow, "deactivated", user=user)


async def archive_user(uow: UnitOfWork, user: UUID, *, version: int | None) -> None:
    """Put a user away and sign them out everywhere."""
    await uow.alone()
    row = await plain.get_locked(uow, USERS, user, version, {})
    await _cover(uow, row["role_ids"])
    await _not_the_last(uow, row)
    await plain.archive_row(uow, USERS, row)
    await logins.revoke(uow, "archived", user=user)


async def restore_user(uow: UnitOfWork, user: UUID, *, version: int | None) -> None:
    """Bring an archived user back; a team that was archived meanwhile is left."""
    await uow.alone()
    row = await plain.get_locked(uow, USERS, user, version, {})
    if row["archived_at"] is None:
        raise RuleBroken("not_archived", "This user is not archived.")
    await _cover(uow, row["role_ids"])
    after: Values = {"archived_at": None}
    if await teams.is_archived(uow, row["team_id"]):
        after["team_id"] = None
    await write.change(uow, USERS, [(row, after)], "user.restored")


async def set_password(uow: UnitOfWork, user: UUID, password: str, *, version: int | None) -> None:
    """Set a user's password; every sign-in of theirs ends, and a lock is lifted."""
    fresh = await passwords.hashed(password)
    await uow.alone()
    row = await plain.get_locked(uow, USERS, user, version, {})
    await _cover(uow, row["role_ids"])
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This user is archived; restore it before you change it.")
    await write.change(uow, USERS, [(row, {"password_hash": fresh})], "user.password_changed")
    await logins.revoke(uow, "password_changed", user=user)
    await attempts.forget(uow, tokens.digest(row["email"]))
