"""Prices of competitors."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.competitor_prices import COMPETITOR_PRICES, on
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.competitor_prices import (
    CompetitorPriceAdd,
    CompetitorPriceEdit,
    CompetitorPriceOut,
    CompetitorPriceQuery,
    CompetitorPriceUpsert,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import bulk, plain

router = Router(prefix="/competitor_prices", tags=["competitor_prices"])
Reading = Annotated[Reads, reads(Scope.competitor_prices_read)]
Writing = Annotated[UnitOfWork, writes(Scope.competitor_prices_write)]


@router.get("", **docs.page(CompetitorPriceOut))
async def list_competitor_prices(query: Annotated[CompetitorPriceQuery, Query()], door: Reading) -> Response:
    """List prices of competitors by simple filters."""
    also = None if query.on is None else on(query.on)
    return await answers.listing(door, COMPETITOR_PRICES, query, also)


@router.post("/search", **docs.page(CompetitorPriceOut))
async def search_competitor_prices(query: Search, door: Reading) -> Response:
    """List prices of competitors by a full condition."""
    return await answers.search(door, COMPETITOR_PRICES, query)


@router.post("/count", **docs.count())
async def count_competitor_prices(query: CountQuery, door: Reading) -> Response:
    """Count prices of competitors by a full condition."""
    return await answers.count(door, COMPETITOR_PRICES, query)


@router.get("/{id:uuid}", **docs.one(CompetitorPriceOut))
async def get_competitor_price(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a price of a competitor."""
    return await answers.record(door, COMPETITOR_PRICES, id_, request, fields)


@router.post("", **docs.made(CompetitorPriceOut))
async def add_competitor_price(body: CompetitorPriceAdd, uow: Writing) -> Response:
    """Add a price of a competitor."""
    made = await plain.add(uow, COMPETITOR_PRICES, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, COMPETITOR_PRICES, made, 201)


@router.post("/bulk", **docs.bulk(CompetitorPriceUpsert))
async def upsert_competitor_prices(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 prices, each known by its id, an external id, or what it is of and from which day."""
    items = await bodies.items_of(request, CompetitorPriceAdd, CompetitorPriceUpsert)
    await bulk.upsert(uow, COMPETITOR_PRICES, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(CompetitorPriceOut))
async def get_competitor_price_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the price that another system calls so."""
    return await answers.by_external_id(door, COMPETITOR_PRICES, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(CompetitorPriceOut))
async def upsert_competitor_price(
    system: Key, external_id: Code, body: CompetitorPriceUpsert, uow: Writing
) -> Response:
    """Add the price that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, CompetitorPriceAdd, system, external_id)
    await bulk.upsert(uow, COMPETITOR_PRICES, [item])
    return await answers.upserted(uow, COMPETITOR_PRICES, item)


@router.patch("/{id:uuid}", **docs.changed(CompetitorPriceOut))
async def edit_competitor_price(
    id_: Id, body: CompetitorPriceEdit, version: Version, uow: Writing
) -> Response:
    """Edit a price of a competitor; what is left out stays."""
    await plain.edit(uow, COMPETITOR_PRICES, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, COMPETITOR_PRICES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CompetitorPriceOut))
async def archive_competitor_price(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a price away; it leaves the lists and can be restored."""
    await plain.archive(uow, COMPETITOR_PRICES, id_, version=version)
    return await answers.changed(uow, COMPETITOR_PRICES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CompetitorPriceOut))
async def restore_competitor_price(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived price back."""
    await plain.restore(uow, COMPETITOR_PRICES, id_, version=version)
    return await answers.changed(uow, COMPETITOR_PRICES, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_competitor_price_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of a price, newest first."""
    return answers.body(await history.of_record(door, COMPETITOR_PRICES, id_, query.limit, query.cursor))
