"""What an RFM run found: over all contacts for who sees them all, over those that are seen for everybody else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.analytics import rfm as findings
from app.db import scored, sight
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.reads import Reads
from app.domain.errors import RuleBroken
from app.domain.rfm import KEPT_FOR


async def get_rfm(door: Reads, run: UUID | None, as_of: datetime | None, now: datetime) -> dict[str, Any]:
    """A run's findings. Raises NotFound, Forbidden, and RuleBroken where they cannot be counted any more."""
    row = await scored.run(door, run, as_of)
    whole = sight.sees_all(door.actor, CONTACTS)
    found = (row["findings"], row["clusters"]) if whole else await _counted(door, row, now)
    return {"run": _told(row), "over": "all" if whole else "seen", **found[0], "clusters": found[1]}


async def list_rfm_contacts(
    door: Reads,
    run: UUID | None,
    as_of: datetime | None,
    tests: Mapping[str, Any],
    limit: int,
    cursor: str | None,
    now: datetime,
) -> bytes:
    """A page of the contacts behind a number, all pages of one run. Raises as get_rfm."""
    context = scored.context({**tests, "run": run, "as_of": as_of})
    begun, last = scored.opened(context, cursor)
    row = await scored.run(door, begun or run, as_of)
    _must_be_kept(row, now)
    return await scored.page(door, row["id"], tests, limit, context, last)


async def _counted(door: Reads, row: Row, now: datetime) -> tuple[dict[str, Any], dict[str, Any] | None]:
    _must_be_kept(row, now)
    found = findings.overview(await scored.cells(door, row["id"])) | {"window": None, "movement": None}
    if row["previous_id"] is not None and _kept(row["previous_created_at"], now):
        found["movement"] = findings.movement(await scored.movement(door, row["previous_id"], row["id"]))
    if row["clusters"] is None:
        return found, None
    # How the clusters came about is a matter of all contacts.
    profiles = findings.profiles(await scored.clusters(door, row["id"]))
    blank = {"why": None, "candidates": None, "fitted": None, "compared": None}
    return found, {"k": row["clusters"]["k"], "seed": row["clusters"]["seed"], **blank, "profiles": profiles}


def _told(row: Row) -> dict[str, Any]:
    names = ("id", "as_of", "returns", "window_days", "bins", "currency", "rules", "finished_at")
    previous = {"id": row["previous_id"], "as_of": row["previous_as_of"]} if row["previous_id"] else None
    return {name: row[name] for name in names} | {"previous": previous}


def _kept(created_at: datetime, now: datetime) -> bool:
    return created_at + KEPT_FOR > now


def _must_be_kept(row: Row, now: datetime) -> None:
    if not _kept(row["created_at"], now):
        raise RuleBroken(
            "scores_let_go",
            f"The scores of this run were let go after {KEPT_FOR.days} days; look at a later run.",
        )
