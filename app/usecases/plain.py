"""The verbs that every noun has: add, edit, archive and restore, one record at a time."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from app.db import events, references, write
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.reads import absent
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope, must_read
from app.domain.custom import check_custom, flat, merged, same
from app.domain.errors import RuleBroken, Stale
from app.domain.fields import CUSTOM
from app.kit.ids import new_id
from app.usecases import assigning

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
    noun.must_be_writable(actor, _written(noun, {name: values[name] for name in given}))
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
    noun.must_be_writable(actor, _written(noun, given))
    if row["archived_at"] is not None:
        raise _put_away(noun, actor, row)
    new = {
        name: merged(row[name], value) if name in _MERGED else value
        for name, value in noun.exact(given).items()
    }
    blind = _blind(noun, actor, given)
    new = {name: v for name, v in new.items() if name in blind or _differs(noun, name, row[name], v)}
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
        new = {name: v for name, v in new.items() if name in kept or _differs(noun, name, row[name], v)}
    if noun.guard:
        _guard(noun, actor, row, new)
    return {} if noun.unread.issuperset(new) else new


def _put_away(noun: Noun, actor: Actor, row: Row) -> RuleBroken:
    if references.MERGED in noun.fields and row[references.MERGED] and noun.shows(actor, references.MERGED):
        return RuleBroken(
            "merged",
            f"This {noun.name} became part of another one, which merged_into_id names; change that one.",
        )
    return RuleBroken("archived", f"This {noun.name} is archived; restore it before you change it.")


def differing(uow: UnitOfWork, noun: Noun, row: Row, resolved: Values) -> Values:
    """What still differs once references are resolved: a survivor that is named by an old id may stand there already."""
    names = references.pointing(noun).keys() & resolved.keys()
    same = {name for name in names - _blind(noun, uow.actor, resolved) if resolved[name] == row[name]}
    return {name: value for name, value in resolved.items() if name not in same}


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


def _differs(noun: Noun, name: str, old: Any, new: Any) -> bool:
    if name.startswith(CUSTOM):
        return not same(old, new)  # of any form, where the noun's own lists have one for all their items
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
    await assigning.assign(uow, noun, [row])
    if judge:
        await judge(uow, [(None, row)])
    rows = await references.resolve(uow, noun, [(row["id"], row)])
    await write.add(uow, noun, rows, f"{noun.name}.added")
    made: UUID = row["id"]
    return made


async def get_locked(uow: UnitOfWork, noun: Noun, record: UUID, version: int | None, given: Values) -> Row:
    """The record, locked, in the version that the caller knows. Raises NotFound or Stale."""
    row = (await write.locked(uow, noun, [record])).get(record)
    if row is None:
        raise absent(noun)
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
    found = compared(
        flat(begun), flat(theirs), flat(begun | wanted), base.keys(), differ=partial(_differs, noun)
    )
    return [one for one in found if noun.shows(uow.actor, one["field"])]


def compared(
    old: Values,
    now: Values,
    new: Values,
    moved: Set[str],
    *,
    differ: Callable[[str, Any, Any], bool] = lambda _, old, new: bool(old != new),
) -> list[Values]:
    """The fields that have moved since, or are to: what they were, what they are and what is wanted."""
    return [
        {"field": name, "base": old.get(name), "theirs": now.get(name), "yours": new.get(name)}
        for name in sorted(old.keys() | now.keys() | new.keys())
        if name in moved or old.get(name) != now.get(name) or differ(name, now.get(name), new.get(name))
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
    noun.must_be_writable(uow.actor, _written(noun, given))
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
    after = changes_to(uow, noun, row, given)
    if after:
        if judge:
            await judge(uow, [(row, after)])
        (resolved,) = await references.resolve(uow, noun, [(row["id"], after)])
        if after := differing(uow, noun, row, resolved):
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
    """Bring an archived record back. Raises RuleBroken for one that became part of another."""
    await restore_row(uow, noun, await get_locked(uow, noun, record, version, {}))


async def restore_row(uow: UnitOfWork, noun: Noun, row: Row) -> None:
    """As `restore`, for a record that is locked already."""
    if row["archived_at"] is None:
        raise RuleBroken("not_archived", f"This {noun.name} is not archived.")
    if references.MERGED in noun.fields and row[references.MERGED] is not None:
        raise RuleBroken(
            "merged", f"This {noun.name} became part of another one; undo the merge to bring it back."
        )
    await write.change(uow, noun, [(row, {"archived_at": None})], f"{noun.name}.restored")


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens to a record: its event, the record as it is then, and what is written of it."""

    event: str | None
    """None for what the event of the record's making has told."""
    row: Mapping[str, Any]
    after: Values
    entry: Any = None
    """What else is written of it."""


class Way:
    """How records of a noun come in; by this one, with nothing more to them."""

    added: str | None = None
    """The event of a new record, where it is not that it was added."""

    async def begin(self, uow: UnitOfWork) -> None:
        """Hold what must be held before any record is locked."""

    async def look(self, uow: UnitOfWork, records: Collection[UUID]) -> Mapping[UUID, Any]:
        """What else must be known of records that are there and locked."""
        return {}

    def add(
        self, uow: UnitOfWork, noun: Noun, values: Values, given: Set[str]
    ) -> tuple[Values, Sequence[Happening]]:
        """A whole new record, and what happens to it from then on. Raises DomainError."""
        return new_row(uow, noun, values, given), ()

    def apart(self, given: Values) -> tuple[Values, Values]:
        """What is given of a record that is there: its values, and what is more."""
        return given, {}

    def edit(self, uow: UnitOfWork, row: Row, after: Values, more: Values, found: Any) -> Sequence[Happening]:
        """What happens to a record that is edited so. Raises DomainError."""
        return ()

    async def write(self, uow: UnitOfWork, changes: Sequence[Happening]) -> None:
        """Write what happens to records; what happens to one stands in its order."""
