"""Exchange rates."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.exchange_rates import EXCHANGE_RATES
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.exchange_rates import (
    ExchangeRateAdd,
    ExchangeRateEdit,
    ExchangeRateOut,
    ExchangeRateQuery,
    ExchangeRateUpsert,
)
from app.usecases import bulk, plain

router = Router(prefix="/exchange_rates", tags=["exchange_rates"])
Reading = Annotated[Reads, reads(Scope.exchange_rates_read)]
Writing = Annotated[UnitOfWork, writes(Scope.exchange_rates_write)]


@router.get("", **docs.page(ExchangeRateOut))
async def list_exchange_rates(query: Annotated[ExchangeRateQuery, Query()], door: Reading) -> Response:
    """List exchange rates by simple filters."""
    return await answers.listing(door, EXCHANGE_RATES, query)


@router.post("/search", **docs.page(ExchangeRateOut))
async def search_exchange_rates(query: Search, door: Reading) -> Response:
    """List exchange rates by a full condition."""
    return await answers.search(door, EXCHANGE_RATES, query)


@router.post("/count", **docs.count())
async def count_exchange_rates(query: CountQuery, door: Reading) -> Response:
    """Count exchange rates by a full condition."""
    return await answers.count(door, EXCHANGE_RATES, query)


@router.get("/{id:uuid}", **docs.one(ExchangeRateOut))
async def get_exchange_rate(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an exchange rate."""
    return await answers.record(door, EXCHANGE_RATES, id_, request, fields)


@router.post("", **docs.made(ExchangeRateOut))
async def add_exchange_rate(body: ExchangeRateAdd, uow: Writing) -> Response:
    """Add an exchange rate."""
    made = await plain.add(uow, EXCHANGE_RATES, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, EXCHANGE_RATES, made, 201)


@router.post("/bulk", **docs.bulk(ExchangeRateUpsert))
async def upsert_exchange_rates(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 exchange rates, each known by its id, or its currencies and its day."""
    items = await bodies.items_of(request, ExchangeRateAdd, ExchangeRateUpsert)
    await bulk.upsert(uow, EXCHANGE_RATES, items)
    return answers.outcomes(uow, items)


@router.patch("/{id:uuid}", **docs.changed(ExchangeRateOut))
async def edit_exchange_rate(id_: Id, body: ExchangeRateEdit, version: Version, uow: Writing) -> Response:
    """Edit an exchange rate; what is left out stays."""
    await plain.edit(uow, EXCHANGE_RATES, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, EXCHANGE_RATES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(ExchangeRateOut))
async def archive_exchange_rate(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an exchange rate away; it leaves the lists and can be restored."""
    await plain.archive(uow, EXCHANGE_RATES, id_, version=version)
    return await answers.changed(uow, EXCHANGE_RATES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ExchangeRateOut))
async def restore_exchange_rate(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived exchange rate back."""
    await plain.restore(uow, EXCHANGE_RATES, id_, version=version)
    return await answers.changed(uow, EXCHANGE_RATES, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_exchange_rate_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of an exchange rate, newest first."""
    return answers.body(await history.of_record(door, EXCHANGE_RATES, id_, query.limit, query.cursor))
