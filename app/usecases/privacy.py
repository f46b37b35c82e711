"""Privacy: a person asked to be forgotten."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import privacy, runs, write
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.privacy import TOLD, plan_contact, plan_interaction, plan_order, redacted, words_of
from app.domain.runs import Progress
from app.kit import terms
from app.usecases import plain

ERASE = "contacts.erase"
BATCH = 1_000
_TRACES: Mapping[str, tuple[Noun, Callable[[Row], dict[str, Any]]]] = {
    INTERACTIONS.name: (INTERACTIONS, plan_interaction),
    ORDERS.name: (ORDERS, plan_order),
}
"""What hangs on a person, in the order in which it is erased."""


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
    here = run["checkpoint"]
    if here is None:
        changed = await _erase_person(uow, contact)
        return Progress({"noun": next(iter(_TRACES)), "after": None}, run["done"] + changed)
    noun, plan = _TRACES[here["noun"]]
    after = None if here["after"] is None else UUID(here["after"])
    ids = await privacy.records_of(uow, noun, contact, after, BATCH)
    done = run["done"] + await _erase_traces(uow, noun, ids, plan)
    if len(ids) == BATCH:
        return Progress({**here, "after": str(ids[-1])}, done)
    following = list(_TRACES)[list(_TRACES).index(noun.name) + 1 :]
    if following:
        return Progress({"noun": following[0], "after": None}, done)
    return Progress(here, done, finished=True, result={"erased": done})


async def _erase_person(uow: UnitOfWork, contact: UUID) -> int:
    row = (await write.locked(uow, CONTACTS, [contact]))[contact]
    words = words_of(row)
    await privacy.forget_answers(uow, CONTACTS.name, [contact])
    for other in await privacy.runs_with(uow, words):
        kept = {name: redacted(other[name], words) for name in ("params", "result", "error")}
        await privacy.rewrite_run(uow, other["id"], kept)
        await privacy.forget_answers(uow, RUNS.name, [other["id"]])
        await privacy.scrub(uow, [other["id"]])
    after = plan_contact(row, at=uow.now)
    if after:
        # Derived from what is gone.
        after |= {"terms": [], "name_key": terms.sort_key(after.get("name", row["name"]), person=True)}
        await write.change(uow, CONTACTS, [(row, after)], "contact.erased")
    # In the same transaction, so that no reader of the log ever sees the old values in the event of their erasure.
    await privacy.scrub(uow, [contact])
    return 1 if after else 0


async def _erase_traces(
    uow: UnitOfWork, noun: Noun, ids: Sequence[UUID], plan: Callable[[Row], dict[str, Any]]
) -> int:
    rows = await write.locked(uow, noun, ids)
    changes = [(row, after) for row in rows.values() if (after := plan(row))]
    await write.change(uow, noun, changes, f"{noun.name}.erased")
    await privacy.forget_answers(uow, noun.name, ids)
    await privacy.scrub(uow, ids, TOLD[noun.name])
    return len(changes)
