"""Attainment of quotas."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import Id, reads
from app.api.routing import Router
from app.db.reads import Reads
from app.domain.access import Scope
from app.kit import clock
from app.schemas.attainment import AttainmentOut, AttainmentQuery, CreditedQuery
from app.schemas.base import Counted
from app.usecases import attainment

router = Router(tags=["quotas"])
Reading = Annotated[Reads, reads(Scope.quotas_read)]


@router.get("/analytics/sales/attainment", **docs.answer(AttainmentOut))
async def get_attainment(query: Annotated[AttainmentQuery, Query()], door: Reading) -> Response:
    """See how far everybody is with their quotas, and who is ahead."""
    return answers.plain(await attainment.get_attainment(door, query.on, query.as_of, clock.now()))


@router.get("/analytics/sales/attainment/{id:uuid}/deals", **docs.page(Counted, problems=[404]))
async def list_credited_deals(id_: Id, query: Annotated[CreditedQuery, Query()], door: Reading) -> Response:
    """List the deals that have been counted toward a quota."""
    found = await attainment.list_credited_deals(
        door, id_, query.as_of, query.limit, query.cursor, clock.now()
    )
    return answers.body(found)
