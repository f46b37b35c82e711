"""Activity: what is done for deals that are won, and for those that are lost."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.activity import ActivityOut, ActivityQuestion
from app.usecases import activity

router = Router(tags=["activity"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/activity", **docs.answer(ActivityOut, problems=[404]))
async def count_activity(body: ActivityQuestion, door: Reading) -> Response:
    """Count interactions and done tasks per deal closed in a window, of those won beside those lost."""
    now = clock.now()
    return answers.plain(await activity.get_activity(door, body.cohort(now), now))
