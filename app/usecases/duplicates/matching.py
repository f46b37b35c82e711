"""Whether a contact or company that is about to come in may be there already, told at once from indexes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any
from uuid import UUID

from app.db import matches, reads
from app.db.companies import COMPANIES
from app.db.contacts import CONTACTS
from app.db.nouns import Noun
from app.db.reads import Reads
from app.domain.duplicates import likelihood
from app.kit import emails, firms, json, names, phones, terms

SHOWN = 10
"""Records at most, the likeliest."""
LEAST = 0.5
"""How likely one is at least."""


async def match_contact(door: Reads, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The contacts in sight that may be the same person, the likeliest first.

    What is hidden from the asker finds nobody and counts for nothing.
    """
    actor = door.actor
    reach = _shown(door, given, actor.region)
    found = await asyncio.gather(
        matches.by_words(door.beside(), CONTACTS, {"e": reach["emails"], "p": reach["phones"]}),
        matches.by_sound(door.beside(), _spellings(given) if CONTACTS.shows(actor, "name") else []),
        matches.by_external_ids(door.beside(), CONTACTS, reach["external_ids"]),
    )
    called = {str(one) for one in found[-1]}
    return await _likeliest(door, CONTACTS, found, lambda one: _agreed(reach, given, one, called))


async def match_company(door: Reads, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The companies in sight that may be the same firm, the likeliest first.

    What is hidden from the asker finds nothing and counts for nothing.
    """
    held = {name: value for name, value in given.items() if value and COMPANIES.shows(door.actor, name)}
    firm = firms.parts(held["name"]) if "name" in held else None
    sites = [site] if (site := firms.site(held.get("domain") or "")) else []
    # Each way has its own limit: of a common word there are many, of the whole name few.
    ways = [
        matches.by_words(door.beside(), COMPANIES, {"n": [held["name"]] if firm else []}),
        matches.by_words(door.beside(), COMPANIES, {"n": _words_of(firm) if firm else []}),
        matches.by_words(door.beside(), COMPANIES, {"d": sites}),
        matches.by_external_ids(door.beside(), COMPANIES, held.get("external_ids") or {}),
    ]
    found = await asyncio.gather(*ways)
    called = {str(one) for one in found[-1]}
    return await _likeliest(door, COMPANIES, found, lambda one: _agreed_firms(held, one, called))


async def _likeliest(
    door: Reads,
    noun: Noun,
    found: Iterable[Iterable[UUID]],
    agreed: Callable[[Mapping[str, Any]], dict[str, str]],
) -> list[dict[str, Any]]:
    ids: list[UUID] = list(dict.fromkeys(one for listed in found for one in listed))
    bodies = await reads.bodies(door, noun, noun.readable(door.actor), ids) if ids else []
    scored = [(*likelihood(noun.name, agreed(one)), one) for one in map(json.loads, bodies)]
    likely = sorted((each for each in scored if each[0] >= LEAST), key=lambda each: (-each[0], each[2]["id"]))
    return [
        {noun.name: one, "score": f"{score:.4f}", "reasons": reasons}
        for score, reasons, one in likely[:SHOWN]
    ]


def _shown(door: Reads, given: Mapping[str, Any], region: str) -> dict[str, Any]:
    """What can be compared of it: normalised, and of fields that the asker reads."""
    addresses = {emails.normalised(one["address"]) for one in given.get("emails") or ()}
    numbers = {phones.e164(one["number"], region) for one in given.get("phones") or ()}
    external = {system: value for system, value in (given.get("external_ids") or {}).items() if value}
    held = {"emails": addresses - {None}, "phones": numbers - {None}, "external_ids": external}
    return {
        name: value if CONTACTS.shows(door.actor, name) else type(value)() for name, value in held.items()
    }


def _parts(one: Mapping[str, Any]) -> tuple[str, str, str]:
    name = one.get("name") or " ".join(filter(None, (one.get("given_name"), one.get("family_name"))))
    return (*names.parts(name, one.get("given_name"), one.get("family_name")), name)


def _spellings(given: Mapping[str, Any]) -> list[str]:
    """How names that sound the same are sorted, in either order of their parts, and in syllables."""
    first, last, name = _parts(given)
    if not name:
        return []
    orders = ((first, last), (last, first))
    found = [terms.sound(name, person=True)]
    found += [terms.sound(f"{one} {other}", person=True) for one, other in orders]
    found += [f"{_run_together(one)} {_run_together(other)}" for one, other in orders]
    found += [" ".join(part for word in one.split() for part in names.syllables(word)) for one in found]
    return [one for one in dict.fromkeys(map(str.strip, found)) if one]


def _run_together(part: str) -> str:
    return terms.sound(part, person=False).replace(" ", "")


def _agreed(
    reach: Mapping[str, Any], given: Mapping[str, Any], one: Mapping[str, Any], called: Set[str]
) -> dict[str, str]:
    agreed = {}
    if "name" in one and (level := _names(given, one)) is not None:
        agreed["name"] = level
    for what, field, key in (("email", "emails", "normalised"), ("phone", "phones", "e164")):
        theirs = {each.get(key) for each in one.get(field, ())} - {None}
        if theirs and reach[field]:
            agreed[what] = "same" if theirs & reach[field] else "different"
    if one.get("birth_date") and given.get("birth_date"):
        same = str(given["birth_date"]) == one["birth_date"]
        agreed["birth_date"] = "same" if same else "different"
    if one["id"] in called:
        agreed["external_id"] = "same"
    return agreed


def _names(given: Mapping[str, Any], one: Mapping[str, Any]) -> str | None:
    (first, last, name), (other_first, other_last, other_name) = _parts(given), _parts(one)
    if not name:
        return None
    if names.bag(first, last, name) == names.bag(other_first, other_last, other_name):
        return "same"
    if names.sound(first, last, name) == names.sound(other_first, other_last, other_name):
        return "same_sound"
    return "family_name" if last and last == other_last else "different"


def _words_of(firm: firms.Firm) -> list[str]:
    """What the firm's own word is found by, in either script."""
    read = terms.sound(firm.core, person=False).replace("u:", "u")
    return [one for one in dict.fromkeys((firm.core, firm.sound, read)) if one]


def _agreed_firms(given: Mapping[str, Any], one: Mapping[str, Any], called: Set[str]) -> dict[str, str]:
    agreed = {}
    firm, other = firms.parts(given.get("name", "")), firms.parts(one.get("name", ""))
    if firm.core and other.core:
        agreed["name"] = firms.alike(firm, other)
        if firm.place and other.place:
            agreed["place"] = "same" if firm.place == other.place else "different"
    site, theirs = (firms.site(each.get("domain") or "") for each in (given, one))
    if site and theirs:
        agreed["domain"] = "same" if site == theirs else "different"
        if site != theirs and firms.after(site, firm) and firms.after(theirs, other):
            agreed["domain"] = "after_name"
    if given.get("region") and one.get("region"):
        same = firms.place(given["region"]) == firms.place(one["region"])
        agreed["region"] = "same" if same else "different"
    if given.get("country") and one.get("country"):
        agreed["country"] = "same" if given["country"] == one["country"] else "different"
    if one["id"] in called:
        agreed["external_id"] = "same"
    return agreed
