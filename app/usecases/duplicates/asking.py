"""Asking for a search for duplicates, saying that some are none, and what an organisation holds about it all."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.db import linkage, runs, write
from app.db.duplicates import DUPLICATES, OF
from app.db.linkage import SETTINGS
from app.db.uow import UnitOfWork
from app.domain.duplicates import STATUSES, Status
from app.domain.errors import InvalidInput, RuleBroken, Stale
from app.domain.fields import Kind
from app.usecases import plain
from app.usecases.duplicates.finding import noun_of

FIND = "duplicates.find"


async def find_duplicates(uow: UnitOfWork, noun: str, *, whole_again: bool) -> UUID:
    """Start the run that searches; its id. Raises RuleBroken while one is under way."""
    for run in await runs.alone(uow, FIND):
        if noun_of(run).name == noun:
            raise RuleBroken(
                "search_under_way", "A search for duplicates is under way already.", run=run["id"]
            )
    return await runs.start(uow, FIND, {"noun": noun, "whole": whole_again})


async def find_night(uow: UnitOfWork) -> None:
    """Start the nightly searches, where they are wanted, something has changed, and none is under way."""
    searched = {noun_of(run).name for run in await runs.alone(uow, FIND)}
    for noun in OF.values():
        if noun.name not in searched and await linkage.worth_a_night(uow, noun):
            await runs.start(uow, FIND, {"noun": noun.name, "whole": False})


async def dismiss_duplicate(uow: UnitOfWork, one: UUID, *, version: int | None) -> None:
    """Say that they are not one: they are not shown again unless one of them changes."""
    row = await plain.get_locked(uow, DUPLICATES, one, version, {})
    STATUSES.allow("duplicate", Status(row["status"]), Status.DISMISSED)
    await write.change(uow, DUPLICATES, [(row, {"status": Status.DISMISSED})], "duplicate.dismissed")


async def edit_duplicate_settings(
    uow: UnitOfWork, named: str, given: Mapping[str, Any], *, version: int | None
) -> None:
    """Give the organisation other rules; what is not given stays. Raises Stale, and InvalidInput for unknown fields."""
    noun = OF[named]
    held = await linkage.held(uow, noun, lock=True)
    if version is not None and held["version"] != version:
        raise Stale(
            "version_mismatch",
            f"These settings are now in version {held['version']}, and you know version {version}; read them again.",
            version=held["version"],
            conflicts=[],
        )
    custom = uow.actor.custom.get(noun.name, {})
    for key in given.get("identifying") or ():
        if key not in custom or custom[key].kind is not Kind.TEXT:
            raise InvalidInput(
                "custom_field_unknown",
                f"{noun.plural.capitalize()} have no custom text field {key!r}.",
                field="identifying",
            )
    for name in given.get("rules") or {}:
        if name.startswith("custom.") and name.removeprefix("custom.") not in custom:
            raise InvalidInput("field_unknown", f"A {noun.name} has no field {name!r}.", field="rules")
    after = {name: given.get(name, held[name]) for name in SETTINGS}
    before = {name: held[name] for name in SETTINGS if held[name] != after[name]}
    if before:
        await linkage.hold(uow, noun, after)
        if "identifying" in before:
            await linkage.look_anew(uow, noun)
        moved = {"noun": noun.name, **{name: after[name] for name in before}}
        event = "organisation.duplicates_edited"
        await write.record(uow, "organisation", uow.org_id, held["version"] + 1, event, before, moved)
