"""Load the sample company through the same verbs that everybody else's records go through."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from app.db import actors, write
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.deals import DEALS
from app.db.engine import Database
from app.db.exchange_rates import EXCHANGE_RATES
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.quotas import QUOTAS
from app.db.tags import TAGS
from app.db.teams import TEAMS
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain.contacts import plan_consent
from app.kit import clock
from app.sample import deals
from app.sample.company import FIRST, LAST, Wire, World, build
from app.sample.seasons import ZONE
from app.schemas.companies import CompanyUpsert
from app.schemas.contacts import Consent, ContactUpsert
from app.schemas.deals import DealUpsert
from app.schemas.exchange_rates import ExchangeRateAdd
from app.schemas.interactions import InteractionUpsert
from app.schemas.orders import OrderUpsert
from app.schemas.pipelines import PipelineAdd
from app.schemas.products import ProductUpsert
from app.schemas.quotas import QuotaUpsert
from app.schemas.tags import TagAdd
from app.settings import settings
from app.usecases.bulk import Item, upsert
from app.usecases.pipelines import add_pipeline
from app.usecases.steps import upsert_deals

SYSTEM = "sample"
_BATCH = 1000
Report = Callable[[str, int, int], None]
"""What is being loaded, how many are, and how many there will be."""
_MASSES: tuple[tuple[str, Noun, type[BaseModel]], ...] = (
    ("companies", COMPANIES, CompanyUpsert),
    ("products", PRODUCTS, ProductUpsert),
    ("contacts", CONTACTS, ContactUpsert),
    ("orders", ORDERS, OrderUpsert),
    ("deals", DEALS, DealUpsert),
    ("quotas", QUOTAS, QuotaUpsert),
    ("interactions", INTERACTIONS, InteractionUpsert),
)


class SampleRefusedError(Exception):
    """A record of the sample could not be loaded; the sentence says which and why."""


async def load(
    database_url: str,
    report: Report,
    *,
    organisation: UUID | None = None,
    build: Callable[[date], World] = build,
) -> bool:
    """Load the sample into the organisation, the first when none is named; False when it is there already.

    A load that was cut off goes on where it stopped: every batch is one transaction, what is known by its external id
    is left as it stands, and the world ends on the day of the first batch. Raises SampleRefusedError.
    """
    database = Database(database_url, role=settings().app_role, size=1)
    try:
        org_id = organisation or await _first_organisation(database_url)
        began = await _began(database, org_id)
        if began is None:
            return False
        await _Loading(database, org_id, began, report).all(build(began.astimezone(ZONE).date()))
    finally:
        await database.close()
    return True


async def _first_organisation(database_url: str) -> UUID:
    # The app's role sees no organisation before it has entered one.
    owner = Database(database_url, role=None, size=1)
    try:
        async with owner.connection() as connection:
            found: UUID | None = await connection.fetchval(
                "select id from organisations order by created_at, id limit 1"
            )
    finally:
        await owner.close()
    if found is None:
        raise SampleRefusedError("There is no organisation to load the sample into; run `rapport up` first.")
    return found


async def _began(database: Database, org_id: UUID) -> datetime | None:
    """When the first record was loaded, now when none was; None when all are."""
    async with database.connection(org_id) as connection:
        rows = await connection.fetch(
            "select x.external_id, t.created_at from external_ids x"
            " left join teams t on t.org_id = x.org_id and t.id = x.noun_id"
            " where x.org_id = $1 and x.system = $2 and x.external_id in ($3, $4)",
            org_id,
            SYSTEM,
            FIRST,
            LAST,
        )
    found = {row["external_id"]: row["created_at"] for row in rows}
    return None if LAST in found else found.get(FIRST, clock.now())


@dataclass
class _Loading:
    database: Database
    org_id: UUID
    began: datetime
    report: Report

    def __post_init__(self) -> None:
        self.ids: dict[str, UUID] = {}
        """External id, one of a kind across all nouns, to the id of the record."""

    async def uow(self, now: datetime | None = None) -> UnitOfWork:
        """New users and teams move the access stamp, so the actor is taken afresh for every unit."""
        actor = await actors.system(self.database, self.org_id)
        return UnitOfWork(self.database, actor, now=now or clock.now(), cause="sample")

    async def all(self, world: World) -> None:
        """Whoever is pointed to comes before who points."""
        async with await self.uow() as uow:
            rows = await uow.fetch(
                "select external_id, noun_id from external_ids where org_id = $1 and system = $2",
                self.org_id,
                SYSTEM,
            )
            self.ids = {row["external_id"]: row["noun_id"] for row in rows}
        await self.people(world)
        await self.words(world)
        self.ids[deals.PIPELINE] = await self.pipeline()
        for label, noun, shape in _MASSES:
            listed = getattr(world, label)
            fresh = [one for one in listed if _name(one) not in self.ids]
            done = len(listed) - len(fresh)
            self.report(label, done, len(listed))
            for batch in _batches(fresh, noun):
                async with await self.uow() as uow:
                    await self.add(uow, noun, [shape.model_validate(self.resolved(one)) for one in batch])
                    if noun is CONTACTS:
                        await self.consents(
                            uow, [(_name(one), world.consents.get(_name(one), ())) for one in batch]
                        )
                    await uow.commit()
                done += len(batch)
                self.report(label, done, len(listed))

    async def people(self, world: World) -> None:
        """Teams and users; nobody can sign in as one of them, for they have no password."""
        # A load that goes on after midnight takes its day from here.
        async with await self.uow(self.began) as uow:
            await self.upsert(uow, TEAMS, [one | {"parent_id": None} for one in self.fresh(world.teams)])
            roles = await uow.fetch("select id, name from roles where org_id = $1 and builtin", self.org_id)
            role_ids = {row["name"]: row["id"] for row in roles}
            if missing := {one["role"] for one in world.users} - role_ids.keys():
                raise SampleRefusedError(
                    f"The sample's users need the built-in roles {' and '.join(sorted(missing))}, which are not here."
                )
            blank = {"active": True, "language": None, "time_zone": None}
            users = [
                {name: value for name, value in self.resolved(one).items() if name != "role"}
                | {"role_ids": [role_ids[one["role"]]]}
                for one in self.fresh(world.users)
            ]
            await self.upsert(uow, USERS, [blank | user for user in users])
            await uow.commit()

    async def words(self, world: World) -> None:
        """Tags and exchange rates; those that the organisation has already stay as they are."""
        async with await self.uow() as uow:
            tags = [TagAdd.model_validate(one).model_dump() for one in world.tags]
            known = {
                row["name"] for row in await uow.fetch("select name from tags where org_id = $1", self.org_id)
            }
            await self.upsert(uow, TAGS, [tag for tag in tags if tag["name"] not in known])
            rates = [ExchangeRateAdd.model_validate(one).model_dump() for one in world.rates]
            rows = await uow.fetch(
                "select currency, base, on_date from exchange_rates where org_id = $1", self.org_id
            )
            dated = {(row["currency"], row["base"], row["on_date"]) for row in rows}
            fresh = [r for r in rates if (r["currency"], r["base"], r["on_date"]) not in dated]
            await self.upsert(uow, EXCHANGE_RATES, fresh)
            await uow.commit()

    async def pipeline(self) -> UUID:
        """The pipeline of the deals, which is known by its name."""
        async with await self.uow() as uow:
            made: UUID | None = await uow.fetchval(
                "select id from pipelines where org_id = $1 and name = $2", self.org_id, deals.NAME
            )
            if made is None:
                asked = PipelineAdd(name=deals.NAME, template=deals.TEMPLATE)
                made = await add_pipeline(uow, asked.model_dump(), asked.model_fields_set)
                await uow.commit()
            return made

    async def add(self, uow: UnitOfWork, noun: Noun, shapes: Sequence[BaseModel]) -> None:
        """Upsert what was checked against its shape."""
        given = [shape.model_fields_set for shape in shapes]
        await self.upsert(uow, noun, [shape.model_dump(exclude={"id"}) for shape in shapes], given)

    async def upsert(
        self,
        uow: UnitOfWork,
        noun: Noun,
        rows: Sequence[dict[str, Any]],
        given: Sequence[Iterable[str]] | None = None,
    ) -> None:
        """Upsert, and remember the ids. Raises SampleRefusedError for the first that failed."""
        named = given or rows
        items = [
            Item(at, partial(_asked, row, names), row)
            for at, (row, names) in enumerate(zip(rows, named, strict=True))
        ]
        await (upsert_deals(uow, items) if noun is DEALS else upsert(uow, noun, items))
        for item in items:
            if item.id is None:
                row = rows[item.index]
                which = row.get("external_ids", {}).get(SYSTEM) or row.get("name")
                raise SampleRefusedError(f"The {noun.name} {which} of the sample was refused: {item.problem}")
            if noun.external:
                self.ids[rows[item.index]["external_ids"][SYSTEM]] = item.id

    async def consents(self, uow: UnitOfWork, said: Sequence[tuple[str, Sequence[Wire]]]) -> None:
        """Record the first word of each, then the second, so that each has an event of its own."""
        waiting = {self.ids[name]: deque(words) for name, words in said if words}
        while waiting:
            rows = await write.locked(uow, CONTACTS, list(waiting))
            changes = [
                (
                    rows[id_],
                    plan_consent(rows[id_], Consent.model_validate(words.popleft()).model_dump(), at=uow.now),
                )
                for id_, words in waiting.items()
            ]
            await write.change(uow, CONTACTS, changes, "contact.consent_recorded")
            waiting = {id_: words for id_, words in waiting.items() if words}

    def fresh(self, listed: Iterable[Wire]) -> list[Wire]:
        """Those that are not loaded yet."""
        return [one for one in listed if _name(one) not in self.ids]

    def resolved(self, wire: Wire) -> Wire:
        """The record with the ids of what it points to."""
        return resolved(wire, self.ids)


def resolved(wire: Mapping[str, Any], ids: Mapping[str, UUID]) -> Wire:
    """The record with ids in place of the external ids that its fields ending in _id hold, in its lines too."""
    found = dict(wire)
    for name, value in wire.items():
        if name.endswith("_id") and value is not None:
            found[name] = ids[value]
        elif name == "lines":
            found[name] = [resolved(line, ids) for line in value]
    return found


def _asked(row: dict[str, Any], names: Iterable[str]) -> tuple[dict[str, Any], Callable[[], dict[str, Any]]]:
    return {name: row[name] for name in names}, partial(dict, row)


def _name(wire: Wire) -> str:
    return str(wire["external_ids"][SYSTEM])


def _batches(listed: Sequence[Wire], noun: Noun) -> Iterator[list[Wire]]:
    """Batches in which nothing points to a record of the same batch."""
    batch: list[Wire] = []
    names: set[str] = set()
    for wire in listed:
        if len(batch) == _BATCH or any(wire.get(column) in names for column in noun.parents):
            yield batch
            batch, names = [], set()
        batch.append(wire)
        names.add(_name(wire))
    if batch:
        yield batch
