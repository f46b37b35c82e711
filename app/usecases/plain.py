"""The verbs that every noun has: add, edit, archive, restore, and upsert by the thousand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.db import events, references, write
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope, must_read, must_write
from app.domain.custom import check_custom, flat, merged, same
from app.domain.errors import DomainError, Duplicate, NotFound, RuleBroken, Stale
from app.domain.waves import waves
from app.kit.ids import new_id

Values = dict[str, Any]
Change = tuple[Row | None, Mapping[str, Any]]
"""A stored record with its new values, or None with all values of a new one."""
Judge = Callable[[UnitOfWork, Sequence[Change]], Awaitable[None]]
"""A use case's own rule over changes that are about to be written together. Raises DomainError."""
_MERGED = ("custom", "external_ids")
"""Fields whose keys are set one by one; null takes a key away."""


def _written(noun: Noun, given: Mapping[str, Any]) -> list[str]:
    names = [name for name in given if name != "custom"]
    return names + [f"custom.{key}" for key in given.get("custom") or {}]


def new_row(uow: UnitOfWork, noun: Noun, values: Values, given: Set[str]) -> Values:
    """A whole new record from a shape's values. Raises DomainError."""
    actor = uow.actor
    must_write(actor, noun.name, _written(noun, {name: values[name] for name in given}))
    row = {"id": new_id(), **noun.exact(values)}
    for name in _MERGED:
        if name in row:
            row[name] = merged(None, row[name])
    if noun.custom:
        row["custom"] = check_custom(row["custom"], actor.custom.get(noun.name, {}))
    if noun.owned and "owner_id" not in given and actor.owners(noun.name) is not None:
        row["owner_id"] = actor.user_id  # or its maker would never see it again
    if noun.check:
        noun.check(row)
    return row | (noun.derive(row, given, actor) if noun.derive else {})


def changes_to(uow: UnitOfWork, noun: Noun, row: Row, given: Values) -> Values:
    """What differs between a stored record and the values given for it. Raises DomainError."""
    actor = uow.actor
    if row["archived_at"] is not None:
        raise RuleBroken("archived", f"This {noun.name} is archived; restore it before you change it.")
    new = {
        name: merged(row[name], value) if name in _MERGED else value
        for name, value in noun.exact(given).items()
    }
    blind = _blind(noun, actor, given)
    new = {name: v for name, v in new.items() if name in blind or _differs(noun, row[name], v)}
    if not new:
        return {}
    if "custom" in new:
        new["custom"] = check_custom(new["custom"], actor.custom.get(noun.name, {}), before=row["custom"])
    follows = not noun.sources.isdisjoint(new)
    if noun.check and follows:
        noun.check({**row, **new})
    if noun.derive and follows:
        new |= noun.derive({**row, **new}, given.keys(), actor)
        kept = blind | noun.unread
        new = {name: v for name, v in new.items() if name in kept or _differs(noun, row[name], v)}
    if noun.guard:
        _guard(noun, actor, row, new)
    return {} if noun.unread.issuperset(new) else new


def _blind(noun: Noun, actor: Actor, given: Values) -> frozenset[str]:
    """What is written without being read: it counts as changed, or "unchanged" would tell that a guess was right."""
    unseen = {name.partition(".")[0] for name in _written(noun, given) if not noun.shows(actor, name)}
    return frozenset(unseen & noun.fields.keys())


def _guard(noun: Noun, actor: Actor, row: Row, new: Values) -> None:
    assert noun.guard is not None
    try:
        noun.guard(row, new)
    except RuleBroken:
        must_read(actor, noun.name, noun.guarded)  # the refusal speaks of them
        raise


def _differs(noun: Noun, old: Any, new: Any) -> bool:
    if isinstance(new, list) and new and isinstance(new[0], dict):
        return _comparable(noun, old or ()) != _comparable(noun, new)
    if isinstance(new, dict):
        return not same(old, new)
    return bool(old != new)


def _comparable(noun: Noun, items: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {key: str(value) for key, value in item.items() if value is not None and key not in noun.computed}
        for item in items
    ]


async def add(
    uow: UnitOfWork, noun: Noun, values: Values, given: Set[str], *, judge: Judge | None = None
) -> UUID:
    """A new record; its id."""
    row = new_row(uow, noun, values, given)
    if judge:
        await judge(uow, [(None, row)])
    await references.check(uow, noun, [(row["id"], row)])
    await write.add(uow, noun, [row], f"{noun.name}.added")
    made: UUID = row["id"]
    return made


async def get_locked(uow: UnitOfWork, noun: Noun, record: UUID, version: int | None, given: Values) -> Row:
    """The record, locked, in the version that the caller knows. Raises NotFound or Stale."""
    row = (await write.locked(uow, noun, [record])).get(record)
    if row is None:
        raise NotFound(
            f"{noun.name}_not_found", f"There is no {noun.name} with this id, or you may not see it."
        )
    if version is not None and row["version"] != version:
        base = await events.base_of(uow, row["id"], version)
        facts = conflicts(uow, noun, row, base, given)
        raise Stale(
            "version_mismatch",
            f"This {noun.name} is now in version {row['version']}, and you know version {version}; read it again.",
            version=row["version"],
            conflicts=facts,
        )
    return row


def conflicts(uow: UnitOfWork, noun: Noun, row: Row, base: Mapping[str, Any], given: Values) -> list[Values]:
    """Field by field, what the caller started from, what stands now and what the caller wants; readable fields only."""
    if not uow.actor.may(Scope(noun.reading)):
        return []
    names = (base.keys() | given.keys()) & noun.fields.keys()
    theirs = {name: row[name] for name in names}
    begun = theirs | {name: base[name] for name in names & base.keys()}
    wanted = {name: merged(begun[name], new) if name in _MERGED else new for name, new in given.items()}
    old, now, new = flat(begun), flat(theirs), flat(begun | wanted)
    return [
        {"field": name, "base": old.get(name), "theirs": now.get(name), "yours": new.get(name)}
        for name in sorted(old.keys() | now.keys() | new.keys())
        if noun.shows(uow.actor, name)
        and (name in base or old.get(name) != now.get(name) or _differs(noun, now.get(name), new.get(name)))
    ]


async def edit(
    uow: UnitOfWork,
    noun: Noun,
    record: UUID,
    given: Values,
    *,
    version: int | None,
    judge: Judge | None = None,
) -> None:
    """Give a record new values; what is not given stays, and nothing happens when nothing differs."""
    must_write(uow.actor, noun.name, _written(noun, given))
    await references.hold_trees(uow, noun, [given])
    row = await get_locked(uow, noun, record, version, given)
    await edit_row(uow, noun, row, given, judge=judge)


async def edit_row(
    uow: UnitOfWork,
    noun: Noun,
    row: Row,
    given: Values,
    *,
    judge: Judge | None = None,
) -> None:
    """As `edit`, for a record that is locked already."""
    must_write(uow.actor, noun.name, _written(noun, given))
    after = changes_to(uow, noun, row, given)
    if after:
        if judge:
            await judge(uow, [(row, after)])
        await references.check(uow, noun, [(row["id"], after)])
        await write.change(uow, noun, [(row, after)], f"{noun.name}.edited")


async def archive(uow: UnitOfWork, noun: Noun, record: UUID, *, version: int | None) -> None:
    """Put a record away; it leaves the lists and can be restored."""
    await archive_row(uow, noun, await get_locked(uow, noun, record, version, {}))


async def archive_row(uow: UnitOfWork, noun: Noun, row: Row) -> None:
    """As `archive`, for a record that is locked already."""
    if row["archived_at"] is not None:
        raise RuleBroken(
            "already_archived", f"This {noun.name} was archived on {row['archived_at']:%Y-%m-%d}."
        )
    await write.change(uow, noun, [(row, {"archived_at": uow.now})], f"{noun.name}.archived")


async def restore(uow: UnitOfWork, noun: Noun, record: UUID, *, version: int | None) -> None:
    """Bring an archived record back."""
    await restore_row(uow, noun, await get_locked(uow, noun, record, version, {}))


async def restore_row(uow: UnitOfWork, noun: Noun, row: Row) -> None:
    """As `restore`, for a record that is locked already."""
    if row["archived_at"] is None:
        raise RuleBroken("not_archived", f"This {noun.name} is not archived.")
    await write.change(uow, noun, [(row, {"archived_at": None})], f"{noun.name}.restored")


_CHUNK = 1_000
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
    row = new_row(uow, noun, item.complete(), item.given.keys())
    item.id, item.status = row["id"], "created"
    plan.adding.append(row)


def _plan_edit(uow: UnitOfWork, noun: Noun, item: Item, row: Row | None, plan: _Plan) -> None:
    if row is None:
        raise _unknown(noun)
    given = {name: value for name, value in item.given.items() if name != "id"}
    must_write(uow.actor, noun.name, _written(noun, given))
    after = changes_to(uow, noun, row, given)
    item.id, item.status = row["id"], "updated" if after else "unchanged"
    if after:
        plan.changing.append((row, after))


async def _keep(uow: UnitOfWork, noun: Noun, plan: _Plan) -> None:
    await write.add(uow, noun, plan.adding, f"{noun.name}.added", plan.ready)
    await write.change(uow, noun, plan.changing, f"{noun.name}.edited")
