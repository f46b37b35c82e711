"""Forms: made by us, and filled in by anybody."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.api import answers, docs, problems
from app.api import forms as pages
from app.api.bodies import inexact
from app.api.doors import Id, Shown, reads, writes
from app.api.etag import Version
from app.api.forms import FORMS as COUNTED
from app.api.forms import PUBLIC, TRAP, Page
from app.api.routing import Router
from app.db import history
from app.db.forms import FORMS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Scope
from app.domain.errors import DomainError, InvalidInput
from app.domain.forms.answers import CONSENT
from app.domain.forms.questions import Language, Way
from app.domain.forms.tickets import OLDEST, says
from app.kit import clock, json
from app.schemas.base import CountQuery, Search
from app.schemas.events import EventOut, HistoryQuery
from app.schemas.forms import (
    FormAdd,
    FormAddress,
    FormEdit,
    FormOut,
    FormQuery,
    PublicAnswers,
    PublicForm,
    PublicQuestion,
    PublicThanks,
    public,
)
from app.schemas.problems import faults_of
from app.usecases import plain
from app.usecases.forms import keeping, sending
from app.usecases.forms.sending import Opened, Sent

router = Router(prefix="/forms", tags=["forms"])
open_router = Router(tags=["forms"])
Reading = Annotated[Reads, reads(Scope.forms_read)]
Writing = Annotated[UnitOfWork, writes(Scope.forms_write)]
_TYPED = "application/x-www-form-urlencoded"
_MOST_FIELDS = 500
_ANEW = frozenset({"ticket_invalid", "ticket_old", "ticket_used", "form_changed"})
"""Refusals after which a page needs another ticket."""
_HTML: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}


@router.get("", **docs.page(FormOut))
async def list_forms(query: Annotated[FormQuery, Query()], door: Reading) -> Response:
    """List forms by simple filters."""
    return await answers.listing(door, FORMS, query)


@router.post("/search", **docs.page(FormOut))
async def search_forms(query: Search, door: Reading) -> Response:
    """List forms by a full condition."""
    return await answers.search(door, FORMS, query)


@router.post("/count", **docs.count())
async def count_forms(query: CountQuery, door: Reading) -> Response:
    """Count forms by a full condition."""
    return await answers.count(door, FORMS, query)


@router.get("/{id:uuid}", **docs.one(FormOut))
async def get_form(id_: Id, request: Request, door: Reading, fields: Shown = None) -> Response:
    """Get a form."""
    return await answers.record(door, FORMS, id_, request, fields)


@router.post("", **docs.made(FormOut))
async def add_form(body: FormAdd, uow: Writing) -> Response:
    """Add a form; you must be able to write yourself what it will write."""
    made = await keeping.add_form(uow, body.model_dump(), frozenset(body.model_fields_set))
    return await answers.changed(uow, FORMS, made, 201)


@router.patch("/{id:uuid}", **docs.changed(FormOut))
async def edit_form(id_: Id, body: FormEdit, version: Version, uow: Writing) -> Response:
    """Edit a form; what is left out stays, and whoever has the form open is asked to read it anew."""
    await keeping.edit_form(uow, id_, body.model_dump(exclude_unset=True), version=version)
    return await answers.changed(uow, FORMS, id_)


@router.post("/{id:uuid}/archive", **docs.changed(FormOut))
async def archive_form(id_: Id, version: Version, uow: Writing) -> Response:
    """Put a form away; its address opens nothing any more."""
    await plain.archive(uow, FORMS, id_, version=version)
    return await answers.changed(uow, FORMS, id_)


@router.post("/{id:uuid}/restore", **docs.changed(FormOut))
async def restore_form(id_: Id, version: Version, uow: Writing) -> Response:
    """Bring an archived form back, at the address that it had."""
    await keeping.restore_form(uow, id_, version=version)
    return await answers.changed(uow, FORMS, id_)


@router.get("/{id:uuid}/history", **docs.page(EventOut))
async def list_form_history(id_: Id, query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List the changes of a form, newest first."""
    return answers.body(await history.of_record(door, FORMS, id_, query.limit, query.cursor))


@router.post("/{id:uuid}/rotate", **docs.changed(FormOut))
async def rotate_form(id_: Id, version: Version, uow: Writing) -> Response:
    """Give a form a new address; the one before opens nothing from now on."""
    await keeping.rotate_form(uow, id_, version=version)
    return await answers.changed(uow, FORMS, id_)


@router.get("/{id:uuid}/address", **docs.answer(FormAddress))
async def get_form_address(id_: Id, request: Request, door: Reading) -> Response:
    """Get the address at which everybody can fill in a form."""
    token = await keeping.address(door, id_, _secret(request))
    url, page = (str(request.url_for(f"get_public_form{tail}", token=token)) for tail in ("", "_page"))
    return answers.plain(FormAddress(token=token, url=url, page_url=page).model_dump())


@open_router.get("/public/forms/{token}", **docs.answer(PublicForm, problems=[404]))
async def get_public_form(token: str, request: Request) -> Response:
    """See what a form asks, in both languages, and get a ticket to send it with."""
    form, now = await _opened(request, token), clock.now()
    shape = public(
        form.row,
        [PublicQuestion.model_validate(one) for one in form.questions],
        _issue(request, form, now),
        now + OLDEST,
    )
    return pages.allow_origin(answers.plain(shape.model_dump(mode="json")), request, form)


@open_router.get(
    "/public/forms/{token}/page",
    response_class=HTMLResponse,
    response_model=None,
    responses={200: {"description": "The page."}, 404: docs.problem(404)},
)
async def get_public_form_page(token: str, request: Request, lang: Language | None = None) -> Response:
    """Show a form as a page that can be filled in, in the reader's language."""
    language = lang or _language(request)
    try:
        form = await _opened(request, token)
    except DomainError as refusal:
        return pages.sorry(refusal, language, problems.status_of(refusal))
    other = f"?lang={_other(language)}"
    return pages.page(Page(form, language, _issue(request, form, clock.now()), f"../{token}", other))


@open_router.post(
    "/public/forms/{token}", **docs.sent(PublicAnswers, PublicThanks, _HTML, problems=[403, 404, 409])
)
async def send_public_form(token: str, request: Request) -> Response:
    """Send a form filled in, as JSON or as a page's own fields; the same one twice counts once."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _TYPED:
        return await _send_typed(request, token)
    form = await _opened(request, token)
    language = _language(request)
    try:
        pages.must_be_from(request, form)
        body = _read(await request.body())
        language = body.language
        await _send(
            request,
            form,
            Sent(body.ticket, language, body.answers, body.consent, body.website, _host(request)),
        )
    except DomainError as refusal:
        refusal.detail = says(refusal, language)
        return pages.allow_origin(problems.respond(problems.request_id(request), refusal), request, form)
    told = {name: form.row[name] for name in ("thanks", "redirect_url")}
    return pages.allow_origin(answers.plain(told), request, form)


async def _send_typed(request: Request, token: str) -> Response:
    """The same for a page, which is answered with a page."""
    language = _language(request)
    try:
        form = await _opened(request, token)
        typed = _fields(await request.body())
    except DomainError as refusal:
        return pages.sorry(refusal, language, problems.status_of(refusal))
    language = (
        Language(typed["language"][-1]) if typed.get("language", [""])[-1] in set(Language) else language
    )
    ticket, trap = ("".join(typed.get(name, [])) for name in ("ticket", TRAP))
    said = _answers(form, typed)
    agreed = typed.get(CONSENT, [""])[-1] == "true"
    try:
        pages.must_be_from(request, form)
        await _send(request, form, Sent(ticket, language, said, agreed, trap, _host(request)))
    except DomainError as refusal:
        return await _again(
            request, token, form, refusal, Page(form, language, ticket, token, "", said, agreed)
        )
    if form.row["redirect_url"]:
        return RedirectResponse(form.row["redirect_url"], status_code=303)
    return pages.thanks(form, language)


async def _again(request: Request, token: str, form: Opened, refusal: DomainError, shown: Page) -> Response:
    """The page once more, with what was answered and what is wrong with it."""
    status, language = problems.status_of(refusal), shown.language
    ticket = shown.ticket
    if refusal.code in _ANEW:
        try:
            form = await _opened(request, token)
        except DomainError as closed:
            return pages.sorry(closed, language, problems.status_of(closed))
        ticket = _issue(request, form, clock.now())
    other = f"{token}/page?lang={_other(language)}"
    return pages.page(
        Page(form, language, ticket, shown.action, other, shown.answers, shown.agreed, refusal), status
    )


async def _send(request: Request, form: Opened, sent: Sent) -> None:
    try:
        kept = await sending.send(request.app.state.database, _secret(request), form, sent, clock.now())
    except DomainError as refusal:
        COUNTED.labels(refusal.code).inc()
        raise
    COUNTED.labels("kept" if kept else "trapped").inc()


def install(app: FastAPI) -> None:
    """Answer what browsers ask before a page of another site may send a form (Fetch, 4.8)."""

    async def ask(request: Request) -> Response:
        response = Response(status_code=204)
        try:
            form = await _opened(request, request.path_params["token"])
        except DomainError:
            return response
        return pages.preflight(pages.allow_origin(response, request, form))

    app.add_route(f"{PUBLIC}forms/{{token}}", ask, methods=["OPTIONS"], include_in_schema=False)


def _secret(request: Request) -> str:
    secret: str = request.app.state.doorman.secret
    return secret


def _host(request: Request) -> str | None:
    return request.client.host if request.client else None


def _language(request: Request) -> Language:
    return pages.language_of(request.headers.get("accept-language", ""))


def _other(language: Language) -> str:
    return next(one.value for one in Language if one is not language)


async def _opened(request: Request, token: str) -> Opened:
    return await sending.opened(request.app.state.database, _secret(request), token)


def _issue(request: Request, form: Opened, now: datetime) -> str:
    return sending.issue(form, _secret(request), now)


def _read(body: bytes) -> PublicAnswers:
    try:
        read, odd = json.exactly(body)
    except ValueError:
        raise InvalidInput("json_invalid", "The body is no JSON in UTF-8.") from None
    if odd and (refusal := inexact(read)):
        raise refusal
    try:
        return PublicAnswers.model_validate(read)
    except ValidationError as fault:
        faults = faults_of(list(fault.errors()))
        raise InvalidInput(
            "request_invalid", "The request cannot be understood.", errors=faults[:50]
        ) from None


def _fields(body: bytes) -> dict[str, list[str]]:
    """The fields of a page, of which one name may come several times."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidInput("body_unreadable", "The body could not be read; send UTF-8 JSON.") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _answers(form: Opened, typed: dict[str, list[str]]) -> dict[str, Any]:
    """What a page's fields answer; what else a browser or a link has added is nobody's answer."""
    return {
        one.path: typed[one.path] if one.way is Way.SOME else typed[one.path][-1]
        for one in form.questions
        if one.path in typed
    }
