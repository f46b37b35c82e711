"""RFM: how lately, how often and for how much customers bought."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import Id, reads, writes
from app.api.routing import Router
from app.db import scored
from app.db.reads import Reads
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import clock
from app.schemas.events import HistoryQuery
from app.schemas.rfm import RfmAsk, RfmContact, RfmContactQuery, RfmHistoryItem, RfmOut, RfmQuery
from app.usecases.rfm import look, opening

router = Router(tags=["rfm"])
Reading = Annotated[Reads, reads(Scope.analytics_read)]
Writing = Annotated[UnitOfWork, writes(Scope.analytics_write)]


@router.post("/rfm/runs", **docs.accepted())
async def start_rfm_run(body: RfmAsk, uow: Writing) -> Response:
    """Have every customer scored; this happens by itself once a night, as of the beginning of the day."""
    bins = None if body.bins is None else body.bins.model_dump()
    run = await opening.start_rfm_run(
        uow, as_of=body.as_of, returns=body.returns, window_days=body.window_days, bins=bins
    )
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/analytics/rfm", **docs.answer(RfmOut, problems=[404, 409]))
async def get_rfm(query: Annotated[RfmQuery, Query()], door: Reading) -> Response:
    """See what a run found: scores, segments, tiers, movements and clusters, over the contacts that you see."""
    return answers.plain(await look.get_rfm(door, query.run, query.as_of, clock.now()))


@router.get("/analytics/rfm/contacts", **docs.page(RfmContact, problems=[404, 409]))
async def list_rfm_contacts(query: Annotated[RfmContactQuery, Query()], door: Reading) -> Response:
    """List the contacts behind a number of a run, with their scores."""
    tests = query.model_dump(include={"segment", "tier", "cluster", "r", "f", "m"})
    return answers.body(
        await look.list_rfm_contacts(
            door, query.run, query.as_of, tests, query.limit, query.cursor, clock.now()
        )
    )


@router.get("/contacts/{id:uuid}/rfm", **docs.page(RfmHistoryItem))
async def list_contact_rfm(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List a contact's scores, the latest first; they are kept for 90 days."""
    return answers.body(await scored.history(door, id_, query.limit, query.cursor))
