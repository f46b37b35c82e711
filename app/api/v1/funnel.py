"""Funnels: what became of the deals that were opened in a window."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Counted
from app.schemas.funnel import FunnelDealsQuestion, FunnelOut, FunnelQuestion
from app.usecases import funnel

router = Router(tags=["funnel"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/funnel", **docs.answer(FunnelOut, problems=[404]))
async def count_funnel(body: FunnelQuestion, door: Reading) -> Response:
    """Follow the deals that were opened in a window: how far they came, where they were lost, how long it took."""
    now = clock.now()
    found = await funnel.get_funnel(door, body.cohort(now), body.compare_since, body.compare_before, now)
    return answers.plain(found)


@router.post("/analytics/sales/funnel/deals", **docs.page(Counted))
async def search_funnel_deals(body: FunnelDealsQuestion, door: Reading) -> Response:
    """List the deals behind a number of a funnel."""
    now = clock.now()
    return answers.body(
        await funnel.list_funnel_deals(
            door, body.cohort(now), body.stage, body.part, body.key, body.limit, body.cursor, now
        )
    )
