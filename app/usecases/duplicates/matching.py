"""Whether a contact that is about to come in may be there already, told at once from indexes."""

import asyncio
from collections.abc import Mapping, Set
from typing import Any
from uuid import UUID

from app.db import exports, matches
from app.db.contacts import CONTACTS
from app.db.reads import Reads
from app.domain.duplicates import likelihood
from app.kit import emails, json, names, phones, terms

SHOWN = 10
"""Contacts at most, the likeliest."""
LEAST = 0.5
"""How likely one is at least."""


async def match_contact(door: Reads, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The contacts in sight that may be the same person, the likeliest first.

    What is hidden from the asker finds nobody and counts for nothing.
    """
    actor = door.actor
    reach = _shown(door, given, actor.region)
    found = await asyncio.gather(
        matches.by_words(door.beside(), [*reach["emails"]], [*reach["phones"]]),
        matches.by_sound(door.beside(), _spellings(given) if CONTACTS.shows(actor, "name") else []),
        matches.by_external_ids(door.beside(), reach["external_ids"]),
    )
    called = {str(one) for one in found[-1]}
    ids: list[UUID] = list(dict.fromkeys(one for listed in found for one in listed))
    bodies = await exports.bodies(door, CONTACTS, CONTACTS.readable(door.actor), ids) if ids else []
    scored = [(*likelihood(_agreed(reach, given, one, called)), one) for one in map(json.loads, bodies)]
    likely = sorted((each for each in scored if each[0] >= LEAST), key=lambda each: (-each[0], each[2]["id"]))
    return [
        {"contact": one, "score": f"{score:.4f}", "reasons": reasons}
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
