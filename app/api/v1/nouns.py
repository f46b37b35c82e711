"""Nouns, described: for those who build a form, a filter or a list."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Response

from app.api import answers, docs
from app.api.doors import reads
from app.api.routing import Router
from app.db import organisations
from app.db.reads import Reads
from app.db.registry import NOUNS
from app.domain.access import Actor
from app.domain.errors import NotFound
from app.domain.ops import OPS, Op
from app.schemas.base import Key, Page
from app.schemas.nouns import NounField, NounOut
from app.usecases import access

router = Router(prefix="/nouns", tags=["nouns"])
Reading = Annotated[Reads, reads(None)]


async def _described(door: Reads) -> dict[str, NounOut]:
    await door.row(
        organisations.settings
    )  # any answer from the database renews what is remembered of the caller
    readable, writable = access.readable(door.actor), access.writable(door.actor)
    return {
        name: NounOut(name=name, plural=noun.plural, fields=fields)
        for name, noun in NOUNS.items()
        if (fields := list(_fields(door.actor, name, readable.get(name, []), writable.get(name, []))))
    }


def _fields(actor: Actor, noun: str, readable: list[str], writable: list[str]) -> Iterator[NounField]:
    for name, field in NOUNS[noun].known(actor).items():
        shown, changed = name in readable, name in writable
        filterable = shown and field.filterable
        if shown or changed:
            yield NounField(
                name=name,
                kind=field.kind,
                choices=sorted(field.choices),
                nullable=field.nullable,
                readable=shown,
                writable=changed,
                filterable=filterable,
                sortable=shown and field.sortable,
                ops=[op for op in Op if filterable and op in OPS[field.kind]],
                summary=field.summary,
            )


@router.get("", **docs.answer(Page[NounOut], description="All of them."))
async def list_nouns(door: Reading) -> Response:
    """List the kinds of record that you may use, each with its fields and what you may do with them."""
    found = await _described(door)
    return answers.plain({"data": [noun.model_dump() for noun in found.values()], "next": None})


@router.get("/{noun}", **docs.answer(NounOut))
async def get_noun(noun: Key, door: Reading) -> Response:
    """Get one kind of record with its fields and what you may do with them."""
    found = (await _described(door)).get(noun)
    if found is None:
        raise NotFound("noun_not_found", "There is no noun with this name, or you may not use it.")
    return answers.plain(found.model_dump())
