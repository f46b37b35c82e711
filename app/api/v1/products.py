"""Products."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history, products
from app.db.products import PRODUCTS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.products import (
    PriceOut,
    ProductAdd,
    ProductEdit,
    ProductOut,
    ProductQuery,
    ProductUpsert,
)
from app.usecases import bulk, plain

router = Router(prefix="/products", tags=["products"])
Reading = Annotated[Reads, reads(Scope.products_read)]
Writing = Annotated[UnitOfWork, writes(Scope.products_write)]


@router.get("", **docs.page(ProductOut))
async def list_products(query: Annotated[ProductQuery, Query()], door: Reading) -> Response:
    """List products by simple filters and words."""
    return await answers.listing(door, PRODUCTS, query)


@router.get("/{id:uuid}", **docs.one(ProductOut))
async def get_product(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a product."""
    return await answers.record(door, PRODUCTS, id_, request, fields)


@router.post("", **docs.made(ProductOut))
async def add_product(body: ProductAdd, uow: Writing) -> Response:
    """Add a product."""
    made = await plain.add(uow, PRODUCTS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, PRODUCTS, made, 201)


@router.post("/search", **docs.page(ProductOut))
async def search_products(query: Search, door: Reading) -> Response:
    """List products by a full condition."""
    return await answers.search(door, PRODUCTS, query)


@router.post("/count", **docs.count())
async def count_products(query: CountQuery, door: Reading) -> Response:
    """Count products by a full condition."""
    return await answers.count(door, PRODUCTS, query)


@router.post("/bulk", **docs.bulk(ProductUpsert))
async def upsert_products(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 products, each known by its id, its SKU or an external id."""
    items = await bodies.items_of(request, ProductAdd, ProductUpsert)
    await bulk.upsert(uow, PRODUCTS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(ProductOut))
async def get_product_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the product that another system calls so."""
    return await answers.by_external_id(door, PRODUCTS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(ProductOut))
async def upsert_product(system: Key, external_id: Code, body: ProductUpsert, uow: Writing) -> Response:
    """Add the product that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, ProductAdd, system, external_id)
    await bulk.upsert(uow, PRODUCTS, [item])
    return await answers.upserted(uow, PRODUCTS, item)


@router.patch("/{id:uuid}", **docs.changed(ProductOut))
async def edit_product(id_: Id, body: ProductEdit, version: Version, uow: Writing) -> Response:
    """Edit a product; what is left out stays."""
    await plain.edit(uow, PRODUCTS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, PRODUCTS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(ProductOut))
async def archive_product(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a product away; it leaves the lists and can be restored."""
    await plain.archive(uow, PRODUCTS, id_, version=version)
    return await answers.changed(uow, PRODUCTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ProductOut))
async def restore_product(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived product back."""
    await plain.restore(uow, PRODUCTS, id_, version=version)
    return await answers.changed(uow, PRODUCTS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_product_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a product, newest first."""
    return answers.body(await history.of_record(door, PRODUCTS, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/prices", **docs.page(PriceOut))
async def list_product_prices(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the prices of a product, newest first, with when each began to hold."""
    return answers.body(await products.prices(door, id_, query.limit, query.cursor))
