"""Deals."""

from dataclasses import asdict
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import board, history
from app.db.deals import DEALS, stage_history
from app.db.overdue import overdue
from app.db.pipelines import PIPELINES
from app.db.reads import Reads, absent
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.deals import (
    Board,
    BoardQuery,
    DealAdd,
    DealApprove,
    DealEdit,
    DealLose,
    DealMove,
    DealOpen,
    DealOut,
    DealQuery,
    DealReassign,
    DealReopen,
    DealSplit,
    DealStep,
    DealTarget,
    DealUpsert,
    DealWin,
)
from app.schemas.events import EventOut, HistoryQuery
from app.usecases import assignment_rules, deals, plain, steps

router = Router(prefix="/deals", tags=["deals"])
Reading = Annotated[Reads, reads(Scope.deals_read)]
Writing = Annotated[UnitOfWork, writes(Scope.deals_write)]


@router.get("", **docs.page(DealOut))
async def list_deals(query: Annotated[DealQuery, Query()], door: Reading) -> Response:
    """List deals by simple filters and words."""
    also = None if query.overdue is None else await overdue(door, clock.now(), only=query.overdue)
    return await answers.listing(door, DEALS, query, also)


@router.get("/board", **docs.answer(Board, problems=[404]))
async def get_board(query: Annotated[BoardQuery, Query()], door: Reading) -> Response:
    """See the open deals of a pipeline, stage by stage."""
    where = answers.simple(query.filters())
    row = await board.board(door, query.pipeline_id, where, query.limit, clock.now())
    if row[1] is None:
        raise absent(PIPELINES)
    return answers.body(f'{{"pipeline_id":"{row[1]}","stages":{row[2]}}}'.encode())


@router.get("/{id:uuid}", **docs.one(DealOut))
async def get_deal(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a deal."""
    return await answers.record(door, DEALS, id_, request, fields)


@router.post("", **docs.made(DealOut))
async def open_deal(body: DealOpen, uow: Writing) -> Response:
    """Open a deal."""
    made = await deals.open_deal(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, DEALS, made, 201)


@router.post("/search", **docs.page(DealOut))
async def search_deals(query: Search, door: Reading) -> Response:
    """List deals by a full condition."""
    return await answers.search(door, DEALS, query)


@router.post("/count", **docs.count())
async def count_deals(query: CountQuery, door: Reading) -> Response:
    """Count deals by a full condition."""
    return await answers.count(door, DEALS, query)


@router.post("/bulk", **docs.bulk(DealUpsert))
async def upsert_deals(request: Request, uow: Writing) -> Response:
    """Open or edit up to 10,000 deals, each known by its id or an external id, and take them through their stages."""
    items = await bodies.items_of(request, DealAdd, DealUpsert)
    await steps.upsert_deals(uow, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(DealOut))
async def get_deal_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the deal that another system calls so."""
    return await answers.by_external_id(door, DEALS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(DealOut))
async def upsert_deal(system: Key, external_id: Code, body: DealUpsert, uow: Writing) -> Response:
    """Open the deal that another system calls so, or edit it, and take it through its stages."""
    item = bodies.one_item(body, DealAdd, system, external_id)
    await steps.upsert_deals(uow, [item])
    return await answers.upserted(uow, DEALS, item)


@router.patch("/{id:uuid}", **docs.changed(DealOut))
async def edit_deal(id_: Id, body: DealEdit, version: Version, uow: Writing) -> Response:
    """Edit a deal; what is left out stays."""
    await plain.edit(uow, DEALS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/assign", **docs.changed(DealOut))
async def assign_deal(id_: Id, version: Version, uow: Writing) -> Response:
    """Have the assignment rules say whose a deal is from now on, whoever has it."""
    await assignment_rules.assign_record(uow, DEALS, id_, version=version)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(DealOut))
async def archive_deal(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a deal away; it leaves the lists and can be restored."""
    await plain.archive(uow, DEALS, id_, version=version)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(DealOut))
async def restore_deal(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived deal back."""
    await deals.restore_deal(uow, id_, version=version)
    return await answers.changed(uow, DEALS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_deal_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a deal, newest first."""
    return answers.body(await history.of_record(door, DEALS, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/stages", **docs.page(DealStep))
async def list_deal_stages(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the stages that a deal has been in, the first one first, with the time it stood in each."""
    return answers.body(await stage_history(door, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/targets", **docs.page(DealTarget))
async def list_deal_targets(id_: Id, door: Reading) -> Response:
    """List the stages that a deal may go to now, and those it may not and why."""
    found = await deals.targets_of(door, id_, clock.now())
    return answers.plain({"data": [asdict(target) for target in found], "next": None})


@router.post("/{id:uuid}/move", **docs.changed(DealOut))
async def move_deal(id_: Id, body: DealMove, version: Version, uow: Writing) -> Response:
    """Bring a deal to another open stage."""
    await deals.move_deal(uow, id_, body.to, version=version, at=body.at, why=body.why)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/win", **docs.changed(DealOut))
async def win_deal(id_: Id, body: DealWin, version: Version, uow: Writing) -> Response:
    """Win a deal."""
    await deals.win_deal(uow, id_, body.to, version=version, at=body.at, why=body.why)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/lose", **docs.changed(DealOut))
async def lose_deal(id_: Id, body: DealLose, version: Version, uow: Writing) -> Response:
    """Lose a deal, for a reason."""
    await deals.lose_deal(
        uow,
        id_,
        body.to,
        reason=body.reason,
        lost_to=body.lost_to_id,
        version=version,
        at=body.at,
        why=body.why,
    )
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/reopen", **docs.changed(DealOut))
async def reopen_deal(id_: Id, body: DealReopen, version: Version, uow: Writing) -> Response:
    """Bring a closed deal back among the open ones."""
    await deals.reopen_deal(uow, id_, body.to, version=version, at=body.at, why=body.why)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/reassign", **docs.changed(DealOut))
async def reassign_deal(id_: Id, body: DealReassign, version: Version, uow: Writing) -> Response:
    """Hand a deal over to somebody else."""
    await deals.reassign_deal(uow, id_, body.owner_id, version=version)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/split", **docs.changed(DealOut))
async def split_deal(id_: Id, body: DealSplit, version: Version, uow: Writing) -> Response:
    """Split the credit of a deal between owners."""
    shares = [(one.user_id, one.share) for one in body.credit]
    await deals.split_deal(uow, id_, shares, version=version)
    return await answers.changed(uow, DEALS, id_)


@router.post("/{id:uuid}/approve", **docs.changed(DealOut))
async def approve_deal(id_: Id, body: DealApprove, version: Version, uow: Writing) -> Response:
    """Approve that a deal goes to a stage that asks for it."""
    await deals.approve_deal(uow, id_, body.to, version=version)
    return await answers.changed(uow, DEALS, id_)
