"""The records that rows name (their company, owner, contact, product), found for many rows at once."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from app.db import linked, references
from app.db.companies import COMPANIES
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import emails, phones
from app.schemas.companies import CompanyAdd, CompanyUpsert
from app.usecases import bulk
from app.usecases.bulk import Item
from app.usecases.imports import cells
from app.usecases.imports.cells import Read

Sound = Callable[[Sequence[Read]], Awaitable[Sequence[Read]]]
"""Those among the rows that, as far as can be told, will come to something; the others have failed."""
_FILLS = {
    "company": ("company_id", "company"),
    "parent": ("parent_id", "company"),
    "owner": ("owner_id", "user"),
    "contact": ("contact_id", "contact"),
    "product": ("product_id", "product"),
}
"""What a path fills, with what kind of record."""
_MADE = frozenset({"company", "parent"})
"""Paths that name what can be made of a name."""
_OWN = {
    "company": ("name",),
    "parent": ("name",),
    "owner": ("email", "name"),
    "product": ("sku", "name"),
}
"""What such a record is called by, where the path does not say, the surest way first."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A company that a row names, and that nobody has found."""

    row: Read
    path: str
    name: str
    """Folded."""


async def link(uow: UnitOfWork, options: Mapping[str, Any], rows: Sequence[Read], sound: Sound) -> None:
    """Put the ids of the named records into the rows; a fault where no path finds one, or only more than one.

    A path that names the id in another system comes before one that names it by a word. Companies that are missing are
    made, but not for a row that comes to nothing for another reason.
    """
    paths = sorted({path for row in rows for path in row.links}, key=lambda path: (":" not in path, path))
    unsure: set[tuple[int, str]] = set()
    missing: list[_Missing] = []
    for path in paths:
        named = [row for row in rows if path in row.links and _column(path) not in row.values]
        missing += await _find(uow, path, named, unsure)
    may_make = options.get("make_missing", True) and uow.actor.may(Scope.companies_write)
    apart = await _make(uow, missing, unsure, sound) if may_make and missing else {}
    for row in rows:
        row.faults += _unfound(row, unsure, apart.get(id(row), frozenset()))


def tiers(rows: Sequence[Read]) -> list[list[int]]:
    """The rows' places: those that others name as what they stand below come before these, or they would be made twice."""
    called = {linked.folded(row.values.get("name") or ""): place for place, row in enumerate(rows)}
    above = [called.get(linked.folded(row.links.get("parent", ""))) for row in rows]
    found: dict[int, list[int]] = {}
    for place in range(len(rows)):
        passed, step = {place}, above[place]
        while step is not None and step not in passed:  # a circle is refused later, by name
            passed.add(step)
            step = above[step]
        found.setdefault(len(passed), []).append(place)
    return [found[depth] for depth in sorted(found)]


def filled(row: Read) -> Mapping[str, str]:
    """The columns that the records which the row names are going to fill, with their names."""
    return {_column(path): name for path, name in row.links.items()}


def _head(path: str) -> str:
    return path.partition(":")[0]


def _column(path: str) -> str:
    return _FILLS[_head(path)][0]


async def _find(
    uow: UnitOfWork, path: str, rows: Sequence[Read], unsure: set[tuple[int, str]]
) -> list[_Missing]:
    """The companies that are not found by their name; the rows for which there is more than one become unsure."""
    column, known = _column(path), dict[str, Sequence[UUID]]()
    outside = path.partition(":")[2]
    for by in (outside,) if outside else _OWN[path]:
        left = [row for row in rows if column not in row.values]
        folds = by != "name" or path in _MADE
        called = [_compared(uow, by, row.links[path]) if folds else row.links[path] for row in left]
        known = dict(await linked.found(uow, _FILLS[_head(path)][1], by, sorted(set(called))))
        for row, name in zip(left, called, strict=True):
            found = known.get(name, ())
            if len(found) == 1:
                row.values[column] = found[0]
            elif found:
                unsure.add((id(row), _head(path)))
    if path not in _MADE:
        return []
    named = [(row, _compared(uow, "name", row.links[path])) for row in rows]
    return [_Missing(row, path, name) for row, name in named if name not in known]


async def _make(
    uow: UnitOfWork, missing: Sequence[_Missing], unsure: Set[tuple[int, str]], sound: Sound
) -> Mapping[int, Set[str]]:
    """Make the companies of rows that will come to something; what the others name stays missing, which is no fault."""
    named: dict[int, set[str]] = {}
    for company in missing:
        named.setdefault(id(company.row), set()).add(company.path)
    rows = {id(company.row): company.row for company in missing}
    asking = [row for n, row in rows.items() if not any(_unfound(row, unsure, named[n]))]
    good = {id(row) for row in await sound(asking)}
    wanted = [company for company in missing if id(company.row) in good]
    made = await _made(uow, {company.name: company.row.links[company.path] for company in reversed(wanted)})
    for company in wanted:
        if len(found := made.get(company.name, ())) == 1:
            company.row.values[_column(company.path)] = found[0]
    return {row: paths for row, paths in named.items() if row not in good}


async def _made(uow: UnitOfWork, missing: Mapping[str, str]) -> dict[str, Sequence[UUID]]:
    """Companies of these names, folded and as typed: those that somebody else has just made, and new ones."""
    if not missing:
        return {}
    await references.claim(uow, COMPANIES, None)
    known = dict(await linked.found(uow, COMPANIES.name, "name", list(missing)))
    new = [name for name in missing if name not in known]
    values = [{"name": missing[name]} for name in new]
    items = [
        Item(n, partial(bulk.asked, one, CompanyAdd, CompanyUpsert), one) for n, one in enumerate(values)
    ]
    await bulk.upsert(uow, COMPANIES, items)
    return known | {name: [item.id] for name, item in zip(new, items, strict=True) if item.id}


def _unfound(row: Read, unsure: Set[tuple[int, str]], apart: Set[str] = frozenset()) -> Iterator[str]:
    """A sentence for each record that the row names and none was found for, some kinds apart."""
    named: dict[str, list[str]] = {}
    for path in row.links:
        if _column(path) not in row.values and _head(path) not in apart:
            named.setdefault(_head(path), []).append(path)
    for head, paths in named.items():
        much = "more than one" if (id(row), head) in unsure else "no"
        called = " or ".join(repr(row.links[path]) for path in paths)
        yield f"There is {much} {_FILLS[head][1]} called {called} that you see."


def _compared(uow: UnitOfWork, by: str, name: str) -> str:
    """A name in the form that it is kept in."""
    match by:
        case "email":
            return emails.normalised(name) or name
        case "phone":
            return phones.e164(name, uow.actor.region) or name
        case "domain":
            return cells.domain(name)
        case "name":
            return linked.folded(name)
        case _:
            return name
