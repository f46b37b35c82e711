"""Undoing a whole import: what it did and nobody has changed since is taken back, the rest is left and listed.

A record that the import made is archived, and nothing is deleted here; one that others point to by now is left. Its names
are let go with that: its external ids are taken from it, and its own key (a number, a SKU) is set aside, so that the
corrected file makes a record anew rather than meet one that is put away. The log keeps what they were.

A deal that the import took on in its pipeline stays where it stands, since a stage history is only added to, and whoever
wants it elsewhere moves it by the rules of its pipeline; its other fields go back.

A record that was merged since, into another one or with others into itself, is left, because what it is made of is no
longer its own: undo the merge, then the import once more. What merely hung on it goes back, and hangs on the survivor.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Text

from app.db import actors, imports, references, reverting, runs, undone, write
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.costs import COSTS
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.imports import IMPORTS
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.references import MERGED
from app.db.reverting import Event
from app.db.undone import Settled
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import Busy, DomainError, RuleBroken
from app.domain.fields import CUSTOM
from app.domain.imports import Stage, Target, Undone, plan_undo
from app.domain.runs import ENDED, Progress
from app.domain.undo import Undo
from app.usecases import plain
from app.usecases.imports.apply import KINDS

UNDO = "imports.undo"
BATCH = 2_000
"""Events that one batch goes back by."""
_NOUNS: Mapping[str, Noun] = {
    noun.name: noun for noun in (INTERACTIONS, COSTS, DEALS, ORDERS, CONTACTS, PRODUCTS, COMPANIES)
}
"""What an import can make or change."""
_SHELVED = frozenset({"archived_at"})
_WALKED = frozenset(
    {"stage", "status", "entered_at", "closed_at", "closed_from", "lost_reason", "lost_to_id"}
    | {"credit", "approvals", "probability"}
)
"""What is written of a deal when it goes on."""
_Events = Mapping[UUID, Sequence[Event]]


async def undo_import(uow: UnitOfWork, import_id: UUID, *, version: int | None) -> UUID:
    """Start the run that undoes an import, in the name of whoever asks; its id.

    What an earlier undoing has kept has its turn again. Raises NotFound, Stale, Forbidden, or RuleBroken while it is
    under way, when it has not begun, and when nothing is left to undo.
    """
    if await references.seen(uow, IMPORTS, {import_id}):
        await _must_rest(uow, import_id)  # before its row is asked for, which a batch holds for seconds
    import_ = await plain.get_locked(uow, IMPORTS, import_id, version, {})
    uow.actor.needs(Scope(f"{KINDS[Target(import_['target'])].noun.plural}:write"))
    plan_undo(import_["stage"], import_["undone"])
    await _must_rest(uow, import_id)
    await undone.forget_kept(uow, import_id)
    who = {"user_id": uow.actor.user_id, "key_id": uow.actor.id if uow.actor.kind == "api_key" else None}
    run = await runs.start(uow, UNDO, {"import_id": import_id, **who})
    after = {"stage": Stage.UNDOING, "run_id": run, "undone": None}
    await write.change(uow, IMPORTS, [(import_, after)], "import.undoing")
    return run


async def _must_rest(uow: UnitOfWork, import_id: UUID) -> None:
    if await undone.at_it(uow, import_id) not in {None, *ENDED}:
        raise RuleBroken(
            "import_under_way",
            "Work on this import is under way; let it end, or cancel its run, before you undo it.",
        )


async def undo_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next events of the import, newest first, noun by noun; with what whoever asked may do now."""
    house, params = uow.actor, run["params"]
    import_ = await imports.of_run(uow, UUID(params["import_id"]))
    if import_["run_id"] != run["id"]:
        raise RuleBroken(
            "import_changed", "Another undo of this import was asked for since; that one goes on."
        )
    user, key = (params[name] and UUID(params[name]) for name in ("user_id", "key_id"))
    uow.actor = await actors.load(
        uow.database, uow.org_id, user, key_id=key, now=uow.now, held=uow.connection
    )
    uow.cause = f"undo:{import_['id']}"
    try:
        return await _Undoing(uow, import_["id"]).go_on(import_, run)
    finally:
        uow.actor = house


@dataclass(slots=True)
class _Step:
    """What is to become of one record."""

    row: Row
    settled: Settled
    after: dict[str, Any]
    """Its new values; nothing is written when there are none."""
    verb: str = "edited"


@dataclass(slots=True)
class _Undoing:
    uow: UnitOfWork
    import_id: UUID

    async def go_on(self, import_: Row, run: Row) -> Progress:
        await imports.take_turn(self.uow)
        begun, ended = await undone.span(self.uow, self.import_id)
        here = run["checkpoint"] or {"noun": next(iter(_NOUNS)), "below": ended}
        noun = _NOUNS[here["noun"]]
        found, following = await undone.ahead(
            self.uow, f"import:{self.import_id}", noun.name, (begun, here["below"]), BATCH
        )
        records = await undone.waiting(self.uow, self.import_id, found)
        if records:
            settled = await self._undo(noun, records, begun)
            await undone.settle(self.uow, self.import_id, noun.name, settled)
        done = run["done"] + len(records)
        if following is not None:
            return Progress({**here, "below": following}, done)
        names = [*_NOUNS, None]
        after = names[names.index(noun.name) + 1]
        if after is not None:
            return Progress({"noun": after, "below": ended}, done)
        account = await undone.account(self.uow, self.import_id)
        await write.change(
            self.uow, IMPORTS, [(import_, {"stage": Stage.UNDONE, "undone": account})], "import.undone"
        )
        return Progress(here, done, finished=True, result=account)

    async def _undo(self, noun: Noun, records: Sequence[UUID], begun: int) -> list[Settled]:
        self.uow.actor.needs(Scope(f"{noun.plural}:write"))
        await references.claim(self.uow, noun, None)
        await references.hold_trees(self.uow, noun, [dict.fromkeys(noun.parents, True)])
        rows = await write.locked(self.uow, noun, records)
        told = await self._followed(
            noun, await undone.told(self.uow, records, f"import:{self.import_id}", begun)
        )
        joined = await undone.survivors(self.uow, noun, list(rows))
        steps = await asyncio.to_thread(
            lambda: [
                self._step(noun, rows[record], told[record], joined) for record in records if record in rows
            ]
        )
        made = [step.row["id"] for step in steps if step.settled.outcome is Undone.ARCHIVED]
        used = await undone.in_use(self.uow, noun, made)
        steps = [_kept(step.row, "in_use", ()) if step.row["id"] in used else step for step in steps]
        hidden = [Settled(record, Undone.KEPT, "hidden") for record in records if record not in rows]
        return hidden + await self._apply(noun, steps)

    async def _followed(self, noun: Noun, told: _Events) -> _Events:
        """The events with survivors for whom was merged: that a record went along with its contact is nobody's change."""
        columns = references.pointing(noun)
        moved: dict[str, str] = {}
        for column, target in columns.items():
            sides = [
                side for events in told.values() for one in events for side in (one["before"], one["after"])
            ]
            named = {UUID(side[column]) for side in sides if side.get(column)}
            survivors = await references.survivors(self.uow, target, named)
            moved |= {str(one): str(survivor) for one, survivor in survivors.items() if survivor}
        if not moved:
            return told

        def now(side: Mapping[str, Any]) -> dict[str, Any]:
            return {
                **side,
                **{name: moved.get(side[name], side[name]) for name in columns.keys() & side.keys()},
            }

        return {
            record: [{**one, "before": now(one["before"]), "after": now(one["after"])} for one in events]
            for record, events in told.items()
        }

    def _step(self, noun: Noun, row: Row, told: Sequence[Event], joined: Set[UUID]) -> _Step:
        undo = reverting.planned(noun, row, told)
        if any(one["type"].endswith(".erased") for one in told):
            return _kept(row, "erased", ())
        if MERGED in noun.fields and row[MERGED] is not None:
            # What it had is the survivor's by now, and nothing of it would go back there.
            return _kept(row, "merged", _given(noun, undo.left | undo.back.keys()))
        if any(one["own"] and one["new"] for one in told):
            return _kept(row, "merged", ()) if row["id"] in joined else self._put_away(noun, row, undo)
        if noun is DEALS and "stage" in undo.back:
            back = {name: old for name, old in undo.back.items() if name not in _WALKED}
            return self._walked(noun, row, replace(undo, back=back))
        if not undo.back:
            left = _given(noun, undo.left)
            return _kept(row, "changed_since", left) if left else _as_it_was(row)
        try:
            after = self._back(noun, row, undo)
        except DomainError as refusal:
            return _kept(row, refusal.code, undo.left | undo.back.keys())
        computed = after.keys() - {name.partition(".")[0] for name in undo.back}
        if still := _given(noun, undo.left - computed):
            return _Step(row, Settled(row["id"], Undone.KEPT, "changed_since", sorted(still)), after)
        return _Step(row, Settled(row["id"], Undone.RESTORED), after)

    def _walked(self, noun: Noun, row: Row, undo: Undo) -> _Step:
        """A record that has gone on: all goes back but where it stands."""
        try:
            after = self._back(noun, row, undo) if undo.back else {}
        except DomainError as refusal:
            return _kept(row, refusal.code, {"stage", *undo.left, *undo.back})
        fields = sorted({"stage", *_given(noun, undo.left)})
        return _Step(row, Settled(row["id"], Undone.KEPT, "stage_history", fields), after)

    def _put_away(self, noun: Noun, row: Row, undo: Undo) -> _Step:
        if changed := undo.theirs - _SHELVED:
            return _kept(row, "changed_since", changed)
        after: dict[str, Any] = {"external_ids": {}} if row["external_ids"] else {}
        for key in noun.keys:
            *_, last = (name for name in key if isinstance(noun.table.c[name].type, Text))
            after[last] = f"{row[last]}~{str(row['id'])[-12:]}"
        if after.keys() & noun.sources and noun.derive:
            after["terms"] = noun.derive({**row, **after}, frozenset(), self.uow.actor)["terms"]
        if row["archived_at"] is None:
            after["archived_at"] = self.uow.now
        return _Step(row, Settled(row["id"], Undone.ARCHIVED), after, "archived")

    def _back(self, noun: Noun, row: Row, undo: Undo) -> dict[str, Any]:
        """The values to write: those of the log, with what follows from them. Raises DomainError."""
        given = _given(noun, undo.back)
        noun.must_be_writable(
            self.uow.actor,
            [name if name.startswith(CUSTOM) else name.partition(".")[0] for name in given],
        )
        after = reverting.values(noun, row, undo)
        if noun.derive and not noun.sources.isdisjoint(after):
            follows = noun.derive({**row, **after}, frozenset(), self.uow.actor)
            if noun.sources.isdisjoint(undo.theirs):
                # What people see is as it was to the letter, whatever would follow today.
                follows = {name: value for name, value in follows.items() if name not in noun.fields}
            after |= {name: value for name, value in follows.items() if name not in noun.children}
        if noun.guard and not noun.guarded.isdisjoint(undo.theirs):
            noun.guard(row, after)
        return {name: value for name, value in after.items() if name in noun.unread or value != row[name]}

    async def _apply(self, noun: Noun, steps: Sequence[_Step]) -> list[Settled]:
        """Write together; when the database refuses, halve until the guilty stand alone, the newest change first."""
        try:
            async with self.uow.savepoint():
                await self._write(noun, [step for step in steps if step.after])
        except Busy:
            raise
        except DomainError as refusal:
            if len(steps) == 1:
                return [
                    Settled(
                        steps[0].row["id"],
                        Undone.KEPT,
                        refusal.code,
                        sorted(steps[0].after.keys() & noun.fields.keys()),
                    )
                ]
            half = len(steps) // 2
            return await self._apply(noun, steps[:half]) + await self._apply(noun, steps[half:])
        return [step.settled for step in steps]

    async def _write(self, noun: Noun, steps: Sequence[_Step]) -> None:
        edited = [step for step in steps if step.verb == "edited"]
        resolved = await references.resolve(self.uow, noun, [(step.row["id"], step.after) for step in edited])
        archived = [(step.row, step.after) for step in steps if step.verb == "archived"]
        # A name that a new record has taken is free before its old bearer takes it again.
        await write.change(self.uow, noun, archived, f"{noun.name}.archived")
        going_back = [(step.row, after) for step, after in zip(edited, resolved, strict=True)]
        await write.change(self.uow, noun, going_back, f"{noun.name}.edited")


def _kept(row: Row, code: str, fields: Any) -> _Step:
    return _Step(row, Settled(row["id"], Undone.KEPT, code, sorted(fields)), {})


def _as_it_was(row: Row) -> _Step:
    return _Step(row, Settled(row["id"], Undone.RESTORED), {})


def _given(noun: Noun, names: Iterable[str]) -> list[str]:
    """Those among the fields that a writer gives; the others follow from them."""
    heads = {name: name.partition(".")[0] for name in names}
    return [name for name, head in heads.items() if head in noun.fields and noun.fields[head].writable]
