"""One box for all nouns."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db import search
from app.db.reads import Reads
from app.schemas.search import Hits, SearchQuery

router = Router(prefix="/search", tags=["search"])


@router.get("", **docs.answer(Hits))
async def search_everything(
    query: Annotated[SearchQuery, Query()], door: Annotated[Reads, reads(None)]
) -> Response:
    """Find contacts, companies, products, orders and deals by words, among what you may read."""
    return answers.plain(await search.everywhere(door, query.q, query.noun, query.limit))
