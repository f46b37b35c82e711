"""Adding and editing by the thousand: each item has its own outcome, and one bad one does not cost the others.

The items go chunk by chunk, and two things go on side by side: while PostgreSQL writes one chunk and looks for the
records of the next but one, a thread plans the chunk between them and judges by its shape the one that comes after.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app.db import merges, references, write
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.db.write import Documents
from app.domain.errors import Busy, DomainError, Duplicate, NotFound, RuleBroken
from app.domain.united import united
from app.domain.waves import Name, waves
from app.schemas.base import Shape
from app.schemas.problems import incomplete_for, invalid
from app.usecases import assigning, plain
from app.usecases.plain import Happening, Judge, Values, Way

Whole = Callable[[], Values]
"""All values of a new record. Raises DomainError when what was sent is not enough for one."""
Form = Callable[[Values], Values]
"""Brings values into the forms that are kept. Raises DomainError."""
T = TypeVar("T")

_PLAIN = Way()
_CHUNK = 500
_CHUNK_OF_WHOLES = 125
"""Of records that have parts, which come to as much."""
_MANY = 100


@dataclass(slots=True)
class Item:
    """One item of a bulk request on its way: what it asks for, then what came of it."""

    index: int
    ask: Callable[[], tuple[Values, Whole | None]]
    """The values given, and all values of the record that it adds when none is there. Raises DomainError."""
    sent: dict[str, Any]
    """The values as they came, not judged yet."""
    only: Literal["add", "edit"] | None = None
    """What may be done; both when not said."""
    unite: Mapping[str, str] = field(default_factory=dict)
    """Lists that keep what they hold beside what is given; see app.domain.united."""
    given: Values = field(default_factory=dict)
    complete: Whole | None = None
    id: UUID | None = None
    status: str = ""
    problem: DomainError | None = None

    def judge(self, form: Form | None, whole: Form | None) -> None:
        """See what is asked for; what cannot be understood has failed."""
        try:
            self.given, self.complete = self.ask()
            if form:
                self.given = form(self.given)
            if whole and self.complete:
                self.complete = _then(self.complete, whole)
        except DomainError as refusal:
            self.fail(refusal)

    def fail(self, problem: DomainError) -> None:
        """The item is not done, for this reason."""
        self.status, self.problem, self.id = "failed", problem, None


def _then(complete: Whole, whole: Form) -> Whole:
    return lambda: whole(complete())


Named = Sequence[tuple[Item, Sequence[Name]]]
"""Items that could be understood, each with the names of its record."""


@dataclass(slots=True)
class _Found:
    """Items of a chunk, of different records, each with the record that it names; and those records, locked."""

    pairs: Sequence[tuple[Item, UUID | None]]
    rows: Mapping[UUID, Row]
    known: Mapping[UUID, Any]
    """What else is known of them."""


@dataclass(slots=True)
class _Plan:
    items: Sequence[Item]
    adding: list[Values] = field(default_factory=list)
    ready: Documents = ((), ())
    """Of what is added."""
    changing: list[tuple[Row, Values]] = field(default_factory=list)
    happening: list[Happening] = field(default_factory=list)
    """What happens to these records then."""


async def upsert(
    uow: UnitOfWork,
    noun: Noun,
    items: Sequence[Item],
    *,
    form: Form | None = None,
    whole: Form | None = None,
    judge: Judge | None = None,
    way: Way | None = None,
) -> None:
    """Add or edit each item: known by id, external id or key, edited; else added. Each has its own outcome.

    form and whole bring the values given, and those of new records, into the forms that are kept.
    """
    await _Bulk(uow, noun, form, whole or form, judge, way or _PLAIN).upsert(items)


@dataclass(slots=True)
class _Bulk:
    uow: UnitOfWork
    noun: Noun
    form: Form | None
    whole: Form | None
    judge: Judge | None
    way: Way
    named: list[tuple[Item, Sequence[Name]]] = field(default_factory=list)
    """All items so far, each with the names that its record has, and those that it is to have."""
    taken: set[Name] = field(default_factory=set)
    """All of these names."""
    former: set[Name] = field(default_factory=set)
    """Names of records that became part of others, by which those others were found."""
    later: set[int] = field(default_factory=set)
    """The places of items with a name that an earlier one has too: they wait until that is written."""

    async def upsert(self, items: Sequence[Item]) -> None:
        # A chunk is named two turns and planned one turn before it is written; the empty ones let the last come out.
        first, second, *rest = [*self._chunks(items), (), (), ()]
        named = await _aside(len(items), self._names, first)
        await self._claim(items, named)
        found = await self._find(named)
        named = await _aside(len(items), self._names, second)
        plan = _Plan([])
        for chunk in rest:
            writing = asyncio.create_task(self._write_and_find(plan, named))
            try:
                plan, named = await _aside(len(items), self._plan_and_name, found, chunk)
            finally:
                found = await writing
        for wave in waves([names for _, names in self.named]) if self.later else ():
            put_off = [self.named[place][0] for place in wave if place in self.later]
            for part in self._chunks(put_off):
                await self._apply(part)

    def _chunks(self, items: Sequence[T]) -> list[Sequence[T]]:
        """The items in parts; of many, the first are small, for until they are planned nothing is written."""
        chunks, start = [], 0
        size = self._size if len(items) <= self._size else max(1, self._size // 4)
        while start < len(items):
            chunks.append(items[start : start + size])
            start += size
            size = min(2 * size, self._size)
        return chunks

    @property
    def _size(self) -> int:
        return _CHUNK_OF_WHOLES if self.noun.children else _CHUNK

    async def _claim(self, items: Sequence[Item], named: Named) -> None:
        """Wait for whoever is adding one of these records, so that what they add is found and edited."""
        names = [name for _, listed in named for name in listed]
        await references.claim(self.uow, self.noun, names if len(items) <= self._size else None)
        await references.hold_trees(self.uow, self.noun, (item.sent for item in items))
        await self.way.begin(self.uow)
        await assigning.begin(self.uow, self.noun, (item.sent for item in items))

    def _names(self, chunk: Iterable[Item]) -> Named:
        for item in chunk:
            item.judge(self.form, self.whole)
        return [(item, references.names_of(self.noun, item.given)) for item in chunk if not item.status]

    async def _find(self, named: Named) -> _Found:
        """The records that the items name, locked; an item with a name that an earlier one has too is put off."""
        known, rows = await self._locked([names for _, names in named])
        pairs = []
        for (item, names), record in zip(named, known, strict=True):
            own = [*names]
            if record is not None:
                # Also what it is called now: an earlier item may free a name for a later one, and one of those that
                # are being planned may yet turn out to be of this record, when somebody else has just added it.
                own += [("id", str(record)), *references.names_of(self.noun, rows.get(record, {}))]
            if self.taken.isdisjoint(own):
                pairs.append((item, record))
            else:
                self.later.add(len(self.named))
            self.taken.update(own)
            self.named.append((item, own))
        return _Found(pairs, rows, await self.way.look(self.uow, rows.keys()))

    async def _locked(self, names: Sequence[Sequence[Name]]) -> tuple[list[UUID | None], Mapping[UUID, Row]]:
        """For each item's names, the record that they belong to; and those records that the actor sees, locked."""
        known = await references.known(self.uow, self.noun, names)
        known = await self._survivors(known, names)
        ids = [record for record in known if record is not None]
        return known, await write.locked(self.uow, self.noun, ids) if ids else {}

    async def _survivors(
        self, known: Sequence[UUID | None], names: Sequence[Sequence[Name]]
    ) -> list[UUID | None]:
        """What is known by an external id of a record that became part of another one is meant for that one."""
        moved = await merges.survivors(
            self.uow, self.noun, {record for record in known if record is not None}
        )
        found = []
        for record, listed in zip(known, names, strict=True):
            survivor = moved.get(record) if record is not None else None
            redirected = survivor is not None and all(kind != "id" for kind, *_ in listed)
            if redirected:
                self.former.update(listed)
            found.append(survivor if redirected else record)
        return found

    async def _write_and_find(self, plan: _Plan, named: Named) -> _Found:
        await self._apply(plan.items, plan)
        return await self._find(named)

    def _plan_and_name(self, found: _Found, chunk: Iterable[Item]) -> tuple[_Plan, Named]:
        return self._plan(found), self._names(chunk)

    def _plan(self, found: _Found) -> _Plan:
        plan = _Plan([item for item, _ in found.pairs])
        for item, record in found.pairs:
            try:
                if record is not None:
                    self._plan_edit(item, found.rows.get(record), found.known.get(record), plan)
                else:
                    self._plan_add(item, plan)
            except DomainError as refusal:
                item.fail(refusal)
        plan.ready = write.documents(self.noun, plan.adding)
        return plan

    def _plan_add(self, item: Item, plan: _Plan) -> None:
        if item.given.get("id") or item.complete is None:
            raise _unknown(self.noun)
        if item.only == "edit":
            raise RuleBroken("not_there", f"There is no such {self.noun.name} yet, and none is to be added.")
        row, happening = self.way.add(self.uow, self.noun, item.complete(), item.given.keys())
        item.id, item.status = row["id"], "created"
        plan.adding.append(row)
        plan.happening += happening

    def _plan_edit(self, item: Item, row: Row | None, known: Any, plan: _Plan) -> None:
        if row is None:
            raise _unknown(self.noun)
        if item.only == "add":
            raise RuleBroken(
                "there_already", f"This {self.noun.name} is there already, and none is to be edited."
            )
        given, more = self.way.apart({name: value for name, value in item.given.items() if name != "id"})
        if self.former and given.get("external_ids"):
            given["external_ids"] = self._own_names(row, given["external_ids"])
        given |= {
            name: united(row[name], given[name], same) for name, same in item.unite.items() if name in given
        }
        after = plain.changes_to(self.uow, self.noun, row, given)
        happening = self.way.edit(self.uow, row, after, more, known)
        item.id, item.status = row["id"], "updated" if after or happening else "unchanged"
        if after:
            plan.changing.append((row, after))
        plan.happening += happening

    def _own_names(self, row: Row, given: Mapping[str, Any]) -> dict[str, Any]:
        """Without the names by which it was known before it became part of this record; they stay where they are."""
        return {
            system: value
            for system, value in given.items()
            if (f"external:{system}", value) not in self.former
            or row["external_ids"].get(system) in {None, value}
        }

    async def _apply(self, items: Sequence[Item], plan: _Plan | None = None, *, again: bool = False) -> None:
        """Write items of different records together; when the database refuses, halve until the guilty stand alone."""
        if not items:
            return
        try:
            async with self.uow.savepoint():
                await self._write(plan or await self._planned(items))
        except Busy:
            raise  # a lock that was not to be had is waited for at every halving, and the rest waits with it
        except DomainError as refusal:
            if len(items) == 1:
                if isinstance(refusal, Duplicate) and not again:
                    # Added by somebody else just now: what was to be added is to be edited.
                    await self._apply(items, again=True)
                else:
                    items[0].fail(refusal)
                return
            waiting = [item for item in items if item.status != "failed"]
            for item in waiting:
                item.status = ""
            half = len(waiting) // 2
            await self._apply(waiting[:half])
            await self._apply(waiting[half:])

    async def _planned(self, items: Sequence[Item]) -> _Plan:
        known, rows = await self._locked([references.names_of(self.noun, item.given) for item in items])
        more = await self.way.look(self.uow, rows.keys())
        return await _aside(len(items), self._plan, _Found(list(zip(items, known, strict=True)), rows, more))

    async def _write(self, plan: _Plan) -> None:
        # What comes with its end is history, and nobody's lead.
        ends = {one.row["id"]: one.after.get("closed_at") for one in plan.happening}
        if await assigning.assign(
            self.uow, self.noun, [row for row in plan.adding if not ends.get(row["id"])]
        ):
            plan.ready = write.documents(self.noun, plan.adding)
        if self.judge:
            await self.judge(self.uow, [*((None, row) for row in plan.adding), *plan.changing])
        await self._resolve(plan)
        added = self.way.added or f"{self.noun.name}.added"
        await write.add(self.uow, self.noun, plan.adding, added, plan.ready)
        await write.change(self.uow, self.noun, plan.changing, f"{self.noun.name}.edited")
        await self.way.write(self.uow, plan.happening)

    async def _resolve(self, plan: _Plan) -> None:
        """Have what the records name checked, and followed to the survivors of merges."""
        sent = [(row["id"], row) for row in plan.adding]
        sent += [(row["id"], after) for row, after in plan.changing]
        resolved = await references.resolve(self.uow, self.noun, sent)
        if all(now is before for now, (_, before) in zip(resolved, sent, strict=True)):
            return
        many = len(plan.adding)
        plan.adding = resolved[:many]
        plan.ready = write.documents(self.noun, plan.adding)
        changing = [
            (row, plain.differing(self.uow, self.noun, row, after))
            for (row, _), after in zip(plan.changing, resolved[many:], strict=True)
        ]
        plan.changing = [(row, after) for row, after in changing if after]
        same = {row["id"] for row, after in changing if not after}
        same -= {one.row["id"] for one in plan.happening}
        for item in plan.items:
            if item.id in same:
                item.status = "unchanged"


def _unknown(noun: Noun) -> NotFound:
    # One sentence for both, or an id could be tried for whether it is somebody's.
    detail = f"There is no {noun.name} that this item names, or you may not see it."
    return NotFound(f"{noun.name}_not_found", detail)


async def _aside(size: int, function: Callable[..., T], *inputs: Any) -> T:
    """Run a long computation beside the event loop, which other requests need; a short one at once."""
    return await asyncio.to_thread(function, *inputs) if size > _MANY else function(*inputs)


@cache
def _defaults(add: type[Shape]) -> dict[str, Any]:
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in add.model_fields.items()
        if not field.is_required()
    }
    return {name: one.model_dump() if isinstance(one, BaseModel) else one for name, one in defaults.items()}


def asked(raw: Any, add: type[Shape], upsert: type[Shape]) -> tuple[Values, Whole]:
    """What raw values ask for: a new record, or at least an edit. Raises InvalidInput when neither."""
    try:
        shape = add.model_validate(raw)
    except ValidationError as not_new:
        return _edit(raw, upsert, not_new)
    given = shape.model_dump(exclude_unset=True)
    return given, lambda: {**_defaults(add), **given}


def _edit(raw: Any, upsert: type[Shape], not_new: ValidationError) -> tuple[Values, Whole]:
    """What would not do as a new record may still edit one that is there."""

    def incomplete() -> Values:
        raise incomplete_for(not_new)

    try:
        shape = upsert.model_validate(raw)
    except ValidationError as fault:
        raise invalid(fault) from None
    return shape.model_dump(exclude_unset=True), incomplete
