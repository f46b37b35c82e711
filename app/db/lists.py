"""Lists: pages and counts of the records that a condition, words and the actor's sight leave.

What is common is met soon by walking a list's own order; what is rare is gathered by an index and then sorted. Which
of the two it is nobody knows beforehand: rare words may all stand at the top, common ones may all be old. So a short
walk is made first, a longer one when the short one met enough to promise a page, and then indexes are asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, bindparam, func, select
from sqlalchemy.types import Integer

from app.db import paging, related, sight, survivors, where, words
from app.db.engine import Prepared, Row, compiled, prepared
from app.db.nouns import Noun
from app.db.paging import Sort
from app.db.reads import Question, Reads, binds, body, checked, chosen, of_sight, stamped, text_key
from app.db.sight import Parents
from app.db.words import Words
from app.domain import conditions
from app.domain.access import Actor
from app.domain.conditions import All, Condition, Test
from app.domain.moments import Now
from app.domain.ops import Op

_WALKS = (4_000, 20_000)
"""Records looked at along the order at most; a thousand take half a millisecond to one."""
_WORTH = 16_000
"""Within how many a page must be promised for the longer walk, which goes a little further than that, to be worth it."""
_COMMON = 40
"""What is met so often on a short walk is counted faster by reading everything than by an index."""
_FEW_OWNERS = 64
"""More owners than these are a wide sight, of which no index need gather the records."""

EVERY_RECORD = All(())


@dataclass(frozen=True, slots=True)
class Also:
    """What a noun asks of its own records beyond the condition, by a name that is no other's."""

    name: str
    holds: TextClause
    values: Mapping[str, Any]
    fields: frozenset[str]
    """Those that it looks at."""


@dataclass(frozen=True, slots=True)
class Page:
    """What to list."""

    noun: Noun
    where: Callable[[Actor], Condition] = lambda _: EVERY_RECORD
    """The condition, read by the fields that the actor knows."""
    sort: str = "-created_at"
    limit: int = 50
    cursor: str | None = None
    fields: Sequence[str] | None = None
    archived: bool | None = False
    """None for both."""
    words: Words | None = None
    also: Also | None = None


def condition(noun: Noun, raw: Any, at: datetime) -> Callable[[Actor], Condition]:
    """A raw condition, to be read by the fields that an actor knows, its moments as they are at this time."""

    def read(actor: Actor) -> Condition:
        return conditions.at(related.read(noun, actor, raw), Now(at, actor.time_zone))

    return read


class _Way(Enum):
    """How the records are come by."""

    PLAIN = "as PostgreSQL thinks best"
    WALK = "a few of them, in the list's order"
    LONG_WALK = "more of them"
    LOOK_UP = "by the index of words, tags and custom values"
    GATHER = "by the indexes of those who are seen"


_WALKING = frozenset({_Way.WALK, _Way.LONG_WALK})
_PARENTS = {_Way.LONG_WALK: Parents.WEIGHED, _Way.GATHER: Parents.GATHERED}


@cache
def _indexed(noun: Noun) -> frozenset[str]:
    """The columns that an index finds or sorts by, within the organisation."""
    keys = (list(index.expressions) for index in noun.table.indexes)
    return frozenset(
        str(key[1]).removeprefix(f"{noun.table.name}.").removesuffix(" desc") for key in keys if len(key) > 1
    ) - {"terms"}


def _pointed(noun: Noun, condition: Condition) -> bool:
    """Whether the condition names a value that an ordinary index finds."""
    parts = condition.parts if isinstance(condition, All) else (condition,)
    return any(
        isinstance(part, Test) and part.op in {Op.EQ, Op.IN} and part.field.name in _indexed(noun)
        for part in parts
    )


def _few(actor: Actor, noun: Noun) -> bool:
    """Whether the actor sees, also by way of parents, the records of few owners."""
    opened = [actor.owners(one.name) for one in (noun, *(through.noun for through in noun.through))]
    restricted = bool(noun.through) and opened[0] is not None
    return restricted and all(owners is None or len(owners) <= _FEW_OWNERS for owners in opened)


def _walkable(actor: Actor, page: Page, condition: Condition) -> bool:
    """Whether to walk before indexes are asked: the planner knows neither where words stand nor who is seen."""
    noun = page.noun
    first = page.sort.split(",")[0].strip().removeprefix("-")
    if first in noun.table.c:
        first = noun.table.c[first].info.get("sorted_by", first)
    hidden = bool(noun.through) and not sight.sees_all(actor, noun)
    return (
        (hidden or words.sought(noun, condition, page.words))
        and first in _indexed(noun)
        and not _pointed(noun, condition)
        and not survivors.names_itself(noun, condition)
    )


def _alone(actor: Actor, page: Page) -> UUID | None:
    """The one owner whose records the actor sees, when an index has these in the list's order."""
    noun = page.noun
    if (
        not noun.owned
        or noun.through
        or sight.sees_all(actor, noun)
        or page.sort.removeprefix("-") != "created_at"
    ):
        return None
    owners = actor.owners(noun.name) or ()
    return next(iter(owners)) if len(owners) == 1 else None


def _way(actor: Actor, page: Page, condition: Condition, length: int = 0) -> _Way:
    """The way: where it makes sense, a walk over as many records as length says."""
    if length and _walkable(actor, page, condition):
        return _Way.WALK if length == min(_WALKS) else _Way.LONG_WALK
    if _pointed(page.noun, condition):
        return _Way.PLAIN
    if words.sought(page.noun, condition, page.words):
        return _Way.LOOK_UP
    return _Way.GATHER if _few(actor, page.noun) else _Way.PLAIN


def _filter(actor: Actor, statement: Select[Any], condition: Condition, page: Page, way: _Way) -> Select[Any]:
    noun = page.noun
    columns = dict(noun.table.c.items())
    follow = survivors.follow(actor, survivors.known(actor))
    look = related.look(actor, follow)
    statement = statement.where(where.compile_(condition, columns, look=look, follow=follow))
    if page.archived is not None:
        gone = noun.table.c.archived_at
        statement = statement.where(gone.is_not(None) if page.archived else gone.is_(None))
    if page.also is not None:
        statement = statement.where(page.also.holds)
    if way is _Way.LOOK_UP:
        return statement.where(words.looked_up(noun))
    return statement if page.words is None else statement.where(words.matches(noun))


def _filter_key(actor: Actor, condition: Condition, page: Page, way: _Way) -> tuple[Any, ...]:
    looked = (*related.key(actor, condition), *survivors.key(actor, condition, survivors.known(actor)))
    return (
        conditions.shape(condition),
        looked,
        page.archived,
        page.words is None,
        way,
        page.also and page.also.name,
    )


def _filter_binds(actor: Actor, condition: Condition, page: Page) -> dict[str, Any]:
    own = where.parameters(condition) | related.binds(actor, condition) | survivors.binds(actor, condition)
    own |= page.also.values if page.also else {}
    return own | words.binds(actor, page.noun, condition, page.words)


def _allowed(actor: Actor, page: Page) -> tuple[Condition, tuple[Sort, ...]]:
    """The condition and the order. Raises InvalidInput, and Forbidden when they use a field that the actor may not read."""
    sorts = paging.parse_sort(page.sort, page.noun.known(actor))
    asked = page.where(actor)
    looked_at = page.also.fields if page.also else frozenset[str]()
    checked(actor, page.noun, conditions.fields_of(asked) | {sort.field.name for sort in sorts} | looked_at)
    related.check(actor, asked)
    return asked, sorts


def check(actor: Actor, page: Page) -> tuple[str, ...]:
    """The fields that a page shows. Raises what listing it would raise."""
    _allowed(actor, page)
    return chosen(actor, page.noun, page.fields)


def _question(actor: Actor, page: Page, length: int) -> tuple[Question, bool]:
    """A page, and whether only as many records as length says are walked for it, which makes no sense for each."""
    noun = page.noun
    names = chosen(actor, noun, page.fields)
    condition, sorts = _allowed(actor, page)
    way = _way(actor, page, condition, length)
    last = paging.open_cursor(page.cursor, noun.name, sorts) if page.cursor else None
    nulls = None if last is None else tuple(value is None for value in last)
    kinds = tuple((str(sort), sort.field.kind) for sort in sorts)
    alone = _alone(actor, page)
    key = (
        "page",
        *text_key(actor, noun),
        names,
        *_filter_key(actor, condition, page, way),
        kinds,
        nulls,
        alone is None,
    )

    def text() -> Prepared:
        columns = [*sight.columns(actor, noun, names), *paging.cursor_values(noun, sorts)]
        walk = _in_order(noun, sorts, last, _walked(noun, alone), "length")
        inner = _filter(actor, _taken(actor, noun, columns, way, walk), condition, page, way)
        ready = compiled(_in_order(noun, sorts, last, inner, "more"))
        listed = ", ".join(f"t.k{i}" for i in range(len(sorts)))
        return paging.paged(ready, body(names), f"json_build_array({listed})")

    values = binds(actor, noun) | _filter_binds(actor, condition, page) | paging.limits(page.limit)
    values |= {"length": length, "alone": alone}
    values |= {f"after{i}": value for i, value in enumerate(last or ())}
    return Question(prepared(key, text), values), way in _WALKING


def _in_order(
    noun: Noun, sorts: Sequence[Sort], last: Sequence[Any] | None, statement: Select[Any], limit: str
) -> Select[Any]:
    """The next records after the last one that was shown, up to a limit."""
    if last is not None:
        statement = statement.where(paging.after(noun, sorts, last))
    return statement.order_by(*paging.order_by(noun, sorts)).limit(bindparam(limit, type_=Integer))


def _walked(noun: Noun, alone: UUID | None) -> Select[Any]:
    """All records, or those of one owner."""
    every = select(noun.table).where(sight.tenant(noun))
    return every if alone is None else every.where(noun.table.c.owner_id == bindparam("alone"))


def _taken(
    actor: Actor, noun: Noun, columns: Sequence[ColumnElement[Any]], way: _Way, walk: Select[Any]
) -> Select[Any]:
    """Columns of the records that are seen, come by in one of the ways.

    What is chosen first takes the table's name, so that the statement around it reads the same.
    """
    if way is _Way.GATHER:
        gathered = of_sight(actor, noun, [*noun.table.c], Parents.GATHERED).cte(noun.table.name)
        return select(*columns).add_cte(gathered.prefix_with("MATERIALIZED"))
    found = of_sight(actor, noun, columns, _PARENTS.get(way, Parents.ASKED))
    return found.add_cte(walk.cte(noun.table.name)) if way in _WALKING else found


async def _rows(reads: Reads, page: Page) -> Row:
    walked = False

    def build(length: int, actor: Actor) -> Question:
        nonlocal walked
        question, walked = _question(actor, page, length)
        return question

    short = min(_WALKS)
    for length in _WALKS:
        row = await reads.row(partial(build, length))
        if row[3] > page.limit or not walked:
            return row
        if row[3] * _WORTH <= page.limit * short:
            break
    return await reads.row(partial(build, 0))


async def list_page(reads: Reads, page: Page) -> bytes:
    """A page of records as the JSON that goes out: {"data": […], "next": cursor or null}."""
    row = await _rows(reads, page)
    if not row[3] and (nearer := await _respelt(reads, page)):
        row = await _rows(reads, nearer)
    sorts = paging.parse_sort(page.sort, page.noun.known(reads.actor))
    return paging.answer(row, page.limit, paging.context(page.noun.name, sorts))


async def listed(reads: Reads, page: Page, ask: Callable[[Prepared, dict[str, Any], Actor], Question]) -> int:
    """Ask something about all records of a page, whatever its limit: the id and n, its place in the order, of each.

    What is asked answers with the access stamp and how many they are.
    """
    found = int((await reads.row(partial(_listing, page, ask)))[1])
    if not found and (nearer := await _respelt(reads, page)):
        found = int((await reads.row(partial(_listing, nearer, ask)))[1])
    return found


def _listing(
    page: Page, ask: Callable[[Prepared, dict[str, Any], Actor], Question], actor: Actor
) -> Question:
    noun = page.noun
    condition, sorts = _allowed(actor, page)
    way = _way(actor, page, condition)

    def text() -> Prepared:
        place = func.row_number().over(order_by=paging.order_by(noun, sorts)).label("n")
        inner = of_sight(actor, noun, [noun.table.c.id, place], _PARENTS.get(way, Parents.ASKED))
        return compiled(_filter(actor, inner, condition, page, way))

    kinds = tuple((str(sort), sort.field.kind) for sort in sorts)
    key = ("listed", *text_key(actor, noun), *_filter_key(actor, condition, page, way), kinds)
    return ask(prepared(key, text), sight.binds(actor, noun) | _filter_binds(actor, condition, page), actor)


async def _respelt(reads: Reads, page: Page) -> Page | None:
    """The page with a typing error allowed, when its words find nothing, whatever else it asks for."""
    if page.words is None or await words.anything(reads, page.noun, page.words):
        return None
    return replace(page, words=replace(page.words, loose=True))


async def count(reads: Reads, page: Page) -> int:
    """How many records a page's condition holds for, among those that the actor sees."""
    found = await _count(reads, page)
    if not found and (nearer := await _respelt(reads, page)):
        found = await _count(reads, nearer)
    return found


async def _count(reads: Reads, page: Page) -> int:
    sampled = False

    def build(way: _Way | None, actor: Actor) -> Question:
        nonlocal sampled
        question, sampled = _counting(actor, page, way)
        return question

    row = await reads.row(partial(build, None))
    if sampled:
        row = await reads.row(partial(build, _Way.PLAIN if row[1] >= _COMMON else _Way.LOOK_UP))
    return int(row[1])


def _counting(actor: Actor, page: Page, way: _Way | None) -> tuple[Question, bool]:
    """How many there are, and whether that is only of the newest: where the index may be asked, they are first."""
    noun = page.noun
    condition = page.where(actor)
    checked(actor, noun, conditions.fields_of(condition))
    related.check(actor, condition)
    chosen_way = way or _way(actor, page, condition)
    sample = way is None and chosen_way is _Way.LOOK_UP
    chosen_way = _Way.WALK if sample else chosen_way

    def text() -> Prepared:
        inner = of_sight(actor, noun, [func.count()], _PARENTS.get(chosen_way, Parents.ASKED))
        if sample:
            newest = (noun.table.c.created_at.desc(), noun.table.c.id.desc())
            walked = select(noun.table).where(sight.tenant(noun)).order_by(*newest)
            inner = inner.add_cte(walked.limit(bindparam("length", type_=Integer)).cte(noun.table.name))
        return stamped(
            compiled(_filter(actor, inner, condition, page, chosen_way)), "({inner}) from organisations o"
        )

    key = ("count", *text_key(actor, noun), *_filter_key(actor, condition, page, chosen_way))
    values = sight.binds(actor, noun) | _filter_binds(actor, condition, page) | {"length": _WALKS[0]}
    return Question(prepared(key, text), values), sample
