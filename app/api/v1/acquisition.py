"""Acquisition: what a new customer costs."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.acquisition import (
    AcquisitionCustomer,
    AcquisitionOut,
    AcquisitionPageQuestion,
    AcquisitionQuestion,
)
from app.schemas.base import Counted
from app.usecases import acquisition

router = Router(tags=["acquisition"])
Reading = Annotated[Reads, reads(Scope.costs_read)]


@router.post("/analytics/sales/acquisition", **docs.answer(AcquisitionOut))
async def count_acquisition(body: AcquisitionQuestion, door: Reading) -> Response:
    """Divide the costs of a window by the customers who are new in it."""
    return answers.plain(await acquisition.get_acquisition(door, body.asked(clock.now())))


@router.post("/analytics/sales/acquisition/costs", **docs.page(Counted))
async def search_acquisition_costs(body: AcquisitionPageQuestion, door: Reading) -> Response:
    """List the costs behind a number of acquisition."""
    return await _page(door, body, costs=True)


@router.post("/analytics/sales/acquisition/customers", **docs.page(AcquisitionCustomer))
async def search_acquisition_customers(body: AcquisitionPageQuestion, door: Reading) -> Response:
    """List the new customers behind a number of acquisition."""
    return await _page(door, body, costs=False)


async def _page(door: Reads, body: AcquisitionPageQuestion, *, costs: bool) -> Response:
    asked = body.asked(clock.now())
    return answers.body(
        await acquisition.list_acquisition(door, asked, body.key, body.limit, body.cursor, costs=costs)
    )
