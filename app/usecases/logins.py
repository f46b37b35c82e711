"""Signing in, staying signed in, and signing out.

What fails here must be remembered although it fails, so these use cases open their own units of work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.db import actors, attempts, logins, users, write
from app.db.engine import Database
from app.db.logins import NewLogin
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.access import Actor
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.logins import (
    MEMORY,
    MOST_WRONG,
    PAUSE,
    Shown,
    crowded,
    ended,
    judge,
    must_wait,
    reused,
    wrong,
)
from app.kit import emails, passwords, tokens
from app.kit.ids import new_id

_NOBODY = UUID(int=0)
"""Asked for where nobody is found, so that it takes as long."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in and the secret of its next refresh token, which is kept nowhere."""

    org_id: UUID
    user_id: UUID
    login_id: UUID
    secret: str
    expires_at: datetime


async def _house(database: Database, org_id: UUID, now: datetime, cause: str | None) -> UnitOfWork:
    async def load() -> Actor:
        return await actors.system(database, org_id)

    return UnitOfWork(database, await load(), now=now, cause=cause, reload=load)


def _known_by(address: str) -> str:
    """What attempts at an address are counted under; what is no address is counted too."""
    return tokens.digest(emails.normalised(address) or address.strip().lower())


async def _matches(database: Database, address: str, kept: str | None, password: str, now: datetime) -> bool:
    """Count an attempt for good, then judge it; the right password clears the count for good. Raises TooMany and Busy."""
    if passwords.crowded():  # before it is counted, because it is not judged
        raise crowded()
    until, last = await attempts.count(
        database, _known_by(address), now=now, most=MOST_WRONG, memory=MEMORY, pause=PAUSE
    )
    if until is not None:
        raise must_wait(until, now)
    good = await passwords.matches(kept, password)
    if good:
        async with database.connection() as connection:
            await attempts.forget(connection, _known_by(address))
    elif last:
        await _note_lock(database, address, now)
    return good


async def _note_lock(database: Database, address: str, now: datetime) -> None:
    for org_id, user in await users.with_address(database, emails.normalised(address) or "", None):
        async with await _house(database, org_id, now, None) as uow:
            version = await users.still_admitted(uow, user)
            if version is not None:
                await write.record(uow, USERS.name, user, version, "user.locked")
            await uow.commit()


async def sign_in(
    database: Database,
    *,
    address: str,
    password: str,
    organisation: str | None,
    now: datetime,
    lasts: timedelta,
    cause: str | None,
) -> SignedIn:
    """Begin a sign-in with an e-mail address and a password. Raises Unauthenticated or TooMany."""
    found = await users.with_address(database, emails.normalised(address) or "", organisation)
    # Of several, none is chosen: trying each would tell by its time how many there are.
    org_id, user = found[0] if len(found) == 1 else (_NOBODY, _NOBODY)
    kept = await users.password_hash_of(database, org_id, user)
    if not await _matches(database, address, kept, password, now):
        raise wrong()
    made = SignedIn(org_id, user, new_id(), tokens.new_secret(), now + lasts)
    async with await _house(database, org_id, now, cause) as uow:
        version = await users.still_admitted(uow, user, kept)
        if version is None:
            raise wrong()
        await logins.add(uow, NewLogin(made.login_id, user, tokens.digest(made.secret), made.expires_at))
        await write.record(uow, USERS.name, user, version, "user.signed_in")
        await uow.commit()
    return made


async def refresh_login(
    database: Database,
    *,
    org_id: UUID,
    login: UUID,
    secret: str,
    now: datetime,
    lasts: timedelta,
    cause: str | None,
) -> SignedIn:
    """Trade a refresh token for the next one. One shown again ends the sign-in, a lost answer apart. Raises Unauthenticated."""
    async with await _house(database, org_id, now, cause) as uow:
        user = await logins.user_of(uow, login)
        # The user before the sign-in, as whoever signs a user out locks them.
        if user is None or await users.still_admitted(uow, user) is None:
            raise ended()
        row = await logins.locked(uow, login)
        if row is None:
            raise ended()
        shown = tokens.digest(secret)
        what = judge(row, shown, now)
        if what is not Shown.REUSED:
            made = SignedIn(org_id, user, login, tokens.new_secret(), now + lasts)
            previous = shown if what is Shown.PRESENT else None
            await logins.rotate(uow, login, tokens.digest(made.secret), made.expires_at, previous=previous)
            await uow.commit()
            return made
    # A token that is good no more never becomes good again, so the lock may be let go of in between.
    await _end_reused(database, org_id, login, user, now, cause)
    raise reused()


async def _end_reused(
    database: Database, org_id: UUID, login: UUID, user: UUID, now: datetime, cause: str | None
) -> None:
    async with await _house(database, org_id, now, cause) as uow:
        await uow.alone()
        version = await users.version_of(uow, user)
        if await logins.revoke(uow, "token_reused", users=[user], only=login):
            await write.record(uow, USERS.name, user, version, "user.token_reused")
        await uow.commit()


def _own_login(uow: UnitOfWork) -> tuple[UUID, UUID]:
    actor = uow.actor
    if actor.login_id is None or actor.user_id is None:
        raise RuleBroken(
            "not_signed_in", "You call with an API key, which is no sign-in; revoke the key instead."
        )
    return actor.user_id, actor.login_id


async def sign_out(uow: UnitOfWork) -> None:
    """End the sign-in that the caller came by."""
    user, login = _own_login(uow)
    await _revoke(uow, user, login, "signed_out")


async def revoke_login(uow: UnitOfWork, login: UUID) -> None:
    """End one of the caller's own sign-ins."""
    assert uow.actor.user_id is not None
    await _revoke(uow, uow.actor.user_id, login, "revoked")


async def _revoke(uow: UnitOfWork, user: UUID, login: UUID, why: str) -> None:
    await uow.alone()
    if not await logins.revoke(uow, why, users=[user], only=login):
        raise logins.absent()
    version = await users.version_of(uow, user)
    await write.record(uow, USERS.name, user, version, "user.signed_out")


def _password_wrong() -> InvalidInput:
    return InvalidInput("password_wrong", "This is not your present password.", field="old_password")


async def change_password(uow: UnitOfWork, *, old: str, new: str) -> None:
    """Change the caller's own password; every other sign-in of theirs ends. Raises InvalidInput or TooMany."""
    user, login = _own_login(uow)
    if old == new:
        raise InvalidInput("password_same", "The new password is the old one.", field="new_password")
    address, kept = await users.credentials_of(uow, user)
    async with uow.apart():
        if not await _matches(uow.database, address, kept, old, uow.now):
            raise _password_wrong()
        fresh = await passwords.hashed(new)
    await uow.alone()
    row = (await write.locked(uow, USERS, [user]))[user]
    if row["password_hash"] != kept:
        raise _password_wrong()
    await write.change(uow, USERS, [(row, {"password_hash": fresh})], "user.password_changed")
    await logins.revoke(uow, "password_changed", users=[user], keep=login)
