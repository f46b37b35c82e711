"""Velocity: how fast deals are closed, and what comes of it."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Counted
from app.schemas.velocity import VelocityDealsQuestion, VelocityOut, VelocityQuestion
from app.usecases import velocity

router = Router(tags=["velocity"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/velocity", **docs.answer(VelocityOut, problems=[404]))
async def count_velocity(body: VelocityQuestion, door: Reading) -> Response:
    """Measure the deals closed in a window: how many were won, what they are worth, how long it took, what is still open."""
    now = clock.now()
    return answers.plain(await velocity.get_velocity(door, body.cohort(now), now))


@router.post("/analytics/sales/velocity/deals", **docs.page(Counted))
async def search_velocity_deals(body: VelocityDealsQuestion, door: Reading) -> Response:
    """List the deals behind a number of velocity."""
    now = clock.now()
    return answers.body(
        await velocity.list_velocity_deals(
            door, body.cohort(now), body.part, body.stage, body.key, body.limit, body.cursor, now
        )
    )
