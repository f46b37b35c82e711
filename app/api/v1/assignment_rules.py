"""Assignment rules: who gets what comes in and is nobody's."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.assignment_rules import ASSIGNMENT_RULES
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import clock
from app.schemas.assignment_rules import (
    AssignmentExplained,
    AssignmentPreview,
    AssignmentRuleAdd,
    AssignmentRuleEdit,
    AssignmentRuleOut,
    AssignmentRuleQuery,
)
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import assignment_rules, plain

router = Router(prefix="/assignment_rules", tags=["assignment_rules"])
Reading = Annotated[Reads, reads(Scope.assignment_rules_read)]
Writing = Annotated[UnitOfWork, writes(Scope.assignment_rules_write)]


@router.get("", **docs.page(AssignmentRuleOut))
async def list_assignment_rules(query: Annotated[AssignmentRuleQuery, Query()], door: Reading) -> Response:
    """List assignment rules by simple filters."""
    return await answers.listing(door, ASSIGNMENT_RULES, query)


@router.post("/search", **docs.page(AssignmentRuleOut))
async def search_assignment_rules(query: Search, door: Reading) -> Response:
    """List assignment rules by a full condition."""
    return await answers.search(door, ASSIGNMENT_RULES, query)


@router.post("/count", **docs.count())
async def count_assignment_rules(query: CountQuery, door: Reading) -> Response:
    """Count assignment rules by a full condition."""
    return await answers.count(door, ASSIGNMENT_RULES, query)


@router.get("/{id:uuid}", **docs.one(AssignmentRuleOut))
async def get_assignment_rule(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get an assignment rule."""
    return await answers.record(door, ASSIGNMENT_RULES, id_, request, fields)


@router.post("", **docs.made(AssignmentRuleOut))
async def add_assignment_rule(body: AssignmentRuleAdd, uow: Writing) -> Response:
    """Add an assignment rule."""
    made = await assignment_rules.add_assignment_rule(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, ASSIGNMENT_RULES, made, 201)


@router.post("/explain", **docs.answer(AssignmentExplained))
async def preview_assignment(body: AssignmentPreview, door: Reading) -> Response:
    """See who would get a record now, what every rule found of it, and why others would not get it."""
    async with door.work(clock.now()) as uow:
        told = await assignment_rules.preview_assignment(uow, body.noun, body.id, body.record)
    return answers.plain(told)


@router.patch("/{id:uuid}", **docs.changed(AssignmentRuleOut))
async def edit_assignment_rule(id_: Id, body: AssignmentRuleEdit, version: Version, uow: Writing) -> Response:
    """Edit an assignment rule; what is left out stays."""
    await assignment_rules.edit_assignment_rule(
        uow, id_, body.model_dump(exclude_unset=True), version=version
    )
    return await answers.changed(uow, ASSIGNMENT_RULES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(AssignmentRuleOut))
async def archive_assignment_rule(id_: Id, version: Version, uow: Writing) -> Response:
    """Put an assignment rule away; it leaves the lists and can be restored."""
    await plain.archive(uow, ASSIGNMENT_RULES, id_, version=version)
    return await answers.changed(uow, ASSIGNMENT_RULES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(AssignmentRuleOut))
async def restore_assignment_rule(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived assignment rule back."""
    await plain.restore(uow, ASSIGNMENT_RULES, id_, version=version)
    return await answers.changed(uow, ASSIGNMENT_RULES, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_assignment_rule_history(
    id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading
) -> Response:
    """List the changes of an assignment rule, newest first."""
    return answers.body(await history.of_record(door, ASSIGNMENT_RULES, id_, query.limit, query.cursor))
