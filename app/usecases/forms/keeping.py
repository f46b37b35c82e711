"""Making forms: whoever makes one lets others write by it, so they must be able to write as much themselves."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import reads, write
from app.db.forms import FORMS
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope, must_write
from app.domain.errors import RuleBroken
from app.domain.forms.questions import check_fields, field_of
from app.kit import tokens
from app.usecases import plain
from app.usecases.plain import Change, Values

ADDRESS = "form"
"""What the token in a form's address is for."""
PARTS = struct.Struct(">16s16sI")
"""Organisation, form and the version of its address."""
_ALSO_WRITTEN = {"contact_tags": "tags", "owner_id": "owner_id", "source": "source", "consent": "consents"}
_OF_INTERACTIONS = ("kind", "direction", "at", "channel", "subject", "body", "contact_id", "owner_id")


async def add_form(uow: UnitOfWork, values: Values, given: frozenset[str]) -> UUID:
    """A new form; its id. Raises Forbidden for what the maker may not write of a contact."""
    return await plain.add(uow, FORMS, values, given, judge=_judge)


async def edit_form(uow: UnitOfWork, form: UUID, given: Values, *, version: int | None) -> None:
    """Change a form; its earlier events keep the words that people agreed to."""
    await plain.edit(uow, FORMS, form, given, version=version, judge=_judge)


async def rotate_form(uow: UnitOfWork, form: UUID, *, version: int | None) -> None:
    """Give a form a new address; the one before opens nothing from now on."""
    must_write(uow.actor, FORMS.name, ("active",))
    row = await plain.get_locked(uow, FORMS, form, version, {})
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This form is archived; restore it before you change it.")
    await write.change(uow, FORMS, [(row, {"key_version": row["key_version"] + 1})], "form.rotated")


async def address(door: Reads, form: UUID, secret: str) -> str:
    """The token in the address of a form that the reader sees. Raises NotFound."""
    row = await reads.must_see(door, FORMS, form, ("key_version",))
    parts = PARTS.pack(door.actor.org_id.bytes, form.bytes, row["key_version"])
    return tokens.seal(secret, parts, kind=ADDRESS)


async def restore_form(uow: UnitOfWork, form: UUID, *, version: int | None) -> None:
    """Bring an archived form back; where that opens it, by whom could have made it."""
    row = await plain.get_locked(uow, FORMS, form, version, {})
    if row["active"]:
        _must_write_alike(uow.actor, row)
    await plain.restore_row(uow, FORMS, row)


async def _judge(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    for stored, new in changes:
        if "questions" in new:
            check_fields(new["questions"], uow.actor.custom.get("contact", {}))
        # Who opens a form answers for all of it, else for what is new.
        _must_write_alike(uow.actor, {**(stored or {}), **new} if new.get("active") else new)


def _must_write_alike(actor: Actor, form: Mapping[str, Any]) -> None:
    """Raise Forbidden for what would be written by these parts of a form and could not be by the actor."""
    written = set(filter(None, (field_of(question["path"]) for question in form.get("questions", ()))))
    written |= {field for name, field in _ALSO_WRITTEN.items() if form.get(name)}
    if written:
        actor.needs(Scope.contacts_write)
        actor.needs(Scope.interactions_write)
        must_write(actor, "contact", written)
        must_write(actor, "interaction", _OF_INTERACTIONS)
