"""The records that rows name (their company, owner, contact, product), found for many rows at once."""

from collections.abc import Iterator, Mapping, Sequence, Set
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

_FILLS = {
    "company": ("company_id", "company"),
    "parent": ("parent_id", "company"),
    "owner": ("owner_id", "user"),
    "contact": ("contact_id", "contact"),
    "product": ("product_id", "product"),
}
"""What a path fills, with what kind of record."""
_OWN = {"company": "name", "parent": "name", "owner": "email", "product": "sku"}
"""What such a record is called by, where the path does not say."""


async def link(uow: UnitOfWork, options: Mapping[str, Any], rows: Sequence[Read]) -> None:
    """Put the ids of the named records into the rows; a fault where no path finds one, or only more than one.

    A path that names the id in another system comes before one that names it by a word.
    """
    may_make = options.get("make_missing", True) and uow.actor.may(Scope.companies_write)
    paths = sorted({path for row in rows for path in row.links}, key=lambda path: (":" not in path, path))
    unsure: set[tuple[int, str]] = set()
    for path in paths:
        named = [row for row in rows if path in row.links and _FILLS[_head(path)][0] not in row.values]
        several = await _link(uow, path, named, make=may_make and path in {"company", "parent"})
        unsure.update((id(row), _head(path)) for row in several)
    for row in rows:
        row.faults += _unfound(row, unsure)


def _head(path: str) -> str:
    return path.partition(":")[0]


async def _link(uow: UnitOfWork, path: str, rows: Sequence[Read], *, make: bool) -> list[Read]:
    """The rows for which there is more than one."""
    column, noun = _FILLS[_head(path)]
    by = path.partition(":")[2] or _OWN[path]
    called = {id(row): _compared(uow, by, row.links[path]) for row in rows}
    names = sorted(set(called.values()))
    known = dict(await linked.found(uow, noun, by, names))
    if make:
        typed = {called[id(row)]: row.links[path] for row in reversed(rows)}
        known |= await _made(uow, {name: typed[name] for name in names if name not in known})
    several = []
    for row in rows:
        found = known.get(called[id(row)], ())
        if len(found) == 1:
            row.values[column] = found[0]
        elif found:
            several.append(row)
    return several


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


def _unfound(row: Read, unsure: Set[tuple[int, str]]) -> Iterator[str]:
    """A sentence for each record that the row names and none was found for."""
    named: dict[str, list[str]] = {}
    for path in row.links:
        if _FILLS[_head(path)][0] not in row.values:
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
