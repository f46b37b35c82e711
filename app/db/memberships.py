"""Who is in which segment: one row per stay, from entering to leaving, with why."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, exists, or_, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import paging, references, segments, sight, write
from app.db.base import Base, one_of, points_to
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, Row
from app.db.reads import Question, Reads, must_see
from app.db.segments import SEGMENTS
from app.db.segments import TOLD as TELLING
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope
from app.domain.segments import Why


class Membership(Base):
    """A contact's stay in a segment."""

    __tablename__ = "memberships"
    __table_args__ = (
        points_to("segment_id", "segments"),
        points_to("contact_id", "contacts"),
        one_of("entered_why", Why),
        one_of("left_why", Why),
        Index(
            "uq_memberships_open",
            "org_id",
            "segment_id",
            "contact_id",
            unique=True,
            postgresql_where=text("left_at is null"),
        ),
        Index("ix_memberships_contact", "org_id", "contact_id", text("entered_at desc")),
        Index(
            "ix_memberships_entered", "org_id", "segment_id", text("entered_at desc"), text("contact_id desc")
        ),
        Index(
            "ix_memberships_left",
            "org_id",
            "segment_id",
            text("left_at desc"),
            text("contact_id desc"),
            postgresql_where=text("left_at is not null"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    segment_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    entered_at: Mapped[datetime] = mapped_column(primary_key=True)
    left_at: Mapped[datetime | None]
    entered_why: Mapped[str]
    left_why: Mapped[str | None]


MEMBERSHIPS = Membership.__table__
ENTERED, LEFT = "contact.entered_segment", "contact.left_segment"
"""Events of the contact, whose version they leave as it is; `after` names the segment and says why."""
TOLD = ("segment_id", "why")
"""What these events tell to those who may know the segment; others do not see the events at all."""
_TICK = timedelta(microseconds=1)


def of(
    org: ColumnElement[Any],
    contact: ColumnElement[Any],
    as_of: ColumnElement[Any] | None,
) -> Select[tuple[UUID]]:
    """The segments of a contact that the actor may know; without `as_of`, those that it has not left."""
    stay, table = MEMBERSHIPS, SEGMENTS.table
    known = exists().where(
        table.c.org_id == stay.c.org_id,
        table.c.id == stay.c.segment_id,
        table.c.archived_at.is_(None),
        sight.told(table.c.uses),
    )
    still: ColumnElement[bool] = stay.c.left_at.is_(None)
    if as_of is not None:
        still = (stay.c.entered_at <= as_of) & or_(still, stay.c.left_at > as_of)
    return select(stay.c.segment_id).where(stay.c.org_id == org, stay.c.contact_id == contact, still, known)


def may_know(actor: Actor) -> bool:
    """Whether the actor may know of any segment."""
    return actor.may(Scope(SEGMENTS.reading))


def about(actor: Actor, alias: str, readable: str) -> str:
    """SQL: an event tells of no segment, or of one that the actor may know; `readable` is sight.readable's value.

    The text depends on may_know().
    """
    return f"""({alias}.type not in ('{ENTERED}', '{LEFT}') or {may_know(actor)} and exists (select from segments s
      where s.org_id = {alias}.org_id and s.id = ({alias}.after ->> 'segment_id')::uuid
        and ({readable} is null or s.uses <@ {readable})))"""


_SETTLE = """
with looked as materialized (select * from unnest({ids}::uuid[], {whys}::text[]) l(id, why)
), inside as materialized ({inside}
), entered as (
  insert into memberships (org_id, segment_id, contact_id, entered_at, entered_why)
  select {org}::uuid, {segment}::uuid, l.id, {at}::timestamptz, l.why from inside i join looked l using (id)
  where not exists (select from memberships m where m.org_id = {org}::uuid and m.segment_id = {segment}::uuid
    and m.contact_id = l.id and m.left_at is null)
  order by l.id returning contact_id, entered_why as why
), gone as (
  update memberships m set left_at = {at}::timestamptz, left_why = case when c.archived_at is null then l.why
    else '{archived}' end
  from looked l join contacts c on c.org_id = {org}::uuid and c.id = l.id
  where m.org_id = {org}::uuid and m.segment_id = {segment}::uuid and m.contact_id = l.id and m.left_at is null
    and not exists (select from inside i where i.id = l.id) returning m.contact_id, m.left_why as why
), moved as (
  select contact_id, why, true as entered from entered union all select contact_id, why, false from gone
), told as (
  insert into events (org_id, at, type, noun, noun_id, version, actor_id, actor_kind, after, cause)
  select {org}::uuid, {now}::timestamptz, case when m.entered then '{entered}' else '{left}' end, 'contact', c.id,
    c.version, {actor}::uuid, {kind}::text, jsonb_build_object('segment_id', {segment}::uuid, 'why', m.why), {cause}::text
  from moved m join contacts c on c.org_id = {org}::uuid and c.id = m.contact_id order by c.id
)
select contact_id, entered from moved order by contact_id"""
_GIVEN = ("ids", "whys", "org", "segment", "at", "now", "actor", "kind", "cause")


def _settling(inside: Prepared) -> Prepared:
    places = {name: f"${len(inside.names) + n}" for n, name in enumerate(_GIVEN, start=1)}
    words = {"archived": Why.ARCHIVED.value, "entered": ENTERED, "left": LEFT}
    sql = _SETTLE.format(inside=inside.sql, **places, **words)
    return Prepared(sql, (*inside.names, *(f"settle_{name}" for name in _GIVEN)))


Inside = tuple[Prepared, Mapping[str, Any]]
"""Asks for the ids of those who belong into a segment, among the contacts looked at or others, who do not matter."""


async def settle(
    uow: UnitOfWork, segment: Mapping[str, Any], inside: Inside, looked: Mapping[UUID, Why], at: datetime
) -> Sequence[Row]:
    """Bring stays and the tag in line with who, among the contacts looked at, is inside, with an event for each that moves.

    Of those who moved: contact_id, and entered, false for who left. Of the segment its id and tag count.
    """
    tag: str | None = segment["tag"]
    if tag is not None:
        await references.claim(uow, CONTACTS, None)
    moved = await _settle(uow, segment["id"], inside, looked, at)
    if tag is not None and moved:
        await _put_tag(uow, tag, {one["contact_id"]: one["entered"] for one in moved})
    return moved


async def _settle(
    uow: UnitOfWork, segment: UUID, inside: Inside, looked: Mapping[UUID, Why], at: datetime
) -> Sequence[Row]:
    question = _settling(inside[0])
    actor = uow.actor
    given = {
        "ids": list(looked),
        "whys": [why.value for why in looked.values()],
        "org": uow.org_id,
        "segment": segment,
        "at": at,
        "now": uow.now,
        "actor": actor.id,
        "kind": actor.kind,
        "cause": uow.cause,
    }
    binds = dict(inside[1]) | {f"settle_{name}": value for name, value in given.items()}
    return await uow.fetch(question.sql, *question.values(binds))


async def _put_tag(uow: UnitOfWork, tag: str, entered: Mapping[UUID, bool]) -> None:
    """Put a segment's tag on who entered and take it off who left, by the way of every other change."""
    changes = []
    for contact, row in (await write.locked(uow, CONTACTS, list(entered))).items():
        if entered[contact] and tag not in row["tags"]:
            changes.append((row, {"tags": [*row["tags"], tag]}))
        elif not entered[contact] and tag in row["tags"]:
            changes.append((row, {"tags": [one for one in row["tags"] if one != tag]}))
    await write.change(uow, CONTACTS, changes, "contact.edited")


def later(uow: UnitOfWork, cursor: Mapping[str, Any]) -> datetime:
    """Now, and in any case after the segment's last step, also where another server's clock was ahead."""
    at: datetime = max(uow.now, cursor["moved_at"] + _TICK)
    return at


async def move(
    uow: UnitOfWork,
    segment: Mapping[str, Any],
    staying: Sequence[UUID],
    looked: Mapping[UUID, Why],
    at: datetime,
) -> Sequence[Row]:
    """Of the contacts looked at, those are to be in the segment that stay; who moved, as settle() tells."""
    moved = await settle(uow, segment, _these(uow, staying), looked, at)
    await segments.stamp(uow, segment["id"], at)
    return moved


def _these(uow: UnitOfWork, ids: Sequence[UUID]) -> Inside:
    """These contacts, but for those that are put away."""
    sql = "select id from contacts where org_id = $1::uuid and id = any($2::uuid[]) and archived_at is null"
    return Prepared(sql, ("org", "ids")), {"org": uow.org_id, "ids": list(ids)}


def remaining(uow: UnitOfWork, segment: UUID, ids: Sequence[UUID]) -> Inside:
    """Those of the contacts that are in the segment, but for those that are put away."""
    sql = """select m.contact_id as id from memberships m join contacts c on c.org_id = m.org_id and c.id = m.contact_id
      where m.org_id = $1::uuid and m.segment_id = $2::uuid and m.left_at is null and c.archived_at is null
        and m.contact_id = any($3::uuid[])"""
    return Prepared(sql, ("org", "segment", "ids")), {"org": uow.org_id, "segment": segment, "ids": list(ids)}


async def put_away(uow: UnitOfWork, segment: UUID) -> list[UUID]:
    """The contacts in a segment that have been put away since they entered."""
    rows = await uow.fetch(
        "select m.contact_id from memberships m join contacts c on c.org_id = m.org_id and c.id = m.contact_id"
        " where m.org_id = $1 and m.segment_id = $2 and m.left_at is null and c.archived_at is not null",
        uow.org_id,
        segment,
    )
    return [row["contact_id"] for row in rows]


async def hold_static(uow: UnitOfWork, contacts: Sequence[UUID]) -> Mapping[UUID, Row]:
    """The static segments that one of the contacts is or was in, held as whoever moves members does: by id, with id, tag
    and moved_at."""
    rows = await uow.fetch(
        """select s.id, s.tag, c.moved_at from segment_cursors c
          join segments s on s.org_id = c.org_id and s.id = c.segment_id
        where c.org_id = $1 and s.kind = 'static' and s.archived_at is null and exists (select from memberships m
          where m.org_id = $1 and m.segment_id = c.segment_id and m.contact_id = any($2::uuid[]))
        order by c.segment_id for update of c""",
        uow.org_id,
        list(contacts),
    )
    return {row["id"]: row for row in rows}


async def inside_now(uow: UnitOfWork, contacts: Sequence[UUID]) -> set[UUID]:
    """The static segments that one of the contacts is in."""
    rows = await uow.fetch(
        "select distinct m.segment_id from memberships m join segments s on s.org_id = m.org_id and s.id = m.segment_id"
        " where m.org_id = $1 and m.contact_id = any($2::uuid[]) and m.left_at is null"
        " and s.kind = 'static' and s.archived_at is null",
        uow.org_id,
        list(contacts),
    )
    return {row["segment_id"] for row in rows}


async def entered_by(uow: UnitOfWork, contact: UUID, cause: str) -> set[UUID]:
    """The segments that the contact entered by this cause, and has neither left nor entered again since."""
    rows = await uow.fetch(
        "select id from (select distinct on (1) (after ->> 'segment_id')::uuid as id, type, cause from events"
        "   where org_id = $1 and noun_id = $2 and type = any($3::text[]) and after ? 'segment_id'"
        "   order by 1, seq desc) last where type = $4 and cause = $5",
        uow.org_id,
        contact,
        [ENTERED, LEFT],
        ENTERED,
        cause,
    )
    return {row["id"] for row in rows}


async def left_archived(uow: UnitOfWork, contacts: Sequence[UUID], since: int) -> Mapping[UUID, set[UUID]]:
    """Segment to those of the contacts that have left it since a place in the log, because they were put away.

    The log's places are given out by the database alone; stays are stamped by the clocks of many servers.
    """
    rows = await uow.fetch(
        "select (after ->> 'segment_id')::uuid as id, array_agg(distinct noun_id) as people from events where org_id = $1"
        " and noun_id = any($2::uuid[]) and seq > $3 and type = $4 and after ->> 'why' = $5 group by 1",
        uow.org_id,
        list(contacts),
        since,
        LEFT,
        Why.ARCHIVED,
    )
    return {row["id"]: set(row["people"]) for row in rows}


async def forget(uow: UnitOfWork, contacts: Sequence[UUID]) -> None:
    """Take away every trace of where contacts have been."""
    await uow.execute(
        "delete from memberships where org_id = $1 and contact_id = any($2::uuid[])",
        uow.org_id,
        list(contacts),
    )


_MOVEMENTS = Prepared(
    """select v.at, v.contact_id, v.entered, v.why from (
      (select m.entered_at as at, m.contact_id, true as entered, m.entered_why as why from memberships m
        where m.org_id = $1 and m.segment_id = $2
          and ($4::timestamptz is null or (m.entered_at, m.contact_id) < ($4, $5::uuid)) and {sight}
        order by m.entered_at desc, m.contact_id desc limit $3::int)
      union all
      (select m.left_at as at, m.contact_id, false as entered, m.left_why as why from memberships m
        where m.org_id = $1 and m.segment_id = $2 and m.left_at is not null
          and ($4::timestamptz is null or (m.left_at, m.contact_id) < ($4, $5::uuid)) and {sight}
        order by m.left_at desc, m.contact_id desc limit $3::int)) v
    order by v.at desc, v.contact_id desc limit $3::int""",
    ("org", "segment", "more", "at", "contact"),
)
_STAYS = Prepared(
    """select s.id as segment_id, s.name, m.entered_at, m.left_at, m.entered_why, m.left_why
      from memberships m join segments s on s.org_id = m.org_id and s.id = m.segment_id
      where m.org_id = $1 and m.contact_id = $2 and s.archived_at is null
        and ($3::text[] is null or s.uses <@ $3::text[]) and ($7::boolean or m.left_at is null)
        and ($4::timestamptz is null or (m.entered_at, m.segment_id) < ($4, $5::uuid))
      order by m.entered_at desc, m.segment_id desc limit $6::int""",
    ("org", "contact", "readable", "at", "segment", "more", "past"),
)


def _place(values: list[Any]) -> tuple[datetime, UUID]:
    at, id_ = values
    return datetime.fromisoformat(at).astimezone(UTC), UUID(id_)


async def movements(reads: Reads, segment: UUID, limit: int, after: str | None) -> bytes:
    """A page of who, among the contacts that the reader sees, entered and left, newest first. Raises NotFound."""
    last = paging.opened("movements", after, _place) if after else (None, None)
    await must_see(reads, SEGMENTS, segment)

    def build(actor: Actor) -> Question:
        actor.needs(Scope(CONTACTS.reading))
        seen = "true"
        names = _MOVEMENTS.names
        if not sight.sees_all(actor, CONTACTS):
            seen = (
                "exists (select from contacts c where c.org_id = m.org_id and c.id = m.contact_id"
                f" and c.owner_id = any(${len(names) + 1}::uuid[]))"
            )
            names = (*names, "contact_owners")
        inner = Prepared(_MOVEMENTS.sql.format(sight=seen), names)
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.at, t.contact_id)")
        binds = sight.binds(actor, CONTACTS) | paging.limits(limit)
        return Question(statement, binds | {"segment": segment, "at": last[0], "contact": last[1]})

    return paging.answer(await reads.row(build), limit, "movements")


async def stays(reads: Reads, contact: UUID, limit: int, after: str | None, *, past: bool) -> bytes:
    """A page of the segments that a contact is in, or has been in, as far as the reader may know them. Raises NotFound."""
    last = paging.opened("stays", after, _place) if after else (None, None)
    await must_see(reads, CONTACTS, contact)

    def build(actor: Actor) -> Question:
        actor.needs(Scope(SEGMENTS.reading))
        statement = paging.paged(
            _STAYS, "row_to_json(t)::text", "json_build_array(t.entered_at, t.segment_id)"
        )
        known = sight.listed(sight.readable(actor, TELLING))
        binds = {"org": actor.org_id, "contact": contact, "readable": known, "past": past}
        return Question(statement, binds | paging.limits(limit) | {"at": last[0], "segment": last[1]})

    return paging.answer(await reads.row(build), limit, "stays")
