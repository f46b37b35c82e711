"""Duplicates: contacts that may be one person, together; and what an organisation holds about finding and merging them.

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

from app.db import write
from app.db.base import Base, Keyed, Record, choice, field, last_changed, newest_first, one_of, points_to
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, Row
from app.db.nouns import Child, Every, Noun
from app.db.reads import Question
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.duplicates import FIELDS, Status, together, weakest
from app.domain.runs import ENDED
from app.kit.ids import new_id


class DuplicateMember(Keyed):
    """One of the contacts."""

    __tablename__ = "duplicate_members"
    __table_args__ = (
        points_to("duplicate_id", "duplicates"),
        points_to("member_id", "contacts"),
        Index("ix_duplicate_members_duplicate", "org_id", "duplicate_id", "position"),
        Index("ix_duplicate_members_member", "org_id", "member_id"),
    )

    duplicate_id: Mapped[UUID]
    position: Mapped[int]
    member_id: Mapped[UUID]


class Duplicate(Record):
    """Contacts that may be one person."""

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


def compared_fields(identifying: Collection[str]) -> Mapping[str, Sequence[str]]:
    """What is compared, to the contacts' fields that it is made of; identifying are keys of custom ones."""
    return {**FIELDS, "identity": tuple(f"custom.{key}" for key in identifying)}


def tells_scores(actor: Actor) -> bool:
    """Whether the actor may read all that scores can be made of, any custom field included: they tell what agrees."""
    made_of = compared_fields(actor.custom.get(CONTACTS.name, {}))
    return all(CONTACTS.shows(actor, name) for names in made_of.values() for name in names)


DUPLICATES = Noun(
    name="duplicate",
    plural="duplicates",
    model=Duplicate,
    made_of={"score": tells_scores},
    every=(Every(DuplicateMember.__table__, "duplicate_id", "member_id", CONTACTS),),  # type: ignore[arg-type]  # a Table
    children={
        "members": Child(
            DuplicateMember.__table__,  # type: ignore[arg-type]  # a Table
            "duplicate_id",
            ("id", "member_id"),
        )
    },
    custom=False,
    external=False,
)


class DuplicateRules(Base):
    """What an organisation holds about finding and merging duplicates, and where the last search ended."""

    __tablename__ = "duplicate_rules"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    rules: Mapped[dict[str, Any]]
    sources: Mapped[list[str]]
    identifying: Mapped[list[str]]
    auto_merge_at: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    nightly: Mapped[bool]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    model: Mapped[dict[str, Any] | None]
    looked_at: Mapped[datetime | None]


SETTINGS = ("rules", "sources", "identifying", "auto_merge_at", "nightly")
_DEFAULTS: Mapping[str, Any] = {
    "rules": {},
    "sources": [],
    "identifying": [],
    "auto_merge_at": None,
    "nightly": True,
    "version": 0,
    "model": None,
    "looked_at": None,
}
_SHOWN = (
    "json_build_object('rules', coalesce(r.rules, '{}'), 'sources', coalesce(r.sources, '{}'),"
    " 'identifying', coalesce(r.identifying, '{}'), 'auto_merge_at', r.auto_merge_at::text,"
    " 'nightly', coalesce(r.nightly, true), 'looked_at', r.looked_at)::text, coalesce(r.version, 0) as version"
)


def settings(actor: Actor) -> Question:
    """What the organisation holds: (stamp, body, version)."""
    sql = f"select o.stamp, {_SHOWN} from organisations o left join duplicate_rules r on r.org_id = o.id where o.id = $1"
    return Question(Prepared(sql, ("org",)), {"org": actor.org_id})


async def held(uow: UnitOfWork, *, lock: bool = False) -> Mapping[str, Any]:
    """What the organisation holds, or the defaults; locked when it is to be changed."""
    if lock:
        await uow.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"duplicate rules {uow.org_id}"
        )
    rows = await uow.fetch("select * from duplicate_rules where org_id = $1", uow.org_id)
    return rows[0] if rows else _DEFAULTS


async def hold(uow: UnitOfWork, values: Mapping[str, Any]) -> None:
    """Keep all settings."""
    await uow.execute(
        "insert into duplicate_rules (org_id, rules, sources, identifying, auto_merge_at, nightly, version, updated_at)"
        " values ($1, $2, $3, $4, $5, $6, 1, $7) on conflict (org_id) do update set rules = $2, sources = $3,"
        " identifying = $4, auto_merge_at = $5, nightly = $6, version = duplicate_rules.version + 1, updated_at = $7",
        uow.org_id,
        *(values[name] for name in SETTINGS),
        uow.now,
    )


async def looked(uow: UnitOfWork, at: datetime, model: Mapping[str, Any]) -> None:
    """Remember until when everything was looked at, and what was learnt."""
    await uow.execute(
        "insert into duplicate_rules (org_id, rules, sources, identifying, nightly, version, updated_at, looked_at, model)"
        " values ($1, '{}', '{}', '{}', true, 1, $2, $3, $4) on conflict (org_id) do update set looked_at = $3, model = $4",
        uow.org_id,
        uow.now,
        at,
        dict(model),
    )


async def contacts_after(uow: UnitOfWork, after: UUID | None, most: int) -> Sequence[Row]:
    """The next contacts in the order of their ids, with what is compared of them."""
    return await uow.fetch(
        "select id, name, given_name, family_name, emails, phones, addresses, birth_date, company_id, custom, updated_at"
        " from contacts where org_id = $1 and archived_at is null and ($2::uuid is null or id > $2) order by id limit $3",
        uow.org_id,
        after,
        most,
    )


async def changed(uow: UnitOfWork, contacts: Collection[UUID], since: datetime | None) -> set[str]:
    """Those of the contacts, as text, that are put away or were changed since."""
    rows = await uow.fetch(
        "select id::text from contacts where org_id = $1 and id = any($2::uuid[])"
        " and (archived_at is not null or $3::timestamptz is null or updated_at > $3)",
        uow.org_id,
        list(contacts),
        since,
    )
    return {row["id"] for row in rows}


async def look_anew(uow: UnitOfWork) -> None:
    """Forget what was learnt and looked at: the next search is a whole one."""
    await uow.execute(
        "update duplicate_rules set model = null, looked_at = null where org_id = $1", uow.org_id
    )


async def standing(uow: UnitOfWork, status: Status) -> Sequence[Row]:
    """Those of a status that are not put away, locked, with the ids of their members."""
    return await uow.fetch(
        "select d.*, array(select m.member_id::text from duplicate_members m where m.org_id = d.org_id"
        "   and m.duplicate_id = d.id order by 1) as people"
        " from duplicates d where d.org_id = $1 and d.status = $2 and d.archived_at is null order by d.id for update of d",
        uow.org_id,
        status,
    )


async def sure(uow: UnitOfWork, least: Decimal, after: UUID | None, most: int) -> list[UUID]:
    """The next open ones, in the order of their ids, that are at least so sure; nothing locked."""
    rows = await uow.fetch(
        "select id from duplicates where org_id = $1 and status = 'open' and archived_at is null and score >= $2"
        " and ($3::uuid is null or id > $3) order by id limit $4",
        uow.org_id,
        least,
        after,
        most,
    )
    return [row["id"] for row in rows]


async def touching(uow: UnitOfWork, contacts: Collection[UUID]) -> Sequence[Row]:
    """Open ones with one of the contacts, locked, with the ids of their members."""
    return await uow.fetch(
        "select d.*, array(select m.member_id from duplicate_members m where m.org_id = d.org_id"
        "   and m.duplicate_id = d.id order by 1) as people"
        " from duplicates d where d.org_id = $1 and d.status = 'open' and d.archived_at is null and d.id in"
        "   (select duplicate_id from duplicate_members where org_id = $1 and member_id = any($2::uuid[]))"
        " order by d.id for update of d",
        uow.org_id,
        list(contacts),
    )


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


def found(run: UUID | None, pairs: Sequence[Mapping[str, Any]], digests: Mapping[str, str]) -> dict[str, Any]:
    """A new open one of these pairs."""
    people = sorted({one for pair in pairs for one in (pair["left"], pair["right"])})
    return {
        "id": new_id(),
        "noun": CONTACTS.name,
        "status": Status.OPEN,
        "score": Decimal(str(weakest(pairs))).quantize(Decimal("0.0001")),
        "size": len(people),
        "run_id": run,
        "merge_id": None,
        "pairs": list(pairs),
        "digests": {one: digests[one] for one in people if one in digests},
        "members": [{"member_id": UUID(one)} for one in people],
    }


async def keep_rest(uow: UnitOfWork, rows: Sequence[Row], gone: Collection[UUID]) -> None:
    """New ones of those who remain of some: the next search looks only at who has changed."""
    ids = {str(one) for one in gone}
    kept = [
        found(row["run_id"], pairs, row["digests"])
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


async def worth_a_night(uow: UnitOfWork) -> bool:
    """Whether a nightly search is wanted and contacts have changed since the last one."""
    found: bool = await uow.fetchval(
        "select coalesce(r.nightly, true) and exists (select from contacts c where c.org_id = o.id"
        " and (r.looked_at is null or c.updated_at > r.looked_at))"
        " from organisations o left join duplicate_rules r on r.org_id = o.id where o.id = $1",
        uow.org_id,
    )
    return found
