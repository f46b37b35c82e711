"""Asking for a search for duplicates, saying that some are none, and what an organisation holds about it all."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.db import duplicates, runs, write
from app.db.duplicates import DUPLICATES, SETTINGS
from app.db.uow import UnitOfWork
from app.domain.duplicates import STATUSES, Status
from app.domain.errors import InvalidInput, RuleBroken, Stale
from app.domain.fields import Kind
from app.usecases import plain

FIND = "duplicates.find"


async def find_duplicates(uow: UnitOfWork, *, whole_again: bool) -> UUID:
    """Start the run that searches; its id. Raises RuleBroken while one is under way."""
    for run in await runs.alone(uow, FIND):
        raise RuleBroken("search_under_way", "A search for duplicates is under way already.", run=run["id"])
    return await runs.start(uow, FIND, {"whole": whole_again})


async def find_night(uow: UnitOfWork) -> None:
    """Start the nightly search, where it is wanted, something has changed, and none is under way."""
    if not await runs.alone(uow, FIND) and await duplicates.worth_a_night(uow):
        await runs.start(uow, FIND, {"whole": False})


async def dismiss_duplicate(uow: UnitOfWork, one: UUID, *, version: int | None) -> None:
    """Say that they are not one person: they are not shown again unless one of them changes."""
    row = await plain.get_locked(uow, DUPLICATES, one, version, {})
    STATUSES.allow("duplicate", Status(row["status"]), Status.DISMISSED)
    await write.change(uow, DUPLICATES, [(row, {"status": Status.DISMISSED})], "duplicate.dismissed")


async def edit_duplicate_settings(uow: UnitOfWork, given: Mapping[str, Any], *, version: int | None) -> None:
    """Give the organisation other rules; what is not given stays. Raises Stale, and InvalidInput for unknown fields."""
    held = await duplicates.held(uow, lock=True)
    if version is not None and held["version"] != version:
        raise Stale(
            "version_mismatch",
            f"These settings are now in version {held['version']}, and you know version {version}; read them again.",
            version=held["version"],
            conflicts=[],
        )
    custom = uow.actor.custom.get("contact", {})
    for key in given.get("identifying") or ():
        if key not in custom or custom[key].kind is not Kind.TEXT:
            raise InvalidInput(
                "custom_field_unknown", f"Contacts have no custom text field {key!r}.", field="identifying"
            )
    for name in given.get("rules") or {}:
        if name.startswith("custom.") and name.removeprefix("custom.") not in custom:
            raise InvalidInput("field_unknown", f"A contact has no field {name!r}.", field="rules")
    after = {name: given.get(name, held[name]) for name in SETTINGS}
    before = {name: held[name] for name in SETTINGS if held[name] != after[name]}
    if before:
        await duplicates.hold(uow, after)
        if "identifying" in before:
            await duplicates.look_anew(uow)
        moved = {name: after[name] for name in before}
        event = "organisation.duplicates_edited"
        await write.record(uow, "organisation", uow.org_id, held["version"] + 1, event, before, moved)
