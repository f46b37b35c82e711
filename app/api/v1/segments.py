"""Segments: groups of contacts, kept by hand or by a condition."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history, lists, memberships
from app.db.contacts import CONTACTS
from app.db.lists import Page
from app.db.reads import Reads, must_see
from app.db.runs import RUNS
from app.db.segments import SEGMENTS
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import clock, json
from app.schemas.base import CountQuery, Search
from app.schemas.contacts import ContactOut
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.segments import (
    MembersChange,
    MembersChanged,
    MembersQuery,
    Movement,
    MovementsQuery,
    SegmentAdd,
    SegmentEdit,
    SegmentOut,
    SegmentPreview,
    SegmentPreviewed,
    SegmentQuery,
)
from app.usecases.segments import members, saving

router = Router(prefix="/segments", tags=["segments"])
Reading = Annotated[Reads, reads(Scope.segments_read)]
Writing = Annotated[UnitOfWork, writes(Scope.segments_write)]


@router.get("", **docs.page(SegmentOut))
async def list_segments(query: Annotated[SegmentQuery, Query()], door: Reading) -> Response:
    """List segments by simple filters."""
    return await answers.listing(door, SEGMENTS, query)


@router.post("/search", **docs.page(SegmentOut))
async def search_segments(query: Search, door: Reading) -> Response:
    """List segments by a full condition."""
    return await answers.search(door, SEGMENTS, query)


@router.post("/count", **docs.count())
async def count_segments(query: CountQuery, door: Reading) -> Response:
    """Count segments by a full condition."""
    return await answers.count(door, SEGMENTS, query)


@router.post("/preview", **docs.answer(SegmentPreviewed, description="How many, and the newest."))
async def preview_segment(query: SegmentPreview, door: Reading) -> Response:
    """Try a condition before it is kept: how many contacts it holds for, among those you see, and a first page."""
    page = Page(
        CONTACTS, saving.condition(query.condition, clock.now()), limit=query.limit, fields=query.fields
    )
    count = await lists.count(door, page)
    return answers.body(b'{"count":%d,%b' % (count, (await lists.list_page(door, page))[1:]))


@router.get("/{id:uuid}", **docs.one(SegmentOut))
async def get_segment(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a segment."""
    return await answers.record(door, SEGMENTS, id_, request, fields)


@router.post("", **docs.made(SegmentOut))
async def add_segment(body: SegmentAdd, uow: Writing) -> Response:
    """Add a segment; a dynamic one is built by the run that it names, and follows every change from then on."""
    made = await saving.add_segment(uow, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, SEGMENTS, made, 201)


@router.patch("/{id:uuid}", **docs.changed(SegmentOut))
async def edit_segment(id_: Id, body: SegmentEdit, version: Version, uow: Writing) -> Response:
    """Edit a segment; another condition has it built anew."""
    await saving.edit_segment(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, SEGMENTS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(SegmentOut))
async def archive_segment(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a segment away: it follows nothing and nobody is in it until it is restored; tags that it put on stay."""
    await saving.archive_segment(uow, id_, version=version)
    return await answers.changed(uow, SEGMENTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(SegmentOut))
async def restore_segment(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived segment back; a dynamic one is built anew."""
    await saving.restore_segment(uow, id_, version=version)
    return await answers.changed(uow, SEGMENTS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_segment_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a segment's definition, newest first."""
    return answers.body(await history.of_record(door, SEGMENTS, id_, query.limit, query.cursor))


@router.post("/{id:uuid}/rebuild", **docs.accepted())
async def rebuild_segment(id_: Id, uow: Writing) -> Response:
    """Have a dynamic segment built anew over all contacts."""
    run = await saving.rebuild_segment(uow, id_)
    return await answers.changed(uow, RUNS, run, 202)


@router.get("/{id:uuid}/members", **docs.page(ContactOut))
async def list_segment_members(id_: Id, query: Annotated[MembersQuery, Query()], door: Reading) -> Response:
    """List the contacts in a segment, or those who were in it at a time, as far as you see them."""
    await must_see(door, SEGMENTS, id_)
    page = Page(
        CONTACTS,
        saving.members(id_, query.as_of),
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
        fields=answers.given_fields(query.fields),
        # Who has been archived since was in it all the same.
        archived=False if query.as_of is None else None,
    )
    return answers.body(await lists.list_page(door, page))


@router.post("/{id:uuid}/members", **docs.answer(MembersChanged))
async def change_segment_members(id_: Id, body: MembersChange, uow: Writing) -> Response:
    """Put contacts into a static segment and take others out."""
    moved = await members.change_members(uow, id_, body.add, body.remove)
    return answers.told(uow, 200, json.dumps(moved))


@router.get("/{id:uuid}/movements", **docs.page(Movement))
async def list_segment_movements(
    id_: Id, query: Annotated[MovementsQuery, Query()], door: Reading
) -> Response:
    """List who entered and left a segment, when and why, newest first, as far as you see the contacts."""
    return answers.body(await memberships.movements(door, id_, query.limit, query.cursor))
