"""The records that rows name (their company, owner, contact, product), found for many rows at once."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.db import linked
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
    """Put the ids of the named records into the rows; a fault where there is none, or more than one.

    A path that names the id in another system comes before one that names it by a word.
    """
    may_make = options.get("make_missing", True) and uow.actor.may(Scope.companies_write)
    paths = sorted({path for row in rows for path in row.links}, key=lambda path: (":" not in path, path))
    for path in paths:
        named = [row for row in rows if path in row.links and _FILLS[_head(path)][0] not in row.values]
        await _link(uow, path, named, make=may_make and path in {"company", "parent"})


def _head(path: str) -> str:
    return path.partition(":")[0]


async def _link(uow: UnitOfWork, path: str, rows: Sequence[Read], *, make: bool) -> None:
    column, noun = _FILLS[_head(path)]
    by = path.partition(":")[2] or _OWN[path]
    called = {id(row): _compared(uow, by, row.links[path]) for row in rows}
    names = sorted(set(called.values()))
    known = dict(await linked.found(uow, noun, by, names))
    if make and (missing := [name for name in names if name not in known]):
        items = [
            Item(n, partial(bulk.asked, {"name": name}, CompanyAdd, CompanyUpsert), {"name": name})
            for n, name in enumerate(missing)
        ]
        await bulk.upsert(uow, COMPANIES, items)
        known |= {name: [item.id] for name, item in zip(missing, items, strict=True) if item.id}
    elsewhere = {
        other for row in rows for other in row.links if other != path and _head(other) == _head(path)
    }
    for row in rows:
        found = known.get(called[id(row)], ())
        if len(found) == 1:
            row.values[column] = found[0]
        elif not (elsewhere & row.links.keys()) or ":" not in path:
            much = "more than one" if found else "no"
            row.faults.append(f"There is {much} {noun} called {row.links[path]!r} that you see.")


def _compared(uow: UnitOfWork, by: str, name: str) -> str:
    """A name in the form that it is kept in."""
    match by:
        case "email":
            return emails.normalised(name) or name
        case "phone":
            return phones.e164(name, uow.actor.region) or name
        case "domain":
            return cells.domain(name)
        case _:
            return name
