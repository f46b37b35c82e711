"""What can be done with a contact beyond the plain verbs."""

from typing import Any
from uuid import UUID

from app.db import write
from app.db.contacts import CONTACTS
from app.db.uow import UnitOfWork
from app.domain.access import must_write
from app.domain.contacts import plan_consent
from app.usecases import plain


async def record_consent(
    uow: UnitOfWork, contact: UUID, said: dict[str, Any], *, version: int | None
) -> None:
    """Keep what a person said about one purpose on one channel; the events keep what was said before."""
    must_write(uow.actor, "contact", ("consents",))
    row = await plain.get_locked(uow, CONTACTS, contact, version, {})
    after = plan_consent(row, said, at=uow.now)
    await write.change(uow, CONTACTS, [(row, after)], "contact.consent_recorded")
