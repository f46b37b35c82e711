"""However the records of a list are come by, the list is the same."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.db import actors, lists
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.interactions import INTERACTIONS
from app.db.lists import Page
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.reads import Reads
from app.db.words import Words
from app.domain import conditions
from app.domain.access import Actor, Grant, Sight, whole
from app.domain.conditions import Condition
from app.kit import clock, json
from tests.makers.organisations import Organisation

WALKS = {"not at all": (0, 0), "one record": (1, 1), "short, then long": (2, 12), "whole": (100, 1_000)}
WORDS = (None, "王", "Michael", "Micheal", "13812", "nobody")
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"all": []},
    {"field": "tags", "op": "has", "value": "rare"},
    {"field": "tags", "op": "has_all", "value": ["rare", "vip"]},
    {"field": "custom.tier", "op": "eq", "value": "gold"},
    {"all": [{"field": "tags", "op": "has", "value": "vip"}, {"field": "custom.tier", "op": "eq", "value": "gold"}]},
    {"any": [{"field": "tags", "op": "has", "value": "rare"}, {"field": "custom.tier", "op": "eq", "value": "gold"}]},
    {"not": {"field": "tags", "op": "has", "value": "vip"}},
)  # fmt: skip


async def _populate(org: Organisation, sellers: list[UUID], chance: random.Random) -> None:
    key = {"noun": "contact", "key": "tier", "kind": "text", "label": "x"}
    assert (await org.admin.post("/v1/custom_fields", json=key)).status_code == 201

    def owner() -> str:
        return str(chance.choice(sellers))

    company = (await org.admin.post("/v1/companies", json={"name": "A", "owner_id": owner()})).json()["id"]
    people = [
        {
            "name": chance.choice(["王伟", "王芳", "Michael Novak", "Olga Novak"]),
            "phones": [{"number": f"138{chance.choice((1200, 3400))}{n:04}"}],
            "tags": chance.sample(["vip", "rare"], chance.choice((0, 0, 1, 2))),
            "custom": {"tier": chance.choice(["gold", "silver"])},
            "owner_id": owner(),
        }
        for n in range(24)
    ]
    made = (await org.admin.post("/v1/contacts/bulk", json={"items": people})).json()
    ids = [one["id"] for one in made["items"]]
    orders = [
        {
            "number": f"SO-{n}",
            "currency": "CNY",
            "placed_at": "2026-03-02T10:30:00Z",
            "contact_id": chance.choice([None, *ids]),
            "company_id": chance.choice([None, None, company]),
            "owner_id": owner(),
            "lines": [{"description": "x", "quantity": "1", "unit_price": "1"}],
        }
        for n in range(24)
    ]
    calls = [
        {
            "kind": "call",
            "at": (clock.now() - timedelta(days=9 * n)).isoformat(),
            "contact_id": chance.choice([None, *ids]),
            "owner_id": owner(),
        }
        for n in range(24)
    ]
    for url, items in (("orders", orders), ("interactions", calls)):
        answer = await org.admin.post(f"/v1/{url}/bulk", json={"items": items})
        assert answer.json()["created"] == 24, answer.text


def _door(org: Organisation, actor: Actor) -> Reads:
    async def reload() -> Actor:
        return await actors.system(org.database, org.id)

    return Reads(org.database, actor, reload)


async def _listed(door: Reads, page: Page) -> list[str]:
    """The ids, page by page."""
    ids: list[str] = []
    cursor = None
    while True:
        shown = json.loads(await lists.list_page(door, replace(page, cursor=cursor)))
        ids += [one["id"] for one in shown["data"]]
        cursor = shown["next"]
        if cursor is None:
            return ids


def _page(noun: Noun, words: str | None, raw: dict[str, Any]) -> Page:
    def condition(actor: Actor) -> Condition:
        return conditions.parse(raw, noun.known(actor))

    return Page(noun, condition, limit=5, words=Words(words) if words else None)


async def test_a_list_is_the_same_however_its_records_are_come_by(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    sellers = [(await org.user(f"seller {n}", "sales"))[0] for n in range(6)]
    await _populate(org, sellers, random.Random(5))
    system = await actors.system(org.database, org.id)
    grant = whole()
    some = Grant(grant.scopes, {"*": Sight.TEAM}, grant.read, grant.write)
    sights = {
        "all": system,
        "own": replace(system, user_id=sellers[0], team=frozenset(sellers[:1]), grant=some),
        "wide": replace(system, user_id=sellers[0], team=frozenset(sellers[:5]), grant=some),
    }
    asked = [_page(CONTACTS, words, raw) for words in WORDS for raw in CONDITIONS]
    asked += [_page(noun, None, CONDITIONS[0]) for noun in (COMPANIES, ORDERS, INTERACTIONS)]
    asked += [_page(ORDERS, "SO-1", CONDITIONS[0]), _page(ORDERS, "SO-9", CONDITIONS[0])]
    for seen, actor in sights.items():
        door = _door(org, actor)
        for page in asked:
            found = {}
            for walk, lengths in WALKS.items():
                monkeypatch.setattr(lists, "_WALKS", lengths)
                for few in (0, 64):
                    monkeypatch.setattr(lists, "_FEW_OWNERS", few)
                    for common in (1, 1_000):
                        monkeypatch.setattr(lists, "_COMMON", common)
                        ids = await _listed(door, page)
                        assert len(ids) == len(set(ids)) == await lists.count(door, page), (seen, walk, page)
                        found[walk, few, common] = ids
            if seen == "all" and page.where(actor) == lists.EVERY_RECORD:
                assert all(found.values()) is (page.words != Words("nobody")), page.words
            assert len({tuple(ids) for ids in found.values()}) == 1, (
                seen,
                page.words,
                page.where(actor),
                found,
            )


async def test_a_record_that_moves_while_it_is_looked_up_is_found(org: Organisation):
    made = (await org.admin.post("/v1/contacts", json={"name": "zqmoving", "tags": ["zqmoving"]})).json()
    door = _door(org, await actors.system(org.database, org.id))
    where = {"field": "tags", "op": "has", "value": "zqmoving"}
    for n in range(3):
        here = f"/v1/contacts/{made['id']}"
        edit = await org.admin.patch(here, json={"job_title": f"t{n}"}, headers={"If-Match": "*"})
        assert edit.status_code == 200
        for page in (_page(CONTACTS, "zqmoving", CONDITIONS[0]), _page(CONTACTS, None, where)):
            assert await _listed(door, page) == [made["id"]]
