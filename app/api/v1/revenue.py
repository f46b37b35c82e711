"""Revenue of orders: how much of it is of new customers, and how much of those who return."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Counted
from app.schemas.revenue import RevenueOrdersQuestion, RevenueOut, RevenueQuestion
from app.usecases import revenue

router = Router(tags=["revenue"])
Reading = Annotated[Reads, reads(Scope.orders_read)]


@router.post("/analytics/sales/revenue", **docs.answer(RevenueOut))
async def count_revenue(body: RevenueQuestion, door: Reading) -> Response:
    """Count customers, orders and revenue of a window, of new customers apart from those who return or come back."""
    now = clock.now()
    return answers.plain(await revenue.get_revenue(door, body.asked(now), now))


@router.post("/analytics/sales/revenue/orders", **docs.page(Counted))
async def search_revenue_orders(body: RevenueOrdersQuestion, door: Reading) -> Response:
    """List the orders behind a number of revenue."""
    now = clock.now()
    return answers.body(
        await revenue.list_revenue_orders(
            door, body.asked(now), body.buyer, body.key, body.limit, body.cursor, now
        )
    )
