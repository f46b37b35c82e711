"""Roles: what their holders may do, see and change."""

from collections.abc import Sequence, Set
from functools import partial
from uuid import UUID

from app.db import pipelines, roles, teams
from app.db.actors import grant_of
from app.db.engine import Row
from app.db.nouns import ALWAYS
from app.db.registry import NOUNS, OWNED
from app.db.roles import ROLES
from app.db.uow import UnitOfWork
from app.domain.access import EVERYTHING, Actor
from app.domain.errors import RuleBroken
from app.domain.grants import known_fields, known_scopes, must_cover, must_reach, unknown_noun
from app.usecases import bulk, plain
from app.usecases.bulk import Item
from app.usecases.plain import Change, Values

_ACCESS = frozenset({"scopes", "sight", "read", "write"})


def _readable(actor: Actor) -> dict[str, Set[str]]:
    return {name: noun.known(actor).keys() for name, noun in NOUNS.items()}


def _writable(actor: Actor) -> dict[str, Set[str]]:
    # "custom" as a whole opens nothing for writing: each field is opened by its own name.
    return {
        name: {f for f, field in noun.known(actor).items() if field.writable and f not in ALWAYS | {"custom"}}
        for name, noun in NOUNS.items()
    }


def _checked(uow: UnitOfWork, given: Values) -> Values:
    """The values with every word in them known. Raises InvalidInput."""
    given = dict(given)
    if "scopes" in given:
        given["scopes"] = known_scopes(given["scopes"])
    if "sight" in given:
        for noun in given["sight"]:
            if noun != EVERYTHING and noun not in NOUNS:
                raise unknown_noun(noun, NOUNS, "sight")
        given["sight"] = {noun: sight.value for noun, sight in given["sight"].items()}
    if "read" in given:
        given["read"] = known_fields(given["read"], _readable(uow.actor), "read")
    if "write" in given:
        given["write"] = known_fields(given["write"], _writable(uow.actor), "write")
    return given


def _new(uow: UnitOfWork, values: Values) -> Values:
    return {**_checked(uow, values), "builtin": False}


async def _judge(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """Neither what a role opened before nor what it will open goes beyond the actor, who reaches all its holders."""
    for row, new in changes:
        if row is not None and row["builtin"] and row["name"] == "admin":
            raise RuleBroken("role_builtin", "The administrator's role stays as it is; make another one.")
        before = {} if row is None else dict(row)
        for role in filter(None, (before, {**before, **new})):
            must_cover(uow.actor, grant_of(role), "This role")
        if row is not None and new.get("name", row["name"]) != row["name"]:
            await _must_not_approve(uow, row["name"])
    mine = await teams.of_user(uow, uow.actor.user_id)
    changed = [row["id"] for row, new in changes if row is not None and _ACCESS & new.keys()]
    for user, team in await roles.holders(uow, changed):
        must_reach(uow.actor, OWNED, mine, user=user, team=team)


async def _must_not_approve(uow: UnitOfWork, role: str) -> None:
    """Raise RuleBroken for a role that a pipeline asks by its name: nobody could approve there any more."""
    if await pipelines.any_asks(uow, role):
        raise RuleBroken(
            "role_approves",
            f"A stage of a pipeline asks the role {role} for approval; change the pipeline first.",
        )


async def add_role(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new role; its id."""
    await uow.alone()
    return await plain.add(uow, ROLES, _new(uow, values), given, judge=_judge)


async def _changeable(uow: UnitOfWork, role: UUID, version: int | None, given: Values) -> Row:
    await uow.alone()
    row = await plain.get_locked(uow, ROLES, role, version, given)
    await _judge(uow, [(row, {})])
    return row


async def edit_role(uow: UnitOfWork, role: UUID, given: Values, *, version: int | None) -> None:
    """Give a role new values; they count for its holders from their next request on."""
    row = await _changeable(uow, role, version, given)
    await plain.edit_row(uow, ROLES, row, _checked(uow, given), judge=_judge)


async def upsert_roles(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Add or edit each role, known by its id or its name."""
    await uow.alone()
    form, whole = partial(_checked, uow), partial(_new, uow)
    await bulk.upsert(uow, ROLES, items, form=form, whole=whole, judge=_judge)


async def archive_role(uow: UnitOfWork, role: UUID, *, version: int | None) -> None:
    """Put away a role that nobody holds."""
    row = await _changeable(uow, role, version, {})
    holders = await roles.held_by(uow, role)
    if holders:
        raise RuleBroken("role_held", f"{holders} users hold this role; take it from them first.")
    await _must_not_approve(uow, row["name"])
    await plain.archive_row(uow, ROLES, row)


async def restore_role(uow: UnitOfWork, role: UUID, *, version: int | None) -> None:
    """Bring an archived role back."""
    await plain.restore_row(uow, ROLES, await _changeable(uow, role, version, {}))
