"""An organisation whose every value is a canary: three people in a tree of teams, and what each of them owns."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from app.db import write
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.roles import ROLES
from app.db.users import USERS
from tests.makers import records
from tests.makers.canaries import Canaries
from tests.makers.organisations import Organisation

Values = dict[str, Any]
SEATS = ("boss", "child", "stranger")
NOUNS = {
    "company": "companies",
    "contact": "contacts",
    "product": "products",
    "order": "orders",
    "deal": "deals",
    "task": "tasks",
    "interaction": "interactions",
}
ANY = {"If-Match": "*"}
PIPELINE: Values = {
    "name": "told apart",
    "stages": [
        {"key": "first", "name": "First", "kind": "open", "probability": "0.1"},
        {
            "key": "agreed",
            "name": "Agreed",
            "kind": "open",
            "probability": "0.5",
            "approvers": ["admin"],
            "on_entry": ["custom.open"],
            "guards": [
                {
                    "condition": {"field": "channel", "op": "is_null", "value": False},
                    "reason": "A deal comes by some way.",
                }
            ],
        },
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"forward": 2, "back": 1, "reopened": ["first"]},
}
"""Its second stage looks at fields and asks for approval."""


@dataclass
class Stored:
    """A record as it was planted: who owns it and what it points to, by the keys of this world."""

    noun: str
    key: str
    id: str
    owner: str | None
    points: dict[str, str]
    external: str
    number: str | None = None


@dataclass
class World:
    """What there is, who looks at it, and where every value is held."""

    org: Organisation
    canaries: Canaries
    people: dict[str, UUID]
    clients: dict[str, httpx.AsyncClient]
    records: dict[str, Stored] = field(default_factory=dict)

    def of(self, noun: str) -> list[Stored]:
        """The records of a noun."""
        return [one for one in self.records.values() if one.noun == noun]

    async def give(self, seats: tuple[str, ...], role: str) -> None:
        """Give people this one role instead of those that they have."""
        async with await self.org.work() as uow:
            rows = await write.locked(uow, USERS, [self.people[seat] for seat in seats])
            changes = [(row, {"role_ids": [self.org.roles[role]]}) for row in rows.values()]
            await write.change(uow, USERS, changes, "user.edited")
            await uow.commit()
        for seat in seats:
            await self.clients[seat].get("/v1/auth/me")

    async def redefine(self, role: str, **columns: Any) -> None:
        """Change what a role opens."""
        async with await self.org.work() as uow:
            rows = await write.locked(uow, ROLES, [self.org.roles[role]])
            await write.change(uow, ROLES, [(row, columns) for row in rows.values()], "role.edited")
            await uow.commit()

    async def roles(self) -> dict[str, Values]:
        """The roles as rows, by name."""
        async with await self.org.work() as uow:
            rows = await uow.fetch("select * from roles where org_id = $1", self.org.id)
            return {row["name"]: dict(row) for row in rows}


async def build(org: Organisation) -> World:
    """Plant it: every record is written once and then given new values, so that the history has both."""
    teams = {"boss": await org.team("north")}
    teams |= {"child": await org.team("north-east", teams["boss"]), "stranger": await org.team("south")}
    people, clients = {}, {}
    for seat in SEATS:
        people[seat], clients[seat] = await org.user(seat, "read_only", team=teams[seat])
    world = World(org, Canaries(), people, clients)
    for noun in NOUNS:
        for key in ("open", "secret"):
            field_ = {"noun": noun, "key": key, "kind": "text", "label": key}
            _done(await org.admin.post("/v1/custom_fields", json=field_))
    _done(await org.admin.post("/v1/pipelines", json=PIPELINE))
    owners = (*SEATS, None)
    for number, owner in enumerate(owners):
        following = owners[(number + 1) % len(owners)]
        await _plant(world, "company", f"company of {owner}", owner, {})
        await _plant(world, "product", f"product {number}", None, {})
        await _plant(world, "contact", f"contact of {owner}", owner, {"company_id": f"company of {owner}"})
        for noun in ("order", "deal", "task", "interaction"):
            through = {"contact_id": f"contact of {owner}"}
            await _plant(world, noun, f"{noun} of {following} by the contact of {owner}", following, through)
            through = {"company_id": f"company of {owner}"}
            await _plant(world, noun, f"{noun} by the company of {owner}", None, through)
        through = {"deal_id": f"deal of {following} by the contact of {owner}"}
        await _plant(world, "task", f"task by the deal of {following}", None, through)
    for noun in NOUNS:
        await _plant_references(world, noun)
    await _plant_merged(world, CONTACTS, {"company_id": "company of boss"})
    await _plant_merged(world, COMPANIES, {})
    return world


async def _plant_merged(world: World, noun: Noun, points: dict[str, str]) -> None:
    """A record that became part of another one."""
    key, survivor = f"{noun.name} that was merged", world.records[f"{noun.name} of boss"]
    await _plant(world, noun.name, key, "boss", points)
    async with await world.org.work() as uow:
        rows = await write.locked(uow, noun, [UUID(world.records[key].id)])
        after = {"archived_at": uow.now, "merged_into_id": UUID(survivor.id)}
        await write.change(uow, noun, [(row, after) for row in rows.values()], f"{noun.name}.merged")
        await uow.commit()
    world.canaries.plant(survivor.id, noun.name, key, "merged_into_id")
    for column, other in points.items():
        world.canaries.plant(world.records[other].id, noun.name, key, column)


def _done(answer: httpx.Response) -> Values:
    assert answer.status_code in {200, 201}, answer.text
    found: Values = answer.json()
    return found


_EDITED = {"order": records.order_edit, "deal": records.deal_edit}


async def _plant(world: World, noun: str, key: str, owner: str | None, points: dict[str, str]) -> None:
    into, admin = world.canaries, world.org.admin
    ids: Values = {column: world.records[other].id for column, other in points.items()}
    if noun in {"company", "contact", "order", "deal", "task", "interaction"}:
        ids["owner_id"] = str(world.people[owner]) if owner else None
    first = records.MAKERS[noun](into, key) | ids
    here = f"/v1/{NOUNS[noun]}"
    made = _done(await admin.post(here, json=first))
    if noun == "contact":
        await _again(admin, f"{here}/{made['id']}/consents", records.consent(into, key))
    if noun == "deal":
        await _lose(world, key, f"{here}/{made['id']}")
    second = _EDITED.get(noun, records.MAKERS[noun])(into, key)
    _done(await admin.patch(f"{here}/{made['id']}", json=second, headers=ANY))
    if noun == "task" and owner is None:
        await _again(admin, f"{here}/{made['id']}/complete", {})
    external = second["external_ids"]["erp"]
    number = second.get("sku") or first.get("number")
    world.records[key] = Stored(noun, key, made["id"], owner, points, external, number)
    into.plant(made["id"], noun, key, "id")
    if noun == "deal" and "contact_id" in points:
        await _approve(world, key, f"{here}/{made['id']}", (await admin.get(f"{here}/{made['id']}")).json())


async def _lose(world: World, key: str, here: str) -> None:
    admin = world.org.admin
    rival = _done(await admin.post("/v1/competitors", json={"name": "Rival"}))["id"]
    note = world.canaries.plant(world.canaries.word(), "deal", key, "competitors")
    person = _done(await admin.post("/v1/contacts", json={"name": "Somebody else"}))["id"]
    role = world.canaries.plant(world.canaries.word(), "deal", key, "people")
    in_play = {"competitors": [{"competitor_id": rival, "note": note}]}
    in_play["people"] = [{"contact_id": person, "role": role}]
    _done(await admin.patch(here, json=in_play, headers=ANY))
    lost = records.deal_lost(world.canaries, key) | {"lost_to_id": rival}
    await _again(admin, f"{here}/lose", lost)


async def _approve(world: World, key: str, here: str, deal: Values) -> None:
    """A deal that came back, and of which the next stage is agreed to at the amount that it has."""
    admin = world.org.admin
    await _again(admin, f"{here}/reopen", records.deal_reopened(world.canaries, key))
    await _again(admin, f"{here}/approve", {"to": "agreed"})
    world.canaries.plant(deal["amount"], "deal", key, "approvals")
    if deal["owner_id"]:
        await _again(admin, f"{here}/split", {"credit": [{"user_id": deal["owner_id"], "share": "100"}]})


async def _again(admin: httpx.AsyncClient, address: str, body: Values) -> None:
    _done(await admin.post(address, json=body, headers=ANY))


async def _plant_references(world: World, noun: str) -> None:
    for one in world.of(noun):
        for column, other in one.points.items():
            world.canaries.plant(world.records[other].id, noun, one.key, column)
