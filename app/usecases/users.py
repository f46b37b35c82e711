"""The people of an organisation, and what they may."""

from collections.abc import Mapping, Sequence, Set
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
from app.domain.grants import must_cover, must_place, must_reach
from app.domain.logins import crowded
from app.domain.time_zones import must_be_known
from app.kit import emails, passwords, tokens
from app.usecases import bulk, plain
from app.usecases.bulk import Item
from app.usecases.plain import Change, Values

_ACTING = frozenset({"email", "external_ids", "password_hash", "active", "archived_at", "role_ids"})
"""What lets one act as a user, or be taken for one: other systems give access by the names that they know."""
_ACCESS = _ACTING | {"team_id"}


def _formed(given: Values) -> Values:
    """The values in the forms that are kept. Raises InvalidInput."""
    given = dict(given)
    if "email" in given:
        given["email"] = _address(given["email"])
    if given.get("time_zone"):
        must_be_known(given["time_zone"])
    if "role_ids" in given:
        given["role_ids"] = sorted(set(given["role_ids"]))
    return given


def _address(typed: Any) -> str:
    found = emails.normalised(typed) if isinstance(typed, str) else None
    if found is None:
        raise InvalidInput("email_invalid", f"{typed!r} is not an e-mail address.", field="email")
    return found


async def _judge(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """Nobody gives more than they have, changes who has more, or leaves the organisation without an administrator."""
    given = {role for _, new in changes for role in new.get("role_ids", ())}
    stored = [(row, new.keys()) for row, new in changes if row is not None]
    reached = [row for row, names in stored if _ACCESS & names]
    found = await roles.by_id(uow, given.union(*(row["role_ids"] for row in reached)))
    if missing := sorted(given - found.keys()):
        raise unknown_reference("role_ids", missing[0])
    must_cover(uow.actor, merge(grant_of(role) for role in found.values()), "This user")
    mine = await teams.of_user(uow, uow.actor.user_id)
    for row in [row for row, names in stored if _ACTING & names]:
        must_reach(uow.actor, OWNED, mine, user=row["id"], team=row["team_id"])
    await _place(uow, changes, mine)
    admin = {id_ for id_, role in found.items() if role["builtin"] and role["name"] == "admin"}
    await _keep_an_admin(uow, changes, admin)


async def _place(uow: UnitOfWork, changes: Sequence[Change], mine: Set[UUID]) -> None:
    moves = [(row, new["team_id"]) for row, new in changes if "team_id" in new]
    if not moves:
        return
    if await teams.any_archived(uow, {team for _, team in moves}):
        raise RuleBroken("team_archived", "This team is archived; restore it or choose another one.")
    for row, team in moves:
        before = None if row is None else row["team_id"]
        must_place(uow.actor, OWNED, mine, before=before, after=team, new=row is None)


async def _keep_an_admin(uow: UnitOfWork, changes: Sequence[Change], admin: Set[UUID]) -> None:
    def is_one(user: Mapping[str, Any]) -> bool:
        return user["active"] and user.get("archived_at") is None and not admin.isdisjoint(user["role_ids"])

    stored = [dict(row) for row, _ in changes if row is not None]
    left = sum(is_one({**(row or {}), **new}) for row, new in changes)
    if (
        any(map(is_one, stored))
        and not left
        and not await users.admins_besides(uow, [row["id"] for row in stored])
    ):
        raise RuleBroken(
            "last_admin", "This is the last active administrator; make somebody else one before you do this."
        )


async def _hashed(uow: UnitOfWork, password: str) -> str:
    """The hash to keep, made while no connection is held, for it takes long. Raises Busy."""
    if passwords.crowded():
        raise crowded()
    async with uow.apart():
        return await passwords.hashed(password)


async def add_user(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new user; their id."""
    password = values["password"]
    hashed = await _hashed(uow, password.get_secret_value()) if password else None
    await uow.alone()
    row = _formed({name: value for name, value in values.items() if name != "password"})
    return await plain.add(uow, USERS, {**row, "password_hash": hashed}, given - {"password"}, judge=_judge)


async def edit_user(uow: UnitOfWork, user: UUID, given: Values, *, version: int | None) -> None:
    """Give a user new values; one who is active no more is signed out everywhere."""
    await uow.alone()
    await plain.edit(uow, USERS, user, _formed(given), version=version, judge=_judge)
    if given.get("active") is False:
        await logins.revoke(uow, "deactivated", users=[user])


async def upsert_users(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Add or edit each user, known by id, an external id or e-mail address; who is active no more is signed out."""
    await uow.alone()
    await bulk.upsert(uow, USERS, items, form=_formed, judge=_judge)
    dismissed = {item.id for item in items if item.id is not None and item.given.get("active") is False}
    await logins.revoke(uow, "deactivated", users=dismissed)


async def archive_user(uow: UnitOfWork, user: UUID, *, version: int | None) -> None:
    """Put a user away and sign them out everywhere."""
    row = await _judged(uow, user, version, {"archived_at": uow.now})
    await plain.archive_row(uow, USERS, row)
    await logins.revoke(uow, "archived", users=[user])


async def restore_user(uow: UnitOfWork, user: UUID, *, version: int | None) -> None:
    """Bring an archived user back; a team that was archived meanwhile is left."""
    after: Values = {"archived_at": None}
    row = await _judged(uow, user, version, after)
    if row["archived_at"] is None:
        raise RuleBroken("not_archived", "This user is not archived.")
    if await teams.any_archived(uow, [row["team_id"]]):
        after["team_id"] = None
    await write.change(uow, USERS, [(row, after)], "user.restored")


async def set_password(uow: UnitOfWork, user: UUID, password: str, *, version: int | None) -> None:
    """Set a user's password; every sign-in of theirs ends, and a lock is lifted."""
    after = {"password_hash": await _hashed(uow, password)}
    row = await _judged(uow, user, version, after)
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This user is archived; restore it before you change it.")
    await write.change(uow, USERS, [(row, after)], "user.password_changed")
    await logins.revoke(uow, "password_changed", users=[user])
    await attempts.forget(uow, tokens.digest(row["email"]))


async def _judged(uow: UnitOfWork, user: UUID, version: int | None, after: Values) -> Row:
    """The user, locked, whose values the actor may change so."""
    await uow.alone()
    row = await plain.get_locked(uow, USERS, user, version, {})
    await _judge(uow, [(row, after)])
    return row
