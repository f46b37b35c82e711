"""The settings of an organisation."""

from typing import Any

from app.db import calendars, events, organisations, write
from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import Stale
from app.domain.time_zones import must_be_known, unknown
from app.usecases import plain

NOUN = "organisation"


async def edit_settings(uow: UnitOfWork, given: dict[str, Any], *, version: int | None) -> None:
    """Give the organisation new settings; what is not given stays."""
    if "time_zone" in given:
        must_be_known(given["time_zone"])
        if not await organisations.counts_in(uow, given["time_zone"]):
            raise unknown(given["time_zone"])
    row = await organisations.locked(uow)
    if version is not None and row["version"] != version:
        raise Stale(
            "version_mismatch",
            f"The settings are now in version {row['version']}, and you know version {version}; read them again.",
            version=row["version"],
            conflicts=await _conflicts(uow, row, version, given),
        )
    after = {name: value for name, value in given.items() if row[name] != value}
    if after.get("calendar_id"):
        await calendars.must_be_live(uow, after["calendar_id"])
    if after:
        await organisations.change(uow, {**dict(row), **after})
        before = {name: row[name] for name in after}
        await write.record(uow, NOUN, uow.org_id, row["version"] + 1, "organisation.edited", before, after)


async def _conflicts(uow: UnitOfWork, row: Row, version: int, given: dict[str, Any]) -> list[dict[str, Any]]:
    if not uow.actor.may(Scope.settings_read):
        return []
    base = await events.base_of(uow, row["id"], version)
    now = {name: row[name] for name in base.keys() | given.keys()}
    old = now | base
    return plain.compared(old, now, old | given, base.keys())
