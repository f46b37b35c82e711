"""Assignment rules, and what must be known to ask them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Record, choice, field, newest_first, one_of, points_to
from app.db.calendars import CALENDARS, calendar_of
from app.db.engine import Row
from app.db.nouns import Noun, for_good
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.assignment import About, Method, Otherwise, check_rule
from app.domain.calendars import Calendar


class AssignmentRule(Record):
    """Who gets the records of a noun that are nobody's, where its condition holds."""

    __tablename__ = "assignment_rules"
    __table_args__ = (
        one_of("noun", About),
        one_of("method", Method),
        one_of("otherwise", Otherwise),
        CheckConstraint("daily_quota > 0", name="daily_quota"),
        points_to("team_id", "teams"),
        points_to("calendar_id", "calendars"),
        points_to("fallback_id", "users"),
        newest_first("assignment_rules"),
    )

    name: Mapped[str] = mapped_column(info=field("basic"))
    noun: Mapped[str] = mapped_column(info=choice(About, "basic"))
    position: Mapped[int] = mapped_column(info=field("basic"))
    """The lower one is asked first; of two, the older one."""
    active: Mapped[bool] = mapped_column(info=field("basic"))
    condition: Mapped[dict[str, Any] | None] = mapped_column(info=field("basic"))
    """None is true of every record."""
    method: Mapped[str] = mapped_column(info=choice(Method, "basic"))
    people: Mapped[list[dict[str, Any]]] = mapped_column(info=field("basic"))
    team_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    """Whose people, and those of the teams below it, stand behind those who are named."""
    daily_quota: Mapped[int | None] = mapped_column(info=field("basic"))
    """Of each who has none of their own."""
    territory: Mapped[str | None] = mapped_column(info=field("basic"))
    """The field whose values people have."""
    in_hours: Mapped[bool] = mapped_column(info=field("basic"))
    calendar_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    otherwise: Mapped[str] = mapped_column(info=choice(Otherwise, "basic"))
    fallback_id: Mapped[UUID | None] = mapped_column(info=field("basic"))
    turns: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), info=field(internal=True, writable=False)
    )
    """User to what this rule gave them: the number of the last one, how many on the last day, and that day."""


ASSIGNMENT_RULES = Noun(
    name="assignment_rule",
    plural="assignment_rules",
    model=AssignmentRule,
    references={"team_id": TEAMS, "calendar_id": CALENDARS, "fallback_id": USERS},
    custom=False,
    external=False,
    check=check_rule,
    sources=frozenset({"people", "otherwise", "fallback_id", "territory"}),
    guard=for_good("assignment rule", {"noun"}, "add another rule for the other noun"),
)


async def in_order(uow: UnitOfWork, noun: Noun, *, hold: bool) -> list[Row]:
    """The active rules about a noun, the first one first; held, nobody else assigns by them until the end.

    Comes before records are locked, or two units could wait for each other.
    """
    rows = await uow.fetch(
        "select * from assignment_rules where org_id = $1 and noun = $2 and active and archived_at is null order by id"
        + (" for no key update" if hold else ""),
        uow.org_id,
        noun.name,
    )
    return sorted(rows, key=lambda row: (row["position"], row["created_at"], row["id"]))


_PEOPLE = """with recursive below as (
  select id, id as top from teams where org_id = $1 and id = any($3::uuid[])
  union select t.id, below.top from teams t join below on t.parent_id = below.id
    where t.org_id = $1 and t.archived_at is null
)
select u.id, u.active and u.archived_at is null as active, u.away_until, below.top as team_id
from users u left join below on below.id = u.team_id
where u.org_id = $1 and (u.id = any($2::uuid[]) or below.top is not null and u.active and u.archived_at is null)
order by u.created_at, u.id"""


async def people(uow: UnitOfWork, users: Collection[UUID], teams: Collection[UUID]) -> Sequence[Row]:
    """Users by id, and the active ones of teams and the teams below; one row for each team that they were asked by."""
    return await uow.fetch(_PEOPLE, uow.org_id, list(users), list(teams))


async def loads(uow: UnitOfWork, noun: Noun, users: Collection[UUID]) -> dict[UUID, int]:
    """How many records each owns that are not archived; of deals, open ones."""
    still = " and status = 'open'" if "status" in noun.fields and noun.name == About.DEAL else ""
    rows = await uow.fetch(
        f"select owner_id, count(*) as owned from {noun.plural} where org_id = $1 and owner_id = any($2::uuid[])"
        f" and archived_at is null{still} group by owner_id",
        uow.org_id,
        list(users),
    )
    return dict.fromkeys(users, 0) | {row["owner_id"]: row["owned"] for row in rows}


async def calendars(uow: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Calendar]:
    """Calendars by id, archived ones included."""
    rows = await uow.fetch(
        "select id, name, time_zone, week, special_days from calendars where org_id = $1 and id = any($2::uuid[])",
        uow.org_id,
        list(ids),
    )
    return {row["id"]: calendar_of(row) for row in rows}


async def keep_turns(uow: UnitOfWork, turns: Mapping[UUID, Mapping[str, Any]]) -> None:
    """Keep what rules gave, by rule; it is no change of the rule, and has no event but those of the records."""
    await uow.execute(
        "update assignment_rules r set turns = t.turns from unnest($2::uuid[], $3::jsonb[]) t(id, turns)"
        " where r.org_id = $1 and r.id = t.id",
        uow.org_id,
        list(turns),
        list(turns.values()),
    )
