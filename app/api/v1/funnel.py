"""Funnels: what became of the deals that were opened in a window."""

from typing import Annotated

from fastapi import APIRouter, Response

from app.api import answers, docs
from app.api.doors import reads
from app.db.reads import Reads
from app.domain.access import Scope
from app.domain.deals.cohorts import Cohort
from app.kit import clock
from app.schemas.funnel import CohortAsk, FunnelDeal, FunnelDealsQuestion, FunnelOut, FunnelQuestion
from app.usecases import funnel

router = APIRouter(tags=["funnel"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/funnel", **docs.answer(FunnelOut, problems=[404]))
async def count_funnel(body: FunnelQuestion, door: Reading) -> Response:
    """Follow the deals that were opened in a window: how far they came, where they were lost, how long it took."""
    found = await funnel.get_funnel(door, _cohort(body), body.compare_since, body.compare_before, clock.now())
    return answers.plain(found)


@router.post("/analytics/sales/funnel/deals", **docs.page(FunnelDeal))
async def search_funnel_deals(body: FunnelDealsQuestion, door: Reading) -> Response:
    """List the deals behind a number of a funnel."""
    return answers.body(
        await funnel.list_funnel_deals(
            door, _cohort(body), body.stage, body.part, body.key, body.limit, body.cursor, clock.now()
        )
    )


def _cohort(body: CohortAsk) -> Cohort:
    by = {"team": body.team_id, "product": body.product_id, "region": body.region}
    by |= {"country": body.country, "segment": body.segment_id}
    as_of = body.as_of or clock.now()
    return Cohort(body.pipeline_id, body.since, body.before, as_of, body.where, by, body.group_by)
