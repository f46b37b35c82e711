"""Privacy: a person asked to be forgotten."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from app.db import deals, duplicates, imports, memberships, merges, privacy, references, rfm, runs, write
from app.db.contacts import CONTACTS
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.exports import EXPORTS
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.runs import RUNS
from app.db.tasks import TASKS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.privacy import (
    TOLD,
    plan_contact,
    plan_deal,
    plan_interaction,
    plan_order,
    plan_task,
    redacted,
    words_of,
)
from app.domain.runs import Progress, ahead, first
from app.kit import emails, json, phones, terms
from app.usecases import plain

ERASE = "contacts.erase"
BATCH = 1_000
Tells = Callable[[str], bool]
"""Whether a text tells of the person."""
_TELLING = (CONTACTS.name, ORDERS.name, DEALS.name, TASKS.name, INTERACTIONS.name, RUNS.name)
"""Nouns whose exports may tell of a person."""
_BETWEEN = re.compile(r"[,;|/\n、，；]")
"""What stands between two addresses or numbers in one cell."""
_LAST = 7
"""Digits that every form of a number ends with."""


def _plan_deal(row: Row, people: Collection[UUID]) -> dict[str, Any]:
    plan = plan_deal(row, people)
    return plan and plan | deals.searched(plan.get("name", row["name"]))


_Plan = Callable[[Row, Collection[UUID]], dict[str, Any]]
"""What is left of a record when these contacts, who are one person, are erased."""
_TRACES: Mapping[str, tuple[Noun, _Plan]] = {
    INTERACTIONS.name: (INTERACTIONS, lambda row, _: plan_interaction(row)),
    ORDERS.name: (ORDERS, lambda row, _: plan_order(row)),
    DEALS.name: (DEALS, _plan_deal),
    TASKS.name: (TASKS, lambda row, _: plan_task(row)),
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
    """How many records were changed, and where to look on in the runs, which come while it is known what to look for.

    Contacts that became part of each other are of one person.
    """
    await privacy.hold_files(uow)
    people = await merges.person(uow, contact)
    rows = await write.locked(uow, CONTACTS, people)
    words = sorted({word for row in rows.values() for word in words_of(row)})
    tells = _telling(words, uow.actor.region)
    if words:
        following = await _erase_from_runs(uow, words, tells, after)
        if following is not None:
            return 0, following
    for one in people:
        await _erase_from_imports(uow, one, words, tells)
        await rfm.forget_contact(uow, one)
    # An export of people that was made since the first pass, when nothing was left of this one, tells of nobody erased.
    telling = _TELLING if words else tuple(_TRACES)
    await _erase_from_exports(uow, words, tells, telling)
    await privacy.forget_exported(uow, telling)
    await privacy.forget_imported(uow)
    await privacy.forget_answers(uow, CONTACTS.name, people)
    changes = [(row, _left(row, plan)) for row in rows.values() if (plan := plan_contact(row, at=uow.now))]
    await write.change(uow, CONTACTS, changes, "contact.erased")
    await memberships.forget(uow, people)
    await duplicates.forget(uow, people)
    await merges.forget(uow, people)
    # In the same transaction, so that no reader of the log ever sees the old values in the event of their erasure.
    await privacy.scrub(uow, people)
    return len(changes), None


def _left(row: Row, plan: dict[str, Any]) -> dict[str, Any]:
    """With what is derived from what is gone."""
    return plan | {"terms": [], "name_key": terms.sort_key(plan.get("name", row["name"]), person=True)}


def _telling(words: Sequence[str], region: str) -> Tells:
    """Whether a text tells of the person: a word stands in it, or one of its parts is the same address or number."""
    known, folded = frozenset(words), [word.lower() for word in words]

    def tells(text: str) -> bool:
        text = text.lower()
        return any(word in text for word in folded) or any(
            emails.normalised(part) in known or phones.e164(part, region) in known
            for part in _BETWEEN.split(text)
        )

    return tells


async def _erase_from_imports(uow: UnitOfWork, contact: UUID, words: Sequence[str], tells: Tells) -> None:
    """Also in rows that say a number in another form, of which its last digits are left in any case."""
    digits = [word[-_LAST:] for word in words if word.startswith("+")]
    rows = await privacy.rows_with(uow, contact, words, digits)
    told = [
        row
        for row in rows
        if row["record_id"] == contact
        or any(
            map(
                tells, filter(None, [row["detail"], *chain(*map(imports.as_cells, json.loads(row["cells"])))])
            )
        )
    ]
    await privacy.forget_rows(uow, told)


async def _erase_from_exports(
    uow: UnitOfWork, words: Sequence[str], tells: Tells, telling: Sequence[str]
) -> None:
    """From what was asked for; and those of nouns that may tell of the person have no file any more."""
    rows = await write.locked(uow, EXPORTS, await privacy.exports_of(uow, telling, words))
    changes = []
    for row in rows.values():
        after = {"asked": asked} if (asked := redacted(row["asked"], tells)) != row["asked"] else {}
        if row["noun"] in telling and row["expires_at"] and row["expires_at"] > uow.now:
            after["expires_at"] = uow.now
        if after:
            changes.append((row, after))
    await write.change(uow, EXPORTS, changes, "export.edited")


async def _erase_from_runs(
    uow: UnitOfWork, words: Sequence[str], tells: Tells, after: UUID | None
) -> UUID | None:
    rows, following = await privacy.runs_with(uow, words, after, BATCH)
    told = [{name: row[name] for name in ("id", "params", "result", "error")} for row in rows]
    kept = [new for one in told if (new := redacted(one, tells)) != one]
    ids = [one["id"] for one in kept]
    await privacy.rewrite_runs(uow, kept)
    await privacy.forget_answers(uow, RUNS.name, ids)
    await privacy.scrub(uow, ids)
    return following


async def _erase_traces(
    uow: UnitOfWork, noun: Noun, plan: _Plan, contact: UUID, after: UUID | None
) -> tuple[int, UUID | None]:
    """How many records were changed, and where to look on."""
    people = await merges.person(uow, contact)
    ids = await privacy.records_of(uow, noun, people, after, BATCH)
    await references.claim(uow, noun, None)
    rows = await write.locked(uow, noun, ids)
    changes = [(row, new) for row in rows.values() if (new := plan(row, people))]
    await write.change(uow, noun, changes, f"{noun.name}.erased")
    theirs = ids
    if noun is DEALS:
        theirs = [record for record, row in rows.items() if row["contact_id"] in people]
        await deals.forget_why(uow, theirs)
        await privacy.scrub(uow, ids, ("people",))
    await privacy.forget_answers(uow, noun.name, ids)
    await privacy.scrub(uow, theirs, TOLD[noun.name])
    return len(changes), ids[-1] if len(ids) == BATCH else None
