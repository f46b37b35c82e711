"""What a condition says of related records means the same in Python and in SQL."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.db import actors, following, related
from app.db.contacts import CONTACTS
from app.domain import conditions
from app.domain.conditions import AnyOf, Not, matches
from app.domain.errors import InvalidInput
from app.domain.moments import Now
from app.domain.related import Measure
from app.kit.ids import new_id
from tests.makers.organisations import Organisation
from tests.nouns.nouns import run_here

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
ZONE = "Asia/Shanghai"
MOMENTS = [NOW - timedelta(days=days) for days in (0, 1, 30, 90, 91)] + [
    NOW + timedelta(days=1),
    NOW - timedelta(days=90, microseconds=1),
    NOW - timedelta(days=91, hours=9, minutes=30),  # another day here than in UTC
    NOW - timedelta(days=30) + timedelta(microseconds=1),
]
DAYS = [date(2026, 3, 1), date(2026, 2, 28), date(2025, 12, 1), date(2025, 11, 30)]
CURRENCIES = ["CNY", "EUR", "JPY", "XAU"]
RATES = [  # to be read with the days of ZONE: MOMENTS are after midnight there
    ("EUR", date(2025, 11, 30), Decimal("7.5"), None),
    ("EUR", date(2025, 12, 1), Decimal("8.1234567891"), None),
    ("EUR", date(2026, 3, 1), Decimal(9), None),
    ("EUR", date(2026, 2, 1), Decimal(1000), NOW),
    ("JPY", date(2026, 1, 30), Decimal("0.0001"), None),
]
AMOUNTS = [Decimal(text) for text in ("0", "0.1", "-0.1", "3.3333", "9999999999999.9999")]
SEGMENTS = [new_id(), new_id()]
TAGS = st.lists(st.sampled_from(["vip", "茶", "VIP"]), max_size=2)
GONE = st.sampled_from([None, None, None, NOW])
PRODUCTS: list[dict[str, Any]] = [
    {"id": new_id(), "sku": f"P-{n}", "category": category, "tags": tags}
    for n, (category, tags) in enumerate((("tea", ["茶"]), ("pots", []), (None, ["vip", "茶"])))
]
COMPANIES: list[dict[str, Any]] = [
    {"id": new_id(), "industry": industry, "employees": employees, "created_at": at}
    for industry, employees, at in (("茶", 5, MOMENTS[1]), (None, None, MOMENTS[4]), ("tea", 500, MOMENTS[3]))
]

LINE = st.fixed_dictionaries(
    {
        "product": st.sampled_from([None, *PRODUCTS]),
        "quantity": st.sampled_from([Decimal(1), Decimal("2.5")]),
        "amount": st.sampled_from(AMOUNTS),
        "description": st.sampled_from([None, "茶", "pot"]),
    }
)
ORDER = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["placed", "paid", "cancelled"]),
        "channel": st.sampled_from([None, "web", "店"]),
        "placed_at": st.sampled_from(MOMENTS),
        "due_on": st.none() | st.sampled_from(DAYS),
        "total": st.sampled_from(AMOUNTS),
        "currency": st.sampled_from(CURRENCIES),
        "archived_at": GONE,
        "lines": st.lists(LINE, max_size=3),
    }
)
INTERACTION = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["call", "note"]),
        "at": st.sampled_from(MOMENTS),
        "duration_seconds": st.sampled_from([None, 0, 1, 10, 2**31 - 1]),
        "subject": st.sampled_from([None, "茶", "x"]),
        "tags": TAGS,
        "archived_at": GONE,
        "custom": st.fixed_dictionaries({}, optional={"score": st.sampled_from([1, 2, "1", "odd", None])}),
    }
)
CONTACT = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(["lead", "customer"]),
        "birth_date": st.none() | st.sampled_from(DAYS),
        "company": st.sampled_from([None, *COMPANIES]),
        "orders": st.lists(ORDER, max_size=4),
        "interactions": st.lists(INTERACTION, max_size=4),
        "segments": st.sets(st.sampled_from(SEGMENTS)),
    }
)


def whole(contact: dict[str, Any]) -> dict[str, Any]:
    """A contact as Python's meaning takes it."""
    lines = [
        {
            **{name: line[name] for name in ("quantity", "amount", "description")},
            **{f"product.{name}": (line["product"] or {}).get(name) for name in ("sku", "category", "tags")},
            **{f"order.{name}": order[name] for name in ("status", "channel", "placed_at", "currency")},
            "archived_at": order["archived_at"],
            "rate": rate(order),
        }
        for order in contact["orders"]
        for line in order["lines"]
    ]
    orders = [order | {"rate": rate(order)} for order in contact["orders"]]
    return contact | {"order_lines": lines, "orders": orders}


def rate(order: dict[str, Any]) -> Decimal | None:
    """What one unit of an order's currency was worth on its day, as far as it is known."""
    if order["currency"] == "CNY":
        return Decimal(1)
    day = order["placed_at"].astimezone(ZoneInfo(ZONE)).date()
    known = [
        (on, rate)
        for currency, on, rate, gone in RATES
        if currency == order["currency"] and not gone and on <= day
    ]
    return max(known)[1] if known else None


def moment(kind: str) -> st.SearchStrategy[Any]:
    fixed = (
        [at.isoformat().replace("+00:00", "Z") for at in MOMENTS] if kind == "time" else list(map(str, DAYS))
    )
    return st.sampled_from([*fixed, *({"days_ago": days} for days in (0, 1, 30, 90, -1))])


def one(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def asking(*pairs: tuple[str, str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.one_of(*(value.map(partial(one, field, op)) for field, op, value in pairs))


INSIDE = {
    "orders": asking(
        ("status", "ne", st.just("cancelled")),
        ("channel", "is_null", st.booleans()),
        ("placed_at", "gte", moment("time")),
        ("due_on", "lt", moment("date")),
        ("total", "gt", st.sampled_from(["0", "3.3333"])),
        ("currency", "eq", st.sampled_from(CURRENCIES)),
        ("currency", "ne", st.just("EUR")),
    ),
    "order_lines": asking(
        ("product.category", "eq", st.just("tea")),
        ("product.category", "ne", st.just("tea")),
        ("product.tags", "has_any", st.just(["茶"])),
        ("product.tags", "has_none", st.just(["茶"])),
        ("product.sku", "in", st.just(["P-0", "P-2"])),
        ("order.status", "eq", st.just("paid")),
        ("order.channel", "eq", st.just("web")),
        ("order.currency", "eq", st.sampled_from(CURRENCIES)),
        ("order.currency", "in", st.just(["EUR", "JPY"])),
        ("order.placed_at", "lte", moment("time")),
        ("description", "contains", st.just("O")),
    ),
    "interactions": asking(
        ("kind", "eq", st.just("call")),
        ("at", "between", st.tuples(moment("time"), moment("time")).map(list)),
        ("tags", "has", st.just("vip")),
        ("custom.score", "eq", st.just(1)),
    ),
}
MEASURED: dict[str, dict[str, list[Any]]] = {
    "orders": {
        "numbers": ["total"],
        "dated": [("placed_at", "time"), ("due_on", "date")],
        "any": ["channel", "status", "due_on", "total"],
    },
    "order_lines": {
        "numbers": ["amount", "quantity"],
        "dated": [("order.placed_at", "time")],
        "any": ["product.sku", "product.category", "order.channel", "amount"],
    },
    "interactions": {
        "numbers": ["duration_seconds", "custom.score"],
        "dated": [("at", "time")],
        "any": ["kind", "subject", "custom.score"],
    },
}
COMPARED = ["eq", "ne", "lt", "lte", "gt", "gte"]


@st.composite
def aggregate(draw: st.DrawFn) -> dict[str, Any]:
    of = draw(st.sampled_from(sorted(INSIDE)))
    measure = draw(st.sampled_from(list(Measure)))
    op = draw(st.sampled_from([*COMPARED, "between"]))
    made: dict[str, Any] = {"of": of, "measure": measure.value}
    value: st.SearchStrategy[Any] = st.sampled_from(
        ["0", "0.1", "-0.1", "1", "1.11111", "5", "19999999999999.9998"]
    )
    match measure:
        case Measure.COUNT:
            value = st.integers(0, 3)
        case Measure.DISTINCT:
            made["field"] = draw(st.sampled_from(MEASURED[of]["any"]))
            value = st.integers(0, 3)
        case Measure.LATEST | Measure.FIRST:
            made["field"], kind = draw(st.sampled_from(MEASURED[of]["dated"]))
            value = moment(kind)
        case _:
            made["field"] = draw(st.sampled_from(MEASURED[of]["numbers"]))
    if measure in {Measure.AVERAGE, Measure.LATEST, Measure.FIRST} and draw(st.booleans()):
        op, value = "is_null", st.booleans()
    made |= {"op": op, "value": draw(value)}
    if op == "between":
        made["value"] = [draw(value), draw(value)]
    if draw(st.booleans()):
        made["where"] = {draw(st.sampled_from(["all", "any"])): draw(st.lists(INSIDE[of], max_size=2))}
    if draw(st.booleans()):
        made["days"] = draw(
            st.sampled_from([[90, 0], [91, 90], [90, 30], [30, 1], [1, 0], [None, 30], [30, None]])
        )
    return made


LEAF = st.one_of(
    *[aggregate()] * 8,
    st.tuples(st.sampled_from(SEGMENTS), st.sampled_from(["in", "not_in"])).map(
        lambda pair: {"segment": str(pair[0]), "op": pair[1]}
    ),
    asking(
        ("industry", "eq", st.just("茶")),
        ("industry", "ne", st.just("茶")),
        ("employees", "is_null", st.booleans()),
        ("created_at", "gt", moment("time")),
    ).map(lambda test: {"company": test}),
    asking(("birth_date", "lte", moment("date")), ("stage", "eq", st.just("customer"))),
)
CONDITION = st.recursive(
    LEAF,
    lambda part: (
        st.lists(part, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(part, max_size=3).map(lambda parts: {"any": parts})
        | part.map(lambda part: {"not": part})
    ),
    max_leaves=4,
)


async def fill(connection: Any, org: UUID, contacts: list[dict[str, Any]]) -> list[UUID]:
    """Put the contacts there as they are, by the way of no use case; all but these go."""
    for table in ("memberships", "interactions", "order_lines", "orders", "contacts"):
        await connection.execute(f"delete from {table} where org_id = $1", org)  # noqa: S608 - our own names
    ids = []
    for contact in contacts:
        id_ = new_id()
        ids.append(id_)
        company = contact["company"] and contact["company"]["id"]
        await connection.execute(
            "insert into contacts (org_id, id, name, name_key, emails, phones, addresses, stage, tags, consents, consented,"
            " custom, terms, birth_date, company_id, version, created_at, updated_at)"
            " values ($1, $2, 'x', 'x', '[]', '[]', '[]', $3, '{}', '[]', '{}', '{}', '', $4, $5, 1, $6, $6)",
            org,
            id_,
            contact["stage"],
            contact["birth_date"],
            company,
            NOW,
        )
        for order in contact["orders"]:
            await put_order(connection, org, id_, order)
        for call in contact["interactions"]:
            await connection.execute(
                "insert into interactions (org_id, id, contact_id, kind, at, duration_seconds, subject, tags, custom,"
                " archived_at, version, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11)",
                org,
                new_id(),
                id_,
                *(
                    call[name]
                    for name in ("kind", "at", "duration_seconds", "subject", "tags", "custom", "archived_at")
                ),
                NOW,
            )
        for segment in contact["segments"]:
            await connection.execute(
                "insert into memberships values ($1, $2, $3, $4, null, 'by_hand', null)",
                org,
                segment,
                id_,
                NOW,
            )
    return ids


async def put_order(connection: Any, org: UUID, contact: UUID, order: dict[str, Any]) -> None:
    id_ = new_id()
    names = ("currency", "status", "channel", "placed_at", "due_on", "total", "archived_at")
    await connection.execute(
        "insert into orders (org_id, id, number, contact_id, currency, subtotal, discount, tax, refunded, tags, custom,"
        " terms, version, created_at, updated_at, status, channel, placed_at, due_on, total, archived_at)"
        " values ($1, $2, $2::uuid::text, $3, $5, 0, 0, 0, 0, '{}', '{}', '', 1, $4, $4, $6, $7, $8, $9, $10, $11)",
        org,
        id_,
        contact,
        NOW,
        *(order[name] for name in names),
    )
    for place, line in enumerate(order["lines"]):
        await connection.execute(
            "insert into order_lines (org_id, id, order_id, position, product_id, description, quantity, unit_price,"
            " discount, amount) values ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8)",
            org,
            new_id(),
            id_,
            place,
            line["product"] and line["product"]["id"],
            line["description"],
            line["quantity"],
            line["amount"],
        )


async def world(connection: Any, org: UUID) -> None:
    for one in PRODUCTS:
        await connection.execute(
            "insert into products (org_id, id, sku, name, price, currency, active, custom, terms, version, created_at,"
            " updated_at, category, tags) values ($1, $2, $3, 'x', 1, 'CNY', true, '{}', '', 1, $4, $4, $5, $6)",
            org,
            one["id"],
            one["sku"],
            NOW,
            one["category"],
            one["tags"],
        )
    for one in COMPANIES:
        await connection.execute(
            "insert into companies (org_id, id, name, name_key, tags, custom, terms, version, created_at, updated_at,"
            " industry, employees) values ($1, $2, 'x', 'x', '{}', '{}', '', 1, $3, $3, $4, $5)",
            org,
            one["id"],
            one["created_at"],
            one["industry"],
            one["employees"],
        )
    for currency, on, worth, gone in RATES:
        await connection.execute(
            "insert into exchange_rates (org_id, id, currency, base, on_date, rate, archived_at, version, created_at,"
            " updated_at) values ($1, $2, $3, 'CNY', $4, $5, $6, 1, $7, $7)",
            *(org, new_id(), currency, on, worth, gone, NOW),
        )
    for segment in SEGMENTS:
        await connection.execute(
            "insert into segments (org_id, id, name, kind, uses, stage, version, created_at, updated_at)"
            " values ($1, $2, $2::uuid::text, 'static', '{}', 'live', 1, $3, $3)",
            org,
            segment,
            NOW,
        )


async def test_sql_selects_the_contacts_that_python_matches(service: FastAPI, org: Organisation, owner):
    field = {"noun": "interaction", "key": "score", "kind": "integer", "label": "Score"}
    assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    actor = await actors.system(org.database, org.id)
    outcomes: set[tuple[bool, bool]] = set()
    async with owner.connection() as connection:
        await world(connection, org.id)

        @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
        @given(
            contacts=st.lists(CONTACT, min_size=1, max_size=4),
            asked=st.lists(CONDITION, min_size=6, max_size=12),
        )
        async def alike(contacts: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
            ids = await fill(connection, org.id, contacts)
            for raw in asked:
                try:
                    condition = related.read(CONTACTS, actor, raw)
                except InvalidInput:  # a range that is upside down
                    continue
                assert related.read(CONTACTS, actor, conditions.to_json(condition)) == condition
                now = conditions.at(condition, Now(NOW, ZONE))
                assert conditions.shape(now) == conditions.shape(condition)
                for either in (now, Not(now), AnyOf((now,))):
                    expected = {
                        id_ for id_, one in zip(ids, contacts, strict=True) if matches(either, whole(one))
                    }
                    question, binds = following.inside(actor, either, ids, ())
                    rows = await connection.fetch(question.sql, *question.values(binds))
                    assert {row["id"] for row in rows} == expected, raw
                    outcomes.add((bool(expected), len(expected) == len(ids)))

        await run_here(alike)
    assert outcomes == {(False, False), (True, False), (True, True)}
