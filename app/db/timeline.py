"""Everything that touched a contact, newest first, and the contact at a glance."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from app.db import memberships, paging, sight
from app.db.contacts import CONTACTS
from app.db.deals import DEALS
from app.db.engine import Prepared
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.reads import Question, Reads, must_see
from app.db.segments import TOLD
from app.db.tasks import TASKS
from app.domain.access import Actor, Scope
from app.domain.orders import BOUGHT, OPEN, OrderStatus

_CONTEXT = "timeline"
_SHOWN = {
    "interaction": ("kind", "channel", "direction", "subject", "campaign", "page", "duration_seconds"),
    "order": ("number", "status", "currency", "total", "channel"),
    "deal": (
        "pipeline_id",
        "stage",
        "status",
        "currency",
        "amount",
        "opened_at",
        "next_step",
        "next_step_on",
    ),
    "task": ("kind", "status", "priority", "due_at"),
}
_AT = {"interaction": "at", "order": "placed_at", "deal": "entered_at", "task": "closed_at"}
"""The moment by which each stands in the timeline; of a deal, when it came to where it is. An open task is yet to come."""
_TITLES = {"interaction": "subject", "order": "number", "deal": "name", "task": "title"}


def _detail(actor: Actor, noun: Noun) -> str:
    # Money is text in JSON, where a number may lose its last digits.
    pairs = ", ".join(
        f"'{name}', x.{name}{'::text' if name in noun.scales else ''}"
        for name in _SHOWN[noun.name]
        if actor.reads(noun.name, name)
    )
    return f"jsonb_build_object({pairs})"


def _title(actor: Actor, noun: Noun, name: str) -> str:
    return f"x.{name}" if actor.reads(noun.name, name) else "null::text"


def _follows(actor: Actor, noun: Noun) -> bool:
    """Whether the actor may know that a record of the noun touched the contact, and when."""
    return actor.may(Scope(noun.reading)) and all(
        actor.reads(noun.name, name) for name in (_AT[noun.name], "contact_id")
    )


def _branches(actor: Actor, more: str) -> list[str]:
    page = "order by {at} desc, x.id desc limit $3::int"
    found = []
    for noun in filter(partial(_follows, actor), (INTERACTIONS, ORDERS, DEALS, TASKS)):
        at = f"x.{_AT[noun.name]}"
        found.append(
            f"(select '{noun.name}' as kind, {at} as at, x.id, {_title(actor, noun, _TITLES[noun.name])} as title,"
            f" {_detail(actor, noun)} as detail from {noun.plural} x"
            f" where x.org_id = $1 and x.contact_id = $2 and x.archived_at is null and {at} is not null {more.format(at=at)}"
            f" {page.format(at=at)})"
        )
    found.append(
        "(select 'event' as kind, x.at, x.id, x.type as title,"
        " jsonb_build_object('fields', (select coalesce(jsonb_agg(k order by k), '[]')"
        " from jsonb_object_keys(x.after) k where k = any($4::text[])), 'actor_id', x.actor_id) as detail"
        " from events x"
        f" where x.org_id = $1 and x.noun_id = $2 and {memberships.about(actor, 'x', '$5::text[]')} {more.format(at='x.at')} {page.format(at='x.at')})"
    )
    return found


async def timeline(reads: Reads, contact: UUID, limit: int, after: str | None) -> bytes:
    """A page of the contact's timeline. Raises NotFound when the reader may not see the contact."""
    last = paging.opened(_CONTEXT, after, _moment) if after else None
    await must_see(reads, CONTACTS, contact)

    def build(actor: Actor) -> Question:
        more = "" if last is None else "and ({at}, x.id) < ($6::timestamptz, $7::uuid)"
        union = " union all ".join(_branches(actor, more))
        inner = Prepared(
            f"select * from ({union}) u order by u.at desc, u.id desc limit $3::int",
            ("org", "contact", "more", "names", "readable", *(("at", "id") if last else ())),
        )
        statement = paging.paged(inner, "row_to_json(t)::text", "json_build_array(t.at, t.id)")
        binds: dict[str, Any] = {
            "org": actor.org_id,
            "contact": contact,
            "names": [*CONTACTS.readable(actor), *memberships.TOLD],
            "readable": sight.listed(sight.readable(actor, TOLD)),
        }
        binds |= paging.limits(limit)
        return Question(statement, binds | ({"at": last[0], "id": last[1]} if last else {}))

    return paging.answer(await reads.row(build), limit, _CONTEXT)


def _moment(values: list[Any]) -> tuple[datetime, UUID]:
    at, id_ = values
    return datetime.fromisoformat(at).astimezone(UTC), UUID(id_)


def _stands(statuses: Collection[OrderStatus]) -> str:
    return f"status in ({', '.join(repr(status.value) for status in sorted(statuses))})"


_OPEN = f"({_stands(OPEN)} and paid_at is null)"
_ORDERS = f"""(select jsonb_build_object('count', count(*), 'open', count(*) filter (where {_OPEN}),
    'first_at', min(placed_at), 'last_at', max(placed_at),
    'spent', (select coalesce(jsonb_agg(jsonb_build_object('currency', s.currency, 'orders', s.orders,
        'total', s.total::text, 'refunded', s.refunded::text, 'average', round(s.total / s.orders, 4)::text)
        order by s.currency), '[]')
      from (select currency, count(*) as orders, sum(total) as total, sum(refunded) as refunded from orders
        where org_id = $1 and contact_id = $2 and archived_at is null and {_stands(BOUGHT)}
          and not {_OPEN} group by currency) s))
  from orders where org_id = $1 and contact_id = $2 and archived_at is null)"""
_INTERACTIONS = """(select jsonb_build_object('count', count(*), 'last_at', max(at),
    'last_90_days', (select coalesce(jsonb_object_agg(s.kind, s.n), '{}') from (select kind, count(*) as n
        from interactions where org_id = $1 and contact_id = $2 and archived_at is null and at > $3 and at <= $4
        group by kind) s))
  from interactions where org_id = $1 and contact_id = $2 and archived_at is null)"""
_DEALS = """(select jsonb_build_object('open', count(*) filter (where status = 'open'),
    'won', count(*) filter (where status = 'won'), 'lost', count(*) filter (where status = 'lost'),
    'next_step_on', min(next_step_on) filter (where status = 'open'),
    'worth', (select coalesce(jsonb_agg(jsonb_build_object('currency', s.currency, 'open', s.open::text,
        'won', s.won::text) order by s.currency), '[]')
      from (select currency, coalesce(sum(amount) filter (where status = 'open'), 0) as open,
          coalesce(sum(amount) filter (where status = 'won'), 0) as won from deals
        where org_id = $1 and contact_id = $2 and archived_at is null and amount is not null
          and status in ('open', 'won') group by currency) s))
  from deals where org_id = $1 and contact_id = $2 and archived_at is null)"""
_SUMMED = {
    "order": ("status", "total", "currency", "refunded", "paid_at"),
    "interaction": ("kind",),
    "deal": ("status", "amount", "currency", "next_step_on"),
}
"""The fields that each part of a summary tells of."""


async def summary(reads: Reads, contact: UUID, now: datetime) -> dict[str, Any]:
    """The contact at a glance; parts that need a scope or fields that the reader lacks are null."""
    await must_see(reads, CONTACTS, contact)

    def build(actor: Actor) -> Question:
        parts = [
            sql if _told(actor, noun) else "null::jsonb"
            for noun, sql in ((ORDERS, _ORDERS), (INTERACTIONS, _INTERACTIONS), (DEALS, _DEALS))
        ]
        sql = (
            f"select o.stamp, {', '.join(parts)}"
            " from organisations o where o.id = $1 and $2::uuid is not null"
            " and $3::timestamptz is not null and $4::timestamptz is not null"
        )
        binds = {"org": actor.org_id, "contact": contact, "since": now - timedelta(days=90), "now": now}
        return Question(Prepared(sql, ("org", "contact", "since", "now")), binds)

    row = await reads.row(build)
    return {"contact_id": contact, "orders": row[1], "interactions": row[2], "deals": row[3]}


def _told(actor: Actor, noun: Noun) -> bool:
    return _follows(actor, noun) and all(actor.reads(noun.name, name) for name in _SUMMED[noun.name])
