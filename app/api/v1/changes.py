"""Changes of the deals of a pipeline between two moments."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Counted
from app.schemas.changes import ChangedDealsQuestion, ChangesOut, ChangesQuestion
from app.usecases import changes

router = Router(tags=["changes"])
Reading = Annotated[Reads, reads(Scope.deals_read)]


@router.post("/analytics/sales/changes", **docs.answer(ChangesOut, problems=[404]))
async def count_changes(body: ChangesQuestion, door: Reading) -> Response:
    """Compare a pipeline at two moments: what came, was won, lost or reopened, slipped, came nearer, grew or shrank."""
    now = clock.now()
    return answers.plain(await changes.get_changes(door, body.cohort(now), body.limit, now))


@router.post("/analytics/sales/changes/deals", **docs.page(Counted))
async def search_changed_deals(body: ChangedDealsQuestion, door: Reading) -> Response:
    """List the deals behind a number of the changes."""
    now = clock.now()
    found = await changes.list_changed_deals(
        door, body.cohort(now), body.change, body.key, body.limit, body.cursor, now
    )
    return answers.body(found)
