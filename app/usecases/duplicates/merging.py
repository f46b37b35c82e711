"""Making records one: the survivor takes what the others have, and everything that hangs on them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import duplicates, linkage, memberships, merges, references, write
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.duplicates import DUPLICATES
from app.db.engine import Row
from app.db.merges import MERGES
from app.db.nouns import Noun
from app.db.reads import absent
from app.db.registry import NOUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.duplicates import (
    MOST,
    OF_COMPANIES,
    OF_CONTACTS,
    STATUSES,
    Fields,
    MergeStatus,
    Rule,
    Status,
    Survivorship,
    plan_merge,
    suggested,
)
from app.domain.errors import InvalidInput, RuleBroken, Stale
from app.kit.ids import new_id
from app.usecases import plain
from app.usecases.duplicates import stays

Versions = Mapping[UUID, int]


FIELDS: Mapping[str, Fields] = {CONTACTS.name: OF_CONTACTS, COMPANIES.name: OF_COMPANIES}
"""What can be merged."""


async def merge_records(
    uow: UnitOfWork,
    noun: Noun,
    survivor: UUID,
    others: Sequence[UUID],
    values: dict[str, Any],
    *,
    version: int | None,
    versions: Versions,
) -> UUID:
    """Make the others part of the survivor; the merge's id, which is the former one when it is done already.

    values take the place of what the rules would choose. Raises NotFound, Stale, Forbidden, InvalidInput or RuleBroken.
    """
    if survivor in others or not others or len(set(others)) >= MOST:
        raise InvalidInput(
            "others_invalid",
            f"Name up to {MOST - 1} other {noun.plural} to merge into this one.",
            field="others",
        )
    _must_be_allowed(uow, noun)
    held = await hold_still(uow, noun, [survivor, *others])
    rows = await write.locked(uow, noun, [survivor, *others])
    known = {**versions} | _version_of(survivor, version)
    return await _one(uow, noun, held, rows, survivor, others, values, known)


async def merge_found(
    uow: UnitOfWork, one: UUID, survivor: UUID | None, values: dict[str, Any], *, versions: Versions
) -> UUID:
    """Merge what was found: into the survivor, or the suggested one; the merge's id. Raises like merge_records."""
    noun = await duplicates.noun_of(uow, one)
    _must_be_allowed(uow, noun)
    people = await duplicates.members(uow, [one])
    held = await hold_still(uow, noun, people)
    rows = await write.locked(uow, noun, people)
    # All that this closes, in the order in which a search locks them.
    await duplicates.touching(uow, people)
    row = await plain.get_locked(uow, DUPLICATES, one, None, {})
    if row["status"] == Status.MERGED and row["merge_id"] is not None:
        merge: UUID = row["merge_id"]
        if survivor in (None, (await merges.members(uow, merge))[0]):
            return merge
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This is put away, since it holds no more; search again.")
    STATUSES.allow("duplicate", Status(row["status"]), Status.MERGED)
    for name in sorted(values.keys() - noun.fields.keys()):
        raise InvalidInput("field_unknown", f"A {noun.name} has no field {name!r}.", field=f"values.{name}")
    survivor = survivor or suggested([rows[one] for one in people], FIELDS[noun.name])["id"]
    if survivor not in people:
        raise InvalidInput("survivor_unknown", "The survivor is one of the members.", field="survivor_id")
    others = [one for one in people if one != survivor]
    return await _one(uow, noun, held, rows, survivor, others, values, versions)


def _must_be_allowed(uow: UnitOfWork, noun: Noun) -> None:
    for scope in (Scope(f"{noun.plural}:write"), Scope.merges_write):
        uow.actor.needs(scope)


async def hold_still(uow: UnitOfWork, noun: Noun, records: Sequence[UUID]) -> stays.Held:
    """Comes before any of them is locked, as these come before duplicates: so no two merges wait for each other."""
    held = await memberships.hold_static(uow, records) if noun is CONTACTS else {}
    await merges.hold_still(uow, noun, NOUNS)
    await references.hold_trees(uow, noun, [dict.fromkeys(noun.parents, True)])
    return held


def _version_of(survivor: UUID, version: int | None) -> dict[UUID, int]:
    return {} if version is None else {survivor: version}


async def _one(
    uow: UnitOfWork,
    noun: Noun,
    held: stays.Held,
    rows: Mapping[UUID, Row],
    survivor: UUID,
    others: Sequence[UUID],
    values: dict[str, Any],
    versions: Versions,
) -> UUID:
    """As merge_records, for records that are locked already."""
    if {survivor, *others} - rows.keys():
        raise absent(noun)
    if all(rows[one]["merged_into_id"] == survivor for one in others):
        done = await merges.latest(uow, survivor, others)
        if done is not None:
            return done
    _must_be_known(noun, rows, versions)
    for row in rows.values():
        if row["archived_at"] is not None:
            raise RuleBroken(
                "archived",
                "One of these records is archived; restore it before it is merged.",
            )
    return await _merge(uow, noun, held, rows[survivor], [rows[one] for one in dict.fromkeys(others)], values)


def _must_be_known(noun: Noun, rows: Mapping[UUID, Row], versions: Versions) -> None:
    for one, version in versions.items():
        if one in rows and rows[one]["version"] != version:
            raise Stale(
                "version_mismatch",
                f"The {noun.name} {one} is now in version {rows[one]['version']}, and you know version {version};"
                " read it again.",
                version=rows[one]["version"],
                conflicts=[],
            )


async def survivorship(uow: UnitOfWork, noun: Noun) -> Survivorship:
    """The organisation's rules for the noun."""
    held = await linkage.held(uow, noun)
    return Survivorship({name: Rule(rule) for name, rule in held["rules"].items()}, held["sources"])


async def _merge(
    uow: UnitOfWork,
    noun: Noun,
    held: stays.Held,
    survivor: Row,
    others: Sequence[Row],
    values: dict[str, Any],
) -> UUID:
    merge, before = new_id(), uow.cause
    (values,) = await references.resolve(uow, noun, [(survivor["id"], values)])
    ids = [one["id"] for one in others]
    below = await merges.below(uow, noun, [survivor["id"], *ids])
    if any(values.get(column) in below | {*ids} for column in noun.parents):
        raise RuleBroken("circle", f"This {noun.name} would stand above itself.")
    chosen = plan_merge(survivor, others, await survivorship(uow, noun), FIELDS[noun.name], below)
    after = _planned(uow, noun, survivor, chosen, values)
    uow.cause = f"merge:{merge}"
    try:
        await write.change(uow, noun, _left(uow, survivor, others, after), f"{noun.name}.merged")
        await write.change(uow, noun, [(survivor, after)], f"{noun.name}.merged")
        row = {
            "id": merge,
            "noun": noun.name,
            "survivor_id": survivor["id"],
            "status": MergeStatus.DONE,
            "undone": [],
            "members": [{"noun": noun.name, "member_id": one["id"]} for one in (survivor, *others)],
        }
        await write.add(uow, MERGES, [row], "merge.done")
        await merges.move(uow, noun, merge, ids, survivor["id"], NOUNS)
        await stays.enter(uow, held, ids, survivor["id"])
        await _close_found(uow, merge, survivor["id"], {survivor["id"], *ids})
    finally:
        uow.cause = before
    return merge


def _planned(
    uow: UnitOfWork,
    noun: Noun,
    survivor: Row,
    chosen: Mapping[str, Any],
    values: dict[str, Any],
) -> dict[str, Any]:
    """What the survivor becomes. The rules choose among all fields, also those that whoever merges does not see.

    Of those a refusal would tell whether they agree; so only what is seen to change must be theirs to change.
    """
    noun.must_be_writable(uow.actor, _told_of(uow, noun, survivor, chosen))
    after = {**chosen}
    if values:
        whole = {**survivor, **after}
        after |= plain.changes_to(uow, noun, whole, values)  # type: ignore[arg-type]  # it is read by its names
    if noun.derive and not noun.sources.isdisjoint(after):
        after |= noun.derive({**survivor, **after}, values.keys(), uow.actor)
    return {
        name: value
        for name, value in after.items()
        if name in noun.unread or name not in survivor or value != survivor[name]
    }


def _told_of(uow: UnitOfWork, noun: Noun, survivor: Row, after: Mapping[str, Any]) -> list[str]:
    """The fields that would change and whoever merges sees."""
    custom = after.get("custom", {})
    names = [name for name in after if name not in ("custom", "consented")]
    names += [f"custom.{key}" for key, value in custom.items() if survivor["custom"].get(key) != value]
    return [name for name in names if noun.shows(uow.actor, name)]


def _left(
    uow: UnitOfWork, survivor: Row, others: Sequence[Row], after: Mapping[str, Any]
) -> list[tuple[Row, dict[str, Any]]]:
    """What becomes of the others: put away, and without the external ids that the survivor takes."""
    taken = after.get("external_ids", survivor["external_ids"])
    changes = []
    for row in others:
        kept = {system: value for system, value in row["external_ids"].items() if taken.get(system) != value}
        new = {"archived_at": uow.now, "merged_into_id": survivor["id"]}
        changes.append((row, new | ({"external_ids": kept} if kept != row["external_ids"] else {})))
    return changes


async def _close_found(uow: UnitOfWork, merge: UUID, survivor: UUID, people: set[UUID]) -> None:
    """What was found and is merged now is so marked; of what holds others as well, these and the survivor remain."""
    for row in await duplicates.touching(uow, people):
        if people.issuperset(row["people"]):
            after: dict[str, Any] = {"status": Status.MERGED, "merge_id": merge}
            await write.change(uow, DUPLICATES, [(row, after)], "duplicate.merged")
        else:
            await write.change(uow, DUPLICATES, [(row, {"archived_at": uow.now})], "duplicate.archived")
            await duplicates.keep_rest(uow, [row], people - {survivor})
