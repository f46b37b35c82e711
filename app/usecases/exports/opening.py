"""Asking for an export, and opening the file that came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.db import actors, exports, files, lists, runs, write
from app.db.engine import Database, Row
from app.db.exports import EXPORTS
from app.db.lists import Page
from app.db.nouns import Noun
from app.db.reads import Reads, absent
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.db.words import Words
from app.domain.access import Actor, Scope
from app.domain.errors import InvalidInput, NotFound, Unauthenticated
from app.domain.exports import Format, Stage, must_be_there, must_still_see, sight_of
from app.domain.fields import CUSTOM
from app.kit import clock, tokens
from app.kit.ids import new_id
from app.usecases import plain

EXPORT = "exports.export"
_LINK = "export"
"""What such a token is for."""


def page_of(noun: Noun, asked: Mapping[str, Any], at: datetime) -> Page:
    """What was asked for, as a page without end; its moments as they are at this time."""
    return Page(
        noun,
        lists.condition(noun, asked["where"], at),
        sort=asked["sort"],
        fields=asked["fields"],
        archived=asked["archived"],
        words=Words(asked["q"]) if asked["q"] else None,
    )


def nouns_of(noun: Noun) -> list[str]:
    """The nouns by whose sight its records are seen."""
    return [one.name for one in (noun, *(through.noun for through in noun.through)) if one.owned]


async def ask_for(uow: UnitOfWork, name: str, form: Format, asked: Mapping[str, Any]) -> UUID:
    """Have a list made into a file; the id of the run that does it.

    Raises InvalidInput and Forbidden as the list itself would.
    """
    if name not in NOUNS:
        raise InvalidInput(
            "noun_unknown", f"There is no noun {name!r}; there are {', '.join(NOUNS)}.", field="noun"
        )
    noun, actor = NOUNS[name], uow.actor
    actor.needs(Scope(noun.reading))
    if asked["q"] and not noun.search:
        raise InvalidInput(
            "q_not_here", f"A {noun.name} has no text to search by words; use a condition.", field="q"
        )
    names = lists.check(actor, page_of(noun, asked, uow.now))
    made = new_id()
    run = await runs.start(uow, EXPORT, {"export_id": str(made)})
    row = {
        "id": made,
        "noun": noun.name,
        "format": form,
        "name": f"{noun.plural}-{uow.now:%Y%m%dT%H%M%SZ}.{form}",
        "owner_id": actor.user_id,
        "key_id": actor.id if actor.kind == "api_key" else None,
        "asked": {**asked, "fields": list(names)},
        "sight": sight_of(actor, nouns_of(noun)),
        "fields": list(names),
        "stage": Stage.STARTED,
        "run_id": run,
        "as_of": None,
        "listed": None,
        "rows": None,
        "size": None,
        "sha256": None,
        "file_id": None,
        "expires_at": None,
    }
    await write.add(uow, EXPORTS, [row], "export.added")
    return run


async def archive_export(uow: UnitOfWork, one: UUID, *, version: int | None) -> None:
    """Put an export away and let go of its file, also where a link to it is about."""
    row = await plain.get_locked(uow, EXPORTS, one, version, {})
    if row["file_id"] is not None:
        await files.forget(uow, row["file_id"])
        if row["expires_at"] > uow.now:
            await write.change(uow, EXPORTS, [(row, {"expires_at": uow.now})], "export.edited")
            row = await plain.get_locked(uow, EXPORTS, one, None, {})
    await plain.archive_row(uow, EXPORTS, row)


def must_match(actor: Actor, one: Mapping[str, Any]) -> None:
    """Raise Forbidden unless the actor still may see all that the export was, or is, made by."""
    noun = NOUNS[one["noun"]]
    actor.needs(Scope(noun.reading))
    hidden = [name for name in one["fields"] if name != CUSTOM.rstrip(".") and not noun.shows(actor, name)]
    must_still_see(actor, one["sight"], noun.name, hidden)


async def opened(door: Reads, one: UUID) -> Row:
    """What is known of a file that may be opened by whoever asked for it.

    Raises NotFound, Forbidden where they see less than they did, and RuleBroken where there is no file.
    """
    row = await exports.to_open(door, one)
    must_be_there(row["stage"], row["expires_at"], now=clock.now())
    must_match(door.actor, row)
    return row


@dataclass(frozen=True, slots=True)
class Link:
    """Words that open one file until they expire."""

    token: str
    expires_at: datetime


async def link(door: Reads, one: UUID, secret: str, lasts: timedelta) -> Link:
    """A token that opens the file without a key: in the name of whoever asked for it, and no longer than it is kept."""
    row = await opened(door, one)
    actor = door.actor
    until = min(clock.now() + lasts, row["expires_at"]).replace(microsecond=0)
    claims = {"org": str(actor.org_id), "export": str(one), "sub": str(actor.user_id)}
    if actor.kind == "api_key":
        claims["key"] = str(actor.id)
    return Link(tokens.sign(secret, claims, kind=_LINK, expires_at=until), until)


async def by_link(database: Database, secret: str, one: UUID, token: str) -> tuple[Reads, Row]:
    """The file that a token opens. It opens nothing that whoever made it could not open now. Raises NotFound."""
    claims = tokens.verify(secret, token, kind=_LINK, now=clock.now())
    if claims is None or claims["export"] != str(one):
        raise _no_link()
    org, user = UUID(claims["org"]), UUID(claims["sub"])
    key = UUID(claims["key"]) if "key" in claims else None

    async def load() -> Actor:
        actor = await actors.load(database, org, user, now=clock.now(), key_id=key)
        actor.needs(Scope.exports_read)
        return actor

    try:
        door = Reads(database, await load(), load)
        return door, await opened(door, one)
    except (Unauthenticated, NotFound):
        raise _no_link() from None


def _no_link() -> NotFound:
    return NotFound(absent(EXPORTS).code, "This link opens nothing; it may have expired. Ask for a new one.")
