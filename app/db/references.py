"""What a record points to: it must exist, be visible to the writer, and make no circle.

What became part of another record is named by its old id for years, by systems that know no other; the survivor is
meant, and written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any
from uuid import UUID
from zlib import crc32

from sqlalchemy import CTE, ColumnElement, select

from app.db import sight
from app.db.constraints import unknown_reference
from app.db.engine import DIALECT
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.waves import Name

MERGED = "merged_into_id"
"""The column of nouns that can be merged; it names the record that one became part of."""
Pairs = Sequence[tuple[UUID, dict[str, Any]]]
"""Records by their ids, each with its new values."""


async def hold_trees(uow: UnitOfWork, noun: Noun, givens: Iterable[Mapping[str, Any]]) -> None:
    """Let nobody else move a record in the noun's trees until the end, when one of these values moves one.

    Two moves that are right each by itself may close a circle together. Comes before any record is locked, or two
    units could wait for each other.
    """
    if noun.parents and any(given.get(column) for given in givens for column in noun.parents):
        await uow.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"tree {noun.name} {uow.org_id}"
        )


async def resolve(uow: UnitOfWork, noun: Noun, pairs: Pairs) -> list[dict[str, Any]]:
    """The records' values as they are to be written: a reference to what was merged names the survivor.

    Raises InvalidInput for a reference that the writer may not see, before or after the merge, and RuleBroken for a
    circle. Foreign keys refuse what does not exist; `hold_trees` keeps the trees as they are looked at here.
    """
    rows = [values for _, values in pairs]
    for column, target in pointing(noun).items():
        await _visible(uow, target, column, (row[column] for row in rows if row.get(column)))
        rows = await _followed(uow, target, column, rows)
    for child_name, child in noun.children.items():
        for column, target in child.references.items():
            lines = [line for row in rows for line in row.get(child_name, ())]
            await _visible(uow, target, column, (line[column] for line in lines if line.get(column)))
            if lines and MERGED in target.table.c:
                followed = iter(await _followed(uow, target, column, lines))
                rows = [_with(row, child_name, followed) for row in rows]
    for column in noun.parents:
        moved = {record: row[column] for (record, _), row in zip(pairs, rows, strict=True) if column in row}
        await _no_circle(uow, noun, column, moved)
    return rows


def _with(row: dict[str, Any], child: str, lines: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The row with the next lines in the place of its own."""
    return row | {child: [next(lines) for _ in row[child]]} if child in row else row


def pointing(noun: Noun) -> Mapping[str, Noun]:
    """The columns that name another record, to its noun."""
    return {**noun.references, **dict.fromkeys(noun.parents, noun)}


async def _followed(
    uow: UnitOfWork, target: Noun, column: str, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    moved = await survivors(uow, target, {row[column] for row in rows if row.get(column)})
    if hidden := [one for one, survivor in moved.items() if survivor is None]:
        # Named by what was sent: where it went is not for the writer's eyes.
        raise unknown_reference(column, min(hidden))
    return [row | {column: moved[row[column]]} if row.get(column) in moved else row for row in rows]


def way_up(noun: Noun, begun: ColumnElement[bool]) -> CTE:
    """Records, and one by one what each became part of: begun, id and above, which only the survivor has not."""
    table = noun.table
    here = select(table.c.id, table.c[MERGED].label("above")).where(sight.tenant(noun)).correlate(None)
    way = here.add_columns(table.c.id.label("begun")).where(begun).cte("up", recursive=True, nesting=True)
    return way.union(here.add_columns(way.c.begun).where(table.c.id == way.c.above))


async def survivors(uow: UnitOfWork, noun: Noun, ids: Set[UUID]) -> Mapping[UUID, UUID | None]:
    """Those of the records that became part of another one, and the one that they are part of now; None for a hidden one.

    A merge that is under way is waited for, and another one waits until this has ended: what is read is locked as a
    foreign key locks it, or a record could be hung on one that is being merged away.
    """
    above: dict[UUID, UUID] = {}
    here = ids if MERGED in noun.table.c else frozenset()
    while here:  # step by step, and not by `way_up`: PostgreSQL locks no row in a recursive query
        rows = await uow.fetch(
            f"select id, {MERGED} as above from {noun.plural} where org_id = $1 and id = any($2::uuid[])"
            " order by id for key share",
            uow.org_id,
            sorted(here),
        )
        found = {row["id"]: row["above"] for row in rows if row["above"] is not None}
        above |= found
        here = set(found.values()) - above.keys()
    ends = {one: _end(above, one) for one in ids & above.keys()}
    known = await seen(uow, noun, set(ends.values()))
    return {one: end if end in known else None for one, end in ends.items()}


def _end(above: Mapping[UUID, UUID], one: UUID) -> UUID:
    while one in above:
        one = above[one]
    return one


async def seen(uow: UnitOfWork, noun: Noun, ids: Set[UUID]) -> Set[UUID]:
    """Those of the ids that are not hidden from the actor."""
    if not ids or sight.sees_all(uow.actor, noun):
        return ids
    question, values = sight.seen(uow.actor, noun, ids)
    return {row["id"] for row in await uow.fetch(question.sql, *question.values(values))}


async def _visible(uow: UnitOfWork, target: Noun, column: str, named: Iterable[UUID]) -> None:
    if sight.sees_all(uow.actor, target):
        return
    ids = set(named)
    if missing := ids - await seen(uow, target, ids):
        raise unknown_reference(column, min(missing))


async def _no_circle(uow: UnitOfWork, noun: Noun, column: str, moved: Mapping[UUID, UUID | None]) -> None:
    """Raise RuleBroken when the tree, with these records moved, would have a circle."""
    named = {above for above in moved.values() if above is not None}
    if not named:
        return
    stored = await uow.fetch(
        f"""with recursive up as (
          select id, {column} as above from {noun.plural} where org_id = $1 and id = any($2::uuid[])
          union select t.id, t.{column} from {noun.plural} t join up on t.org_id = $1 and t.id = up.above
        ) select id, above from up""",
        uow.org_id,
        list(named),
    )
    tree = {row["id"]: row["above"] for row in stored} | dict(moved)
    safe: set[UUID] = set()
    for record in moved:
        path: set[UUID] = set()
        here: UUID | None = record
        while here is not None and here not in safe:
            if here in path:
                raise RuleBroken(
                    "circle", f"This {noun.name} stands above the one that you want to put above it."
                )
            path.add(here)
            here = tree.get(here)
        safe |= path


_BUCKETS = 64


def names_of(noun: Noun, given: Mapping[str, Any]) -> list[Name]:
    """What an item may be known by: its id, its external ids, and the noun's own keys."""
    found: list[Name] = [("id", str(given["id"]))] if given.get("id") else []
    external = given.get("external_ids") or {}
    found += [(f"external:{system}", value) for system, value in external.items() if value is not None]
    whole = (key for key in noun.keys if all(given.get(column) is not None for column in key))
    return found + [(_kind(key), *(str(given[column]) for column in key)) for key in whole]


def _kind(key: Sequence[str]) -> str:
    return "+".join(key)


async def claim(uow: UnitOfWork, noun: Noun, names: Iterable[Name] | None) -> None:
    """Wait for whoever is adding a record under one of these names, and let others wait until this has ended.

    None stands for all names: whoever locks many records in several steps claims them, and so does whoever locks many
    at once beside that, or the two could wait for each other. Names share a few locks, taken in one order, because a
    server has not room for a lock on each of 10,000.
    """
    every = range(_BUCKETS)
    buckets = every if names is None else {crc32(":".join(name).encode()) % _BUCKETS for name in names}
    if buckets:
        await uow.execute(
            "select pg_advisory_xact_lock($1, bucket) from unnest($2::int[]) bucket",
            crc32(f"{uow.org_id}:{noun.name}".encode()) - 2**31,
            sorted(buckets),
        )


async def known(uow: UnitOfWork, noun: Noun, names: Sequence[Sequence[Name]]) -> list[UUID | None]:
    """For each item's names, the record that one of them belongs to: by id first, then external id, then key."""
    by_name: dict[Name, UUID] = {}
    wanted = {name for listed in names for name in listed}
    ids = [value for kind, value, *_ in wanted if kind == "id"]
    if ids:
        rows = await uow.fetch(
            f"select id from {noun.plural} where org_id = $1 and id = any($2::uuid[])", uow.org_id, ids
        )
        by_name |= {("id", str(row["id"])): row["id"] for row in rows}
    outside = [
        (kind.removeprefix("external:"), value) for kind, value, *_ in wanted if kind.startswith("external:")
    ]
    if outside:
        rows = await uow.fetch(
            # One by one through the index: a plan made while there were few would read all of them each time.
            "select x.* from unnest($3::text[], $4::text[]) w(system, external_id), lateral"
            " (select system, external_id, noun_id from external_ids where org_id = $1 and noun = $2"
            " and system = w.system and external_id = w.external_id limit 1) x",
            uow.org_id,
            noun.name,
            [system for system, _ in outside],
            [value for _, value in outside],
        )
        by_name |= {(f"external:{row['system']}", row["external_id"]): row["noun_id"] for row in rows}
    for key in noun.keys:
        by_name |= await _by_key(uow, noun, key, [name for name in wanted if name[0] == _kind(key)])
    return [next((by_name[name] for name in listed if name in by_name), None) for listed in names]


async def _by_key(
    uow: UnitOfWork, noun: Noun, key: Sequence[str], names: Sequence[Name]
) -> Mapping[Name, UUID]:
    if not names:
        return {}
    given = ", ".join(f"${n}::text[]" for n in range(2, len(key) + 2))
    same = " and ".join(f"t.{column} = w.{column}::{_type(noun, column)}" for column in key)
    rows = await uow.fetch(
        f"select t.id, w.* from unnest({given}) w({', '.join(key)})"
        f" join {noun.plural} t on t.org_id = $1 and {same}",
        uow.org_id,
        *map(list, zip(*(values for _, *values in names), strict=True)),
    )
    return {(_kind(key), *found): id_ for id_, *found in rows}


def _type(noun: Noun, column: str) -> str:
    return noun.table.c[column].type.compile(dialect=DIALECT)
