"""Adding and editing by the thousand: each item has its own outcome, and one bad one does not cost the others."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.db import references, write
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.errors import Busy, DomainError, Duplicate, InvalidInput, NotFound
from app.domain.waves import waves
from app.schemas.base import Shape
from app.schemas.problems import faults_of
from app.usecases import plain
from app.usecases.plain import Judge, Values

_CHUNK = 500
_MANY = 100


@dataclass(slots=True)
class _Plan:
    adding: list[Values] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)
    """The documents of what is added."""
    changing: list[tuple[Row, Values]] = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """One item of a bulk request on its way: what it asks for, then what came of it."""

    index: int
    given: Values
    complete: Callable[[], Values] | None
    """All values of a new record, or a refusal, when the item turns out to be one."""
    id: UUID | None = None
    status: str = ""
    problem: DomainError | None = None

    def fail(self, problem: DomainError) -> None:
        """The item is not done, for this reason."""
        self.status, self.problem, self.id = "failed", problem, None


def prepare(
    items: Sequence[Item], form: Callable[[Values], Values], whole: Callable[[Values], Values] | None = None
) -> None:
    """Bring the items' values, and all values of new records, into the forms that are kept; what has none fails."""
    for item in items:
        if item.status:
            continue
        try:
            item.given = form(item.given)
        except DomainError as refusal:
            item.fail(refusal)
        if item.complete is not None:
            item.complete = _then(item.complete, whole or form)


def _then(first: Callable[[], Values], second: Callable[[Values], Values]) -> Callable[[], Values]:
    return lambda: second(first())


async def upsert(uow: UnitOfWork, noun: Noun, items: Sequence[Item], *, judge: Judge | None = None) -> None:
    """Add or edit each item: known by id, external id or key, edited; else added. Each has its own outcome."""
    waiting = [item for item in items if not item.status]
    names = [references.names_of(noun, item.given) for item in waiting]
    # Whoever is adding one of these names is waited for, so that what they add is found and edited.
    await references.claim(uow, noun, [name for listed in names for name in listed])
    await references.hold_trees(uow, noun, [item.given for item in waiting])
    known = await references.known(uow, noun, names)
    paired = zip(names, known, strict=True)
    named = [own if record is None else [*own, ("id", str(record))] for own, record in paired]
    first, *later = waves(named) or [[]]
    together = [waiting[place] for place in first]
    await _apply(uow, noun, together, judge, known=[known[place] for place in first])
    for wave in later:
        await _apply(uow, noun, [waiting[place] for place in wave], judge)


async def _apply(
    uow: UnitOfWork,
    noun: Noun,
    items: Sequence[Item],
    judge: Judge | None,
    *,
    known: Sequence[UUID | None] | None = None,
    again: bool = False,
) -> None:
    """Write the items together; when the database refuses, halve until the guilty stand alone."""
    if not items:
        return
    try:
        async with uow.savepoint():
            await _write(uow, noun, items, judge, known)
    except Busy:
        raise  # a lock that was not to be had is waited for at every halving, and the rest waits with it
    except DomainError as refusal:
        if len(items) == 1:
            if isinstance(refusal, Duplicate) and not again:
                # Added by somebody else just now: what was to be added is to be edited.
                await _apply(uow, noun, items, judge, again=True)
            else:
                items[0].fail(refusal)
            return
        for item in items:
            if item.status != "failed":
                item.status = ""
        waiting = [item for item in items if not item.status]
        half = len(waiting) // 2
        await _apply(uow, noun, waiting[:half], judge)
        await _apply(uow, noun, waiting[half:], judge)


async def _write(
    uow: UnitOfWork,
    noun: Noun,
    items: Sequence[Item],
    judge: Judge | None,
    known: Sequence[UUID | None] | None,
) -> None:
    if known is None:
        known = await references.known(uow, noun, [references.names_of(noun, item.given) for item in items])
    rows = await write.locked(uow, noun, [record for record in known if record is not None])
    pairs = list(zip(items, known, strict=True))
    writing: asyncio.Task[None] | None = None
    try:
        for start in range(0, len(pairs), _CHUNK):
            # The next chunk is made ready, in a thread, while PostgreSQL writes the one before.
            plan = await _in_thread(len(pairs), _plan, uow, noun, pairs[start : start + _CHUNK], rows)
            if writing is not None:
                await writing
            if judge:
                await judge(uow, [*((None, row) for row in plan.adding), *plan.changing])
            adding = [(row["id"], row) for row in plan.adding]
            changing = [(row["id"], after) for row, after in plan.changing]
            await references.check(uow, noun, [*adding, *changing])
            writing = asyncio.create_task(_keep(uow, noun, plan))
    finally:
        if writing is not None:
            await writing


async def _in_thread(size: int, function: Callable[..., _Plan], *inputs: Any) -> _Plan:
    """Run a long computation beside the event loop, which other requests need; a short one at once."""
    return await asyncio.to_thread(function, *inputs) if size > _MANY else function(*inputs)


def _plan(
    uow: UnitOfWork, noun: Noun, pairs: Sequence[tuple[Item, UUID | None]], rows: Mapping[UUID, Row]
) -> _Plan:
    plan = _Plan()
    for item, record in pairs:
        try:
            if record is not None:
                _plan_edit(uow, noun, item, rows.get(record), plan)
            else:
                _plan_add(uow, noun, item, plan)
        except DomainError as refusal:
            item.fail(refusal)
    plan.ready = write.documents(noun, plan.adding)
    return plan


def _unknown(noun: Noun) -> NotFound:
    # One sentence for both, or an id could be tried for whether it is somebody's.
    detail = f"There is no {noun.name} that this item names, or you may not see it."
    return NotFound(f"{noun.name}_not_found", detail)


def _plan_add(uow: UnitOfWork, noun: Noun, item: Item, plan: _Plan) -> None:
    if item.given.get("id") or item.complete is None:
        raise _unknown(noun)
    row = plain.new_row(uow, noun, item.complete(), item.given.keys())
    item.id, item.status = row["id"], "created"
    plan.adding.append(row)


def _plan_edit(uow: UnitOfWork, noun: Noun, item: Item, row: Row | None, plan: _Plan) -> None:
    if row is None:
        raise _unknown(noun)
    given = {name: value for name, value in item.given.items() if name != "id"}
    after = plain.changes_to(uow, noun, row, given)
    item.id, item.status = row["id"], "updated" if after else "unchanged"
    if after:
        plan.changing.append((row, after))


async def _keep(uow: UnitOfWork, noun: Noun, plan: _Plan) -> None:
    await write.add(uow, noun, plan.adding, f"{noun.name}.added", plan.ready)
    await write.change(uow, noun, plan.changing, f"{noun.name}.edited")


@cache
def _defaults(add: type[Shape]) -> dict[str, Any]:
    return {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in add.model_fields.items()
        if not field.is_required()
    }


def item_of(index: int, raw: Any, add: type[Shape], upsert: type[Shape]) -> Item:
    """Raw values as an item: of a new record, or at least of an edit; one that is neither has failed already."""
    try:
        shape = add.model_validate(raw)
    except ValidationError as not_new:
        return _edit(index, raw, upsert, not_new)
    given = shape.model_dump(exclude_unset=True)
    return Item(index, given, lambda: {**_defaults(add), **given})


def _edit(index: int, raw: Any, upsert: type[Shape], not_new: ValidationError) -> Item:
    """An item that would not do as a new record may still edit one that is there."""

    def incomplete() -> dict[str, Any]:
        raise incomplete_for(not_new)

    try:
        shape = upsert.model_validate(raw)
    except ValidationError as fault:
        item = Item(index, {}, None)
        item.fail(invalid(fault))
        return item
    return Item(index, shape.model_dump(exclude_unset=True), incomplete)


def invalid(fault: ValidationError) -> InvalidInput:
    """A shape's findings as our error."""
    faults, named = _found(fault)
    return InvalidInput("request_invalid", f"This item cannot be understood. {named}", errors=faults[:20])


def incomplete_for(fault: ValidationError) -> InvalidInput:
    """What would do as an edit, but knows no record that is there, and is not enough for a new one."""
    faults, named = _found(fault)
    return InvalidInput(
        "incomplete", f"There is no such record yet, and a new one needs more. {named}", errors=faults[:20]
    )


def _found(fault: ValidationError) -> tuple[list[dict[str, str]], str]:
    faults = faults_of(list(fault.errors(include_url=False, include_input=False)))
    return faults, "; ".join(f"{one['at']}: {one['detail']}" for one in faults[:3])
