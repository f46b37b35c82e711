"""Words looked up in every noun that has any."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.db import lists
from app.db.nouns import Noun
from app.db.reads import Reads
from app.db.registry import NOUNS
from app.db.words import Words
from app.domain.access import Scope
from app.kit import json

PLACES = tuple(noun for noun in NOUNS.values() if noun.search)
"""Where words are looked up."""


async def everywhere(reads: Reads, q: str, nouns: Sequence[str] | None, limit: int) -> dict[str, Any]:
    """The newest hits of each noun that the actor may read, all nouns asked at once."""
    wanted = [noun for noun in PLACES if nouns is None or noun.name in nouns]
    found = await asyncio.gather(*(_hits(reads.beside(), q, noun, limit) for noun in wanted))
    return {
        "data": [hit for hits, _ in found for hit in hits],
        "more": [noun.name for noun, (_, more) in zip(wanted, found, strict=True) if more],
    }


async def _hits(reads: Reads, q: str, noun: Noun, limit: int) -> tuple[list[dict[str, Any]], bool]:
    scope = Scope(noun.reading)
    if not reads.actor.may(scope):
        return [], False
    _, title = next(iter(noun.search.values()))
    shown = [title] if reads.actor.reads(noun.name, title) else []
    page = lists.Page(noun, limit=limit, fields=["id", *shown], words=Words(q))
    listed = json.loads(await lists.list_page(reads, page))
    if not reads.actor.may(scope):
        return [], False  # access was loaded anew on the way
    hits = [{"noun": noun.name, "id": one["id"], "title": one.get(title)} for one in listed["data"]]
    return hits, bool(listed["next"])
