"""Rows into records: read by their mapping, linked, matched, and written by the same hand as every bulk request."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any

from app.db import imports, references
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.costs import COSTS
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.imports import Verdict
from app.db.interactions import INTERACTIONS
from app.db.nouns import Noun
from app.db.orders import ORDERS
from app.db.products import PRODUCTS
from app.db.sight import sees_all
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope, hidden, must_read, must_write
from app.domain.columns import is_consent
from app.domain.deals.rows import undated_deal
from app.domain.errors import DomainError, Forbidden, RuleBroken
from app.domain.fields import Field
from app.domain.imports import Mode, Outcome, Target, way
from app.kit import emails, phones
from app.schemas.base import Shape
from app.schemas.companies import CompanyAdd, CompanyUpsert
from app.schemas.contacts import ContactAdd, ContactUpsert
from app.schemas.costs import CostAdd, CostUpsert
from app.schemas.deals import DealAdd, DealUpsert
from app.schemas.interactions import InteractionAdd, InteractionUpsert
from app.schemas.orders import OrderAdd, OrderUpsert
from app.schemas.products import ProductAdd, ProductUpsert
from app.usecases import bulk
from app.usecases.bulk import Item, Whole
from app.usecases.imports import cells, consents, deals, links, match
from app.usecases.imports.cells import Read
from app.usecases.imports.grouping import FIELDS
from app.usecases.plain import Values
from app.usecases.steps import Stepping


@dataclass(frozen=True, slots=True)
class Kind:
    """What rows of a target become."""

    noun: Noun
    add: type[Shape]
    upsert: type[Shape]
    unite: Mapping[str, str]
    """List fields to which a file adds, with the key by which two of their items are the same."""
    priced: bool = False
    """Whether a record needs a currency."""
    apart: frozenset[str] = frozenset()
    """Paths whose cells are no values of the record."""


_TAGS = {"tags": ""}
KINDS: Mapping[Target, Kind] = {
    Target.CONTACT: Kind(
        CONTACTS,
        ContactAdd,
        ContactUpsert,
        {"emails": "normalised", "phones": "e164", "addresses": "label", **_TAGS},
    ),
    Target.COMPANY: Kind(COMPANIES, CompanyAdd, CompanyUpsert, _TAGS),
    Target.PRODUCT: Kind(PRODUCTS, ProductAdd, ProductUpsert, _TAGS, priced=True),
    Target.ORDER: Kind(ORDERS, OrderAdd, OrderUpsert, _TAGS, priced=True),
    Target.DEAL: Kind(DEALS, DealAdd, DealUpsert, _TAGS, priced=True, apart=deals.APART),
    Target.INTERACTION: Kind(INTERACTIONS, InteractionAdd, InteractionUpsert, _TAGS),
    Target.COST: Kind(COSTS, CostAdd, CostUpsert, {}, priced=True),
    Target.LINE: Kind(ORDERS, OrderAdd, OrderUpsert, {}, priced=True),
}
_NAMED = {
    "sku": (PRODUCTS, "sku"),
    "customer": (CONTACTS, "external_ids"),
    "customer_email": (CONTACTS, "email"),
    "customer_phone": (CONTACTS, "phone"),
}
"""What a line names, by the path: of which noun, in which field."""
TURNS = 100
"""How often one batch writes, where rows of one record go one after the other; it takes 20 ms and more each time."""


def fields_of(target: Target, actor: Actor) -> Mapping[str, Field]:
    """What the columns of a target's rows may go to."""
    known = KINDS[target].noun.known(actor)
    match target:
        case Target.LINE:
            return FIELDS
        case Target.DEAL:
            return {**known, **deals.MORE}
    return known


def nouns_of(target: Target) -> tuple[Noun, ...]:
    """What rows of a target are written to."""
    return (KINDS[target].noun, *((CONTACTS, PRODUCTS) if target is Target.LINE else ()))


def _tables(target: Target) -> Iterator[str]:
    for noun in nouns_of(target):
        yield noun.table.name
        yield from (child.table.name for child in noun.children.values())


TABLES: Mapping[Target, Sequence[str]] = {
    target: [
        "import_rows",
        "external_ids",
        *_tables(target),
        *(("deal_moves",) if target is Target.DEAL else ()),
    ]
    for target in Target
}
"""The tables that grow by an import."""


def check_allowed(actor: Actor, import_: Mapping[str, Any], by: Sequence[str]) -> None:
    """Raise Forbidden for whoever may not write the target, or not read what rows are matched by: outcomes tell of it.

    They tell of consents, too. What customers and products of lines are known by must be found, or the lines would
    change them.
    """
    target = Target(import_["target"])
    noun = KINDS[target].noun
    for written in nouns_of(target):
        actor.needs(Scope(f"{written.plural}:write"))
    must_read(actor, noun.name, [name for name in by if name in match.LOOSE and not noun.shows(actor, name)])
    for path, (named, name) in _NAMED.items() if target is Target.LINE else ():
        if path in import_["mapping"].values() and not named.shows(actor, name):
            raise hidden(named.name, name)
    if any(map(is_consent, import_["mapping"].values())):
        must_write(actor, noun.name, ["consents"])
        must_read(actor, noun.name, ["consents"])


def must_know(actor: Actor, import_: Mapping[str, Any]) -> None:
    """Raise Forbidden for whoever may not read what the cells of a file can hold, which is every field of any record.

    Nobody knows which cell holds which; but its sender knows it.
    """
    nouns = nouns_of(Target(import_["target"]))
    for noun in nouns:
        actor.needs(Scope(noun.reading))
    if actor.user_id is not None and import_["owner_id"] == actor.user_id:
        return
    for noun in nouns:
        must_read(actor, noun.name, [name for name in noun.known(actor) if not noun.shows(actor, name)])
        if not sees_all(actor, noun):
            raise Forbidden(
                "sight_missing",
                f"This file can tell of any {noun.name}, and your role does not see all {noun.plural}.",
            )


def name_of(uow: UnitOfWork, import_: Mapping[str, Any]) -> Callable[[Sequence[str | None]], str | None]:
    """A function from the cells of a row to a digest of the first name that its record is matched by."""
    mapping = {column: path for column, path in import_["mapping"].items() if way(path) in import_["match"]}
    target = Target(import_["target"])
    style = cells.style_of(import_["options"], import_["time_zone"], import_["currency"])
    fields, apart, region = fields_of(target, uow.actor), KINDS[target].apart, uow.actor.region
    read = cells.reader(import_["layout"]["columns"], mapping, fields, style, apart)

    def name(listed: Sequence[str | None]) -> str | None:
        found = match.names(read(listed).values, import_["match"], region)
        return blake2b(":".join(found[0]).encode(), digest_size=16).hexdigest() if found else None

    return name


async def apply(
    uow: UnitOfWork, import_: Row, rows: Sequence[Row], *, earlier: Sequence[Row] = ()
) -> list[Verdict]:
    """Write the rows, after earlier ones; what became of each that had its turn: where many are of one record, some are
    left for later.
    """
    target = Target(import_["target"])
    kind, fields, dealt = KINDS[target], fields_of(target, uow.actor), target is Target.DEAL
    style = cells.style_of(import_["options"], import_["time_zone"], import_["currency"])
    read = cells.reader(import_["layout"]["columns"], import_["mapping"], fields, style, kind.apart)
    asked = (*earlier, *rows)
    said = await asyncio.to_thread(lambda: [read(imports.kept_of(row)[0][1]) for row in asked])
    if dealt:
        await deals.take_steps(uow, import_["options"], style, said)
    items = await asyncio.to_thread(_items, uow, import_, kind, said)
    by, region = import_["match"], uow.actor.region
    names = await asyncio.to_thread(lambda: [match.names(item.sent, by, region) for item in items])
    turns = match.turns(names, import_["match"])
    if target is Target.COMPANY:
        turns = [[turn[n] for n in tier] for turn in turns for tier in links.tiers([said[n] for n in turn])]
    own = next(n for n, turn in enumerate(turns) if turn[-1] >= len(earlier))
    turns = turns[: max(TURNS, own + 1)]
    telling = any(map(is_consent, import_["mapping"].values()))
    await references.claim(uow, kind.noun, None)
    # Now, because later turns come to it with the records of earlier ones locked.
    await references.hold_trees(uow, kind.noun, map(links.filled, said))
    for turn in turns:
        together = [items[place] for place in turn]
        if not match.LOOSE.isdisjoint(import_["match"]):
            await match.find(uow, kind.noun, import_["match"], together, [names[place] for place in turn])
        # What a row names is not made for one that is bad, or is going to be skipped.
        goes = await match.going_on(uow, kind.noun, Mode(import_["mode"]), [item.sent for item in together])
        going = [place for place, on in zip(turn, goes, strict=True) if on and not said[place].is_bad()]
        by_row = {id(said[place]): items[place] for place in going}
        sound = partial(_sound, uow, kind.noun, by_row)
        await links.link(uow, import_["options"], [said[place] for place in going], sound)
        if dealt:
            await deals.take_lines(uow, [said[place] for place in going])
        await bulk.upsert(uow, kind.noun, together, way=Stepping() if dealt else None)
        if telling:
            lines = [consents.Told(asked[place]["line"], said[place], items[place]) for place in turn]
            await consents.record(uow, import_, lines)
    columns = cells.columns_by_field(import_["mapping"])
    done = sorted(place for turn in turns for place in turn if place >= len(earlier))
    return [_verdict(rows[place - len(earlier)]["line"], items[place], columns) for place in done]


def _items(uow: UnitOfWork, import_: Row, kind: Kind, said: Sequence[Read]) -> list[Item]:
    currency = import_["options"].get("currency") or import_["currency"]
    only = cells.ONLY[Mode(import_["mode"])]
    items = []
    for n, row in enumerate(said):
        if kind.priced:
            row.values.setdefault("currency", currency)
        ask = partial(_asked, kind, row, uow.actor.region)
        items.append(Item(n, ask, row.values, only=only, unite=kind.unite))
    return items


async def _sound(uow: UnitOfWork, noun: Noun, items: Mapping[int, Item], rows: Sequence[Read]) -> list[Read]:
    """The rows that fit their shape, and are enough for a new record or have one already; the others have failed."""
    known = await references.known(uow, noun, [references.names_of(noun, row.values) for row in rows])

    def judge() -> None:
        for row, record in zip(rows, known, strict=True):
            try:
                _, complete = items[id(row)].ask()
                if record is None and complete is not None:
                    complete()
            except DomainError as refusal:
                items[id(row)].fail(refusal)

    await asyncio.to_thread(judge)
    return [row for row in rows if not items[id(row)].status]


def _asked(kind: Kind, row: Read, region: str) -> tuple[Values, Whole]:
    if row.faults:
        raise RuleBroken("cell_invalid", " ".join(row.faults)[:1_000])
    if row.refusal:
        raise row.refusal
    values = row.values
    if kind.noun is DEALS:  # whether it comes to something is asked before its product has become a line
        values = {name: value for name, value in values.items() if name != "product_id"}
    given, complete = bulk.asked(values, kind.add, kind.upsert)
    if kind.noun is CONTACTS:
        _understood(given, region)
    if row.half_named:
        given = {name: value for name, value in given.items() if name != "name"}
    return given, _never if row.undated else complete


def _never() -> Values:
    raise undated_deal()


def _understood(given: dict[str, Any], region: str) -> None:
    """With the forms that two addresses or numbers are the same in."""
    for entry in given.get("emails", ()):
        entry["normalised"] = emails.normalised(entry["address"])
    for entry in given.get("phones", ()):
        entry["e164"] = phones.e164(entry["number"], region)


def _verdict(line: int, item: Item, named: Mapping[str, str]) -> Verdict:
    if item.problem is None:
        return Verdict(line, Outcome(item.status), item.id)
    outcome = Outcome.SKIPPED if item.problem.code in cells.LEFT_OUT else Outcome.FAILED
    return Verdict(line, outcome, None, item.problem.code, told(item.problem, named)[:1_000])


def told(problem: DomainError, named: Mapping[str, str]) -> str:
    """What is wrong with a row, said of its columns rather than of what they become."""
    faults = problem.facts.get("errors")
    if not faults:
        return problem.detail
    lead = problem.detail.partition(". ")[0] + ". " if problem.code == "incomplete" else ""
    return lead + " ".join(
        f"{named.get(field := fault['at'].split('/')[1], field)}: {fault['detail'].removeprefix('Value error, ')}."
        for fault in faults[:3]
    )
