"""What routes answer with: records as PostgreSQL built them, kept with the idempotency key when there is one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.api import problems
from app.api.etag import etag, unchanged
from app.db import lists, reads
from app.db.lists import Also, Page
from app.db.nouns import ALWAYS, Noun
from app.db.reads import Reads
from app.db.uow import Answer, UnitOfWork
from app.db.words import Words
from app.domain.access import Scope, whole
from app.domain.errors import InvalidInput
from app.kit import clock, json
from app.schemas.base import CountQuery, PageQuery, Search
from app.usecases.bulk import Item

JSON = "application/json"
_MADE = frozenset({201, 202})


def plain(body: Any, status: int = 200) -> Response:
    """Any value as JSON."""
    return Response(json.dumps(body), status_code=status, media_type=JSON)


def body(ready: bytes) -> Response:
    """JSON that is built already."""
    return Response(ready, media_type=JSON)


def file(parts: AsyncIterator[bytes], name: str, media_type: str) -> Response:
    """A file to be kept, sent as it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(parts, media_type=media_type, headers=headers)


def given_fields(raw: str | None) -> list[str] | None:
    """The fields parameter as a list."""
    return None if raw is None else [name.strip() for name in raw.split(",") if name.strip()]


async def record(door: Reads, noun: Noun, id_: UUID, request: Request, fields: str | None = None) -> Response:
    """One record with its ETag, or 304 when the reader has it."""
    wanted = given_fields(fields)
    row = reads.must_exist(noun, await door.row(reads.one(noun, id_, wanted)))
    return tagged(request, row[1], etag(row[2], reads.shown(door.actor, noun, wanted)))


def tagged(request: Request, body: str, tag: str) -> Response:
    """A body with its ETag, or 304 when the reader has it."""
    if unchanged(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type=JSON, headers={"ETag": tag})


async def by_external_id(
    door: Reads, noun: Noun, system: str, external_id: str, request: Request, fields: str | None = None
) -> Response:
    """The record that another system calls so."""
    row = await door.row(reads.by_external_id(noun, system, external_id))
    if row[1] is None:
        raise reads.absent(noun)
    return await record(door, noun, row[1], request, fields)


def simple(given: Sequence[tuple[str, str, Any]]) -> dict[str, Any]:
    """Simple filters as a raw condition."""
    return {"all": [{"field": f, "op": op, "value": json.loads(json.dumps(v))} for f, op, v in given]}


def _searchable(noun: Noun, words: str | None) -> None:
    if words and not noun.search:
        raise InvalidInput(
            "q_not_here", f"A {noun.name} has no text to search by words; use a condition.", field="q"
        )


def _words(typed: str | None) -> Words | None:
    return Words(typed) if typed else None


async def listing(door: Reads, noun: Noun, query: PageQuery, also: Also | None = None) -> Response:
    """A page by simple filters, and by what else the noun asks."""
    page = Page(
        noun,
        lists.condition(noun, simple(query.filters()), clock.now()),
        query.sort,
        query.limit,
        query.cursor,
        given_fields(query.fields),
        query.archived,
        _words(getattr(query, "q", None)),
        also,
    )
    return body(await lists.list_page(door, page))


async def search(door: Reads, noun: Noun, query: Search) -> Response:
    """A page by a full condition."""
    _searchable(noun, query.q)
    page = Page(
        noun,
        lists.condition(noun, query.where, clock.now()),
        query.sort,
        query.limit,
        query.cursor,
        query.fields,
        query.archived,
        _words(query.q),
    )
    return body(await lists.list_page(door, page))


async def count(door: Reads, noun: Noun, query: CountQuery) -> Response:
    """How many."""
    _searchable(noun, query.q)
    asked = lists.condition(noun, query.where, clock.now())
    page = Page(noun, asked, archived=query.archived, words=_words(query.q))
    return plain({"count": await lists.count(door, page)})


def told(
    uow: UnitOfWork,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    shown: tuple[Noun, UUID] | None = None,
) -> Response:
    """Answer a change, and remember the answer for whoever asks again with the same key."""
    uow.answer = Answer(status, body, headers or {})
    if shown is not None:
        uow.answer = replace(uow.answer, noun=shown[0].name, noun_id=shown[1])
    return replay(uow.answer, dry_run=uow.dry_run)


def replay(answer: Answer, *, dry_run: bool = False) -> Response:
    """An answer as a response."""
    extra = {"Rapport-Dry-Run": "true"} if dry_run else {}
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=JSON if answer.body else None,
        headers=answer.headers | extra,
    )


async def changed(uow: UnitOfWork, noun: Noun, id_: UUID, status: int = 200) -> Response:
    """The record as it now stands; nothing but 204 when the change took it out of the writer's sight.

    A new one out of its maker's sight is answered with what every reader sees, which tells its maker nothing new.
    """
    actor, shown = uow.actor, None if uow.actor.may(Scope(noun.reading)) else sorted(ALWAYS)
    question = reads.one(noun, id_, shown)(actor)
    row = (await uow.fetch(question.statement.sql, *question.statement.values(question.binds)))[0]
    shows = row[1] is not None
    if not shows:
        if status not in _MADE:
            return told(uow, 204, b"")
        actor, shown = replace(actor, grant=whole(), readable={}), sorted(ALWAYS)
        question = reads.one(noun, id_, shown)(actor)
        row = (await uow.fetch(question.statement.sql, *question.statement.values(question.binds)))[0]
    headers = {"ETag": etag(row[2], reads.shown(actor, noun, shown))}
    if status in _MADE:
        headers["Location"] = f"/v1/{noun.plural}/{id_}"
    return told(uow, status, row[1].encode(), headers, (noun, id_) if shows else None)


async def made_with_secret(uow: UnitOfWork, noun: Noun, id_: UUID, name: str, secret: str) -> Response:
    """A new record with a secret that is shown this once: what is remembered of the answer has null in its place."""
    response = await changed(uow, noun, id_, 201)
    assert uow.answer is not None
    shown = json.loads(uow.answer.body)
    uow.answer = replace(uow.answer, body=json.dumps({**shown, name: None}))
    told_once = None if uow.dry_run else secret  # the key of a dry run would open nothing
    return Response(
        json.dumps({**shown, name: told_once}),
        status_code=response.status_code,
        media_type=JSON,
        headers={k: v for k, v in response.headers.items() if k != "content-length"},
    )


async def upserted(uow: UnitOfWork, noun: Noun, item: Item) -> Response:
    """What became of one upserted record. Raises what refused it."""
    if item.problem is not None:
        raise item.problem
    assert item.id is not None
    return await changed(uow, noun, item.id, 201 if item.status == "created" else 200)


OUTCOMES = ("created", "updated", "unchanged", "failed")


def outcomes(uow: UnitOfWork, items: Sequence[Item]) -> Response:
    """What came of every item of a bulk request."""
    counts = {outcome: sum(item.status == outcome for item in items) for outcome in OUTCOMES}
    listed = []
    for item in items:
        one: dict[str, Any] = {"index": item.index, "status": item.status}
        if item.id is not None:
            one["id"] = item.id
        if item.problem is not None:
            one["problem"] = problems.body_of(item.problem)
        listed.append(one)
    return told(uow, 200, json.dumps({**counts, "items": listed}))
