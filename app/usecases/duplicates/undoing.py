"""Taking a merge back: what nobody has changed since is as it was before, what somebody has is left and told of."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import duplicates, merges, reverting, undone, write
from app.db.contacts import CONTACTS
from app.db.duplicates import DUPLICATES
from app.db.engine import Row
from app.db.merges import MERGES
from app.db.nouns import Noun
from app.db.reads import absent
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.domain import duplicates as rules
from app.domain.access import Scope
from app.domain.duplicates import MergeStatus, Status
from app.domain.errors import RuleBroken
from app.domain.undo import Undo
from app.usecases import plain
from app.usecases.duplicates import merging, stays


async def undo_merge(uow: UnitOfWork, merge: UUID) -> dict[str, Any]:
    """Take a merge back; what came of it. Raises NotFound, Forbidden or RuleBroken."""
    noun = NOUNS[await merges.noun_of(uow, merge) or CONTACTS.name]
    uow.actor.needs(Scope(f"{noun.plural}:write"))
    people = await merges.members(uow, merge)
    held = await merging.hold_still(uow, noun, people)
    rows = await write.locked(uow, noun, people)
    row = await plain.get_locked(uow, MERGES, merge, None, {})
    if rows.keys() != set(people):
        raise absent(MERGES)
    if row["archived_at"] is not None:
        raise RuleBroken(
            "erased", "Whom this merge tells of was erased; there is nothing left to go back to."
        )
    rules.MERGES.allow("merge", MergeStatus(row["status"]), MergeStatus.UNDONE)
    survivor = row["survivor_id"]
    for one in people:
        if one != survivor and rows[one]["merged_into_id"] != survivor:
            raise RuleBroken(
                "merged_elsewhere", f"One of these {noun.plural} is not part of the survivor any more."
            )
    if rows[survivor]["merged_into_id"] is not None:
        raise RuleBroken(
            "merged_elsewhere",
            f"The survivor has become part of another {noun.name} since; undo that merge first.",
        )
    return await _undo(uow, noun, held, row, rows)


async def _undo(
    uow: UnitOfWork, noun: Noun, held: stays.Held, merge: Row, rows: Mapping[UUID, Row]
) -> dict[str, Any]:
    survivor, own = merge["survivor_id"], f"merge:{merge['id']}"
    begun = await merges.begun(uow, own, list(rows))
    told = await undone.told(uow, list(rows), own, begun)
    plans = {one: reverting.planned(noun, rows[one], told[one]) for one in rows}
    before, uow.cause = uow.cause, f"unmerge:{merge['id']}"
    try:
        # The survivor first: what it gives back must be free before the others take it again.
        for one in (survivor, *(other for other in rows if other != survivor)):
            after = _back(uow, noun, rows[one], plans[one])
            if after:
                await write.change(uow, noun, [(rows[one], after)], f"{noun.name}.unmerged")
        await merges.move_back(uow, noun, merge["id"], survivor, NOUNS)
        if await merges.circular(uow, noun, list(rows)):
            raise RuleBroken(
                "circle",
                f"A {noun.name} was moved since, and would stand above itself; move it elsewhere first.",
            )
        others = [one for one in rows if one != survivor]
        await stays.leave(uow, held, merge["id"], survivor, tags="tags" in plans[survivor].left)
        await stays.put_back(uow, held, begun, others)
        left = {one: sorted(plans[one].left) for one in rows if plans[one].left}
        changed = {"status": MergeStatus.UNDONE, "undone": _listed(noun, left)}
        await write.change(uow, MERGES, [(merge, changed)], "merge.undone")
        await _reopen(uow, merge["id"])
    finally:
        uow.cause = before
    shown = _shown(uow, noun, left)
    return {
        "id": merge["id"],
        "status": MergeStatus.UNDONE,
        "restored": [one for one in rows if one not in shown],
        "kept": _listed(noun, shown),
    }


def _listed(noun: Noun, left: Mapping[UUID, Sequence[str]]) -> list[dict[str, Any]]:
    return [{f"{noun.name}_id": one, "fields": fields} for one, fields in left.items()]


def _shown(uow: UnitOfWork, noun: Noun, left: Mapping[UUID, Sequence[str]]) -> dict[UUID, list[str]]:
    """Without hidden fields, and so without records of which nothing else was left: it is told to nobody else."""
    shown = {one: [name for name in fields if _open(uow, noun, name)] for one, fields in left.items()}
    return {one: fields for one, fields in shown.items() if fields}


def _open(uow: UnitOfWork, noun: Noun, name: str) -> bool:
    return noun.shows(uow.actor, name if name.startswith("custom.") else name.partition(".")[0])


def _back(uow: UnitOfWork, noun: Noun, row: Row, undo: Undo) -> dict[str, Any]:
    """The values to write: those of the log, and what words find the contact by, which the log does not keep."""
    after = reverting.values(noun, row, undo)
    if noun.derive and not noun.sources.isdisjoint(after):
        follows = noun.derive({**row, **after}, frozenset(), uow.actor)
        computed = follows.keys() - noun.fields.keys()
        after |= {name: follows[name] for name in computed}
    return {name: value for name, value in after.items() if name in noun.unread or value != row[name]}


async def _reopen(uow: UnitOfWork, merge: UUID) -> None:
    """What was found and merged so is dismissed: somebody said that they are not one."""
    for row in await duplicates.merged_by(uow, merge):
        await write.change(uow, DUPLICATES, [(row, {"status": Status.DISMISSED})], "duplicate.dismissed")
