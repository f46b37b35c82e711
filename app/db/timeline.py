"""Everything that touched a contact, newest first, and the contact at a glance."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.db import memberships, paging, sight
from app.db.contacts import CONTACTS
from app.db.engine import Prepared
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.reads import Question, Reads, must_see
from app.db.segments import TOLD
from app.domain.access import Actor, Scope
from app.domain.orders import BOUGHT, OPEN, OrderStatus

_CONTEXT = "timeline"
_SHOWN = {
    "interaction": ("kind", "channel", "direction", "subject", "campaign", "page", "duration_seconds"),
    "order": ("number", "status", "currency", "total", "channel"),
}


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


def _follows(actor: Actor, noun: Noun, when: str) -> bool:
    """Whether the actor may know that a record of the noun touched the contact, and when."""
    return actor.may(Scope(noun.reading)) and all(
        actor.reads(noun.name, name) for name in (when, "contact_id")
    )


def _branches(actor: Actor, more: str) -> list[str]:
    page = "order by {at} desc, x.id desc limit $3::int"
    found = []
    if _follows(actor, INTERACTIONS, "at"):
        found.append(
            f"(select 'interaction' as kind, x.at, x.id, {_title(actor, INTERACTIONS, 'subject')} as title,"
            f" {_detail(actor, INTERACTIONS)} as detail from interactions x"
            f" where x.org_id = $1 and x.contact_id = $2 and x.archived_at is null {more.format(at='x.at')}"
            f" {page.format(at='x.at')})"
        )
    if _follows(actor, ORDERS, "placed_at"):
        found.append(
            f"(select 'order' as kind, x.placed_at as at, x.id, {_title(actor, ORDERS, 'number')} as title,"
            f" {_detail(actor, ORDERS)} as detail"
            f" from orders x where x.org_id = $1 and x.contact_id = $2 and x.archived_at is null"
            f" {more.format(at='x.placed_at')} {page.format(at='x.placed_at')})"
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


async def summary(reads: Reads, contact: UUID, now: datetime) -> dict[str, Any]:
    """The contact at a glance; parts that need a scope or fields that the reader lacks are null."""
    await must_see(reads, CONTACTS, contact)

    def build(actor: Actor) -> Question:
        bought = _follows(actor, ORDERS, "placed_at") and all(
            actor.reads("order", name) for name in ("status", "total", "currency", "refunded", "paid_at")
        )
        happened = _follows(actor, INTERACTIONS, "at") and actor.reads("interaction", "kind")
        sql = (
            f"select o.stamp, {_ORDERS if bought else 'null::jsonb'}, {_INTERACTIONS if happened else 'null::jsonb'}"
            " from organisations o where o.id = $1 and $2::uuid is not null"
            " and $3::timestamptz is not null and $4::timestamptz is not null"
        )
        binds = {"org": actor.org_id, "contact": contact, "since": now - timedelta(days=90), "now": now}
        return Question(Prepared(sql, ("org", "contact", "since", "now")), binds)

    row = await reads.row(build)
    return {"contact_id": contact, "orders": row[1], "interactions": row[2]}
