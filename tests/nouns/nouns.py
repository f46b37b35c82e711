"""Every noun that the service serves by the plain routes, with what a test needs to make and change its records."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute

from app.api.v1 import ROUTERS
from app.db.nouns import Noun
from app.db.registry import NOUNS
from app.domain.access import Scope
from tests.makers.organisations import Organisation

Body = dict[str, Any]
ANY = {"If-Match": "*"}
LABELS = [[], ["vip"], ["vip", "北京"]]
RIVAL = UUID("01a20000-0000-7000-8000-000000000009")
"""A competitor that every organisation under test has."""
TEXTS = [None, "", "a", "A", "ä", "北京", "z'\"\\%_", "😀"]
COUNTS = [None, 0, 1, 2]


@dataclass(frozen=True, slots=True)
class Plain:
    """A noun under test."""

    noun: Noun
    make: Callable[[int], Body]
    """A new record's body, different in everything that must be unique."""
    spread: Mapping[str, Sequence[Any]]
    """Field to the values that records and edits take, with ties and nulls."""
    mark: str
    """A text field that takes any short text."""
    amounts: Sequence[str] = ()
    """Exact amounts among the fields."""
    edits_only: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Fields that are worth changing and have no order."""
    alone: frozenset[str] = frozenset({"external_ids"})
    """Fields that do not go together with all values of the others, or with those of make()."""

    @property
    def path(self) -> str:
        """Where its records are."""
        return f"/v1/{self.noun.plural}"

    def key(self, number: int) -> Body:
        """What tells by which record make() means: its external ids where it has them, else its own key."""
        body = self.make(number)
        names = ("external_ids",) if "external_ids" in body else self.noun.keys[0]
        return {name: body[name] for name in names}

    def __str__(self) -> str:
        return self.noun.plural


def a_pipeline(name: str) -> Body:
    """A pipeline of three stages that asks nothing of a deal."""
    kinds = {"open": "0.2", "won": "1", "lost": "0"}
    stages = [{"key": kind, "name": kind, "kind": kind, "probability": odds} for kind, odds in kinds.items()]
    return {"name": name, "stages": stages, "moves": {"reopened": ["open"]}}


ALL = {
    plain.noun.name: plain
    for plain in (
        Plain(
            NOUNS["contact"],
            lambda n: {
                "name": f"张伟 {n}",
                "emails": [{"address": f"Wei.{n}@Example.com", "label": "work"}],
                "phones": [{"number": "138 0013 8000"}],
                "external_ids": {"erp": f"C-{n}"},
                "birth_date": "1990-05-17",
            },
            {
                "name": ["a", "b", "张伟", "𠮷野"],
                "job_title": TEXTS,
                "birth_date": [None, "1990-05-17", "1850-01-01"],
                "gender": [None, "female", "male"],
                "stage": ["lead", "customer"],
                "tags": LABELS,
            },
            "job_title",
            edits_only={
                "emails": [
                    [],
                    [{"address": "a@example.com"}],
                    [{"address": "not one", "label": "x"}, {"address": "B@b.cn"}],
                ],
                "phones": [[], [{"number": "13900139000"}], [{"number": "???"}]],
                "addresses": [[], [{"city": "北京"}], [{"country": "CN", "street": "1"}, {}]],
                "external_ids": [{"shop": "s1"}, {"shop": None}, {"erp": "other"}],
            },
        ),
        Plain(
            NOUNS["company"],
            lambda n: {
                "name": f"海蓝 {n}",
                "domain": f"hailan{n}.example",
                "external_ids": {"erp": f"K-{n}"},
                "employees": 12,
            },
            {
                "name": ["a", "b", "海蓝"],
                "industry": TEXTS,
                "employees": COUNTS,
                "country": [None, "CN", "DE"],
                "tags": LABELS,
            },
            "industry",
            edits_only={"external_ids": [{"shop": "s1"}, {"shop": None}]},
        ),
        Plain(
            NOUNS["product"],
            lambda n: {
                "sku": f"TEA-{n}",
                "name": "龙井",
                "price": "168.00",
                "currency": "CNY",
                "external_ids": {"erp": f"P-{n}"},
            },
            {
                "name": ["a", "b", "龙井"],
                "category": TEXTS,
                "price": ["0", "0.0001", "9.5", "10", "999999999999.9999"],
                "cost": [None, "0", "2.5"],
                "active": [True, False],
                "tags": LABELS,
            },
            "category",
            amounts=("price", "cost"),
        ),
        Plain(
            NOUNS["order"],
            lambda n: {
                "number": f"SO-{n}",
                "currency": "CNY",
                "placed_at": "2026-03-01T10:30:00+08:00",
                "lines": [{"description": "茶", "quantity": "2", "unit_price": "168.00"}],
                "external_ids": {"erp": f"O-{n}"},
            },
            {
                "channel": [None, "web", "店"],
                "placed_at": [
                    "2026-03-01T10:30:00+08:00",
                    "2026-03-01T02:30:00.000001Z",
                    "1999-12-31T23:59:59-05:00",
                ],
                "due_on": [None, "2026-04-01", "2199-12-31"],
                "tax": ["0", "1.5", "20"],
                "discount": ["0", "0.0001", "8"],
                "tags": LABELS,
            },
            "channel",
            amounts=("discount", "tax"),
            edits_only={
                "lines": [
                    [{"quantity": "1", "unit_price": "8.1"}],
                    [
                        {"quantity": "0.5", "unit_price": "99", "discount": "1"},
                        {"quantity": "1", "unit_price": "0"},
                    ],
                ],
                "external_ids": [{"shop": "s1"}, {"shop": None}],
            },
        ),
        Plain(
            NOUNS["pipeline"],
            lambda n: a_pipeline(f"Pipeline {n}"),
            {"name": [f"Pipeline x{n}" for n in range(40)]},
            "name",
        ),
        Plain(
            NOUNS["deal"],
            lambda n: {
                "name": f"茶礼 {n}",
                "currency": "CNY",
                "amount": "48000.00",
                "external_ids": {"erp": f"V-{n}"},
            },
            {
                "name": ["a", "b", "茶礼"],
                "next_step": TEXTS,
                "channel": [None, "web", "店"],
                "amount": [None, "0", "0.0001", "9.5", "10", "999999999999.9999"],
                "probability": [None, "0", "0.5", "1"],
                "expected_close": [None, "2026-04-01", "2199-12-31"],
                "tags": LABELS,
            },
            "next_step",
            amounts=("amount", "probability"),
            edits_only={
                "lines": [[], [{"quantity": "1", "unit_price": "8.1"}]],
                "external_ids": [{"shop": "s1"}, {"shop": None}],
            },
            alone=frozenset({"external_ids", "lines"}),
        ),
        Plain(
            NOUNS["interaction"],
            lambda n: {
                "kind": "call",
                "at": "2026-03-02T14:05:00+08:00",
                "subject": f"发货 {n}",
                "external_ids": {"pbx": f"I-{n}"},
            },
            {
                "kind": ["call", "note"],
                "subject": TEXTS,
                "direction": [None, "inbound", "outbound"],
                "duration_seconds": COUNTS,
                "at": [
                    "2026-03-02T14:05:00+08:00",
                    "2026-03-02T06:05:00.000001Z",
                    "1999-12-31T23:59:59-05:00",
                ],
                "tags": LABELS,
            },
            "subject",
        ),
        Plain(
            NOUNS["tag"],
            lambda n: {"name": f"vip {n}", "colour": "#b8860b"},
            {"colour": [None, "#336699", "红"], "description": TEXTS},
            "description",
        ),
        Plain(
            NOUNS["segment"],
            lambda n: {"name": f"Segment {n}", "kind": "static"},
            {"description": TEXTS},
            "description",
        ),
        Plain(
            NOUNS["custom_field"],
            lambda n: {"noun": "contact", "key": f"key_{n}", "kind": "text", "label": "Label"},
            {"label": ["a", "b", "鞋码"], "label_zh": TEXTS, "choices": [[], ["a"], ["a", "b"]]},
            "label_zh",
        ),
        Plain(
            NOUNS["exchange_rate"],
            lambda n: {
                "currency": "USD",
                "base": "CNY",
                "on_date": f"{1900 + n // 28:04}-01-{n % 28 + 1:02}",
                "rate": "7.0312",
            },
            {"rate": ["0.0000000001", "7.0312", "7.03125", "99999999.9999999999"]},
            "rate",
            amounts=("rate",),
        ),
        Plain(
            NOUNS["quota"],
            lambda n: {
                "measure": "opened_deals",
                "begins_on": str(date(1950, 1, 1) + timedelta(days=n)),
                "ends_on": str(date(1950, 1, 1) + timedelta(days=n)),
                "amount": "12",
                "external_ids": {"erp": f"Q-{n}"},
            },
            {"note": TEXTS, "amount": ["0.0001", "12", "12.50", "999999999999.9999"]},
            "note",
            amounts=("amount",),
        ),
        Plain(
            NOUNS["assignment_rule"],
            lambda n: {
                "name": f"Rule {n}",
                "noun": "contact",
                "condition": {"field": "source", "op": "eq", "value": "website"},
            },
            {
                "name": ["a", "b", "华东"],
                "position": [0, 1, 999],
                "territory": [None, "source", "job_title"],
                "daily_quota": [None, 1, 20],
            },
            "name",
        ),
        Plain(
            NOUNS["competitor"],
            lambda n: {
                "name": f"远山 {n}",
                "domain": f"yuanshan{n}.example",
                "external_ids": {"erp": f"R-{n}"},
            },
            {
                "name": ["a", "b", "远山"],
                "country": [None, "CN", "DE"],
                "region": TEXTS,
                "strengths": TEXTS,
                "weaknesses": TEXTS,
                "note": TEXTS,
            },
            "note",
        ),
        Plain(
            NOUNS["task"],
            lambda n: {"title": f"回访 {n}", "external_ids": {"calendar": f"T-{n}"}},
            {
                "kind": ["todo", "call", "meeting"],
                "title": ["a", "b", "回访"],
                "notes": TEXTS,
                "priority": ["low", "normal", "high"],
                "due_at": [None, "2026-03-02T14:05:00+08:00", "1999-12-31T23:59:59-05:00"],
                "remind_at": [None, "2199-03-02T14:05:00+08:00", "2199-03-02T06:05:00.000001Z"],
                "tags": LABELS,
            },
            "notes",
        ),
        Plain(
            NOUNS["competitor_price"],
            lambda n: {
                "competitor_id": str(RIVAL),
                "their_product": f"远山 龙井 {n}",
                "price": "158.00",
                "currency": "CNY",
                "valid_from": "2026-03-01",
                "external_ids": {"erp": f"W-{n}"},
            },
            {
                "price": ["0", "0.0001", "9.5", "10", "999999999999.9999"],
                "currency": ["CNY", "USD"],
                "source": TEXTS,
                "link": [None, "https://a.example", "https://a.example/b?c#d"],
            },
            "source",
            amounts=("price",),
        ),
        Plain(
            NOUNS["observation"],
            lambda n: {
                "topic": f"明前茶 {n}",
                "kind": "price",
                "observed_on": "2026-03-28",
                "source": "周报",
                "external_ids": {"report": f"B-{n}"},
            },
            {
                "topic": ["a", "b", "明前茶"],
                "kind": ["demand", "trend", "other"],
                "observed_on": ["2026-03-28", "1850-01-01", "2199-12-31"],
                "region": TEXTS,
                "text": TEXTS,
                "tags": LABELS,
            },
            "region",
        ),
        Plain(
            NOUNS["cost"],
            lambda n: {
                "day": "2026-03-28",
                "kind": "advertising",
                "amount": "3200.00",
                "currency": "CNY",
                "external_ids": {"ads": f"A-{n}"},
            },
            {
                "day": ["2026-03-28", "1850-01-01", "2199-12-31"],
                "kind": ["advertising", "tools", "other"],
                "amount": ["0", "0.0001", "9.5", "10", "999999999999.9999"],
                "currency": ["CNY", "USD"],
                "channel": [None, "web", "店"],
                "note": TEXTS,
            },
            "note",
            amounts=("amount",),
        ),
        Plain(
            NOUNS["calendar"],
            lambda n: {
                "name": f"Calendar {n}",
                "time_zone": "Asia/Shanghai",
                "week": {"monday": ["09:00-12:00", "13:30-18:00"]},
                "special_days": [{"on": "2026-10-01", "name": "国庆节", "hours": []}],
                "external_ids": {"erp": f"D-{n}"},
            },
            {"name": [f"Calendar x{n}" for n in range(40)], "time_zone": ["UTC", "Asia/Shanghai"]},
            "name",
            edits_only={
                "week": [{}, {"sunday": ["22:00-24:00", "00:00-06:00"]}],
                "special_days": [[], [{"on": "2026-10-10", "name": "x", "hours": ["09:00-18:00"]}]],
            },
        ),
        Plain(
            NOUNS["preset"],
            lambda n: {
                "key": f"preset {n}",
                "target": "contact",
                "mapping": {"姓名": "name", "邮箱": "email"},
            },
            {"note": TEXTS, "mode": ["create", "upsert"]},
            "note",
            edits_only={"mapping": [{"Name": "name"}, {}]},
        ),
        Plain(
            NOUNS["team"],
            lambda n: {"name": f"Team {n}", "external_ids": {"hr": f"T-{n}"}},
            {"name": [f"Team x{n}" for n in range(40)]},
            "name",
        ),
        Plain(
            NOUNS["role"],
            lambda n: {
                "name": f"Role {n}",
                "scopes": ["contacts:read"],
                "sight": {"contact": "all"},
                "read": {"contact": ["name"]},
                "write": {},
            },
            {"scopes": [[], ["contacts:read"]], "sight": [{}, {"contact": "team"}]},
            "name",
        ),
        Plain(
            NOUNS["user"],
            lambda n: {
                "name": f"User {n}",
                "email": f"User{n}@Test.example",
                "role_ids": [],
                "external_ids": {"hr": f"E-{n}"},
            },
            {"name": ["a", "b", "王"], "time_zone": [None, "Asia/Shanghai"]},
            "name",
        ),
        Plain(
            NOUNS["form"],
            lambda n: {
                "name": f"Form {n}",
                "title": {"en": "Stay in touch", "zh": "保持联系"},
                "questions": [{"path": "email", "label": {"zh": "邮箱"}, "required": True}],
            },
            {
                "name": ["a", "b", "表"],
                "source": [None, "fair", "展会"],
                "active": [True, False],
                "contact_tags": LABELS,
            },
            "name",
            edits_only={
                "title": [{"en": "x", "zh": None}, {"en": None, "zh": "y"}],
                "thanks": [None, {"en": "x", "zh": None}],
                "origins": [[], ["https://a.example"]],
            },
        ),
    )
}


def routes() -> Iterator[tuple[str, str]]:
    """Method and path of every route of the nouns."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                yield method, route.path_format


SERVED = frozenset(routes())
"""Every (method, path) there is, without /v1."""


def serves(plain: Plain, method: str, rest: str = "") -> bool:
    """Whether the noun has this route."""
    return (method, f"/{plain.noun.plural}{rest}") in SERVED


PLAIN = [
    plain
    for plain in ALL.values()
    if all(serves(plain, *route) for route in (("POST", ""), ("PATCH", "/{id}"), ("POST", "/{id}/archive")))
]
BULK = [plain for plain in PLAIN if serves(plain, "POST", "/bulk")]
CUSTOM = [plain for plain in BULK if plain.noun.custom]

each_noun = pytest.mark.parametrize("plain", PLAIN, ids=str)
each_bulk_noun = pytest.mark.parametrize("plain", BULK, ids=str)


def marked(plain: Plain, number: int) -> Body:
    """An edit that differs for every number."""
    return {plain.mark: f"{number + 1}.5" if plain.mark == "rate" else f"mark {number}"}


def touched(plain: Plain, number: int, record: int = 0) -> Body:
    """An edit that differs for every number and leaves what the record is known by, and so may go into a bulk."""
    match plain.noun.name:
        case "role":
            return {"scopes": [list(Scope)[number].value]}
        case "team":
            return {"name": f"mark {number} of {record}"}
        case _:
            return marked(plain, number)


def puts(plain: Plain) -> bool:
    """Whether the noun has an upsert by external id."""
    return serves(plain, "PUT", "/by/{system}/{external_id}")


async def made(org: Organisation, plain: Plain, number: int = 0, **values: Any) -> Body:
    """A new record, as it was answered."""
    answer = await org.admin.post(plain.path, json=plain.make(number) | values)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def shown(org: Organisation, plain: Plain, id_: str) -> Body:
    """A record as it stands."""
    answer = await org.admin.get(f"{plain.path}/{id_}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def history(org: Organisation, plain: Plain, id_: str) -> list[Body]:
    """A record's events, oldest first."""
    answer = await org.admin.get(f"{plain.path}/{id_}/history", params={"limit": 200})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return answer.json()["data"][::-1]


TABLES = (
    *(noun.plural for noun in NOUNS.values()),
    "order_lines",
    "deal_competitors",
    "deal_people",
    "deal_lines",
    "deal_moves",
    "memberships",
    "segment_cursors",
    "external_ids",
    "events",
    "idempotency_keys",
)


async def holdings(org: Organisation) -> dict[str, int]:
    """How many rows the organisation has, table by table, and how often all its records were changed."""
    counts = [f"(select count(*) from {table} where org_id = $1) as {table}" for table in TABLES]  # noqa: S608 - our own names
    counts += [
        f"(select coalesce(sum(version), 0) from {noun.plural} where org_id = $1) as {noun.name}_versions"  # noqa: S608 - our own names
        for noun in NOUNS.values()
    ]
    async with org.database.connection(org.id) as connection:
        return dict(await connection.fetchrow(f"select {', '.join(counts)}", org.id))


def problem(answer: httpx.Response) -> Body:
    """The problem that a refused request was answered with."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["code"]
    assert body["detail"]
    return body


async def run_here(test: Any) -> None:
    """Run a property in a thread, and each of its examples in this loop, where the service lives."""
    loop = asyncio.get_running_loop()
    inner = test.hypothesis.inner_test

    def example(*given: Any, **named: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(inner(*given, **named), loop).result(60)

    test.hypothesis.inner_test = example
    await asyncio.to_thread(test)
