"""Privacy: a person asked to be forgotten. What they did with us stays countable; who they were does not stay."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.db import privacy, runs, write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.interactions import INTERACTIONS
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.runs import Progress
from app.usecases import plain

ERASE = "contacts.erase"
BATCH = 1_000
ERASED = "erased"
_PERSON: dict[str, Any] = {
    "name": ERASED,
    "given_name": None,
    "family_name": None,
    "emails": [],
    "email": None,
    "phones": [],
    "phone": None,
    "addresses": [],
    "job_title": None,
    "birth_date": None,
    "gender": None,
    "occupation": None,
    "income_band": None,
    "education": None,
    "language": None,
    "tags": [],
    "consents": [],
    "consented": [],
    "custom": {},
    "external_ids": {},
}
"""Company, owner, stage and source stay: without the person they are numbers."""
_CONTENT: dict[str, Any] = {
    "subject": None,
    "body": None,
    "page": None,
    "session": None,
    "tags": [],
    "custom": {},
    "external_ids": {},
}


def redacted(value: Any, words: Sequence[str]) -> Any:
    """The JSON value with every text replaced in which one of the words stands."""
    match value:
        case str():
            return ERASED if any(word in value for word in words) else value
        case dict():
            return {redacted(key, words): redacted(item, words) for key, item in value.items()}
        case list():
            return [redacted(item, words) for item in value]
        case _:
            return value


async def erase_contact(uow: UnitOfWork, contact: UUID) -> UUID:
    """Start the run that erases a person; its id. Raises NotFound or RuleBroken."""
    busy = await runs.alone(uow, ERASE)
    await plain.get_locked(uow, CONTACTS, contact, None, {})
    for run in busy:
        if run["params"]["contact_id"] == str(contact):
            raise RuleBroken("erasure_under_way", "This contact is being erased already.", run=run["id"])
    return await runs.start(uow, ERASE, {"contact_id": contact})


async def erase_batch(uow: UnitOfWork, run: Row) -> Progress:
    """First the contact with all that was copied from it, then its interactions, a batch at a time."""
    contact = UUID(run["params"]["contact_id"])
    if run["checkpoint"] is None:
        changed = await _erase_person(uow, contact)
        return Progress({"after": None}, run["done"] + changed)
    after = run["checkpoint"]["after"]
    ids = await privacy.interactions_of(uow, contact, None if after is None else UUID(after), BATCH)
    changed = await _erase_interactions(uow, ids)
    done = run["done"] + changed
    if len(ids) == BATCH:
        return Progress({"after": str(ids[-1])}, done)
    return Progress({"after": after}, done, finished=True, result={"erased": done})


async def _erase_person(uow: UnitOfWork, contact: UUID) -> int:
    row = (await write.locked(uow, CONTACTS, [contact]))[contact]
    addresses = [*(e["address"] for e in row["emails"]), *(e["normalised"] for e in row["emails"])]
    numbers = [p["e164"] for p in row["phones"]]
    words = sorted({word for word in (*addresses, *numbers) if word})
    await privacy.forget_answers(uow, CONTACTS.name, [contact])
    for other in await privacy.runs_with(uow, words):
        kept = {name: redacted(other[name], words) for name in ("params", "result", "error")}
        await privacy.rewrite_run(uow, other["id"], kept)
        await privacy.forget_answers(uow, RUNS.name, [other["id"]])
        await privacy.scrub(uow, [other["id"]])
    after = {name: value for name, value in _PERSON.items() if row[name] != value}
    if after:
        gone: dict[str, Any] = {"archived_at": row["archived_at"] or uow.now, "terms": []}
        await write.change(uow, CONTACTS, [(row, after | gone)], "contact.erased")
    # In the same transaction, so that no reader of the log ever sees the old values in the event of their erasure.
    await privacy.scrub(uow, [contact])
    return 1 if after else 0


async def _erase_interactions(uow: UnitOfWork, ids: Sequence[UUID]) -> int:
    rows = await write.locked(uow, INTERACTIONS, ids)
    changes = [
        (row, _CONTENT)
        for row in rows.values()
        if any(row[name] != value for name, value in _CONTENT.items())
    ]
    await write.change(uow, INTERACTIONS, changes, "interaction.erased")
    await privacy.forget_answers(uow, INTERACTIONS.name, ids)
    await privacy.scrub(uow, ids)
    return len(changes)
