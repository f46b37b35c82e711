"""Privacy: a person asked to be forgotten."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import privacy, references, runs, write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.privacy import TOLD, plan_contact, plan_interaction, plan_order, redacted, words_of
from app.domain.runs import Progress, ahead, first
from app.kit import terms
from app.usecases import plain

ERASE = "contacts.erase"
BATCH = 1_000
_TRACES: Mapping[str, tuple[Noun, Callable[[Row], dict[str, Any]]]] = {
    INTERACTIONS.name: (INTERACTIONS, plan_interaction),
    ORDERS.name: (ORDERS, plan_order),
}
"""What hangs on a person."""
_NOUNS = (CONTACTS.name, *_TRACES)
"""In the order in which they are erased."""
_PASSES = 2
"""Whoever is hanging something on the person holds the contact, for which the second pass waits: it finds what they left."""


async def erase_contact(uow: UnitOfWork, contact: UUID) -> UUID:
    """Start the run that erases a person; its id. Raises NotFound or RuleBroken."""
    busy = await runs.alone(uow, ERASE)
    await plain.get_locked(uow, CONTACTS, contact, None, {})
    for run in busy:
        if run["params"]["contact_id"] == str(contact):
            raise RuleBroken("erasure_under_way", "This contact is being erased already.", run=run["id"])
    return await runs.start(uow, ERASE, {"contact_id": contact})


async def erase_batch(uow: UnitOfWork, run: Row) -> Progress:
    """First the contact with all that was copied from it, then what hangs on it, a batch at a time."""
    contact = UUID(run["params"]["contact_id"])
    here = run["checkpoint"] or first(_NOUNS)
    after = None if here["after"] is None else UUID(here["after"])
    if here["noun"] == CONTACTS.name:
        changed, following = await _erase_person(uow, contact, after)
    else:
        changed, following = await _erase_traces(uow, *_TRACES[here["noun"]], contact, after)
    done = run["done"] + changed
    onward = ahead(here, following, _NOUNS, _PASSES)
    result = {"erased": done} if onward is None else None
    return Progress(onward or here, done, finished=onward is None, result=result)


async def _erase_person(uow: UnitOfWork, contact: UUID, after: UUID | None) -> tuple[int, UUID | None]:
    """How many records were changed, and where to look on in the runs, which come while it is known what to look for."""
    row = (await write.locked(uow, CONTACTS, [contact]))[contact]
    words = words_of(row)
    if words:
        following = await _erase_from_runs(uow, words, after)
        if following is not None:
            return 0, following
    await privacy.forget_rows(uow, contact, words)
    await privacy.forget_answers(uow, CONTACTS.name, [contact])
    left = plan_contact(row, at=uow.now)
    if left:
        # Derived from what is gone.
        left |= {"terms": [], "name_key": terms.sort_key(left.get("name", row["name"]), person=True)}
        await write.change(uow, CONTACTS, [(row, left)], "contact.erased")
    # In the same transaction, so that no reader of the log ever sees the old values in the event of their erasure.
    await privacy.scrub(uow, [contact])
    return (1 if left else 0), None


async def _erase_from_runs(uow: UnitOfWork, words: Sequence[str], after: UUID | None) -> UUID | None:
    rows, following = await privacy.runs_with(uow, words, after, BATCH)
    told = [{name: row[name] for name in ("id", "params", "result", "error")} for row in rows]
    kept = [new for one in told if (new := redacted(one, words)) != one]
    ids = [one["id"] for one in kept]
    await privacy.rewrite_runs(uow, kept)
    await privacy.forget_answers(uow, RUNS.name, ids)
    await privacy.scrub(uow, ids)
    return following


async def _erase_traces(
    uow: UnitOfWork, noun: Noun, plan: Callable[[Row], dict[str, Any]], contact: UUID, after: UUID | None
) -> tuple[int, UUID | None]:
    """How many records were changed, and where to look on."""
    ids = await privacy.records_of(uow, noun, contact, after, BATCH)
    await references.claim(uow, noun, None)
    rows = await write.locked(uow, noun, ids)
    changes = [(row, new) for row in rows.values() if (new := plan(row))]
    await write.change(uow, noun, changes, f"{noun.name}.erased")
    await privacy.forget_answers(uow, noun.name, ids)
    await privacy.scrub(uow, ids, TOLD[noun.name])
    return len(changes), ids[-1] if len(ids) == BATCH else None
