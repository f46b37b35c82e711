"""Access, explained."""

from typing import Annotated

from fastapi import Query, Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db.reads import Reads
from app.schemas.access import ExplainQuery, Explanation
from app.usecases import access
from app.usecases.access import Asked

router = Router(prefix="/access", tags=["access"])
Reading = Annotated[Reads, reads(None)]


@router.get("/explain", **docs.answer(Explanation, problems=[404]))
async def explain_access(query: Annotated[ExplainQuery, Query()], door: Reading) -> Response:
    """Explain which rule lets or stops you, or a user that you may read, from a scope, a record or a field."""
    return answers.plain(await access.explain_access(door, Asked(**query.model_dump())))
