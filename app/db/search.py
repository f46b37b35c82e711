"""Words looked up in every noun that has any."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.db import lists
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.reads import Reads
from app.db.words import Words
from app.domain.access import Scope
from app.kit import json

PLACES: tuple[tuple[Noun, Scope, str], ...] = (
    (CONTACTS, Scope.contacts_read, "name"),
    (COMPANIES, Scope.companies_read, "name"),
    (PRODUCTS, Scope.products_read, "name"),
    (ORDERS, Scope.orders_read, "number"),
)


async def everywhere(door: Reads, q: str, nouns: Sequence[str] | None, limit: int) -> dict[str, Any]:
    """The newest hits of each noun that the actor may read, all nouns asked at once."""
    wanted = [place for place in PLACES if nouns is None or place[0].name in nouns]
    found = await asyncio.gather(*(_hits(door.beside(), q, *place, limit) for place in wanted))
    return {
        "data": [hit for hits, _ in found for hit in hits],
        "more": [noun.name for (noun, *_), (_, more) in zip(wanted, found, strict=True) if more],
    }


async def _hits(
    door: Reads, q: str, noun: Noun, scope: Scope, title: str, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    if not door.actor.may(scope):
        return [], False
    shown = [title] if door.actor.reads(noun.name, title) else []
    page = lists.Page(noun, limit=limit, fields=["id", *shown], words=Words(q))
    listed = json.loads(await lists.list_page(door, page))
    if not door.actor.may(scope):
        return [], False  # access was loaded anew on the way
    hits = [{"noun": noun.name, "id": one["id"], "title": one.get(title)} for one in listed["data"]]
    return hits, bool(listed["next"])
