"""Privacy: what a person may ask of us about themselves."""

from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import Id, writes
from app.api.routing import Router
from app.db.runs import RUNS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.usecases import privacy

router = Router(tags=["privacy"])
Erasing = Annotated[UnitOfWork, writes(Scope.privacy_write)]


@router.post("/contacts/{id:uuid}/erase", **docs.accepted())
async def erase_contact(id_: Id, uow: Erasing) -> Response:
    """Erase a person for good: the contact, what it wrote and said, its orders' free text, their trace in the log."""
    run = await privacy.erase_contact(uow, id_)
    return await answers.changed(uow, RUNS, run, 202)
