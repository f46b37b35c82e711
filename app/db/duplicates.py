"""Duplicates: records that may be one, together: contacts that may be one person, or companies that may be one firm.

Who is in it never changes: when others are found to belong together, it is put away and another one stands in its stead.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import sight, write
from app.db.base import (
    Keyed,
    Record,
    choice,
    field,
    last_changed,
    newest_first,
    of_noun,
    one_of,
    points_to,
)
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.engine import Row
from app.db.nouns import Child, Every, Noun
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.duplicates import FIELDS, Status, together, weakest
from app.domain.runs import ENDED
from app.kit.ids import new_id


class DuplicateMember(Keyed):
    """One of the records; for each noun a column that points to it, computed from its id."""

    __tablename__ = "duplicate_members"
    __table_args__ = (
        points_to("duplicate_id", "duplicates"),
        points_to("member_contact_id", "contacts"),
        points_to("member_company_id", "companies"),
        Index("ix_duplicate_members_duplicate", "org_id", "duplicate_id", "position"),
        Index("ix_duplicate_members_member", "org_id", "member_id"),
    )

    duplicate_id: Mapped[UUID]
    position: Mapped[int]
    noun: Mapped[str]
    member_id: Mapped[UUID]
    member_contact_id: Mapped[UUID | None] = mapped_column(of_noun(CONTACTS.name))
    member_company_id: Mapped[UUID | None] = mapped_column(of_noun(COMPANIES.name))


class Duplicate(Record):
    """Records that may be one."""

    __tablename__ = "duplicates"
    __table_args__ = (
        one_of("status", Status),
        newest_first("duplicates"),
        last_changed("duplicates"),
        Index("ix_duplicates_score", "org_id", "score", "id"),
    )

    noun: Mapped[str] = mapped_column(info=field("basic", writable=False))
    status: Mapped[str] = mapped_column(info=choice(Status, "basic", writable=False))
    score: Mapped[Decimal] = mapped_column(Numeric(5, 4), info=field("basic", writable=False))
    """The probability of the least sure of the pairs that hold it together."""
    size: Mapped[int] = mapped_column(Integer, info=field("basic", writable=False))
    run_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    merge_id: Mapped[UUID | None] = mapped_column(info=field("basic", writable=False))
    pairs: Mapped[list[dict[str, Any]]] = mapped_column(info=field(internal=True, writable=False))
    """Each with left, right, score and reasons; of fields and levels alone, never a value."""
    digests: Mapped[dict[str, Any]] = mapped_column(JSONB, info=field(internal=True, writable=False))
    """Member to a digest of what was compared of it: what was dismissed comes back when it changes."""


OF: Mapping[str, Noun] = {noun.name: noun for noun in (CONTACTS, COMPANIES)}
"""The nouns that duplicates are found of."""


def compared_fields(noun: Noun, identifying: Collection[str]) -> Mapping[str, Sequence[str]]:
    """What is compared, to the records' fields that it is made of; identifying are keys of custom ones."""
    return {**FIELDS[noun.name], "identity": tuple(f"custom.{key}" for key in identifying)}


def tells_scores(actor: Actor, noun: Noun) -> bool:
    """Whether the actor may read all that scores can be made of, any custom field included: they tell what agrees."""
    made_of = compared_fields(noun, actor.custom.get(noun.name, {}))
    return all(noun.shows(actor, name) for names in made_of.values() for name in names)


def tells_every_score(actor: Actor) -> bool:
    """Whether the actor may read all that scores of any noun can be made of: one column holds them all."""
    return all(tells_scores(actor, noun) for noun in OF.values())


DUPLICATES = Noun(
    name="duplicate",
    plural="duplicates",
    model=Duplicate,
    made_of={"score": tells_every_score},
    every=tuple(
        Every(DuplicateMember.__table__, "duplicate_id", f"member_{name}_id", noun)  # type: ignore[arg-type]  # a Table
        for name, noun in OF.items()
    ),
    children={
        "members": Child(
            DuplicateMember.__table__,  # type: ignore[arg-type]  # a Table
            "duplicate_id",
            ("id", "noun", "member_id"),
        )
    },
    custom=False,
    external=False,
)


_READ = {
    "contact": "name, given_name, family_name, emails, phones, addresses, birth_date, company_id",
    "company": "name, domain, region, country, industry",
}


async def records_after(uow: UnitOfWork, noun: Noun, after: UUID | None, most: int) -> Sequence[Row]:
    """The next records in the order of their ids, with what is compared of them."""
    return await uow.fetch(
        f"select id, {_READ[noun.name]}, custom, updated_at from {noun.plural}"
        " where org_id = $1 and archived_at is null and ($2::uuid is null or id > $2) order by id limit $3",
        uow.org_id,
        after,
        most,
    )


async def changed(uow: UnitOfWork, noun: Noun, records: Collection[UUID], since: datetime | None) -> set[str]:
    """Those of the records, as text, that are put away or were changed since."""
    rows = await uow.fetch(
        f"select id::text from {noun.plural} where org_id = $1 and id = any($2::uuid[])"
        " and (archived_at is not null or $3::timestamptz is null or updated_at > $3)",
        uow.org_id,
        list(records),
        since,
    )
    return {row["id"] for row in rows}


async def standing(uow: UnitOfWork, noun: Noun) -> Sequence[Row]:
    """Open ones that are not put away, locked, with the ids of their members."""
    return await uow.fetch(
        "select d.*, array(select m.member_id::text from duplicate_members m where m.org_id = d.org_id"
        "   and m.duplicate_id = d.id order by 1) as people"
        " from duplicates d where d.org_id = $1 and d.noun = $2 and d.status = 'open' and d.archived_at is null"
        " order by d.id for update of d",
        uow.org_id,
        noun.name,
    )


async def dismissed(uow: UnitOfWork, noun: Noun, some: Collection[str]) -> Sequence[Row]:
    """Those with one of the records of which somebody said that they are two: people, the ids as text, and digests."""
    return await uow.fetch(
        "select d.digests, array(select m.member_id::text from duplicate_members m where m.org_id = d.org_id"
        "   and m.duplicate_id = d.id order by 1) as people"
        " from duplicates d where d.org_id = $1 and d.noun = $2 and d.status = 'dismissed' and d.archived_at is null"
        "   and d.id in (select duplicate_id from duplicate_members where org_id = $1 and member_id = any($3::uuid[]))"
        " order by d.id",
        uow.org_id,
        noun.name,
        list(some),
    )


async def open_members(uow: UnitOfWork, noun: Noun) -> set[str]:
    """The records, as text, of what is open; nothing locked."""
    rows = await uow.fetch(
        "select distinct m.member_id::text as id from duplicates d"
        " join duplicate_members m on m.org_id = d.org_id and m.duplicate_id = d.id"
        " where d.org_id = $1 and d.noun = $2 and d.status = 'open' and d.archived_at is null",
        uow.org_id,
        noun.name,
    )
    return {row["id"] for row in rows}


async def one_above_the_other(uow: UnitOfWork, noun: Noun, records: Collection[str]) -> Sequence[Row]:
    """Of the records those that stand below another of them in the noun's trees: each with what stands above it, as text."""
    found: list[Row] = []
    for column in sorted(noun.parents):
        found += await uow.fetch(
            f"select id::text as below, {column}::text as above from {noun.plural}"
            f" where org_id = $1 and id = any($2::uuid[]) and {column} = any($2::uuid[])",
            uow.org_id,
            list(records),
        )
    return found


async def sure(uow: UnitOfWork, noun: Noun, least: Decimal, after: UUID | None, most: int) -> list[UUID]:
    """The next open ones, in the order of their ids, that are at least so sure; nothing locked."""
    rows = await uow.fetch(
        "select id from duplicates where org_id = $1 and status = 'open' and archived_at is null and score >= $2"
        " and noun = $5 and ($3::uuid is null or id > $3) order by id limit $4",
        uow.org_id,
        least,
        after,
        most,
        noun.name,
    )
    return [row["id"] for row in rows]


async def touching(uow: UnitOfWork, records: Collection[UUID]) -> Sequence[Row]:
    """Open ones with one of the records, locked, with the ids of their members."""
    return await uow.fetch(
        "select d.*, array(select m.member_id from duplicate_members m where m.org_id = d.org_id"
        "   and m.duplicate_id = d.id order by 1) as people"
        " from duplicates d where d.org_id = $1 and d.status = 'open' and d.archived_at is null and d.id in"
        "   (select duplicate_id from duplicate_members where org_id = $1 and member_id = any($2::uuid[]))"
        " order by d.id for update of d",
        uow.org_id,
        list(records),
    )


async def noun_of(uow: UnitOfWork, one: UUID) -> Noun:
    """What was found; contacts where the actor sees no such one, so that a refusal tells nothing of it."""
    question, values = sight.seen(uow.actor, DUPLICATES, [one], ("noun",))
    rows = await uow.fetch(question.sql, *question.values(values))
    return OF[rows[0]["noun"]] if rows else CONTACTS


async def members(uow: UnitOfWork, some: Collection[UUID]) -> list[UUID]:
    """Who is in them, nothing locked."""
    rows = await uow.fetch(
        "select member_id from duplicate_members where org_id = $1 and duplicate_id = any($2::uuid[]) order by position",
        uow.org_id,
        list(some),
    )
    return [row["member_id"] for row in rows]


async def merged_by(uow: UnitOfWork, merge: UUID) -> Sequence[Row]:
    """Those that a merge made one, locked."""
    return await uow.fetch(
        "select * from duplicates where org_id = $1 and merge_id = $2 and status = 'merged' order by id for update",
        uow.org_id,
        merge,
    )


async def under_way(uow: UnitOfWork, run: UUID) -> bool:
    """Whether the run has not ended; asked now and then, so that the connection is not taken for dead."""
    found: bool = await uow.fetchval(
        "select status <> all($3) from runs where org_id = $1 and id = $2", uow.org_id, run, sorted(ENDED)
    )
    return found


def found(
    noun: str, run: UUID | None, pairs: Sequence[Mapping[str, Any]], digests: Mapping[str, str]
) -> dict[str, Any]:
    """A new open one of these pairs."""
    people = sorted({one for pair in pairs for one in (pair["left"], pair["right"])})
    return {
        "id": new_id(),
        "noun": noun,
        "status": Status.OPEN,
        "score": Decimal(str(weakest(pairs))).quantize(Decimal("0.0001")),
        "size": len(people),
        "run_id": run,
        "merge_id": None,
        "pairs": list(pairs),
        "digests": {one: digests[one] for one in people if one in digests},
        "members": [{"noun": noun, "member_id": UUID(one)} for one in people],
    }


async def keep_rest(uow: UnitOfWork, rows: Sequence[Row], gone: Collection[UUID]) -> None:
    """New ones of those who remain of some: the next search looks only at who has changed."""
    ids = {str(one) for one in gone}
    kept = [
        found(row["noun"], row["run_id"], pairs, row["digests"])
        for row in rows
        for pairs in together(pair for pair in row["pairs"] if ids.isdisjoint((pair["left"], pair["right"])))
    ]
    await write.add(uow, DUPLICATES, kept, "duplicate.found")


async def forget(uow: UnitOfWork, contacts: Collection[UUID]) -> None:
    """Take erased people out of what was found: it is put away, and tells nothing any more."""
    await keep_rest(uow, await touching(uow, contacts), contacts)
    told = await uow.fetch(
        "with gone as (delete from duplicate_members where org_id = $1 and member_id = any($2::uuid[]) returning duplicate_id)"
        " update duplicates d set pairs = '[]', digests = '{}', archived_at = coalesce(archived_at, $3),"
        "   version = version + 1, updated_at = $3"
        " where org_id = $1 and id in (select duplicate_id from gone) returning id",
        uow.org_id,
        list(contacts),
        uow.now,
    )
    await uow.execute("select rapport_scrub($1, null)", [row["id"] for row in told])
