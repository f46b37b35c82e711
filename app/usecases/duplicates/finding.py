"""Finding records that may be one: among all of them, or those changed since the last search against all."""

import asyncio
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from app.analytics.duplicates.comparing import Model, remembered
from app.analytics.duplicates.linking import Pair, Reason, Records, clusters
from app.db import duplicates, linkage, merges, write
from app.db.duplicates import DUPLICATES
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.errors import Busy, DomainError
from app.domain.runs import Progress
from app.usecases.duplicates import features, merging

CHUNK = 5_000
"""Records read at once."""
WRITTEN = 500
"""Clusters written at once."""
MERGED = 50
"""What is merged in one batch."""
TURN = timedelta(minutes=1)
"""How long a search waits while another one computes in this process, of which each takes its memory and all cores."""
ASKED = 10.0
"""Seconds of computing after which PostgreSQL, which ends transactions that are silent for a minute, is spoken to."""
OVERLAP = timedelta(minutes=10)
"""What is dated before may be committed after; so the next search looks that far back, and finds the same once more."""
_ONE = asyncio.Lock()
T = TypeVar("T")
_Two = frozenset[str]
_Change = tuple[Row, Mapping[str, Any]]
_TOLD = ("score", "pairs", "digests")
"""What a later search may say otherwise of the same people."""


@dataclass(slots=True)
class _Found:
    model: Model
    pairs: list[Pair]
    digests: dict[str, str] = field(default_factory=dict)
    """Of everybody who is in a pair."""
    marks: dict[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    """Of these and of who is in what is open: no two whose marks differ come together by way of a third."""
    looked: int = 0
    fresh: int = 0


async def find_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The whole search at once, since what it finds hangs together; then, where it is wanted, what is sure is merged."""
    here = run["checkpoint"]
    if here:
        return await _merge_sure(uow, run, here)
    if _ONE.locked():
        return Progress({}, 0, wait=TURN)
    noun = noun_of(run)
    linked = features.COMPARED[noun.name].linkage
    held = await linkage.held(uow, noun)
    known = remembered(linked, held["model"]) if held["model"] else None
    since = None if run["params"].get("whole") or known is None else held["looked_at"]
    async with _ONE:
        found = await _search(uow, run, noun, held["identifying"], since, known)
    told = await _settle(uow, noun, run["id"], found, since)
    await linkage.looked(uow, noun, uow.now - OVERLAP, found.model.told())
    result = {
        "noun": noun.name,
        "whole": since is None,
        "looked": found.looked,
        "fresh": found.fresh,
        "pairs": len(found.pairs),
        **told,
        "merged": 0,
    }
    checkpoint = {"after": None, "result": result}
    if held["auto_merge_at"] is None:
        return Progress(checkpoint, found.looked, total=found.looked, finished=True, result=result)
    return Progress(checkpoint, found.looked, total=found.looked)


def noun_of(run: Row) -> Noun:
    """What a search is among."""
    return duplicates.OF[run["params"].get("noun", "contact")]


async def _search(
    uow: UnitOfWork,
    run: Row,
    noun: Noun,
    identifying: Sequence[str],
    since: datetime | None,
    known: Model | None,
) -> _Found:
    with (
        tempfile.TemporaryDirectory(prefix="rapport-") as place,
        Records(Path(place), features.COMPARED[noun.name].linkage) as records,
    ):
        found = _Found(known or Model(0, {}, {}, 0), [])
        after: UUID | None = None
        while rows := await duplicates.records_after(uow, noun, after, CHUNK):
            after = rows[-1]["id"]
            found.looked += len(rows)
            add = partial(_add, records, noun, rows, identifying, since)
            found.fresh += await _aside(uow, run, records, add)
        if since is None:
            found.model = await _aside(uow, run, records, records.learn)
        found.pairs = await _aside(uow, run, records, lambda: records.pairs(found.model))
        people = {one for pair in found.pairs for one in (pair.left, pair.right)}
        found.digests = await _aside(uow, run, records, partial(_digests, records, people))
        people |= await duplicates.open_members(uow, noun)
        found.marks = await _aside(uow, run, records, partial(records.marks, people))
    return found


def _digests(records: Records, people: Collection[str]) -> dict[str, str]:
    return {row["unique_id"]: features.digest(row) for row in records.told(people)}


def _add(
    records: Records, noun: Noun, rows: Sequence[Row], identifying: Sequence[str], since: datetime | None
) -> int:
    records.add(features.table(noun.name, rows, identifying, since))
    return sum(since is None or row["updated_at"] > since for row in rows)


async def _aside(uow: UnitOfWork, run: Row, records: Records, work: Callable[[], T]) -> T:
    """Compute in a thread while the connection is kept alive."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        while not (await asyncio.wait({task}, timeout=ASKED))[0]:
            await duplicates.under_way(uow, run["id"])
    finally:
        while not task.done():
            records.stop()  # again and again: between two statements there is nothing to stop
            await asyncio.wait({task}, timeout=1)
    return task.result()


async def _settle(
    uow: UnitOfWork, noun: Noun, run: UUID, found: _Found, since: datetime | None
) -> dict[str, int]:
    """Write down what is new, put away what holds no more; how many of each."""
    open_ = await duplicates.standing(uow, noun)
    there = {UUID(one) for row in open_ for one in row["people"]}
    changed = await duplicates.changed(uow, noun, there, since)
    pairs = list(found.pairs)
    met = {frozenset((pair.left, pair.right)) for pair in pairs}
    digests = dict(found.digests)
    for row in open_:
        for told in row["pairs"]:
            two = frozenset((told["left"], told["right"]))
            if two not in met and changed.isdisjoint(two):
                pairs.append(_pair(told))
                for one, digest in row["digests"].items():
                    digests.setdefault(one, digest)
    apart = await _apart(uow, noun, digests, {one for pair in pairs for one in (pair.left, pair.right)})
    groups = clusters(pairs, apart=apart, marks=found.marks)
    standing = {frozenset(row["people"]): row for row in open_}
    adding, telling, kept = [], [], set()
    for group in groups:
        people = frozenset(one for pair in group for one in (pair.left, pair.right))
        new = duplicates.found(noun.name, run, [_told(pair) for pair in group], digests)
        before = standing.get(people)
        if before is None:
            adding.append(new)
            continue
        kept.add(people)
        if any(before[name] != new[name] for name in _TOLD):
            telling.append((before, {name: new[name] for name in _TOLD}))
    gone = [(row, {"archived_at": uow.now}) for people, row in standing.items() if people not in kept]
    await _written(uow, gone, telling, adding)
    return {"found": len(adding), "archived": len(gone), "kept": len(kept)}


async def _written(
    uow: UnitOfWork, gone: Sequence[_Change], telling: Sequence[_Change], adding: Sequence[dict[str, Any]]
) -> None:
    for start in range(0, len(gone), WRITTEN):
        await write.change(uow, DUPLICATES, gone[start : start + WRITTEN], "duplicate.archived")
    for start in range(0, len(telling), WRITTEN):
        await write.change(uow, DUPLICATES, telling[start : start + WRITTEN], "duplicate.edited")
    for start in range(0, len(adding), WRITTEN):
        await write.add(uow, DUPLICATES, adding[start : start + WRITTEN], "duplicate.found")


async def _apart(
    uow: UnitOfWork, noun: Noun, digests: Mapping[str, str], people: Collection[str]
) -> set[_Two]:
    """Pairs of which somebody said that they are two, for as long as neither has changed; of undone merges, for good.

    Whoever put one below the other has said so, too.
    """
    apart: set[_Two] = set()
    for row in await duplicates.one_above_the_other(uow, noun, people):
        apart.add(frozenset((row["below"], row["above"])))
    for row in await duplicates.dismissed(uow, noun, people):
        same = [one for one in row["people"] if row["digests"].get(one) == digests.get(one)]
        apart.update(map(frozenset, combinations(same, 2)))
    for row in await merges.parted(uow, people):
        apart.update(map(frozenset, combinations(row["people"], 2)))
    return apart


def _told(pair: Pair) -> dict[str, Any]:
    return asdict(pair) | {"reasons": [[one.field, one.level, one.weight] for one in pair.reasons]}


def _pair(told: Mapping[str, Any]) -> Pair:
    reasons = tuple(Reason(*one) for one in told["reasons"])
    return Pair(told["left"], told["right"], told["score"], reasons)


async def _merge_sure(uow: UnitOfWork, run: Row, here: Mapping[str, Any]) -> Progress:
    """Merge the next of those that are as sure as the organisation asks for; what a rule refuses is left to people."""
    noun = noun_of(run)
    least = (await linkage.held(uow, noun))["auto_merge_at"]
    after = None if here["after"] is None else UUID(here["after"])
    sure = [] if least is None else await duplicates.sure(uow, noun, least, after, MERGED)
    merged = 0
    await merging.hold_still(uow, noun, await duplicates.members(uow, sure))
    for one in sure:
        try:
            async with uow.savepoint():
                await merging.merge_found(uow, one, None, {}, versions={})
            merged += 1
        except Busy:
            raise
        except DomainError:
            continue
    result = {**here["result"], "merged": here["result"]["merged"] + merged}
    following = {"after": sure[-1] if sure else None, "result": result}
    return Progress(following, run["done"], finished=len(sure) < MERGED, result=result)
