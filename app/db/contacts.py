"""Contacts and the questions asked of them."""

from collections.abc import Set
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, last_changed, listed, newest_first, one_of, points_to, sought
from app.db.companies import COMPANIES
from app.db.nouns import Noun
from app.db.users import USERS
from app.domain.access import Actor
from app.domain.contacts import Gender, Stage
from app.kit import emails, phones, terms


class Contact(Record):
    """A person."""

    __tablename__ = "contacts"
    __table_args__ = (
        points_to("company_id", "companies"),
        points_to("owner_id", "users"),
        one_of("stage", Stage),
        one_of("gender", Gender),
        newest_first("contacts"),
        last_changed("contacts"),
        points_to("merged_into_id", "contacts"),
        Index(
            "ix_contacts_merged",
            "org_id",
            "merged_into_id",
            postgresql_where=text("merged_into_id is not null"),
        ),
        Index("ix_contacts_name", "org_id", "name_key", "id"),
        Index("ix_contacts_owner", "org_id", "owner_id", "created_at", "id"),
        Index("ix_contacts_company", "org_id", "company_id"),
        Index("ix_contacts_email", "org_id", "email"),
        Index("ix_contacts_phone", "org_id", "phone"),
        Index("ix_contacts_archived", "org_id", "id", postgresql_where=text("archived_at is not null")),
        sought("contacts"),
        listed("contacts", "emails"),
        listed("contacts", "phones"),
    )

    name: Mapped[str] = mapped_column(info=field("basic", sorted_by="name_key"))
    name_key: Mapped[str] = mapped_column(info=field(internal=True))
    given_name: Mapped[str | None] = mapped_column(info=field("basic"))
    family_name: Mapped[str | None] = mapped_column(info=field("basic"))
    emails: Mapped[list[dict[str, Any]]] = mapped_column(info=field("reach"))
    email: Mapped[str | None] = mapped_column(info=field("reach", writable=False))
    """The first address that could be understood, normalised."""
    phones: Mapped[list[dict[str, Any]]] = mapped_column(info=field("reach"))
    phone: Mapped[str | None] = mapped_column(info=field("reach", writable=False))
    """The first number that could be understood, in E.164."""
    addresses: Mapped[list[dict[str, Any]]] = mapped_column(info=field("reach"))
    company_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    job_title: Mapped[str | None] = mapped_column(info=field("basic"))
    birth_date: Mapped[date | None] = mapped_column(info=field("demographics"))
    gender: Mapped[str | None] = mapped_column(info=choice(Gender, "demographics"))
    occupation: Mapped[str | None] = mapped_column(info=field("demographics"))
    income_band: Mapped[str | None] = mapped_column(info=field("demographics"))
    education: Mapped[str | None] = mapped_column(info=field("demographics"))
    source: Mapped[str | None] = mapped_column(info=field("basic"))
    """The channel that the contact first came by."""
    stage: Mapped[str] = mapped_column(info=choice(Stage, "basic"))
    language: Mapped[str | None] = mapped_column(info=field("basic"))
    owner_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    tags: Mapped[list[str]] = mapped_column(info=field("basic"))
    consents: Mapped[list[dict[str, Any]]] = mapped_column(info=field("consent"))
    """The latest word per purpose and channel, with its evidence; the events keep the earlier ones.

    Written by a verb alone, which asks for it by this name; the shapes of plain edits have no such field.
    """
    consented: Mapped[list[str]] = mapped_column(info=field("consent", writable=False))
    """purpose:channel of every consent that holds."""
    merged_into_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    """The contact that this one, put away, became part of."""
    custom: Mapped[dict[str, Any]] = mapped_column(info=field())
    terms: Mapped[str] = mapped_column(TSVECTOR, info=field(internal=True))


def _understood(row: dict[str, Any], region: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    # What cannot be understood is kept as it was typed, with null beside it: a CRM that refuses it loses it.
    # What was understood stays, or the edit of a name would call somebody in another country.
    addresses = [{"normalised": emails.normalised(e["address"]), **e} for e in row["emails"]]
    numbers = [{"e164": phones.e164(e["number"], region), **e} for e in row["phones"]]
    return addresses, numbers


# Names are many, and the parts that they are made of are few.
_of_part = lru_cache(maxsize=4096)(terms.index)


def _derive(row: dict[str, Any], _: Set[str], actor: Actor) -> dict[str, Any]:
    addresses, numbers = _understood(row, actor.region)
    found = terms.index("n", row["name"])
    for letter, part in (("g", row.get("given_name")), ("f", row.get("family_name"))):
        # Most are parts of the name already; the rest is found only by who may read the part.
        found |= {term for term in _of_part(letter, part or "") if f"n{term[1:]}" not in found}
    known_addresses = [entry["normalised"] for entry in addresses if entry["normalised"]]
    known_numbers = [entry["e164"] for entry in numbers if entry["e164"]]
    for address in known_addresses:
        found |= terms.index_code("e", address)
    for number in known_numbers:
        found |= terms.index_phone("p", number)
    return {
        "emails": addresses,
        "phones": numbers,
        "email": next(iter(known_addresses), None),
        "phone": next(iter(known_numbers), None),
        "consents": row.get("consents", []),
        "consented": row.get("consented", []),
        "name_key": terms.sort_key(row["name"], person=True),
        "terms": list(found),
    }


CONTACTS = Noun(
    name="contact",
    plural="contacts",
    model=Contact,
    owned=True,
    references={"company_id": COMPANIES, "owner_id": USERS},
    search={
        "n": ("name", "name"),
        "g": ("name", "given_name"),
        "f": ("name", "family_name"),
        "e": ("code", "emails"),
        "p": ("phone", "phones"),
    },
    derive=_derive,
    sources=frozenset({"name", "given_name", "family_name", "emails", "phones"}),
    computed=frozenset({"id", "normalised", "e164"}),
)
