"""Words looked up in every noun that has any."""

from collections.abc import Sequence
from typing import Any

from app.db import reads
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.reads import Page, Reads
from app.domain.access import Scope
from app.kit import json

PLACES: tuple[tuple[Noun, Scope, str], ...] = (
    (CONTACTS, Scope.contacts_read, "name"),
    (COMPANIES, Scope.companies_read, "name"),
    (PRODUCTS, Scope.products_read, "name"),
    (ORDERS, Scope.orders_read, "number"),
)


async def everywhere(door: Reads, q: str, nouns: Sequence[str] | None, limit: int) -> dict[str, Any]:
    """The newest hits of each noun that the actor may read."""
    hits: list[dict[str, Any]] = []
    more: list[str] = []
    for noun, scope, title in PLACES:
        if not door.actor.may(scope) or (nouns is not None and noun.name not in nouns):
            continue
        shown = [title] if door.actor.reads(noun.name, title) else []
        page = json.loads(await reads.list_page(door, Page(noun, limit=limit, fields=["id", *shown]), q))
        if not door.actor.may(scope):
            continue  # access was loaded anew on the way
        hits += [{"noun": noun.name, "id": one["id"], "title": one.get(title)} for one in page["data"]]
        if page["next"]:
            more.append(noun.name)
    return {"data": hits, "more": more}
