"""What a segment asks to keep up: who belongs to it, whom changed records lead to, whom the clock has passed by."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db import related, sight, survivors, where
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.engine import Prepared, compiled, prepared
from app.db.uow import UnitOfWork
from app.domain import conditions
from app.domain.access import Actor
from app.domain.conditions import Condition, Test
from app.domain.fields import Kind
from app.domain.moments import DaysAgo, Now
from app.domain.ops import Op
from app.domain.related import Boundary
from app.domain.segments import Touched, Why


def inside(
    actor: Actor, condition: Condition, ids: Sequence[UUID], uses: Collection[str]
) -> tuple[Prepared, Mapping[str, Any]]:
    """Those of the contacts of whom the condition of a segment with these uses holds, but for those that are put away."""
    known = survivors.known_by(uses)

    def text() -> Prepared:
        table, follow = CONTACTS.table, survivors.follow(actor, known)
        look = related.look(actor, follow)
        holds = where.compile_(condition, dict(table.c.items()), look=look, follow=follow)
        wanted = table.c.id == sa.any_(sa.bindparam("ids", type_=sight.UUIDS))
        return compiled(
            sa.select(table.c.id).where(sight.tenant(CONTACTS), wanted, table.c.archived_at.is_(None), holds)
        )

    looked = (related.key(actor, condition), survivors.key(actor, condition, known))
    question = prepared(("inside", conditions.shape(condition), *looked), text)
    binds = where.parameters(condition) | related.binds(actor, condition) | survivors.binds(actor, condition)
    return question, binds | sight.binds(actor, CONTACTS) | {"ids": list(ids)}


async def next_contacts(uow: UnitOfWork, after: UUID | None, most: int) -> list[UUID]:
    """The next contacts in the order of their ids, archived ones too."""
    rows = await uow.fetch(
        "select id from contacts where org_id = $1 and ($2::uuid is null or id > $2) order by id limit $3",
        uow.org_id,
        after,
        most,
    )
    return [row["id"] for row in rows]


async def how_many(uow: UnitOfWork) -> int:
    """All contacts."""
    count: int = await uow.fetchval("select count(*) from contacts where org_id = $1", uow.org_id)
    return count


_REACHED = """
select distinct r.contact_id, r.why from (
  select contact_id, 'order' as why from orders where org_id = $1 and id = any($2::uuid[])
  union all select contact_id, 'interaction' from interactions where org_id = $1 and id = any($3::uuid[])
  union all select o.contact_id, 'product' from order_lines l join orders o on o.org_id = l.org_id and o.id = l.order_id
    where l.org_id = $1 and l.product_id = any($4::uuid[])
  union all select id, 'company' from contacts where org_id = $1 and company_id = any($5::uuid[])
) r where r.contact_id is not null limit $6"""


async def reached(uow: UnitOfWork, touched: Touched, most: int) -> dict[UUID, Why]:
    """The contacts that changed records lead to, as they hang together now; at most so many."""
    lead = (touched.orders, touched.interactions, touched.products, touched.companies)
    if not any(lead):
        return {}
    rows = await uow.fetch(_REACHED, uow.org_id, *map(list, lead), most)
    return {row["contact_id"]: Why(row["why"]) for row in rows}


async def crossed(
    uow: UnitOfWork, boundaries: Iterable[Boundary], since: datetime, until: datetime, most: int
) -> dict[UUID, Why]:
    """The contacts with a moment that one of the boundaries passed between two times; of each boundary at most so many."""
    zone = uow.actor.time_zone
    found: dict[UUID, Why] = {}
    for one in boundaries:
        low, high = (Now(at, zone).value(one.field.kind, DaysAgo(one.days)) for at in (since, until))
        if one.field.kind is Kind.DATE and low == high:
            continue
        test = Test(one.field, Op.BETWEEN, (low, high))
        key = ("crossed", one.of, conditions.shape(test))
        question = prepared(key, partial(_met, one.of, test))
        binds = where.parameters(test) | {"org": uow.org_id, "most": most}
        found |= {row["id"]: Why.TIME for row in await uow.fetch(question.sql, *question.values(binds))}
    return found


def _met(of: str, test: Test) -> Prepared:
    contacts, companies = CONTACTS.table, COMPANIES.table
    asked: sa.Select[Any]
    match of:
        case "contact":
            asked = sa.select(contacts.c.id).where(where.compile_(test, dict(contacts.c.items())))
            own = contacts
        case "company":
            theirs = sa.and_(companies.c.org_id == contacts.c.org_id, companies.c.id == contacts.c.company_id)
            asked = sa.select(contacts.c.id).select_from(contacts.join(companies, theirs))
            asked = asked.where(where.compile_(test, dict(companies.c.items())))
            own = contacts
        case _:
            source, columns, hangs = related.reached(of)
            own = hangs["contact_id"].table
            asked = sa.select(hangs["contact_id"].label("id")).distinct().select_from(source)
            asked = asked.where(hangs["contact_id"].is_not(None), where.compile_(test, columns))
    org = sa.bindparam("org", type_=sa.Uuid())
    return compiled(asked.where(own.c.org_id == org).limit(sa.bindparam("most", type_=sa.Integer)))
