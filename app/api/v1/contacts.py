"""Contacts."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history, memberships, timeline
from app.db.contacts import CONTACTS
from app.db.merges import MERGES
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.kit import clock
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.contacts import (
    Consent,
    ContactAdd,
    ContactEdit,
    ContactOut,
    ContactQuery,
    ContactSummary,
    ContactUpsert,
    TimelineItem,
)
from app.schemas.duplicates import ContactMatch, ContactMatches, ContactMerge
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.merges import MergeOut
from app.schemas.segments import Stay, StaysQuery
from app.usecases import assignment_rules, bulk, contacts, plain
from app.usecases.duplicates import matching, merging

router = Router(prefix="/contacts", tags=["contacts"])
Reading = Annotated[Reads, reads(Scope.contacts_read)]
Writing = Annotated[UnitOfWork, writes(Scope.contacts_write)]


@router.get("", **docs.page(ContactOut))
async def list_contacts(query: Annotated[ContactQuery, Query()], door: Reading) -> Response:
    """List contacts by simple filters and words."""
    return await answers.listing(door, CONTACTS, query)


@router.get("/{id:uuid}", **docs.one(ContactOut))
async def get_contact(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a contact."""
    return await answers.record(door, CONTACTS, id_, request, fields)


@router.post("", **docs.made(ContactOut))
async def add_contact(body: ContactAdd, uow: Writing) -> Response:
    """Add a contact."""
    made = await plain.add(uow, CONTACTS, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, CONTACTS, made, 201)


@router.post("/search", **docs.page(ContactOut))
async def search_contacts(query: Search, door: Reading) -> Response:
    """List contacts by a full condition."""
    return await answers.search(door, CONTACTS, query)


@router.post("/count", **docs.count())
async def count_contacts(query: CountQuery, door: Reading) -> Response:
    """Count contacts by a full condition."""
    return await answers.count(door, CONTACTS, query)


@router.post("/match", **docs.answer(ContactMatches))
async def search_contact_matches(body: ContactMatch, door: Reading) -> Response:
    """See whether a contact may be there already: those in your sight that may be the same person, the likeliest first."""
    return answers.plain({"data": await matching.match_contact(door, body.contact.model_dump())})


@router.post("/bulk", **docs.bulk(ContactUpsert))
async def upsert_contacts(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 contacts, each known by its id or an external id."""
    items = await bodies.items_of(request, ContactAdd, ContactUpsert)
    await bulk.upsert(uow, CONTACTS, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(ContactOut))
async def get_contact_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the contact that another system calls so."""
    return await answers.by_external_id(door, CONTACTS, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(ContactOut))
async def upsert_contact(system: Key, external_id: Code, body: ContactUpsert, uow: Writing) -> Response:
    """Add the contact that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, ContactAdd, system, external_id)
    await bulk.upsert(uow, CONTACTS, [item])
    return await answers.upserted(uow, CONTACTS, item)


@router.patch("/{id:uuid}", **docs.changed(ContactOut))
async def edit_contact(id_: Id, body: ContactEdit, version: Version, uow: Writing) -> Response:
    """Edit a contact; what is left out stays."""
    await plain.edit(uow, CONTACTS, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, CONTACTS, id_)


@router.post("/{id:uuid}/assign", **docs.changed(ContactOut))
async def assign_contact(id_: Id, version: Version, uow: Writing) -> Response:
    """Have the assignment rules say whose a contact is from now on, whoever has it."""
    await assignment_rules.assign_record(uow, CONTACTS, id_, version=version)
    return await answers.changed(uow, CONTACTS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(ContactOut))
async def archive_contact(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a contact away; it leaves the lists and can be restored."""
    await plain.archive(uow, CONTACTS, id_, version=version)
    return await answers.changed(uow, CONTACTS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(ContactOut))
async def restore_contact(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived contact back."""
    await plain.restore(uow, CONTACTS, id_, version=version)
    return await answers.changed(uow, CONTACTS, id_)


@router.post("/{id:uuid}/merge", **docs.changed(MergeOut))
async def merge_contact(id_: Id, body: ContactMerge, version: Version, uow: Writing) -> Response:
    """Make other contacts part of this one, with everything that hangs on them; the merge can be undone."""
    values = body.values.model_dump(exclude_unset=True)
    merge = await merging.merge_records(
        uow, CONTACTS, id_, body.others, values, version=version, versions=body.versions
    )
    return await answers.changed(uow, MERGES, merge)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_contact_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a contact, newest first."""
    return answers.body(await history.of_record(door, CONTACTS, id_, query.limit, query.cursor))


@router.post("/{id:uuid}/consents", **docs.changed(ContactOut))
async def record_consent(id_: Id, body: Consent, version: Version, uow: Writing) -> Response:
    """Record what a contact said about one purpose on one channel, with the evidence."""
    await contacts.record_consent(uow, id_, body.model_dump(), version=version)
    return await answers.changed(uow, CONTACTS, id_)


@router.get("/{id:uuid}/timeline", **docs.page(TimelineItem))
async def list_contact_timeline(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List everything that touched a contact, newest first: interactions, orders and changes."""
    return answers.body(await timeline.timeline(door, id_, query.limit, query.cursor))


@router.get("/{id:uuid}/segments", **docs.page(Stay))
async def list_contact_segments(id_: Id, query: Annotated[StaysQuery, Query()], door: Reading) -> Response:
    """List the segments that a contact is in, of those you may know, the newest first."""
    return answers.body(await memberships.stays(door, id_, query.limit, query.cursor, past=query.past))


@router.get("/{id:uuid}/summary", **docs.answer(ContactSummary))
async def get_contact_summary(id_: Id, door: Reading) -> Response:
    """See a contact at a glance: orders, money, interactions."""
    return answers.plain(await timeline.summary(door, id_, clock.now()))
