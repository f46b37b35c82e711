"""The event log: who changed what, when, from what to what, and because of what."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db import history
from app.db.history import Wanted
from app.db.reads import Reads
from app.domain.access import Scope
from app.schemas.events import EventOut, EventQuery

router = Router(prefix="/events", tags=["events"])


@router.get("", **docs.page(EventOut))
async def list_events(
    query: Annotated[EventQuery, Query()], door: Annotated[Reads, reads(Scope.events_read)]
) -> Response:
    """List changes, newest first or as they were committed, of the records and fields that you may read."""
    wanted = Wanted(**query.model_dump(exclude={"order"}), committed=query.order == "committed")
    return answers.body(await history.list_events(door, wanted))
