"""Tags: words with a meaning, and their new names on everything that carries them."""

from collections.abc import Sequence, Set
from uuid import UUID

from app.db import references, runs, segments, tags, write
from app.db.engine import Row
from app.db.registry import NOUNS
from app.db.tags import TAGS
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.runs import Progress, ahead, first
from app.domain.tags import RENAME, check_settled, replaced
from app.usecases import bulk, plain
from app.usecases.bulk import Item
from app.usecases.plain import Change, Judge, Values

BATCH = 1_000
LOOKED = 50_000
"""Records that one batch looks at when few of them carry the tag."""
_CARRIERS = {name: noun for name, noun in NOUNS.items() if "tags" in noun.fields}
_NOUNS = tuple(_CARRIERS)
_PASSES = 2
"""Records that got the old name while the first pass went by are found by the second."""


async def add_tag(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new tag."""
    return await plain.add(uow, TAGS, values, given, judge=await _judge(uow))


async def upsert_tags(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Add or edit each tag, known by its id or its name."""
    await bulk.upsert(uow, TAGS, items, judge=await _judge(uow))


async def restore_tag(uow: UnitOfWork, tag: UUID, *, version: int | None) -> None:
    """Bring an archived tag back."""
    busy = await runs.alone(uow, RENAME)
    row = await plain.get_locked(uow, TAGS, tag, version, {})
    check_settled(busy, row["name"])
    await plain.restore_row(uow, TAGS, row)


async def rename_tag(uow: UnitOfWork, tag: UUID, name: str, *, version: int | None) -> UUID:
    """Give a tag another name at once, and start the run that brings it to every record; the run's id.

    The name of another tag joins the two: this one is archived, and its records carry the other. Raises NotFound,
    Stale or RuleBroken.
    """
    busy = await runs.alone(uow, RENAME)
    row = await plain.get_locked(uow, TAGS, tag, version, {})
    check_settled(busy, row["name"], name)
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This tag is archived; restore it before you rename it.")
    if await segments.putting(uow, row["name"]):
        raise RuleBroken(
            "tag_of_segment",
            f"A segment puts {row['name']!r} on its members; archive it before you rename its tag.",
        )
    if row["name"] == name:
        raise RuleBroken("name_same", f"This tag is called {name!r} already.")
    other = await tags.named(uow, name)
    if other is None:
        await write.change(uow, TAGS, [(row, {"name": name})], "tag.renamed")
    else:
        if (await plain.get_locked(uow, TAGS, other, None, {}))["archived_at"] is not None:
            raise RuleBroken(
                "archived", f"The tag {name!r} is archived; restore it before you join another with it."
            )
        await write.change(uow, TAGS, [(row, {"archived_at": uow.now})], "tag.joined")
    return await runs.start(uow, RENAME, {"tag_id": other or tag, "old": row["name"], "new": name})


async def rename_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next records that carry the old name get the new one."""
    old, new = run["params"]["old"], run["params"]["new"]
    here = run["checkpoint"] or first(_NOUNS)
    noun = _CARRIERS[here["noun"]]
    after = None if here["after"] is None else UUID(here["after"])
    await references.claim(uow, noun, None)
    rows, following = await tags.carriers(uow, noun, old, after, most=BATCH, looked=LOOKED)
    changes = [(row, {"tags": replaced(row["tags"], old, new)}) for row in rows]
    await write.change(uow, noun, changes, f"{noun.name}.edited")
    done = run["done"] + len(rows)
    onward = ahead(here, following, _NOUNS, _PASSES)
    result = {"renamed": done} if onward is None else None
    return Progress(onward or here, done, finished=onward is None, result=result)


async def _judge(uow: UnitOfWork) -> Judge:
    """No new tag takes a name that records are on their way from or to. Comes before any tag is locked."""
    busy = await runs.alone(uow, RENAME)

    async def judge(_: UnitOfWork, changes: Sequence[Change]) -> None:
        check_settled(busy, *(new["name"] for row, new in changes if row is None))

    return judge
