"""Filling in a form, which anybody may do: nothing is told of who is known here, and nothing known is replaced.

Nobody has come by a door, and what is refused is counted although it is refused, so this opens its own unit of work.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.db import actors, attempts, forms, idempotency, linked, references, write
from app.db.contacts import CONTACTS
from app.db.engine import Database, Row
from app.db.idempotency import Replayed
from app.db.interactions import INTERACTIONS
from app.db.uow import Answer, UnitOfWork
from app.domain.access import Actor, Grant, Sight
from app.domain.contacts import Standing, plan_consent
from app.domain.errors import DomainError, InvalidInput
from app.domain.fields import CUSTOM
from app.domain.forms import people, tickets
from app.domain.forms.answers import CONSENT, Answers, Fault, read, refusal
from app.domain.forms.questions import COMPANY, Asked, Language, Understand, Way, asked, field_of, words
from app.domain.forms.tickets import Ticket
from app.domain.interactions import Direction, InteractionKind
from app.kit import emails, json, phones, tokens
from app.kit.ids import new_id
from app.schemas.contacts import ContactAdd
from app.schemas.interactions import InteractionAdd
from app.usecases import plain
from app.usecases.forms.keeping import ADDRESS, PARTS

_TICKET = "ticket"
_SENDER = "form sender"
_SENT = "form sent"
_TICKET_PARTS = struct.Struct(">16s16sIQ")
"""Ticket, form, the form's version, and when it was issued, in milliseconds since 1970."""
_ALWAYS_WRITTEN = ("name", "tags", "source", "owner_id", "language")
_OF_INTERACTIONS = frozenset(InteractionAdd.model_fields)


@dataclass(frozen=True, slots=True)
class Opened:
    """A form that somebody stands before, and who writes what they answer."""

    row: Row
    actor: Actor
    questions: tuple[Asked, ...]

    @property
    def id(self) -> UUID:
        """The form's."""
        found: UUID = self.row["id"]
        return found


@dataclass(frozen=True, slots=True)
class Sent:
    """What came with a form, from whom."""

    ticket: str
    language: Language
    answers: Mapping[str, Any]
    consent: bool
    trap: str
    """The answer to the question that people are not shown."""
    address: str | None


async def opened(database: Database, secret: str, token: str) -> Opened:
    """The form that an address opens. Raises NotFound."""
    parts = tokens.unseal(secret, token, kind=ADDRESS)
    if parts is None or len(parts) != PARTS.size:
        raise tickets.closed()
    org, form, key_version = PARTS.unpack(parts)
    row = await forms.to_fill_in(database, UUID(bytes=org), UUID(bytes=form), key_version)
    if row is None:
        raise tickets.closed()
    system = await actors.system(database, UUID(bytes=org))
    questions = tuple(asked(row["questions"], system.custom.get(CONTACTS.name, {})))
    return Opened(row, _actor(system, row, questions), questions)


def _actor(system: Actor, form: Row, questions: tuple[Asked, ...]) -> Actor:
    """Who acts for whoever sends the form: it writes what the form asks for, and reads what it must to do so.

    Custom fields that are required of the house are not required of strangers, who were not asked for them.
    """
    paths = {question.path for question in questions}
    written = frozenset({*_ALWAYS_WRITTEN, *filter(None, map(field_of, paths))} | {"consents"})
    fields = system.custom.get(CONTACTS.name, {})
    custom = {
        key: replace(field, nullable=True) for key, field in fields.items() if f"{CUSTOM}{key}" in paths
    }
    grant = Grant(
        sight=dict.fromkeys((CONTACTS.name, INTERACTIONS.name, "company"), Sight.ALL),
        read={CONTACTS.name: written | {"email", "phone"}, "company": frozenset({"name"})},
        write={CONTACTS.name: written, INTERACTIONS.name: _OF_INTERACTIONS},
    )
    return replace(
        system,
        id=form["id"],
        kind="form",
        name=form["name"],
        grant=grant,
        custom={CONTACTS.name: custom},
        readable={},
        writable={},
    )


def issue(form: Opened, secret: str, now: datetime) -> str:
    """A ticket to send the form with."""
    version, at = form.row["version"], int(now.timestamp() * 1000)
    return tokens.seal(secret, _TICKET_PARTS.pack(new_id().bytes, form.id.bytes, version, at), kind=_TICKET)


def _ticket(secret: str, text: str, now: datetime) -> Ticket | None:
    parts = tokens.unseal(secret, text, kind=_TICKET)
    if parts is None or len(parts) != _TICKET_PARTS.size:
        return None
    id_, form, version, at = _TICKET_PARTS.unpack(parts)
    return Ticket(
        UUID(bytes=id_), UUID(bytes=form), version, datetime.fromtimestamp(at / 1000, tz=now.tzinfo)
    )


async def send(database: Database, secret: str, form: Opened, sent: Sent, now: datetime) -> bool:
    """Take the form; whether it was kept. The same form sent again does nothing again. Raises DomainError.

    What was caught in the trap is told the same, and is not kept.
    """
    await _count(database, secret, form, sent, now)
    ticket = tickets.judge(_ticket(secret, sent.ticket, now), form.id, form.row["version"], now)
    answers = _answers(form, sent)
    if sent.trap:
        return False

    async def load() -> Actor:
        return (await _again(database, form)).actor

    uow = UnitOfWork(database, form.actor, now=now, cause=f"form:{form.id}", reload=load)
    try:
        async with uow:
            await _once(uow, ticket, tokens.keyed(secret, _said(sent), kind=_SENT))
            if not await forms.still_stands(uow, form.id, form.row["version"]):
                raise tickets.changed()
            await _keep(uow, form, answers, sent)
            uow.answer = Answer(200, b"{}")
            await idempotency.keep(uow, str(ticket.id))
            await uow.commit()
    except Replayed:
        return True
    return True


async def _again(database: Database, form: Opened) -> Opened:
    system = await actors.system(database, form.actor.org_id)
    return replace(form, actor=_actor(system, form.row, form.questions))


async def _count(database: Database, secret: str, form: Opened, sent: Sent, now: datetime) -> None:
    """Count the attempt for good, under what tells nobody the address. Raises TooMany."""
    who = f"{form.actor.org_id} {form.id} {tickets.neighbourhood(sent.address)}"
    until = await attempts.visit(
        database,
        tokens.keyed(secret, who, kind=_SENDER),
        now=now,
        most=tickets.MOST_SENT,
        window=tickets.WINDOW,
    )
    if until is not None:
        raise tickets.too_often(until, now)


def _answers(form: Opened, sent: Sent) -> Answers:
    understand: Understand = {
        Way.EMAIL: emails.normalised,
        Way.PHONE: partial(phones.e164, region=form.actor.region),
    }
    answers = read(form.questions, sent.answers, understand)
    consent = form.row["consent"]
    if consent and consent["required"] and not sent.consent:
        answers.faults.append(Fault(CONSENT, CONSENT))
    if answers.faults:
        raise refusal(answers.faults, sent.language)
    return answers


def _said(sent: Sent) -> str:
    return json.text([sent.language, dict(sorted(sent.answers.items())), sent.consent])


async def _once(uow: UnitOfWork, ticket: Ticket, said: str) -> None:
    """Take the ticket. Raises Replayed when it came with the same answers before, RuleBroken when with others."""
    try:
        await idempotency.claim(uow, str(ticket.id), said)
    except Replayed:
        raise
    except DomainError as refused:
        if isinstance(refused, InvalidInput):
            raise tickets.used() from refused
        raise


async def _keep(uow: UnitOfWork, form: Opened, answers: Answers, sent: Sent) -> None:
    # Two strangers with one address, at one moment, are one person.
    await references.claim(uow, CONTACTS, [(path, normal) for path, normal in answers.normal.items()])
    company = await _company(uow, answers)
    known = await _known(uow, answers)
    if known is None:
        shape = ContactAdd.model_validate(people.plan_new(answers, form.row, sent.language, company))
        known = await plain.add(uow, CONTACTS, shape.model_dump(), shape.model_fields_set)
    else:
        row = await plain.get_locked(uow, CONTACTS, known, None, {})
        given = people.plan_known(row, answers, form.row["contact_tags"], company)
        await plain.edit_row(uow, CONTACTS, row, given)
    row = await plain.get_locked(uow, CONTACTS, known, None, {})
    agreed = await _consent(uow, form, row, sent)
    body = people.told(form.questions, answers, sent.language, agreed=agreed)
    await _interaction(uow, form, row, body, sent.language)


async def _known(uow: UnitOfWork, answers: Answers) -> UUID | None:
    """The contact with this address, else with this number; of several, the one who was there first."""
    for path in ("email", "phone"):
        if normal := answers.normal.get(path):
            found = (await linked.found(uow, CONTACTS.name, path, [normal])).get(normal, ())
            if found:
                return await forms.first_contact(uow, list(found))
    return None


async def _company(uow: UnitOfWork, answers: Answers) -> UUID | None:
    """The one company of this name; which of several is meant, or a new one, is for people to say."""
    name = linked.folded(answers.values.get(COMPANY) or "")
    found = (await linked.found(uow, COMPANY, "name", [name])).get(name, ()) if name else ()
    return found[0] if len(found) == 1 else None


async def _consent(uow: UnitOfWork, form: Opened, contact: Row, sent: Sent) -> str | None:
    """Keep what was agreed to; the text of it, if anything was."""
    asked_for = form.row["consent"]
    if not (asked_for and sent.consent):
        return None
    text, language = words(asked_for["text"], sent.language)
    so_far = Standing(contact["consents"], contact["archived_at"])
    after: dict[str, Any] = {}
    for one in people.consents(contact["consents"], form.row, text, language, at=uow.now):
        after = plan_consent(so_far, one, at=uow.now)
        so_far.consents = after["consents"]
    if after:
        await write.change(uow, CONTACTS, [(contact, after)], "contact.consent_recorded")
    return text


async def _interaction(uow: UnitOfWork, form: Opened, contact: Row, body: str, language: Language) -> None:
    """What was sent, for whoever sees the contact and nobody else: it tells that the contact was known."""
    shape = InteractionAdd(
        kind=InteractionKind.FORM,
        channel="web",
        direction=Direction.INBOUND,
        at=uow.now,
        subject=words(form.row["title"], language)[0][:500],
        body=body[:100_000],
        contact_id=contact["id"],
        owner_id=contact["owner_id"],
    )
    await plain.add(uow, INTERACTIONS, shape.model_dump(), shape.model_fields_set)
