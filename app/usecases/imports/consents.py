"""What rows say of consents, kept with the contacts that they became, and with the file as evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.db import write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.uow import UnitOfWork
from app.domain.access import whole
from app.domain.contacts import plan_listed
from app.usecases.bulk import Item
from app.usecases.imports.cells import Read

SOURCE = "import"


@dataclass(frozen=True, slots=True)
class Told:
    """A row that has been written."""

    line: int
    """Where it stands in the file."""
    read: Read
    item: Item


async def record(uow: UnitOfWork, import_: Row, rows: Sequence[Told]) -> None:
    """Keep what is new, as of when the file was sent; so a row may change its contact that changes nothing else of it."""
    by_contact: dict[UUID, list[Told]] = {}
    for told in rows:
        if told.read.consents and told.item.id is not None:
            by_contact.setdefault(told.item.id, []).append(told)
    contacts = await _locked(uow, list(by_contact)) if by_contact else {}
    changes = []
    for contact, of_it in by_contact.items():
        said = [consent for told in of_it for consent in _consents(import_, told, uow.now)]
        # Nothing is refused: archived contacts have failed before, and a refusal would take back the contacts, too.
        if after := plan_listed(contacts[contact], said, at=uow.now):
            changes.append((contacts[contact], after))
            for told in of_it:
                told.item.status = "updated" if told.item.status == "unchanged" else told.item.status
    await write.change(uow, CONTACTS, changes, "contact.consent_recorded")


async def _locked(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The contacts, also those that their new owner has taken out of the writer's sight."""
    person = uow.actor
    uow.actor = replace(person, grant=whole(), readable={}, writable={})
    try:
        return await write.locked(uow, CONTACTS, ids)
    finally:
        uow.actor = person


def _consents(import_: Row, told: Told, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "purpose": purpose,
            "channel": channel,
            "state": state,
            "at": min(import_["created_at"], now),  # by the clock of another machine, which may be ahead
            "source": SOURCE,
            "evidence": f"{import_['name'][:200]}, line {told.line}",
        }
        for (purpose, channel), state in told.read.consents.items()
    ]
