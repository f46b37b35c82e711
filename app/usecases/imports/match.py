"""Which record a row is of: found by what the file and the record are both called by, the surest way first."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import linked, references
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.imports import Mode
from app.domain.waves import Name, waves
from app.kit import emails, phones
from app.usecases.bulk import Item

LOOSE = frozenset({"email", "phone", "domain", "name"})
"""What a record can be matched by without being the only one that has it."""


def names(sent: Mapping[str, Any], by: Sequence[str], region: str) -> list[Name]:
    """What the row's record may be matched by, in this order."""
    return [(one, value) for one in by for value in _values(sent, one, region) if value]


def _values(sent: Mapping[str, Any], by: str, region: str) -> list[str | None]:
    match by:
        case "email":
            return [emails.normalised(entry["address"]) for entry in sent.get("emails", ())]
        case "phone":
            return [phones.e164(entry["number"], region) for entry in sent.get("phones", ())]
        case "name":
            return [linked.folded(sent.get(by, ""))]
        case _ if by.startswith("external:"):
            return [sent.get("external_ids", {}).get(by.removeprefix("external:"))]
        case _:
            return [sent.get(by)]


def turns(named: Sequence[Sequence[Name]], by: Sequence[str]) -> list[list[int]]:
    """The rows' places, turn by turn: those of one name one after the other, so that the later finds what the earlier made.

    Rows that have a surer name go before those that have none, which may be of the same records.
    """
    found = [[place for place, own in enumerate(named) if not own]]
    for kind in by:
        surest = [place for place, own in enumerate(named) if own and own[0][0] == kind]
        alike = waves([[name for name in named[place] if name[0] == kind] for place in surest])
        found += [[surest[n] for n in wave] for wave in alike]
    return [turn for turn in found if turn]


async def find(
    uow: UnitOfWork, noun: Noun, by: Sequence[str], items: Sequence[Item], named: Sequence[Sequence[Name]]
) -> list[Item]:
    """Name the records that the items of one turn are matched with; more than one is a fault.

    A less sure way finds only records that have none of the surer names that the row has: two people who share a
    number, and have different addresses, are two. The items that were found so, and bring their records a surer name,
    are returned.
    """
    bringing = []
    taken: dict[UUID, set[str]] = {}
    """Kinds of names that records will have once these items are written."""
    for n, kind in enumerate(by):
        asking = [
            (item, own, [value for one, value in own if one == kind])
            for item, own in zip(items, named, strict=True)
            if not item.status and "id" not in item.sent
        ]
        wanted = sorted({value for _, _, values in asking for value in values})
        known = await linked.found(uow, noun.name, kind, wanted) if wanted else {}
        bearing = {one: await linked.bearing(uow, noun.name, one, _ids(known)) for one in by[:n] if known}
        for item, own, values in asking:
            surer = {one for one, _ in own if one in bearing}
            found = [
                record
                for record in dict.fromkeys(record for value in values for record in known.get(value, ()))
                if surer.isdisjoint(taken.get(record, ()))
                and all(record not in bearing[one] for one in surer)
            ]
            if len(found) > 1:
                item.fail(_ambiguous(noun, kind, values, len(found)))
            elif found:
                item.sent["id"] = found[0]
                taken.setdefault(found[0], set()).update(surer)
                if kind != own[0][0]:
                    bringing.append(item)
    return bringing


async def going_on(uow: UnitOfWork, noun: Noun, mode: Mode, sent: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Whether each row's record is there, or is not, as the mode wants it; a row of another is going to be skipped."""
    if mode is Mode.UPSERT:
        return [True] * len(sent)
    known = await references.known(uow, noun, [references.names_of(noun, one) for one in sent])
    return [(record is None) is (mode is Mode.CREATE) for record in known]


def _ids(known: Mapping[str, Sequence[UUID]]) -> list[UUID]:
    return [record for records in known.values() for record in records]


def _ambiguous(noun: Noun, kind: str, values: Sequence[str], many: int) -> RuleBroken:
    called = " or ".join(map(repr, values))
    return RuleBroken(
        "match_ambiguous",
        f"{many} {noun.plural} have the {kind} {called}; name the one that is meant by its id in another system, or merge"
        " them first.",
    )
