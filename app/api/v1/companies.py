"""Companies."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from app.api import answers, bodies, docs
from app.api.doors import Id, ReadDoor, Shown, reads, writes
from app.api.etag import Version
from app.api.routing import Router
from app.db import history
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.merges import MERGES
from app.db.reads import Reads, must_see
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope
from app.schemas.base import Code, CountQuery, Key, Search
from app.schemas.companies import (
    CompanyAdd,
    CompanyEdit,
    CompanyOut,
    CompanyQuery,
    CompanyUpsert,
)
from app.schemas.contacts import CompanyContactQuery, ContactOut, ContactQuery
from app.schemas.duplicates import CompanyMatch, CompanyMatches
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.merges import CompanyMerge, MergeOut
from app.usecases import assignment_rules, bulk, plain
from app.usecases.duplicates import matching, merging

router = Router(prefix="/companies", tags=["companies"])
Reading = Annotated[Reads, reads(Scope.companies_read)]
Writing = Annotated[UnitOfWork, writes(Scope.companies_write)]


@router.get("", **docs.page(CompanyOut))
async def list_companies(query: Annotated[CompanyQuery, Query()], door: Reading) -> Response:
    """List companies by simple filters and words."""
    return await answers.listing(door, COMPANIES, query)


@router.get("/{id:uuid}", **docs.one(CompanyOut))
async def get_company(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a company."""
    return await answers.record(door, COMPANIES, id_, request, fields)


@router.post("", **docs.made(CompanyOut))
async def add_company(body: CompanyAdd, uow: Writing) -> Response:
    """Add a company."""
    made = await plain.add(uow, COMPANIES, body.model_dump(), body.model_fields_set)
    return await answers.changed(uow, COMPANIES, made, 201)


@router.post("/search", **docs.page(CompanyOut))
async def search_companies(query: Search, door: Reading) -> Response:
    """List companies by a full condition."""
    return await answers.search(door, COMPANIES, query)


@router.post("/count", **docs.count())
async def count_companies(query: CountQuery, door: Reading) -> Response:
    """Count companies by a full condition."""
    return await answers.count(door, COMPANIES, query)


@router.post("/match", **docs.answer(CompanyMatches))
async def search_company_matches(body: CompanyMatch, door: Reading) -> Response:
    """See whether a company may be there already: those in your sight that may be the same firm, the likeliest first."""
    return answers.plain({"data": await matching.match_company(door, body.company.model_dump())})


@router.post("/bulk", **docs.bulk(CompanyUpsert))
async def upsert_companies(request: Request, uow: Writing) -> Response:
    """Add or edit up to 10,000 companies, each known by its id or an external id."""
    items = await bodies.items_of(request, CompanyAdd, CompanyUpsert)
    await bulk.upsert(uow, COMPANIES, items)
    return answers.outcomes(uow, items)


@router.get("/by/{system}/{external_id:text}", **docs.one(CompanyOut))
async def get_company_by_external_id(
    system: Key, external_id: Code, request: Request, door: Reading, fields: Shown = None
) -> Response:
    """Get the company that another system calls so."""
    return await answers.by_external_id(door, COMPANIES, system, external_id, request, fields)


@router.put("/by/{system}/{external_id:text}", **docs.upserted(CompanyOut))
async def upsert_company(system: Key, external_id: Code, body: CompanyUpsert, uow: Writing) -> Response:
    """Add the company that another system calls so, or edit it when it is there."""
    item = bodies.one_item(body, CompanyAdd, system, external_id)
    await bulk.upsert(uow, COMPANIES, [item])
    return await answers.upserted(uow, COMPANIES, item)


@router.patch("/{id:uuid}", **docs.changed(CompanyOut))
async def edit_company(id_: Id, body: CompanyEdit, version: Version, uow: Writing) -> Response:
    """Edit a company; what is left out stays."""
    await plain.edit(uow, COMPANIES, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, COMPANIES, id_)


@router.post("/{id:uuid}/assign", **docs.changed(CompanyOut))
async def assign_company(id_: Id, version: Version, uow: Writing) -> Response:
    """Have the assignment rules say whose a company is from now on, whoever has it."""
    await assignment_rules.assign_record(uow, COMPANIES, id_, version=version)
    return await answers.changed(uow, COMPANIES, id_)


@router.post("/{id:uuid}/archive", **docs.changed(CompanyOut))
async def archive_company(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a company away; it leaves the lists and can be restored."""
    await plain.archive(uow, COMPANIES, id_, version=version)
    return await answers.changed(uow, COMPANIES, id_)


@router.post("/{id:uuid}/restore", **docs.changed(CompanyOut))
async def restore_company(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived company back."""
    await plain.restore(uow, COMPANIES, id_, version=version)
    return await answers.changed(uow, COMPANIES, id_)


@router.post("/{id:uuid}/merge", **docs.changed(MergeOut))
async def merge_company(id_: Id, body: CompanyMerge, version: Version, uow: Writing) -> Response:
    """Make other companies part of this one, with everything that hangs on them; the merge can be undone."""
    values = body.values.model_dump(exclude_unset=True)
    merge = await merging.merge_records(
        uow, COMPANIES, id_, body.others, values, version=version, versions=body.versions
    )
    return await answers.changed(uow, MERGES, merge)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_company_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a company, newest first."""
    return answers.body(await history.of_record(door, COMPANIES, id_, query.limit, query.cursor))


class _OfCompanies(ReadDoor):
    """For what is read of one noun by way of companies."""

    def check(self, actor: Actor) -> None:
        """Raise Forbidden when the actor lacks one of the scopes."""
        super().check(actor)
        actor.needs(Scope.companies_read)


@router.get(
    "/{id:uuid}/contacts",
    **docs.page(ContactOut),
    openapi_extra={"x-scopes": [Scope.contacts_read, Scope.companies_read]},
)
async def list_company_contacts(
    id_: Id,
    query: Annotated[CompanyContactQuery, Query()],
    door: Annotated[Reads, Depends(_OfCompanies(Scope.contacts_read))],
) -> Response:
    """List the contacts of a company; this needs both scopes."""
    await must_see(door, COMPANIES, id_)
    given = query.model_fields_set | {"company_id"}
    of_company = ContactQuery.model_construct(given, **dict(query), company_id=id_)
    return await answers.listing(door, CONTACTS, of_company)
