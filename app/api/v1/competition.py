"""What comes of deals with competitors in play."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Counted
from app.schemas.competition import CompetitionDealsQuestion, CompetitionOut, CompetitionQuestion
from app.usecases import competition

router = Router(tags=["competitors"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/competitors", **docs.answer(CompetitionOut, problems=[404]))
async def count_competition(body: CompetitionQuestion, door: Reading) -> Response:
    """See against whom deals were won, to whom they were lost, for how much, and how our prices stand beside theirs."""
    now = clock.now()
    return answers.plain(await competition.get_competition(door, body.cohort(now), now))


@router.post("/analytics/sales/competitors/deals", **docs.page(Counted))
async def search_competition_deals(body: CompetitionDealsQuestion, door: Reading) -> Response:
    """List the deals behind a number about competitors."""
    now = clock.now()
    found = await competition.list_competition_deals(
        door, body.cohort(now), body.competitor_id, body.outcome, body.key, body.limit, body.cursor, now
    )
    return answers.body(found)
